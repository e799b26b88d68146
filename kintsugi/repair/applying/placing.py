"""Choosing one place for every hunk of a file, or refusing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from kintsugi.repair.applying.changes import Hunk, HunkLine, Op, Refused
from kintsugi.repair.applying.matching import Level, Place, nearly_fits, places, positions
from kintsugi.repair.applying.reindent import indent_of, reindent
from kintsugi.repair.applying.splices import splices
from kintsugi.repair.applying.text import Text

_SHOWN = 3
_USUAL_CONTEXT = 3  # lines
_STILL_THERE = 0.6  # of the lines to be removed that say something
_TELLING = 3  # letters or digits that make a line worth recognising


@dataclass(frozen=True, slots=True)
class Placing:
    """How hunks are placed in one file. `in_order`: they come in its order. `strict`: not by likeness."""

    path: str
    text: Text
    in_order: bool = False
    strict: bool = False

    def __call__(self, hunks: Sequence[Hunk]) -> list[Place]:
        """A place for each hunk. Raises Refused."""
        found = [self._candidates(number, hunk) for number, hunk in enumerate(hunks, 1)]
        settled = {number: one[0] for number, one in enumerate(found, 1) if len(one) == 1}
        return [self._whole(self.undone(self._chosen(number, one, settled))) for number, one in enumerate(found, 1)]

    def _candidates(self, number: int, hunk: Hunk) -> list[Place]:
        if not any(line.strip() for line in hunk.old):
            raise Refused(
                f"{self.path}: change {number} quotes no line of the file, so its place is unknown. Quote some."
            )
        if hunk.unprefixed and any(_may_be_kept(line) for line in hunk.lines):
            return self._of_one_reading(number, hunk)
        found = places(hunk, self.text, strict=True)
        if not found and _is_done(hunk, self.text):
            raise Refused(f"{self.path}: change {number} is already applied: the file has its new lines.")
        found = found or places(hunk, self.text, strict=self.strict)
        if not found:
            raise Refused(_not_found(hunk, self.text, self.path, number))
        return found

    def _of_one_reading(self, number: int, hunk: Hunk) -> list[Place]:
        """The places of a hunk whose lines of dashes are changes or unchanged lines, whichever fits. Raises Refused."""
        hunks = [hunk, *(hunk.with_kept(_kept(hunk, ops)) for ops in ((Op.DROP,), (Op.ADD,), (Op.DROP, Op.ADD)))]
        read = (places(one, self.text, strict=True) for one in hunks)
        found = {one[0].hunk.lines: one for one in read if one}
        if len(found) != 1:
            raise Refused(f"{self.path}: change {number} lost the blank before unchanged lines. Begin each with one.")
        return next(iter(found.values()))

    def _chosen(self, number: int, found: list[Place], settled: Mapping[int, Place]) -> Place:
        """The one place that all the evidence points at. Raises Refused."""
        hunk = found[0].hunk
        if hunk.occurrence is not None:
            if hunk.occurrence > len(found):
                raise Refused(f"{self.path}: change {number} asks for place {hunk.occurrence} of {len(found)}.")
            return found[hunk.occurrence - 1]
        remaining = found if len(found) == 1 else self._agreed(number, found, settled)
        if len(remaining) == 1 or (remaining and self._come_to_the_same(remaining)):
            self._refuse_twin(remaining[0], {at: place for at, place in settled.items() if at != number})
            return remaining[0]
        raise Refused(f"{self.path}: change {number} is ambiguous: {_where(found)}. Quote more lines around it.")

    def _refuse_twin(self, place: Place, others: Mapping[int, Place]) -> None:
        """Raises Refused where the lines stand here, and nearly so where the hunk's number puts them.

        Headings are no such claim: many a one stands above its place without being around it.
        """
        if place.level is Level.ALIKE:
            return
        expected, size = _expected(place.hunk, others), len(place.hunk.old)
        if expected is None or expected < 0 or abs(expected - place.first) <= size:
            return
        new = place.hunk.new
        if list(self.text.lines[expected : expected + len(new)]) == new:
            raise Refused(f"{self.path}: the change at line {expected + 1} is already applied: its lines are there.")
        if nearly_fits(place.hunk, self.text, max(expected - 1, 0), expected + size + 1):
            raise Refused(
                f"{self.path}: a change fits at line {place.first + 1}, but the reply means the lines near line "
                f"{expected + 1}, which are only like it. Quote them as they stand."
            )

    def _come_to_the_same(self, found: list[Place]) -> bool:
        """Whether it makes no difference which place is meant, as with one of two equal lines in a row."""
        results = set()
        for place in found:
            lines = list(self.text.lines)
            try:
                made = splices(place, self.text)
            except Refused:
                return False
            for one in reversed(made):
                lines[one.start : one.end] = one.lines
            results.add(tuple(lines))
        return len(results) == 1

    def _agreed(self, number: int, found: list[Place], settled: Mapping[int, Place]) -> list[Place]:
        """The places that no evidence speaks against: the end of the file, numbers, headings, the order of hunks."""
        hunk = found[0].hunk
        found = [place for place in found if not any(_overlap(place, one) for one in settled.values())]
        votes: list[Callable[[Place], bool]] = [
            lambda place: hunk.ends_file and place.last == len(self.text.lines) - 1,
            lambda place: place.first == _expected(hunk, settled),
            lambda place: bool(hunk.headings) and all(_stands_under(place, one, self.text) for one in hunk.headings),
            lambda place: self.in_order and _is_in_order(number, place, settled),
        ]
        remaining = found
        for vote in votes:
            if agreeing := [place for place in found if vote(place)]:
                remaining = [place for place in remaining if place in agreeing]
        return remaining

    def undone(self, place: Place) -> Place:
        """The place, if its new lines are not there yet. Raises Refused."""
        added = [line.text for line in place.hunk.lines if line.op is Op.ADD]
        if any(line.op is Op.DROP for line in place.hunk.lines) or not any(_tells(line) for line in added):
            return place
        new = [line.strip() for line in place.hunk.new]
        stripped = self.text.keyed(Level.INDENTED, str.strip)
        starts = (place.first, place.last + 1 - len(new))
        if any(start >= 0 and list(stripped[start : start + len(new)]) == new for start in starts):
            raise Refused(f"{self.path}: the change at line {place.first + 1} is already applied: its lines are there.")
        return place

    def _whole(self, place: Place) -> Place:
        """The place of a hunk that is whole. Raises Refused for one that is shorter than its header says.

        Models miscount. So where the header's first line is wrong too, or it counts more lines than the file has, a
        hunk is whole that ends with three kept lines, or where the file does; and in any case one that leaves out
        just as many lines as are missing.
        """
        old, _ = place.hunk.short
        lines = len(self.text.lines)
        left_out = place.last - place.first + 1 - sum(at is not None for at in place.at)
        counted = place.hunk.start == place.first + 1 and place.last + old < lines
        ends = place.hunk.trailing >= _USUAL_CONTEXT or place.last == lines - 1
        if place.hunk.short in ((0, 0), (left_out, left_out)) or (ends and not counted):
            return place
        raise Refused(
            f"{self.path}: the last hunk is shorter than its header says, as if the reply were cut off. "
            "Send all of it, or edits."
        )


def _kept(hunk: Hunk, ops: Sequence[Op]) -> list[HunkLine]:
    return [
        HunkLine(Op.KEEP, line.op + line.text) if line.op in ops and _may_be_kept(line) else line for line in hunk.lines
    ]


def _may_be_kept(line: HunkLine) -> bool:
    """Whether a line may have been an unchanged one of dashes or plus signs, as headings are underlined."""
    bare = line.text.strip()
    return line.op is not Op.KEEP and len(bare) > 1 and set(bare) <= set("+-")


def _expected(hunk: Hunk, settled: Mapping[int, Place]) -> int | None:
    """The line where the claimed number puts a hunk, if the others' numbers are all off by the same."""
    if hunk.start is None:
        return None
    offsets = {place.first - place.hunk.start for place in settled.values() if place.hunk.start is not None}
    if len(offsets) > 1:
        return None
    return hunk.start + next(iter(offsets), -1)


