"""Reading `edits`: JSON with path, search and replace, as strict or as careless as models write it.

The same fields under the names of other tools are read too, their calls as they are sent, whole files in JSON, and
several objects one after another.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kintsugi.repair.applying.changes import Change, EveryEdit, FilePatch, Refused, Removal, WholeFile
from kintsugi.repair.applying.fences import blocks
from kintsugi.repair.applying.names import (
    COMMAND,
    CONTENT,
    DIFF,
    DOES_MORE,
    EVERY,
    LINES,
    LISTS,
    PATH,
    REGEX,
    REPLACE,
    SAID,
    SEARCH,
    TIMES,
    WRAPPERS,
)
from kintsugi.repair.applying.reading_blocks import looks_like_blocks, read_blocks
from kintsugi.repair.applying.reading_calls import PATCHES, calls_in_python, commands_beside, patches_in
from kintsugi.repair.applying.reading_hunks import read_hunks
from kintsugi.repair.applying.reading_v4a import looks_like_v4a
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.patch import Edit

_TRAILING_COMMA = re.compile(r",(\s*[\]}])")
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')
_CURLY = str.maketrans({"“": '"', "”": '"'})
_DECODER = json.JSONDecoder(strict=False)
_BRACKET = re.compile(r'[\[{]\s*(?:[\[{]\s*)?["“\\]')
_CUT = re.compile(rf'[\[{{]\s*(?:[\[{{]\s*)?"(?:(?:{"|".join((*PATH, *LISTS))})"\s*(?::|\Z)|\w*\Z)')
_HOLDS_EDITS = re.compile(rf"\b(?:{'|'.join((*PATH, *LISTS, *REPLACE, 'apply_patch'))})\b")  # one of these any edit has
_OPENS = re.compile(r'^[ \t]*(?=[\[{]\s*(?:[\[{]\s*)?"\w+"\s*:)[\[{]', re.MULTILINE)
_HINT = 'Send {"edits": [{"path": …, "search": …, "replace": …}]}.'
_BETWEEN = re.compile(r"[ \t\r\n,]*")
_FIELDS = (*PATH, *SEARCH, *REPLACE, *CONTENT, *EVERY, *TIMES, *REGEX, *COMMAND, *DIFF, *LINES, *SAID)
_KNOWN = frozenset(name.lower().replace("_", "") for name in _FIELDS)
_NEW, _GONE = "create_file", "delete_file"  # of an operation whose text is a diff without headers
_ASSIGNED = re.compile(r"^(?:edits|changes|patch) = ")
_LOOKS_ONLY = ("view", "undo_edit")
_DEEPEST = 20  # calls within calls
_VERBS = (*COMMAND, "action", "type", "operation", "op", "tool", "name")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_DOES = re.compile(r"delet|remov|renam|move", re.IGNORECASE)
_NAMES_A_FILE = re.compile(r'\w\.\w{1,5}"')
_LOOKS = {
    *("view", "read", "open", "list", "ls", "search", "grep", "find", "glob", "look", "show", "cat", "get"),
    *("undo", "think", "check", "inspect"),
}


@dataclass(frozen=True, slots=True)
class _Written:
    """The edits of one JSON value, as they are written. `alone`: the value is one edit, and others may follow it."""

    edits: list[Any]
    alone: bool


def read_edits(text: str, path: str = "", *, anywhere: bool = True) -> tuple[Change, ...] | None:
    """The edits of a reply; None where it holds no JSON with edits. Raises Refused for edits that are malformed.

    `path` is that of edits that name none. `anywhere`: prose may be around them, and not only a fence.
    """
    if not _HOLDS_EDITS.search(text):
        return None
    values = _values(text, anywhere=anywhere)
    found = [written for value in values if (written := _edits_in(value)) is not None]
    if not found:
        return None
    refuse_half(values)
    edits = [{"path": path, **edit} if path and isinstance(edit, dict) else edit for edit in _joined(found)]
    return tuple(change for number, edit in enumerate(edits, 1) for change in changes_in(edit, number))


def is_cut_off(text: str) -> bool:
    """Whether the text ends within JSON that begins a line and holds edits."""
    at, end = 0, len(text.rstrip())
    while opened := _OPENS.search(text, at):
        try:
            at = _DECODER.raw_decode(text, opened.end() - 1)[1]
        except json.JSONDecodeError as error:
            is_open = error.msg.startswith("Unterminated") or error.pos >= end
            if is_open and _HOLDS_EDITS.search(text, opened.end()):
                return True
            at = opened.end()
        except RecursionError:
            return False
    return False


def patch_in_call(text: str, *, anywhere: bool = False) -> str | None:
    """The patch that is the text of a tool's call; None where there is none. `anywhere`: prose may be around it."""
    if not anywhere and not text.lstrip().startswith(("{", "[")):
        return None
    if not any(begins in text for begins in PATCHES):
        return None
    lines = text.split("\n")
    fenced = ["\n".join(lines[block.start : block.end]) for block in blocks(lines)] if anywhere else []
    first = _BRACKET.search(text)
    for source in (text.strip(), *fenced, text[first.start() :] if anywhere and first else ""):
        values = _decoded(source.lstrip())[0]
        patches = patches_in(values)
        if len(patches) > 1 and not all(map(looks_like_v4a, patches)):
            raise Refused("The reply holds several patches, each in a call. Send one.")
        if patches:
            _refuse_more_beside(values, patches)
            return "\n".join(patches)
    return None


