"""Placing an edit as a piece of text, wherever in a line it begins and ends."""

from __future__ import annotations

from dataclasses import dataclass

from kintsugi.repair.applying.changes import EveryEdit, Hunk, Refused, differing
from kintsugi.repair.applying.matching import Level, Place
from kintsugi.repair.applying.reindent import AS_IT_IS, indent_of
from kintsugi.repair.applying.text import Text
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.patch import Edit

_WITHIN_A_WORD = re.compile(r"\w\w")
_TELLING = 4  # characters before the search text that are no accident at the beginning of the replacement


@dataclass(frozen=True, slots=True)
class _Found:
    """Where the search text stands; `whole`: it begins and ends with a line."""

    start: int
    end: int
    whole: bool
    sets_in: bool  # only blanks stand before it in its line


def edit_hunk(edit: Edit) -> Hunk:
    """An edit by its lines."""
    search, wanted = _plain(edit.search), _plain(edit.replace)
    if search.endswith("\n"):
        search = search[:-1]
        wanted = wanted.removesuffix("\n")
    new = wanted.split("\n") if edit.replace else []
    return Hunk(differing(search.split("\n"), new), occurrence=edit.occurrence, of_edit=True)


def exact_place(edit: Edit, text: Text, path: str) -> Place | None:
    """The place of the very text; None where it is not there, or only further in than its replacement expects.

    Raises Refused where it stands in several places.
    """
    search = _plain(edit.search)
    if not search.strip():
        raise Refused(f"{path}: an edit's search text is empty, so its place is unknown. Quote some lines.")
    found = _occurrences(search, text.string)
    if not found:
        return None
    one = _chosen(edit, found, text, path)
    if one.sets_in and _stands_further_out(edit, one, text):
        if edit.occurrence is not None and len(found) > 1:  # of lines there may be fewer than of pieces
            raise Refused(f"{path}: the search text is set in less than in the file. Quote its line as it stands.")
        return None
    if _means_whole_lines(one, search, _plain(edit.replace), text):
        return None
    return _place(one, search, _plain(edit.replace), text)


def _means_whole_lines(one: _Found, search: str, wanted: str, text: Text) -> bool:
    """Whether text that begins or ends within a line of the file is a whole line, mistyped, for the reply.

    It is where the replacement has it as a line of its own at another place, or begins with what stands before it in
    the file: that would be there twice, or be torn from the rest of its line.
    """
    lines, new = search.split("\n"), wanted.split("\n")
    before = text.string[text.string.rfind("\n", 0, one.start) + 1 : one.start].lstrip()
    within_a_word = bool(_WITHIN_A_WORD.match(text.string, max(one.start - 1, 0)))
    if before and wanted.startswith(before) and (within_a_word or len(before) >= _TELLING):
        return True
    after = text.string[one.end : one.end + 1] not in ("", "\n") and bool(lines[-1])
    return len(lines) > 1 and bool(
        (before and new[0] != lines[0] and lines[0] in new[1:])
        or (after and new[-1] != lines[-1] and lines[-1] in new[:-1])
    )


def every_place(edit: EveryEdit, text: Text, path: str) -> list[Place]:
    """All places of the very text, one for each run of lines; none where it is not there. Raises Refused."""
    search, wanted = _plain(edit.search), _plain(edit.replace)
    if not search.strip():
        raise Refused(f"{path}: an edit's search text is empty, so its places are unknown. Quote some lines.")
    found = _occurrences(search, text.string)
    if found and edit.times is not None and edit.times != len(found):
        raise Refused(f"{path}: the search text is expected {edit.times} times; it is there {len(found)} times.")
    runs: list[tuple[int, int]] = []
    for one in found:
        first, last = text.string.count("\n", 0, one.start), text.string.count("\n", 0, one.end - 1)
        runs = [*runs[:-1], (runs[-1][0], last)] if runs and first <= runs[-1][1] else [*runs, (first, last)]
    return [_every_in_lines(first, last, search, wanted, text) for first, last in runs]


def _every_in_lines(first: int, last: int, search: str, wanted: str, text: Text) -> Place:
    old = list(text.lines[first : last + 1])
    new = "".join(f"{line}\n" for line in old).replace(search, wanted)
    hunk = Hunk(differing(old, new.removesuffix("\n").split("\n") if new else []))
    return Place(hunk, Level.EXACT, tuple(range(first, last + 1)), AS_IT_IS)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _occurrences(search: str, string: str) -> list[_Found]:
    found = []
    at = string.find(search)
    while at >= 0:
        end = at + len(search)
        line = string.rfind("\n", 0, at) + 1
        ends = end == len(string) or string[end] == "\n" or search.endswith("\n")
        found.append(
            _Found(at, end, whole=line == at and ends, sets_in=line < at and not string[line:at].strip() and ends)
        )
        at = string.find(search, end)
    return found


def _chosen(edit: Edit, found: list[_Found], text: Text, path: str) -> _Found:
    whole = [one for one in found if one.whole]
    if edit.occurrence is not None:
        places = {one[edit.occurrence - 1] for one in (found, whole) if len(one) >= edit.occurrence}
        if len(places) == 1 and (len(found) >= edit.occurrence):
            return places.pop()
        raise Refused(
            f"{path}: the search text is asked for at place {edit.occurrence}; it is there {len(found)} times."
        )
    if len(found) == 1:
        return found[0]
    rivals = [one for one in found if one.sets_in and not edit.search[0].isspace()]
    if len(whole) == 1 and not rivals:
        return whole[0]
    lines = ", ".join(str(text.string.count("\n", 0, one.start) + 1) for one in found[:3])
    more = " and more" if len(found) > 3 else ""
    raise Refused(
        f"{path}: the search text is ambiguous: it is there {len(found)} times, at lines {lines}{more}. "
        "Quote more lines around it, or say which with 'occurrence'."
    )


def _stands_further_out(edit: Edit, one: _Found, text: Text) -> bool:
    """Whether the replacement's further lines are written as if the search text were set in less than it is."""
    indent = one.start - (text.string.rfind("\n", 0, one.start) + 1)
    further = [line for line in _plain(edit.replace).split("\n")[1:] if line.strip()]
    if "\n" in edit.search.strip("\n"):
        return False
    return bool(further) and (edit.search[0] in " \t" or any(len(indent_of(line)) < indent for line in further))


def _place(one: _Found, search: str, wanted: str, text: Text) -> Place:
    """The lines around the text as a hunk: the old ones as the file has them, the new ones with the replacement."""
    string, end = text.string, one.end
    if search.endswith("\n") and wanted and not wanted.endswith("\n"):
        wanted += "\n"  # left off by carelessness: else the next line would be drawn up
    ends_line = search.endswith("\n") and (not wanted or wanted.endswith("\n"))
    start = string.rfind("\n", 0, one.start) + 1
    stop = end - 1 if ends_line else string.find("\n", end)
    stop = len(string) if stop < 0 else stop
    before, after = string[start : one.start], string[end:stop] if not ends_line else ""
    new = f"{before}{wanted.removesuffix(chr(10)) if ends_line else wanted}{after}"
    old = string[start:stop].split("\n")
    at_end = stop == len(string)
    gains_newline = at_end and wanted.endswith("\n") and not after
    lines = new.removesuffix("\n").split("\n") if gains_newline else new.split("\n")
    hunk = Hunk(
        differing(old, lines if wanted or new.strip() else []),
        final_newline=True if gains_newline else None,
    )
    first = string.count("\n", 0, start)
    return Place(hunk, Level.EXACT, tuple(range(first, first + len(old))), AS_IT_IS)