def _overlap(place: Place, other: Place) -> bool:
    """Whether two hunks would change the same lines."""
    return bool(set(place.changed) & set(other.changed))


def _stands_under(place: Place, heading: str, text: Text) -> bool:
    """Whether a line that begins like the heading encloses the place, or is the last one at the margin above it."""
    depth = min(len(indent_of(text.lines[at])) for at in place.at if at is not None and text.lines[at].strip())
    margin_seen = False
    for at in range(place.first, -1, -1):
        line = text.lines[at]
        if not line.strip():
            continue
        encloses = len(indent_of(line)) < depth or at == place.first
        at_margin = not margin_seen and (line[0].isalpha() or line[0] in "_$@")
        if (encloses or at_margin) and line.strip().startswith(heading.strip()):
            return True
        margin_seen = margin_seen or (at_margin and at < place.first)
        depth = min(depth, len(indent_of(line))) if at < place.first else depth
    return False


def _is_in_order(number: int, place: Place, settled: Mapping[int, Place]) -> bool:
    ordered = [settled[at].first for at in sorted(settled)]
    if not ordered or ordered != sorted(ordered):
        return False
    above = all(settled[at].last < place.first for at in settled if at < number)
    return above and all(place.last < settled[at].first for at in settled if at > number)


def _is_done(hunk: Hunk, text: Text) -> bool:
    """Whether the new lines stand in the file, where the old ones do not.

    Where there are as many as of the old ones, they may be these, set in otherwise: that is for the change to mend.
    """
    new = hunk.new
    if not any(_tells(line) for line in new) or _still_there(hunk, text):
        return False
    starts = positions([line.strip() for line in new], text.keyed(Level.INDENTED, str.strip))
    ended = text.keyed(Level.TRAILING, str.rstrip)
    starts = [start for start in starts if _is_ended(text.lines[start:][: len(new)], ended[start:], new)]
    if len(hunk.old) != len(new):
        return bool(starts)
    return any(_is_set_in_alike(new, text.lines[start : start + len(new)], text) for start in starts)