def _refuse_more_beside(values: Sequence[Any], patches: Sequence[str]) -> None:
    """Raises Refused where calls hold more than their patches."""
    written = [one for value in values if (one := _edits_in(value)) is not None]
    if any(_first(edit, DIFF) not in patches for one in written for edit in one.edits):
        raise Refused("The reply holds two patches, in two formats. Send one.")
    refuse_half(values)
    named = (
        name
        for value in values
        if isinstance(value, dict)
        for name in DOES_MORE
        if name not in COMMAND and value.get(name)
    )
    if (more := next(named, None) or commands_beside(list(values))) is not None:
        raise Refused(f"The reply asks for {more!r} beside its patch, which is not done. Send the patch alone.")


def changes_in(edit: Any, number: int) -> tuple[Change, ...]:
    """What one edit, the `number`th of a reply, asks for, whatever its fields are called. Raises Refused."""
    if not isinstance(edit, dict):
        raise Refused(f"Edit {number} is no object. {_HINT}")
    if _first(edit, COMMAND) in _LOOKS_ONLY and not _has(edit, REPLACE):
        return ()
    _refuse_more(edit, number)
    path = _text(edit, PATH, number)
    if _has(edit, SEARCH) or _has(edit, REPLACE):
        return (_edit(path, edit, number),)
    marked_up = _first(edit, (*DIFF, *CONTENT))
    if isinstance(marked_up, str) and looks_like_blocks(marked_up):
        return read_blocks(marked_up, path)
    if edit.get("type") == _GONE:
        return (Removal(path),)
    if isinstance(marked_up, str) and _has(edit, DIFF):
        return (_of_diff(path, marked_up, is_new=edit.get("type") == _NEW),)
    if _has(edit, LINES):
        raise Refused(f"Edit {number} gives its place by line numbers alone. Quote the lines. {_HINT}")
    if _has(edit, CONTENT):
        return (WholeFile(path, _text(edit, CONTENT, number)),)
    return (_edit(path, edit, number),)


def _of_diff(path: str, diff: str, *, is_new: bool) -> Change:
    """What a diff asks for that need not name its file. Raises Refused for one that changes nothing."""
    lines = diff.split("\n")
    is_headed = lines[0].startswith("--- ") and len(lines) > 1 and lines[1].startswith("+++ ")
    hunks = read_hunks(lines[2:] if is_headed else lines)
    if not hunks:
        raise Refused(f"The diff changes nothing in {path}: no line begins with + or -.")
    if is_new:
        return WholeFile(path, "".join(f"{line}\n" for hunk in hunks for line in hunk.new), is_new=True)
    return FilePatch(path, hunks)


def _refuse_more(edit: dict[str, Any], number: int) -> None:
    """Raises Refused for a field that no edit has: the reply wants more than would be done."""
    if unknown := sorted(str(name) for name in edit if str(name).lower().replace("_", "") not in _KNOWN):
        raise Refused(f"Edit {number} has the field {unknown[0]!r}, which is no part of an edit. {_HINT}")


def refuse_half(values: Sequence[Any]) -> None:
    """Raises Refused where, beside edits, something else is to become of a file: half of a reply is never done."""
    for value in values:
        if (asked := _asked(value)) is not None:
            raise Refused(f"The reply asks for {asked} beside its edits, which is not done. Send edits alone.")


