"""From places to splices: which lines of the file go, and what comes in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from kintsugi.repair.applying.changes import HunkLine, Op, Refused
from kintsugi.repair.applying.lazy import is_bare_ellipsis, stands_for_code
from kintsugi.repair.applying.matching import Place
from kintsugi.repair.applying.merging import merged
from kintsugi.repair.applying.text import Text


@dataclass(frozen=True, slots=True)
class Splice:
    """Lines `start` to `end` of the file (from 0, `end` excluded) become `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]


def splices(place: Place, text: Text) -> list[Splice]:
    """What a placed hunk does. Raises Refused where a line's place between others cannot be told."""
    found = []
    for run in _runs(_settled(place)):
        _refuse_lazy(run, text)
        drops = [at for line, at in run.lines if line.op is Op.DROP and at is not None]
        adds = [line.text.rstrip("\r") for line, _ in run.lines if line.op is Op.ADD]
        if drops:
            found.append(_replacement(place, run, drops, adds, text))
        else:
            at = _insertion_point(run, adds, text)
            found.append(Splice(at, at, tuple(place.reindent(line) for line in adds)))
    return found


def refuse_lazy_lines(added: Sequence[str], dropped: Sequence[str], text: Text) -> None:
    """Raises Refused where an added line stands for code left out."""
    for line in added:
        lazy = stands_for_code(line) or (is_bare_ellipsis(line) and len(dropped) > len(added))
        if lazy and line.strip() not in text.keyed("stripped", str.strip):
            raise Refused(f"The line {line.strip()!r} stands for code that is left out. Send that code in full.")


@dataclass(frozen=True, slots=True)
class _Run:
    """Lines that go or come in a row. `before` and `after`: the kept neighbours' places; None for one not there."""

    lines: tuple[tuple[HunkLine, int | None], ...]
    before: tuple[int | None, ...]
    after: tuple[int | None, ...]


def _runs(place: Place) -> Iterator[_Run]:
    """The hunk's changes, each with all that is kept before and after it, nearest last and first."""
    at = iter(place.at)
    lines = [(line, None if line.op is Op.ADD else next(at)) for line in place.hunk.lines]
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and lines[end][0].op is not Op.KEEP:
            end += 1
        if end > start:
            yield _Run(tuple(lines[start:end]), _kept(lines[:start]), _kept(lines[end:]))
        start = end + 1


def _kept(lines: Sequence[tuple[HunkLine, int | None]]) -> tuple[int | None, ...]:
    return tuple(at for line, at in lines if line.op is not Op.ADD)


def _settled(place: Place) -> Place:
    """The place with insertions slid to where both their neighbours are known to be neighbours.

    Where what is added ends, or begins, as what follows, or precedes, the same change can be told in several ways.
    """
    lines = list(place.hunk.lines)
    for start, end in _additions(lines):
        if _has_gap(place, lines, start, end):
            _slide(place, lines, start, end)
    return replace(place, hunk=replace(place.hunk, lines=tuple(lines)))


def _additions(lines: Sequence[HunkLine]) -> list[tuple[int, int]]:
    """Where lines are only added."""
    found, at = [], 0
    for op, run in groupby(lines, key=lambda line: line.op is not Op.KEEP):
        size = list(run)
        if op and all(line.op is Op.ADD for line in size):
            found.append((at, at + len(size)))
        at += len(size)
    return found


def _has_gap(place: Place, lines: Sequence[HunkLine], start: int, end: int) -> bool:
    number = sum(line.op is not Op.ADD for line in lines[:start])
    before = place.at[number - 1] if number else None
    after = place.at[number] if number < len(place.at) and end < len(lines) else None
    return before is not None and after is not None and before + 1 != after


def _slide(place: Place, lines: list[HunkLine], start: int, end: int) -> None:
    for step in (1, -1):
        slid, first, last = list(lines), start, end
        while 0 <= (at := last if step > 0 else first - 1) < len(slid):
            added = slid[first] if step > 0 else slid[last - 1]
            if slid[at].op is not Op.KEEP or slid[at].text != added.text:
                break
            slid[at] = replace(slid[at], op=Op.ADD)
            slid[first if step > 0 else last - 1] = replace(added, op=Op.KEEP)
            first, last = first + step, last + step
            if not _has_gap(place, slid, first, last):
                lines[:] = slid
                return


def _replacement(place: Place, run: _Run, drops: list[int], adds: list[str], text: Text) -> Splice:
    start, end = drops[0], drops[-1] + 1
    if drops != list(range(start, end)):
        raise Refused(f"Between the lines to be removed, from line {start + 1} on, the file has others. Send them all.")
    carry = place.reindent
    seen = [carry(line.text.rstrip("\r")) for line, _ in run.lines if line.op is Op.DROP]
    wanted = tuple(carry(line) for line in adds)
    present = text.lines[start:end]
    if [line.rstrip() for line in seen] == [line.rstrip() for line in present] or not wanted:
        return Splice(start, end, wanted)
    both = merged("\n".join(seen), "\n".join(present), "\n".join(wanted))
    if both is None:
        raise Refused(
            f"Lines {start + 1} to {end} are not as the reply has them, and it changes the very words that differ. "
            f"The file has: {present[0].strip()!r}."
        )
    return Splice(start, end, tuple(both.split("\n")))


def _insertion_point(run: _Run, adds: Sequence[str], text: Text) -> int:
    """Before this line of the file. Raises Refused where lines that the reply left out stand in between."""
    before = run.before[-1] if run.before else None
    after = run.after[0] if run.after else None
    if before is None and after is None:
        raise Refused("The lines around an insertion are not in the file. Quote some that are.")
    if before is None or after is None:
        return before + 1 if before is not None else after or 0
    if before + 1 == after:
        return after
    if not any(line.strip() for line in text.lines[before + 1 : after]) and adds:
        begins, ends = not adds[0].strip(), not adds[-1].strip()
        if begins != ends:
            return before + 1 if begins else after
    raise Refused(
        f"Lines are to be added between lines {before + 1} and {after + 1}, where the file has others that the reply "
        "leaves out. Quote the lines right before and after."
    )


def _refuse_lazy(run: _Run, text: Text) -> None:
    added = [line.text for line, _ in run.lines if line.op is Op.ADD]
    refuse_lazy_lines(added, [line.text for line, _ in run.lines if line.op is Op.DROP], text)
