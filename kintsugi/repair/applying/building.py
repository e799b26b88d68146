"""What becomes of one file: its changes placed, spliced, and written with the file's own line endings."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from kintsugi.parsing import parsed
from kintsugi.repair.applying.chains import of_the_file
from kintsugi.repair.applying.changes import EveryEdit, FilePatch, Hunk, HunkLine, Op, Refused
from kintsugi.repair.applying.edit_places import edit_hunk, every_place, exact_place
from kintsugi.repair.applying.masks import restored
from kintsugi.repair.applying.matching import Level, Place
from kintsugi.repair.applying.placing import Placing
from kintsugi.repair.applying.readings import (
    TYPOGRAPHIC_QUOTES,
    TYPOGRAPHIC_SIGNS,
    straight,
    straight_quotes,
    unescaped,
)
from kintsugi.repair.applying.reindent import for_all, indent_of
from kintsugi.repair.applying.splices import Splice, splices
from kintsugi.repair.applying.text import Text, to_bytes
from kintsugi.workflow.patch import Edit

_SUSPECT = ("\\n", '\\"', "\\'", "\u201c", "\u201d", "\u2018", "\u2019", "\u00a0", "&lt;", "&gt;", "&quot;")
_TOLERANT = (Level.INDENTED, Level.SPACED, Level.ALIKE)


@dataclass(frozen=True, slots=True)
class Matched:
    """Where one change of a file was placed and how it was recognised; `line` counts from 1."""

    path: str
    line: int
    level: str


@dataclass(frozen=True, slots=True)
class Built:
    """A file's new bytes."""

    content: bytes
    matched: tuple[Matched, ...]


def build(path: str, wanted: Sequence[Edit] | FilePatch, text: Text, *, strict: bool = False) -> Built:
    """The file with its changes. Raises Refused.

    Where a tolerant reading breaks Python that was whole, typographic quotes and doubled escapes in the added
    lines are put right; where that does not help, it is refused.
    """
    placing = Placing(path, text, in_order=isinstance(wanted, FilePatch), strict=strict)
    if not isinstance(wanted, FilePatch):
        wanted = of_the_file(wanted, text, path)
    if _is_typeset(wanted, text, TYPOGRAPHIC_QUOTES):
        typed = straight if any(_is_typeset(wanted, text, sign) for sign in TYPOGRAPHIC_SIGNS) else straight_quotes
        wanted = _with_added(wanted, typed)
    built, suspect = _build(wanted, placing)
    if not suspect or not path.endswith((".py", ".pyi")) or _is_whole(built) or not is_python(text.string):
        return built
    for mend in (straight_quotes, straight, unescaped, lambda line: unescaped(straight(line))):
        other, _ = _build(_with_added(wanted, mend), placing)
        if _is_whole(other):
            return other
    if all(matched.level not in _TOLERANT for matched in built.matched):
        return built
    raise Refused(
        f"{path}: what this would make of the file is not valid Python, so its place or indentation is wrong."
    )


def is_python(string: str) -> bool:
    return parsed(string) is not None


def spliced(text: Text, wanted: Sequence[Splice], path: str, final_newline: bool | None = None) -> bytes:
    """The file's bytes with these splices. Raises Refused where two touch the same lines."""
    lines, endings = list[str](), list[str]()
    gone = [at for one in wanted for at in range(one.start, one.end) if at in text.hidden]
    at = 0
    for one in _apart(wanted, path):
        lines += [*text.real(at, one.start), *restored(one, text, path, gone)]
        endings += [*text.endings[at : one.start], *_endings(text, one)]
        at = one.end
    lines += text.real(at, len(text.lines))
    endings += text.endings[at:]
    _end_lines(endings, text)
    touches_end = any(one.end == len(text.lines) for one in wanted)
    if touches_end and lines:
        ends = text.ends_with_newline if final_newline is None else final_newline
        endings[-1] = (endings[-1] or text.usual_ending) if ends else ""
    return to_bytes(lines, endings, text.encoding, path)


def _is_typeset(wanted: Sequence[Edit] | FilePatch, text: Text, signs: str) -> bool:
    """Whether the reply has one of these signs where the file has none of them: then all that it has are typeset."""
    if isinstance(wanted, FilePatch):
        old = "".join(line.text for hunk in wanted.hunks for line in hunk.lines if line.op is not Op.ADD)
    else:
        old = "".join(edit.search for edit in wanted)
    return any(sign in old for sign in signs) and not any(sign in text.string for sign in signs)