def _asked(value: Any, verb: str = "", deep: int = 0) -> str | None:
    """What a value wants of a file that is no edit, whether it is said beside the file or around it."""
    if deep > _DEEPEST:
        return None
    if isinstance(value, list):
        return next((asked for one in value if (asked := _asked(one, verb, deep + 1)) is not None), None)
    if not isinstance(value, dict) or is_change(value):
        return None
    if any(isinstance(value.get(name), list) for name in LISTS):
        listed = [one for name in LISTS[1:] if isinstance(held := value.get(name), list) for one in held]
        return _asked(listed, "", deep + 1)
    verb = next((str(value[name]) for name in _VERBS if isinstance(value.get(name), str)), verb)
    if _has(value, PATH):
        words = [word.lower() for word in _WORD.findall(verb)]
        return (
            None
            if words[:1] and words[0] in _LOOKS and "replace" not in words
            else f"{verb or 'no change'!r} of {_first(value, PATH)}"
        )
    asked = next((found for name in WRAPPERS if (found := _asked(value.get(name), verb, deep + 1)) is not None), None)
    return asked or next((f"{one!r}" for one in (verb, *map(str, value)) if _does(one, value)), None)


def _does(name: str, value: dict[str, Any]) -> bool:
    """Whether a verb, or a field, says that a file goes or moves, and a path is told."""
    return _DOES.match(name) is not None and _NAMES_A_FILE.search(json.dumps(value.get(name, value))) is not None


def is_change(value: Any) -> bool:
    """Whether a JSON object says what becomes of a file."""
    if not isinstance(value, dict):
        return False
    if _has(value, SEARCH) and _has(value, REPLACE):
        return True
    diff = _first(value, DIFF)
    is_marked_up = isinstance(diff, str) and (looks_like_blocks(diff) or bool(read_hunks(diff.split("\n"))))
    return _has(value, PATH) and (_has(value, CONTENT) or is_marked_up or value.get("type") == _GONE)


def _joined(found: Sequence[_Written]) -> list[Any]:
    """All edits. Several lists are one patch where they are equal, or speak of other files."""
    if any(one.alone for one in found):
        return [edit for one in found for edit in one.edits]
    joined: list[Any] = []
    for one in found:
        if one.edits == found[0].edits and joined:
            continue
        if _paths(joined) & _paths(one.edits):
            raise Refused("The reply holds two different lists of edits for a file. Send one.")
        joined += one.edits
    return joined


def _paths(edits: Sequence[Any]) -> set[str]:
    return {str(_first(edit, PATH)) for edit in edits if isinstance(edit, dict)}


def _values(text: str, *, anywhere: bool) -> list[Any]:
    """The JSON values of the text as a whole, else of its fenced blocks, else those that stand in its prose."""
    lines = text.split("\n")
    fenced = ["\n".join(lines[block.start : block.end]) for block in blocks(lines)]
    first = _BRACKET.search(text)
    called = [calls_in_python(source) for source in (text, *fenced) if "(" in source]
    for sources in ([text], fenced, [text[first.start() :]] if first and anywhere else [], called):
        if values := [value for source in sources for value in _sequence(source)]:
            return values
    return []


def _sequence(source: str) -> list[Any]:
    """JSON values, perhaps with prose between; none where the source begins with no JSON. Raises Refused if cut off."""
    cut_off = False
    if (literal := _in_python(source)) is not None:
        return [literal]
    for written in _spellings(source.strip().removeprefix("\ufeff")):
        values, rest = _decoded(written)
        if any(_edits_in(value) is not None for value in values):
            if not rest:
                return values
            cut_off = True
    if cut_off:
        raise Refused("The reply is cut off, or malformed: after some edits, one cannot be read. Send them all.")
    return []


def _in_python(source: str) -> Any:
    """The value of a source that is no JSON, but a list or object as Python writes them; None for anything else."""
    source = _ASSIGNED.sub("", source.strip())
    if not source.startswith(("{", "[")) or _decoded(source)[0]:
        return None
    try:
        return ast.literal_eval(source)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _spellings(source: str) -> Iterator[str]:
    """The text as it is, then with what models commonly get wrong put right."""
    yield source
    yield _TRAILING_COMMA.sub(r"\1", source)
    yield _BAD_ESCAPE.sub(r"\\\\", source)
    yield source.translate(_CURLY)
    yield source.replace('\\"', '"')


