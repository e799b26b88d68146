"""Errors as Node, Deno and Bun print them: their stacks, causes, members, and what was thrown that is no error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kintsugi.capture.readers.at_lines import (
    LONGEST,
    MARKS,
    MOST_FRAMES,
    after_at,
    goes_on,
    heads_above,
    indent,
    said,
    width_before,
)
from kintsugi.capture.report import CUT_TYPE, Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_CALLED = re.compile(
    r"(?:async )?(?:(?P<function>[^()]{1,400}?(?:\([^()]*\)[^()]*?)?) )?"
    r"\((?P<path>[^\n]+?):(?P<line>\d{1,9})(?::\d{1,9})?\)$"
)
_PLACED = re.compile(
    r"(?:async )?(?P<path>(?:/|\.{0,2}[\\/]|[A-Za-z]:[\\/]|[a-z][a-z+.-]{1,20}:)\S?[^\n()]*?|[\w./\\@-]+\.[cm]?[jt]sx?)"
    r":(?P<line>\d{1,9}):\d{1,9}$"
)
_ELSEWHERE = re.compile(r"(?:async )?.{0,400}?\(?(?:<anonymous>|native|index \d+)\)?$|eval \(eval at .*")
_ELIDED = re.compile(r"\s*\.\.\. \d+ lines? matching")
_ENDING = re.compile(r"(?: \{|,|\])\s*$")

_CODE = r"(?:\[[\w ]{1,40}\])?"
_ERROR = re.compile(
    rf"(?<![\w.$])(?P<type>(?:[A-Za-z_$][\w$.]*?)?(?:Error|Exception|Rejection){_CODE}|DOMException|AbortSignal)"
    r"(?: \[(?P<own>\w{1,60})\])?(?P<end>:\s|:?\s*\{?\s*$)"
)
_NAMED = re.compile(
    r"(?:.*\bUncaught (?:\(in promise\)\s)?|.*Warning: |.*\brejection:? |\s*\[?)"
    rf"(?P<type>[A-Z_$][\w$.]*{_CODE})(?: \[\w{{1,60}}\])?(?P<end>:\s|\s*$)"
)
_WARNING = re.compile(r"(?P<type>\b[A-Z]\w*Warning|\bWarning|\bTrace)(?::|$)")
_UNHANDLED = "UnhandledPromiseRejectionWarning"
# As consola writes an error: its level, and its message without its class.
_LEVELLED = re.compile(r"\s*(?:\[(?:error|fatal)\]|ERROR|FATAL) {1,2}(?:\[[\w:./-]{1,60}\] )?(?P<message>\S.*)")
_CAUSED = re.compile(r"\s*[Cc]aused by:? (?P<head>.*)")  # below a stack: VError's, and others'
_OF_CAUSE = re.compile(r"\s*\[?cause\]?: (?P<head>.*)")
_OF_MEMBERS = re.compile(r"\s*\[errors\]: \[\s*$")
_OUTER = re.compile(r".*?(?<!\S)\[(?P<head>[A-Za-z_$][\w$.]*(?:: .*)?)\] \{\s*$")
_PLACE_ABOVE = re.compile(r"(?P<path>\S[^\n]*?):(?P<line>\d{1,9})$")
_SHOWN_SOURCE = re.compile(r"\s*>?\s*\d{0,6} \| ?")
_EMITTED = re.compile(r"Emitted '\w+' event ")
_CARET = re.compile(r"\s*[\^~]+\s*$")
_WORDS = frozenset(("Error", "Exception", "Rejection"))  # said before the error that is meant: `Error: TypeError: …`
_REASON = re.compile(r'rejected with the reason "(?P<reason>.*)"\.?\]?', re.DOTALL)
_REJECTION = "UnhandledPromiseRejection: This error originated"
_USE_TRACE = "(Use `node --trace-uncaught ...`"
_ENDED = re.compile(r"Node\.js v\d+\.\d+\.\d+\S*\s*$")  # the last line of a program that nobody caught an error of
_HEAD_LINES = 12  # at most, of a message
_PROPERTIES = 600  # lines of an error's own properties
_DEEPEST = 50  # errors, each of which caused the one before


class JavaScript:
    name = "JavaScript: Node, Deno, Bun"
    reads = "causes, an AggregateError's members, codes in names, syntax errors, thrown texts; warnings are no failure"
    marks = (*MARKS, _REJECTION, _USE_TRACE, "Node.js v")

    def begins(self, text: str) -> int | None:
        for mark in (f"[{_REJECTION}", _USE_TRACE):
            if mark in text:
                return text.index(mark)
        if "Node.js v" in text and (ended := _ENDED.search(text)):
            return ended.start()
        return width_before(text, _call)

    def inside(self, text: str) -> bool:
        return _is_call(text)

    def read(self, lines: Lines) -> Found | None:
        line = lines[lines.at] or ""
        if line.startswith(f"[{_REJECTION}"):
            return _rejection(lines)
        if line.startswith(_USE_TRACE) or _ENDED.match(line):
            return _thrown(lines)
        return _stack(lines) if _is_call(line) else None


class _Head(NamedTuple):
    """The line that names an error."""

    at: int
    type: str
    message: str


@dataclass(frozen=True, slots=True)
class _Error:
    """An error and all that came before it, first raised first; and the line after it."""

    chain: tuple[Raised, ...]
    end: int


def _stack(lines: Lines) -> Found | None:
    head = _head_above(lines, lines.at)
    if head is None:
        frames, end, _ = _frames(lines, lines.at)
        cut = Raised(type=CUT_TYPE, frames=tuple(reversed(frames)))
        begins_here = lines.is_start and frames
        return Found(lines.at, end, Failure(language="node", chain=(cut,), complete=False) if begins_here else None)
    if head.type == "":  # a warning, or a trace that was asked for
        return Found(head.at, _frames(lines, lines.at)[1], None)
    outer = _outer_above(lines, head)
    error = _members(lines, *outer) if outer else _error(lines, head, lines.at)
    first, place = _place_above(lines, outer[0] if outer else head.at)
    chain = error.chain
    if place and chain[-1].type == "SyntaxError":
        chain = (*chain[:-1], chain[-1].model_copy(update={"frames": (*chain[-1].frames, place)}))
    return Found(first, error.end, Failure(language="node", chain=chain, complete=chain[-1].type != CUT_TYPE))


def _error(lines: Lines, head: _Head, frames_at: int, depth: int = 0) -> _Error:
    """The error with its calls and its properties, among which can be what caused it. `depth`: how many led to it."""
    frames, end, opened = _frames(lines, frames_at)
    message = _said(lines, head, frames_at)
    raised = Raised(type=head.type, message=message, frames=tuple(reversed(frames)))
    before: tuple[Raised, ...] = ()
    if opened and depth < _DEEPEST:
        before, end = _properties(lines, end, indent(lines[head.at] or ""), depth)
    elif depth < _DEEPEST and (found := _CAUSED.match((lines[end] or "")[:LONGEST])):
        cause = _nested(lines, end, found["head"], "cause", depth)
        before, end = cause.chain, cause.end
    return _Error((*before, raised), end)


def _said(lines: Lines, head: _Head, frames_at: int) -> str:
    """The message, of several lines perhaps; without the source that some runtimes show below it."""
    more = [lines[at] or "" for at in range(head.at + 1, frames_at)]
    carets = [at for at, line in enumerate(more) if _CARET.match(line)]
    more = [line for at, line in enumerate(more) if at not in carets and at + 1 not in carets]
    more = [line for line in more if not _SHOWN_SOURCE.match(line)]
    message = said(head.message, (line.rstrip() for line in more))
    reason = _REASON.search(message) if head.type == "UnhandledPromiseRejection" else None
    return reason["reason"] if reason else message


def _frames(lines: Lines, at: int) -> tuple[list[Frame], int, bool]:
    """The calls from this line on, innermost first; the line after them; whether properties are opened there."""
    frames: list[Frame] = []
    position = at - 1
    while (line := lines[position := position + 1]) is not None and len(frames) < MOST_FRAMES:
        if _is_call(line) or _ELIDED.match(line):
            frame = _call(line)
            frames += [frame] if frame and frame.path else []
            if line.rstrip().endswith("{"):
                return frames, position + 1, True
            if line.rstrip().endswith((",", "]")):
                return frames, position + 1, False
        elif not (_EMITTED.match(line) or goes_on(lines, position, _is_call)):
            wrapped = _call(lines.joined(position) or "") if after_at(line) else None
            if wrapped is None:
                break
            frames.append(wrapped)
            position += 1
    return frames, position, False


def _properties(lines: Lines, at: int, outer: int, depth: int = 0) -> tuple[tuple[Raised, ...], int]:
    """What the properties of an error say of others, first raised first; and the line after them. That is the line
    after the last of these errors, where the properties do not end."""
    before: tuple[Raised, ...] = ()
    position = reached = at
    last = at + _PROPERTIES
    while position < last and (line := lines[position]) is not None:
        if line.strip().startswith("}") and indent(line) <= outer:
            return before, position + 1
        if line.strip() and indent(line) < outer:
            return before, position
        if found := _OF_CAUSE.match(line[:LONGEST]):
            error = _nested(lines, position, found["head"], "cause", depth)
            before, position = (*error.chain, *before), error.end
            reached = position
        elif _OF_MEMBERS.match(line[:LONGEST]):
            members, position = _listed(lines, position + 1, depth)
            before, reached = (*members, *before), position
        else:
            position += 1
    return before, position if lines[position] is None else reached


def _nested(lines: Lines, at: int, text: str, link: str, depth: int) -> _Error:
    """An error among the properties of another, whose first line is this."""
    head = _named(at, text.strip().removeprefix("[").removesuffix(",").removesuffix("]"))
    if head is None:
        return _Error((), at + 1)
    below = next((k for k in range(at + 1, at + 1 + _HEAD_LINES) if _is_call(lines[k] or "")), None)
    if below and link == "cause" and any(_named(k, lines[k] or "") for k in range(at + 1, below)):
        below = None  # these calls are of another error
    error = (
        _error(lines, head, below, depth + 1)
        if below
        else _Error((Raised(type=head.type, message=head.message),), at + 1)
    )
    return _Error((*error.chain[:-1], error.chain[-1].model_copy(update={"link": link})), error.end)


def _listed(lines: Lines, at: int, depth: int = 0) -> tuple[tuple[Raised, ...], int]:
    """The members of an AggregateError."""
    members: tuple[Raised, ...] = ()
    last = at + _PROPERTIES
    while at < last and (line := lines[at]) is not None and not line.strip().startswith("]"):
        error = _nested(lines, at, line, "group", depth)
        members, at = (*members, *error.chain), error.end
    return members, at + 1


def _outer_above(lines: Lines, head: _Head) -> tuple[int, int] | None:
    """The lines of an error that has no calls of its own and begin the list of its members; of the first, `head`."""
    above = heads_above(lines, head.at, 3)
    if len(above) > 1 and _OF_MEMBERS.match(above[0][1]) and _OUTER.match(above[1][1]):
        return above[1][0], above[0][0]
    return None


def _members(lines: Lines, outer_at: int, members_at: int) -> _Error:
    found = _OUTER.match(lines[outer_at] or "")
    kind, _, said = (found["head"] if found else CUT_TYPE).partition(": ")
    before, end = _properties(lines, members_at, indent(lines[outer_at] or ""))
    return _Error((*before, Raised(type=kind, message=said)), end)


def _head_above(lines: Lines, at: int) -> _Head | None:
    """The line that names the error whose calls begin on this one; of type "" where it is a warning or a mere trace."""
    above = heads_above(lines, at, _HEAD_LINES)
    for position, line in above:
        warning = _WARNING.search(line)
        if warning and warning["type"] != _UNHANDLED:
            return _Head(position, "", "") if not _ERROR.search(line) else _named(position, line)
        if _ERROR.search(line) or (position == above[0][0] and _NAMED.match(line)):
            return _named(position, line)
    levelled = _LEVELLED.match(above[0][1]) if above else None
    return _Head(above[0][0], "Error", levelled["message"].rstrip()) if levelled else None


def _named(at: int, text: str) -> _Head | None:
    """The error that this line names, whatever words stand before the name."""
    text = text[:LONGEST].rstrip()
    found = _ERROR.search(text) or _NAMED.match(text)
    if found is None:
        return None
    message = text[found.end() :] if found["end"].startswith(":") else ""
    if message.startswith("{ ") and (inner := _named(at, message[2:])):
        return inner
    if found["type"] in _WORDS and _ERROR.match(message):
        return _named(at, message)
    own = found.groupdict().get("own") or ""  # in brackets Node writes a name that the class has not, or a code
    kind = own if own != own.upper() else found["type"]
    return _Head(at, kind, message.removesuffix(" {").strip())


def _place_above(lines: Lines, head_at: int) -> tuple[int, Frame | None]:
    """The place and source that Node prints above an error that nobody caught, and the line where that begins."""
    above = range(head_at - 1, max(head_at - 9, -1), -1)
    caret = next((at for at in above if _CARET.match(lines[at] or "")), None)
    if caret is None:
        return head_at, None
    for at in range(caret - 1, max(caret - 5, -1), -1):
        if found := _PLACE_ABOVE.match((lines[at] or "")[:LONGEST].strip()):
            code = (lines[at + 1] or "").strip() if at + 1 < caret else ""
            return at, Frame(path=_plain(found["path"]), line=int(found["line"]), code=code)
    return head_at, None


def _rejection(lines: Lines) -> Found:
    """A promise that was rejected with something that is no error: its reason is all that is known."""
    line = lines[lines.at] or ""
    reason = _REASON.search(line)
    raised = Raised(type="UnhandledPromiseRejection", message=reason["reason"] if reason else line.strip("[]{ "))
    first, _ = _place_above(lines, lines.at)
    return Found(first, lines.at + 1, Failure(language="node", chain=(raised,)))


def _thrown(lines: Lines) -> Found | None:
    """What was thrown and is no error: it stands between the source and a hint, or the program's end."""
    first, place = _place_above(lines, lines.at)
    if place is None:
        return None
    caret = next(at for at in range(lines.at - 1, -1, -1) if _CARET.match(lines[at] or ""))
    told = [lines[at] or "" for at in range(caret + 1, lines.at)]
    thrown = "\n".join(told).strip()
    if not thrown or any(_is_call(line) or line.startswith(_USE_TRACE) for line in told):
        return None
    frames = () if place.path.startswith("node:") else (place,)
    raised = Raised(type="Uncaught", message=thrown, frames=frames)
    return Found(first, lines.at + 1, Failure(language="node", chain=(raised,)))


def _call(line: str) -> Frame | None:
    """The call on this line; one without a path where it is none of a file."""
    call = after_at(line)
    if call is None:
        return None
    call = _ENDING.sub("", call).rstrip()
    found = _CALLED.match(call) or _PLACED.match(call)
    if found is None:
        return Frame(path="", line=0) if _ELSEWHERE.match(call) else None
    function = (found.groupdict().get("function") or "").removeprefix("async ").strip()
    return Frame(path=_plain(found["path"]), line=int(found["line"]), function=function)


def _is_call(line: str) -> bool:
    return _call(line) is not None


def _plain(path: str) -> str:
    path = path.removeprefix("file://")
    return path[1:] if re.match(r"/[A-Za-z]:[\\/]", path) else path
