"""Counting what happens in this process, by labels. Whoever asks gets what was counted since its start."""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Tally:
    """How often something happened, by its labels. Any thread may count and ask.

    `known` labels are told as 0 from the start, so that the first time is an increase.
    """

    def __init__(self, known: Iterable[tuple[str, ...]] = ()) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(known, 0)

    def count(self, *labels: str) -> None:
        """Once more. The labels are ours, never somebody else's words: each new one is kept for good."""
        with self._lock:
            self._counts[labels] = self._counts.get(labels, 0) + 1

    def all(self) -> dict[tuple[str, ...], int]:
        """Every count by its labels."""
        with self._lock:
            return dict(self._counts)


class Spread(NamedTuple):
    """How many were at most each bound and above the one before it, the last beyond them all; and their sum."""

    counts: tuple[int, ...]
    total: float


class Spreads:
    """How something is spread over `bounds`, by label. Any thread may add and ask."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self._lock = threading.Lock()
        self._found: dict[str, tuple[list[int], float]] = {}

    def add(self, label: str, value: float) -> None:
        with self._lock:
            counts, total = self._found.get(label) or ([0] * (len(self.bounds) + 1), 0.0)
            counts[bisect_left(self.bounds, value)] += 1
            self._found[label] = counts, total + value

    def all(self) -> dict[str, Spread]:
        with self._lock:
            return {label: Spread(tuple(counts), total) for label, (counts, total) in self._found.items()}