def _decoded(source: str) -> tuple[list[Any], bool]:
    """The values of the text, and whether one that looks like edits cannot be read."""
    values: list[Any] = []
    at = 0
    while at < len(source):
        try:
            value, at = _DECODER.raw_decode(source, at)
        except (ValueError, RecursionError):
            following = _BRACKET.search(source, at + 1)
            if not values or following is None or _CUT.match(source, at):
                return values, bool(values and _CUT.match(source, at))
            at = following.start()
        else:
            values.append(value)
            at = _BETWEEN.match(source, at).end()  # type: ignore[union-attr]  # it matches the empty text
    return values, False


def _edits_in(value: Any) -> _Written | None:
    """The edits that a JSON value holds, or is; None where it is about something else."""
    if isinstance(value, str):
        return next((found for one in _decoded(value)[0] if (found := _edits_in(one))), None)
    if isinstance(value, list):
        return _in_list(value)
    if not isinstance(value, dict):
        return None
    if (listed := _in_lists_of(value)) is not None:
        return listed
    if is_change(value):
        return _Written([value], alone=True)
    return next((found for name in WRAPPERS if (found := _edits_in(value.get(name)))), None)


def _in_list(values: list[Any]) -> _Written | None:
    if not values or not all(isinstance(value, dict) for value in values):
        return None
    if all("replace" in value for value in values):
        return _Written(values, alone=False)
    parts = [_edits_in(value) for value in values]
    edits = [edit for part in parts if part is not None for edit in part.edits]
    return _Written(edits, alone=False) if edits else None


def _in_lists_of(value: dict[str, Any]) -> _Written | None:
    """The edits in an object's lists, each with the object's own path where it names none."""
    found = [edits for name in LISTS if (edits := _list_called(name, value.get(name))) is not None]
    if not found:
        return None
    path = _first(value, PATH)
    edits = [edit for edits in found for edit in edits]
    if edits and (more := [name for name in value if (name in DOES_MORE or _does(name, value)) and value[name]]):
        raise Refused(f"The reply asks for {more[0]!r} beside its edits, which is not done. Send edits alone.")
    unread = next(
        (name for name, held in value.items() if name not in LISTS and isinstance(held, list) and _in_list(held)), None
    )
    if edits and unread is not None:
        raise Refused(f"The reply has changes in {unread!r} beside its edits. Send all of them as edits.")
    if isinstance(path, str):
        edits = [{"path": path, **edit} if isinstance(edit, dict) and not _has(edit, PATH) else edit for edit in edits]
    return _Written(edits, alone=False)


def _list_called(name: str, held: Any) -> list[Any] | None:
    if isinstance(held, str) and held.lstrip().startswith("["):  # a list that was encoded once more
        held = next(iter(_decoded(held.strip())[0]), None)
    if name == "edits" and isinstance(held, list):
        return held
    if name == "files" and isinstance(held, dict) and held and all(isinstance(text, str) for text in held.values()):
        return [{"path": path, "content": text} for path, text in held.items()]
    found = _in_list(held) if isinstance(held, list) else None
    return found.edits if found else None


def _edit(path: str, edit: dict[str, Any], number: int) -> Edit:
    if any(edit.get(name) is True for name in REGEX):
        raise Refused(f"Edit {number} searches by a regular expression. Send the text as it stands.")
    search, wanted = _text(edit, SEARCH, number), _text(edit, REPLACE, number)
    occurrence, times = edit.get("occurrence"), _first(edit, TIMES)
    if occurrence is not None and not _counts(occurrence):
        raise Refused(f"Edit {number}: 'occurrence' is {occurrence!r}; it counts from 1, or is left out.")
    if str(_first(edit, EVERY)).lower() == "true" or (_counts(times) and times > 1):
        return EveryEdit(path, search, wanted, times=times if _counts(times) else None)
    return Edit(path, search, wanted, occurrence)


def _counts(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


def _text(edit: dict[str, Any], names: Sequence[str], number: int) -> str:
    text = _first(edit, names)
    if isinstance(text, list) and text and all(isinstance(line, str) for line in text):
        return "".join(f"{line}\n" for line in text)
    if not isinstance(text, str):
        raise Refused(f"Edit {number} has no text for {names[0]!r}. {_HINT}")
    return text


def _has(value: dict[str, Any], names: Sequence[str]) -> bool:
    return any(name in value for name in names)


def _first(value: dict[str, Any], names: Sequence[str]) -> Any:
    return next((value[name] for name in names if name in value), None)
