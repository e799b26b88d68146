"""Aligning lines that are only nearly those of a file: some mistyped, some missing, some left out.

A dynamic programme over windows of the file around lines that both have. Costs are in units of one line that is
not there; the numbers were chosen on damaged replies made from real histories (`bench/apply.py`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_LEAST_LIKE = 0.72  # below this, lines are not the same line mistyped
_LEAST_LIKE_DROPPED = 0.75
_SHORTEST = 5  # characters: shorter lines are the same or they are not
_UNLIKE = 1.5
_MISTYPED, _MISTYPED_AS_ANOTHER = 0.05, 0.8  # the second: where the very line stands elsewhere in the file
_MISSING, _MISSING_BLANK, _MISSING_BLANK_BESIDE_CHANGE = 1.0, 0.1, 0.7
_LEFT_OUT, _LEFT_OUT_MORE = 0.5, 0.04
_LEFT_OUT_BLANK, _LEFT_OUT_BLANK_MORE = 0.25, 0.02
_ELIDED_MORE = 0.02
_ALLOWED_SHARE, _ALLOWED, _ALLOWED_ALONE = 0.35, 0.1, 0.25  # of the lines that say something; of the only one
_MARGIN = 0.2  # a second place must cost this much more
_SEEDS = 12  # a line that stands more often in the file says nothing about where
_SLACK = 60  # lines that may be left out within a hunk
_MOST_CELLS = 400_000
_MOST_COMPARED = 200_000_000  # characters of one line by those of the other, in all: some four seconds
_NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Line:
    """An old line of a hunk. `must`: it has to be there. `critical`: the change hangs on where it is. `wild`: any."""

    key: str
    must: bool
    critical: bool
    wild: bool
    indent: str = ""


At = tuple[int | None, ...]


def align(old: Sequence[Line], file: Sequence[str], indents: Sequence[str] = ()) -> list[At]:
    """The best alignment and all that are nearly as good and would change another place; none where none is good.

    `indents`: by what each line of the file is set in, where lines that are set in otherwise are not the same.
    """
    telling = sum(bool(line.key) and not line.wild for line in old)
    if not telling or any(line.must and line.wild for line in old):
        return []
    likeness = _Likeness(old, file, indents)
    try:
        found = [one for window in _windows(old, file, likeness) for one in _both(old, file, window, likeness)]
    except _TooMuch:
        return []
    most = _ALLOWED_SHARE * telling + _ALLOWED if telling > 1 else _ALLOWED_ALONE
    good = sorted((one for one in found if one[0] <= most), key=lambda one: one[0])
    chosen: dict[tuple[int | None, ...], At] = {}
    for cost, at in good:
        if cost <= good[0][0] + _MARGIN:
            chosen.setdefault(_critical(old, at), at)
    return list(chosen.values())


class _TooMuch(Exception):  # it never leaves this module
    """The lines are so long, as those of minified files are, that nobody could wait until they are compared."""


class _Likeness:
    """The cost of taking one line for another. Raises _TooMuch."""

    def __init__(self, old: Sequence[Line], file: Sequence[str], indents: Sequence[str]) -> None:
        self._old, self._file, self._indents = old, file, indents
        self._there = frozenset(file)
        self._known: dict[tuple[str, str], float] = {}
        self._left = _MOST_COMPARED

    def cost(self, number: int, at: int) -> float:
        line, other = self._old[number], self._file[at]
        if self._indents and line.key and line.indent != self._indents[at]:
            return _NEVER
        if line.key == other:
            return 0.0
        if len(line.key) < _SHORTEST or len(other) < _SHORTEST or line.wild:
            return _NEVER
        least = _LEAST_LIKE_DROPPED if line.must else _LEAST_LIKE
        like = self._like(line.key, other, least)
        mistyped = _MISTYPED_AS_ANOTHER if line.key in self._there else _MISTYPED
        return _UNLIKE * (1 - like) + mistyped if like >= least else _NEVER

    def _like(self, one: str, other: str, least: float) -> float:
        shorter, longer = sorted((len(one), len(other)))
        if 2 * shorter < least * (shorter + longer):
            return 0.0
        if (one, other) not in self._known:
            matcher = SequenceMatcher(None, one, other, autojunk=False)
            self._known[one, other] = self._ratio(matcher, shorter * longer) if matcher.quick_ratio() >= least else 0.0
        return self._known[one, other]

    def _ratio(self, matcher: SequenceMatcher[str], compared: int) -> float:
        self._left -= compared
        if self._left < 0:
            raise _TooMuch
        return matcher.ratio()


def _windows(old: Sequence[Line], file: Sequence[str], likeness: _Likeness) -> list[tuple[int, int]]:
    """Stretches of the file in which some telling line stands, merged where they overlap."""
    where: dict[str, list[int]] = defaultdict(list)
    for at, key in enumerate(file):
        where[key].append(at)
    seeds = list(_seeds(old, where)) or list(_likely(old, file, likeness))
    windows: list[tuple[int, int]] = []
    for number, at in sorted(seeds, key=lambda seed: seed[1] - seed[0]):
        start = max(at - number - _SLACK, 0)
        end = min(at - number + len(old) + _SLACK, len(file))
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
        else:
            windows.append((start, end))
    cells = sum(end - start for start, end in windows) * len(old)
    return windows if cells <= _MOST_CELLS else []


def _seeds(old: Sequence[Line], where: Mapping[str, list[int]]) -> Iterator[tuple[int, int]]:
    for number, line in enumerate(old):
        if len(line.key) >= _SHORTEST and not line.wild and len(where.get(line.key, ())) <= _SEEDS:
            yield from ((number, at) for at in where.get(line.key, ()))


def _likely(old: Sequence[Line], file: Sequence[str], likeness: _Likeness) -> Iterator[tuple[int, int]]:
    """Where no line stands as it is: the places of lines like the longest ones."""
    longest = sorted(range(len(old)), key=lambda number: -len(old[number].key))[:2]
    for number in longest:
        yield from ((number, at) for at in range(len(file)) if likeness.cost(number, at) < _NEVER)


def _both(
    old: Sequence[Line], file: Sequence[str], window: tuple[int, int], likeness: _Likeness
) -> Iterator[tuple[float, At]]:
    """The best alignment in a window, and the best that puts every critical line elsewhere."""
    best = _best(old, file, window, likeness, frozenset())
    if best is None:
        return
    yield best
    taken = frozenset((number, at) for number, at in enumerate(best[1]) if old[number].critical and at is not None)
    other = _best(old, file, window, likeness, taken)
    if other is not None:
        yield other


def _critical(old: Sequence[Line], at: At) -> tuple[int | None, ...]:
    return tuple(to for line, to in zip(old, at, strict=True) if line.critical)


def _best(
    old: Sequence[Line],
    file: Sequence[str],
    window: tuple[int, int],
    likeness: _Likeness,
    taken: frozenset[tuple[int, int]],
) -> tuple[float, At] | None:
    """The cheapest alignment within a window that does not use a pair in `taken`."""
    start, end = window
    width = end - start
    at_line = [0.0] * (width + 1)  # cheapest so far, ending before this line of the file
    in_gap = [_NEVER] * (width + 1)  # the same, with lines left out just before
    steps: list[list[str]] = []
    opened: list[list[int]] = []
    for number, line in enumerate(old):
        gap_from = list(range(width + 1))
        if number:
            _leave_out(at_line, in_gap, gap_from, file, start, free=old[number - 1].wild)
        missing = _missing(line)
        row, step = [_NEVER] * (width + 1), [""] * (width + 1)
        for at in range(width + 1):
            row[at], step[at] = at_line[at] + missing, "missing"
            if at and (number, start + at - 1) not in taken:
                same = likeness.cost(number, start + at - 1)
                for cost, name in ((at_line[at - 1] + same, "same"), (in_gap[at - 1] + same, "after gap")):
                    if cost < row[at]:
                        row[at], step[at] = cost, name
        steps.append(step)
        opened.append(gap_from)
        at_line, in_gap = row, [_NEVER] * (width + 1)
    ending = min(range(width + 1), key=at_line.__getitem__)
    if at_line[ending] == _NEVER:
        return None
    return at_line[ending], _traced(steps, opened, ending, start)


def _missing(line: Line) -> float:
    """What it costs that a line of the reply is not in the file."""
    if line.must or line.wild:
        return _NEVER if line.must else 0.0
    if line.key:
        return _MISSING
    return _MISSING_BLANK_BESIDE_CHANGE if line.critical else _MISSING_BLANK


def _leave_out(
    at_line: Sequence[float], in_gap: list[float], gap_from: list[int], file: Sequence[str], start: int, *, free: bool
) -> None:
    """Fill in what it costs to skip lines of the file; `gap_from` says where each gap began."""
    for at in range(1, len(at_line)):
        blank = not file[start + at - 1]
        opening = 0.0 if free else _LEFT_OUT_BLANK if blank else _LEFT_OUT
        more = _ELIDED_MORE if free else _LEFT_OUT_BLANK_MORE if blank else _LEFT_OUT_MORE
        longer = in_gap[at - 1] + more
        begun = at_line[at - 1] + opening
        if longer <= begun:
            in_gap[at], gap_from[at] = longer, gap_from[at - 1]
        else:
            in_gap[at], gap_from[at] = begun, at - 1


def _traced(steps: Sequence[Sequence[str]], opened: Sequence[Sequence[int]], ending: int, start: int) -> At:
    at, found = ending, list[int | None]()
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number][at]
        if step == "missing":
            found.append(None)
            continue
        at -= 1
        found.append(start + at)
        if step == "after gap":
            at = opened[number][at]
    return tuple(reversed(found))