def _build(wanted: Sequence[Edit] | FilePatch, placing: Placing) -> tuple[Built, bool]:
    """The file, and whether there is reason to look whether it is still whole."""
    places = _edit_places(wanted, placing) if not isinstance(wanted, FilePatch) else placing(wanted.hunks)
    made, content = _spliced(places, placing)
    in_step = _in_step(places, placing.text)
    if in_step != places:
        other, carried = _spliced(in_step, placing)
        if not _is_python_of_another_meaning(content, carried):
            made, content = other, carried
    matched = tuple(Matched(placing.path, place.first + 1, place.level) for place in places)
    added = [line for splice in made for line in splice.lines]
    suspect = any(place.level in _TOLERANT for place in places)
    return Built(content, matched), suspect or any(sign in line for line in added for sign in _SUSPECT)


def _spliced(places: Sequence[Place], placing: Placing) -> tuple[list[Splice], bytes]:
    made = [splice for place in places for splice in splices(place, placing.text)]
    return made, spliced(placing.text, made, placing.path, _final_newline(places, placing.text))


def _in_step(places: Sequence[Place], text: Text) -> list[Place]:
    """The places, with the steps that some of them tell for those that quote nothing that is set in."""
    carries = for_all([place.reindent for place in places], [_silent(place, text) for place in places])
    return [replace(place, reindent=carry) for place, carry in zip(places, carries, strict=True)]


def _silent(place: Place, text: Text) -> list[str] | None:
    """The lines of a change that quotes none that is set in, here or there; None where it does."""
    quoted = [line.text for line in place.hunk.lines if line.op is not Op.ADD]
    there = [text.lines[at] for at in place.at if at is not None]
    if not text.minds_tabs or any(indent_of(line) for line in (*quoted, *there) if line.strip()):
        return None
    return [line.text for line in place.hunk.lines]


def _is_python_of_another_meaning(one: bytes, other: bytes) -> bool:
    """Whether both are Python and differ by more than how they are set in, as in what a string says."""
    was, now = parsed(one), parsed(other)
    return was is not None and now is not None and ast.dump(was) != ast.dump(now)


def _edit_places(edits: Sequence[Edit], placing: Placing) -> list[Place]:
    """Edits quote freely: first as a piece of text that stands there once, else by lines."""
    found = [_exact_places(edit, placing) for edit in dict.fromkeys(edits)]
    left = [edit_hunk(edit) for edit, places in zip(dict.fromkeys(edits), found, strict=True) if not places]
    by_lines = iter(placing(left))
    return [place for places in found for place in (map(placing.undone, places) if places else [next(by_lines)])]


def _exact_places(edit: Edit, placing: Placing) -> list[Place]:
    if isinstance(edit, EveryEdit):
        return every_place(edit, placing.text, placing.path)
    place = exact_place(edit, placing.text, placing.path)
    return [] if place is None else [place]


def _is_whole(built: Built) -> bool:
    return is_python(built.content.decode("utf-8", errors="replace").replace("\r\n", "\n"))


def _with_added(wanted: Sequence[Edit] | FilePatch, mend: Callable[[str], str]) -> Sequence[Edit] | FilePatch:
    if not isinstance(wanted, FilePatch):
        return [replace(edit, replace=mend(edit.replace)) for edit in wanted]
    return replace(wanted, hunks=tuple(_hunk_with_added(hunk, mend) for hunk in wanted.hunks))


def _hunk_with_added(hunk: Hunk, mend: Callable[[str], str]) -> Hunk:
    lines = [
        HunkLine(line.op, part)
        for line in hunk.lines
        for part in (mend(line.text).split("\n") if line.op is Op.ADD else [line.text])
    ]
    return replace(hunk, lines=tuple(lines))


def _final_newline(places: Sequence[Place], text: Text) -> bool | None:
    """What the hunk at the file's end says of its last newline."""
    at_end = [place.hunk.final_newline for place in places if place.last == len(text.lines) - 1]
    return at_end[-1] if at_end else None


def _apart(wanted: Sequence[Splice], path: str) -> list[Splice]:
    """The splices in order, none touching another."""
    ordered = sorted(dict.fromkeys(wanted), key=lambda one: (one.start, one.end))
    for one, other in pairwise(ordered):
        if other.start < one.end or (one.start, one.end) == (other.start, other.end):
            raise Refused(f"{path}: two changes contradict each other at line {other.start + 1}. Send one.")
    return ordered


def _endings(text: Text, one: Splice) -> list[str]:
    """The endings of a splice's lines: those of the lines they stand for, else of the line above."""
    if not text.has_mixed_endings:
        return [text.usual_ending] * len(one.lines)
    replaced = text.endings[one.start : one.end] or text.endings[max(one.start - 1, 0) : one.start]
    return [
        (replaced[min(at, len(replaced) - 1)] if replaced else "") or text.usual_ending for at in range(len(one.lines))
    ]


def _end_lines(endings: list[str], text: Text) -> None:
    """Only the last line may lack an ending."""
    if "" in endings[:-1]:
        endings[:-1] = [ending or text.usual_ending for ending in endings[:-1]]
