"""Measures contestants in turn in one process, so that a busy machine is equally unkind to all."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext


def best_of(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    calls: int,
    around: Mapping[str, Callable[[], AbstractContextManager[object]]] | None = None,
) -> dict[str, float]:
    """Microseconds of processor time per call of this thread, the best of `rounds`.

    `around` is what a contestant needs set up and taken away again, so that the others do not have it.
    """
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for name, contestant in contestants.items():
            with (around or {}).get(name, nullcontext)():
                _once(contestant, calls // 10)
                best[name] = min(best[name], _once(contestant, calls))
    return best


def _once(contestant: Callable[[], object], calls: int) -> float:
    start = time.thread_time()
    for _ in range(calls):
        contestant()
    return (time.thread_time() - start) / calls * 1e6


def rows(title: str, header: tuple[str, ...], body: Sequence[tuple[str, ...]]) -> str:
    """A plain text table."""
    widths = [max(len(row[column]) for row in (header, *body)) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *body)]
    return "\n".join((title, *lines))
