"""Finding where a hunk's old lines stand in a file, from exact to ever more tolerant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from kintsugi.repair.applying.alignment import Line, align
from kintsugi.repair.applying.changes import Hunk, Op
from kintsugi.repair.applying.lazy import is_elision
from kintsugi.repair.applying.readings import READINGS, with_kept_lines
from kintsugi.repair.applying.reindent import AS_IT_IS, Reindent, indent_of, reindent
from kintsugi.repair.applying.text import Text


class Level(StrEnum):
    """How a place was recognised."""

    EXACT = "exact"
    TRAILING = "but for trailing blanks"
    INDENTED = "but for indentation"
    SPACED = "but for blanks within lines"
    ALIKE = "by likeness"


@dataclass(frozen=True, slots=True)
class Place:
    """One place for a hunk as it was read: the file's line for each old line; None for those that are not there."""

    hunk: Hunk
    level: Level
    at: tuple[int | None, ...]
    reindent: Reindent

    @property
    def first(self) -> int:
        return next(at for at in self.at if at is not None)

    @property
    def changed(self) -> list[int]:
        """The lines of the file that the change hangs on."""
        return [at for at, critical in zip(self.at, _criticals(self.hunk), strict=True) if critical and at is not None]

    @property
    def last(self) -> int:
        return next(at for at in reversed(self.at) if at is not None)


def places(hunk: Hunk, text: Text, *, strict: bool = False) -> list[Place]:
    """All places at the first level at which there are any. `strict`: without going by likeness."""
    if found := _plain_places(hunk, text, _STEPS[0]):
        return found
    hunk = with_kept_lines(hunk, text.known) or hunk
    read = [hunk, *(other for reading in READINGS if (other := reading(hunk)) is not None)]
    for levels in _STEPS:
        for one in read:
            if found := _plain_places(one, text, levels):
                return _better(one, found, text, strict) if all(_is_torn(place, text) for place in found) else found
    if strict:
        return []
    file = set(text.keyed(Level.SPACED, _spaced))
    for one in sorted(read, key=lambda one: -sum(_spaced(line) in file for line in one.old)):
        if found := _alike(one, text):
            return found
    return []


def _better(hunk: Hunk, found: list[Place], text: Text, strict: bool) -> list[Place]:
    """Where each line is set in as the reply has it and only some are left out, instead of these. None if `strict`.

    Else those of them that set nothing anew: what holds for some of the lines says nothing of the others.
    """
    other = _aligned(hunk, text, text.keyed("indents", indent_of))
    return ([] if strict else other) if other else [place for place in found if place.reindent == AS_IT_IS]


def _is_torn(place: Place, text: Text) -> bool:
    """Whether some lines that are set in stand as the reply has them, and others do not: no whole text was set in."""
    lines = [line.text for line in place.hunk.lines if line.op is not Op.ADD]
    pairs = [
        (indent_of(one), indent_of(text.lines[at]))
        for one, at in zip(lines, place.at, strict=True)
        if at is not None and one.strip()
    ]
    return any(one and one == other for one, other in pairs) and any(one != other for one, other in pairs)


def nearly_fits(hunk: Hunk, text: Text, start: int, end: int) -> bool:
    """Whether the hunk stands, by likeness at least, within these lines of the file."""
    return bool(_alike(hunk, replace(text, lines=text.lines[start:end], endings=text.endings[start:end])))


def positions(needle: Sequence[str], hay: Sequence[str]) -> list[int]:
    """Where the needle's lines stand in a row."""
    if not needle:
        return []
    probe = max(range(len(needle)), key=lambda at: len(needle[at]))
    found = []
    at = probe - 1
    try:
        while True:
            at = hay.index(needle[probe], at + 1)
            start = at - probe
            if start >= 0 and list(hay[start : start + len(needle)]) == list(needle):
                found.append(start)
    except ValueError:
        return found


def _plain_places(hunk: Hunk, text: Text, levels: Sequence[Level]) -> list[Place]:
    old = [line.rstrip("\r") for line in hunk.old]
    if not any(line.strip() for line in old):
        return []
    for level in levels:
        key = _KEYS[level]
        starts = positions([key(line) for line in old], text.keyed(level, key))
        if found := [place for start in starts if (place := _placed(hunk, old, text, level, start))]:
            return found
    return []


def _placed(hunk: Hunk, old: Sequence[str], text: Text, level: Level, start: int) -> Place | None:
    at = tuple(range(start, start + len(old)))
    carry = reindent(zip(old, text.lines[start : start + len(old)], strict=True), _changed(hunk), text)
    return None if carry is None else Place(hunk, level, at, carry)


def _alike(hunk: Hunk, text: Text) -> list[Place]:
    """By likeness: first with every line set in as the reply has it, so that one `}` is not taken for another."""
    return _aligned(hunk, text, text.keyed("indents", indent_of)) or _aligned(hunk, text)


def _aligned(hunk: Hunk, text: Text, indents: Sequence[str] = ()) -> list[Place]:
    old = [line for line in hunk.lines if line.op is not Op.ADD]
    wanted = [
        Line(
            _spaced(line.text),
            must=line.op is Op.DROP,
            critical=critical,
            wild=is_elision(line.text),
            indent=indent_of(line.text),
        )
        for line, critical in zip(old, _criticals(hunk), strict=True)
    ]
    found = []
    for at in align(wanted, text.keyed(Level.SPACED, _spaced), indents):
        pairs = [(line.text, text.lines[to]) for line, to in zip(old, at, strict=True) if to is not None]
        pairs = [(one, other) for one, other in pairs if _spaced(one) == _spaced(other)] or pairs  # else it is mistyped
        carry = reindent(pairs, _changed(hunk), text)
        if carry is not None:
            found.append(Place(hunk, Level.ALIKE, at, carry))
    return found


def _changed(hunk: Hunk) -> list[str]:
    return [line.text for line in hunk.lines]


def _criticals(hunk: Hunk) -> list[bool]:
    """For each old line whether the change hangs on it: it goes, or something is added beside it."""
    lines = hunk.lines
    return [
        line.op is Op.DROP
        or (at > 0 and lines[at - 1].op is Op.ADD)
        or (at + 1 < len(lines) and lines[at + 1].op is Op.ADD)
        for at, line in enumerate(lines)
        if line.op is not Op.ADD
    ]


def _spaced(line: str) -> str:
    return " ".join(line.split())


_KEYS: dict[Level, Callable[[str], str]] = {
    Level.EXACT: str,
    Level.TRAILING: str.rstrip,
    Level.INDENTED: str.strip,
    Level.SPACED: _spaced,
}
_STEPS = ((Level.EXACT, Level.TRAILING), (Level.INDENTED, Level.SPACED))