def _is_ended(there: Sequence[str], ended: Sequence[str], new: Sequence[str]) -> bool:
    """Whether no line has blanks at its end that the new one, which is to have none, would be rid of."""
    return all(
        line == plain or wanted != wanted.rstrip() for line, plain, wanted in zip(there, ended, new, strict=False)
    )


def _still_there(hunk: Hunk, text: Text) -> bool:
    """Whether most of what is to go is in the file, so that it is only quoted badly."""
    gone = [line.text for line in hunk.lines if line.op is Op.DROP and _tells(line.text)]
    present = sum(line in text.known for line in gone)
    return len(gone) > 1 and present > _STILL_THERE * len(gone)


def _is_set_in_alike(new: Sequence[str], there: Sequence[str], text: Text) -> bool:
    pairs = list(zip(new, there, strict=True))
    carry = reindent(pairs, new, text)
    return carry is not None and all(carry(line).rstrip() == other.rstrip() for line, other in pairs)


def _tells(line: str) -> bool:
    return sum(character.isalnum() for character in line) >= _TELLING


def _not_found(hunk: Hunk, text: Text, path: str, number: int) -> str:
    """What was looked for, where it stopped, and what there is instead."""
    old = [line for line in hunk.old if line.strip()]
    stripped = text.keyed(Level.INDENTED, str.strip)
    known = set(stripped)
    missing = next((line for line in old if line.strip() not in known), None)
    if missing is None:
        return f"{path}: the lines of change {number} are in the file, but not in this order. Quote them as they stand."
    near = get_close_matches(missing.strip(), known, n=_SHOWN, cutoff=0.6)
    nearest = "; ".join(f"line {stripped.index(line) + 1}: {_short(line)}" for line in near)
    tail = f"Nearest: {nearest}." if near else f"Nothing in its {len(text.lines)} lines is like it."
    return f"{path}: change {number} does not fit: no line {_short(missing.strip())}. {tail}"


def _short(line: str) -> str:
    return repr(line if len(line) <= 100 else f"{line[:97]}...")


def _where(found: Sequence[Place]) -> str:
    lines = sorted({place.first + 1 for place in found})
    if len(lines) == 1:
        return f"its lines fit from line {lines[0]} on in {len(found)} ways"
    shown = ", ".join(str(line) for line in lines[:_SHOWN])
    return f"it fits {len(lines)} places, at lines {shown}{' and more' if len(lines) > _SHOWN else ''}"
