"""Ruby's exceptions, as the interpreter, Rails and its loggers print them."""

from __future__ import annotations

from kintsugi.capture.readers.at_lines import heads_above
from kintsugi.capture.report import Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_HEADER = "Traceback (most recent call last):"  # above a stack that is told the other way round, up to Ruby 3.0
_RAISED = re.compile(
    r"(?P<path>[^\s:'\"][^:\n'\"]{0,400}):(?P<line>\d{1,9}):in [`'](?P<function>[^'\n]{1,300})': "
    r"(?P<message>.*?)(?: \((?P<type>[A-Z]\w*(?:::\w+)*)\))?\s*$"
)
_PLACE = re.compile(
    r"(?:\s*(?:\d{1,5}: )?from |\s*)(?P<path>(?:[A-Za-z]:)?[\w./\\~<(@-][^:\n'\"\t|\]]{0,400}):(?P<line>\d{1,9})"
    r"(?::in [`'](?P<function>[^'\n]{1,300})')?\s*$"
)
_TURNED = re.compile(r"\s*\d{1,5}: from \S")
_BEGINS = re.compile(r"(?:^|(?<=[\s|\]:>]))(?=(?:/|\.{0,2}/|[A-Za-z]:|[\w.-]+)[^\s:'\"]*:\d{1,9}:in [`'])")
_NAMED_FIRST = re.compile(r"(?:^|.*[\s:\]])(?P<type>[A-Z]\w*(?:::\w+)*) \((?P<message>.*)\):?\s*$")
_NAMED_LAST = re.compile(r"(?:.*? : )?(?P<message>.*?) \((?P<type>[A-Z]\w*(?:::\w+)*)\):?\s*$")
_NAMED = re.compile(
    r"(?:^|.*[\s:\]])(?P<type>[A-Z]\w*(?:::\w+)*?(?:Error|Exception|NotFound|Invalid|Timeout|Failed\w*)): "
    r"(?P<message>.*)$"
)
_SHOWN = re.compile(r"\s*\d{1,6}: |\s*\d{1,6}:$")  # a line of a template, above the stack that begins in it
_NAMED_IN_DASHES = re.compile(r"(?:^|.*\s)(?P<type>[A-Z]\w*(?:::\w+)*) - (?P<message>.*):\s*$")
_LOOKS_NAMED = re.compile(r"(?:Error|Exception|NotFound|Invalid\w*|Timeout|Failed\w*|Interrupt|Missing\w*)$|::")
_SHAPES = (_NAMED_FIRST, _NAMED_LAST, _NAMED_IN_DASHES, _NAMED)
_LONGEST = 4_000
_MOST = 3_000
_BLANKS = 3  # empty lines in a row, within a report
_SNIPPET = 12  # lines between a message and its stack: its further lines, the source, what was meant perhaps


class Ruby:
    name = "Ruby"
    reads = "the interpreter's own, both ways round; Rails' and its loggers'"
    marks = (":in `", ":in '", _HEADER)

    def begins(self, text: str) -> int | None:
        if len(text) > _LONGEST:
            return None
        if text.rstrip().endswith(_HEADER):
            return len(text.rstrip()) - len(_HEADER)
        found = _BEGINS.search(text)
        return found.start() if found else None

    def inside(self, text: str) -> bool:
        return ":in " in text and _PLACE.match(text[:_LONGEST]) is not None

    def read(self, lines: Lines) -> Found | None:
        line = (lines[lines.at] or "")[:_LONGEST]
        if line.startswith(_HEADER):
            return _turned(lines)
        if found := _RAISED.match(line):
            return _raised(lines, found)
        return _logged(lines) if _PLACE.match(line) else None


def _raised(lines: Lines, found: re.Match[str]) -> Found | None:
    """`place: message (Type)`, and below it where it was called from."""
    below = range(lines.at + 1, lines.at + 1 + _SNIPPET)
    start = next((at for at in below if (lines[at] or "").lstrip().startswith("from ")), None)
    frames, end = _places(lines, start) if start else ([], lines.at + 1)
    if found["type"] is None and not frames:
        return None
    more = _more(lines, lines.at + 1, start) if start else []
    place = _frame(found)
    message = "\n".join((found["message"], *more)).strip()
    raised = Raised(type=found["type"] or "RuntimeError", message=message, frames=(*reversed(frames), place))
    if raised.type in ("Interrupt", "SystemExit"):
        return Found(lines.at, end, None)
    return Found(lines.at, end, Failure(language="ruby", chain=(raised,)))


def _more(lines: Lines, at: int, end: int) -> list[str]:
    """Further lines of the message, up to the source that is shown below it."""
    more: list[str] = []
    for position in range(at, end):
        line = lines[position] or ""
        if not line.strip():
            break
        more.append(line)
    return more


def _turned(lines: Lines) -> Found | None:
    """The outermost call first, and the exception at the end."""
    at = lines.at + 1
    frames: list[Frame] = []
    while len(frames) < _MOST and _TURNED.match(line := (lines[at] or "")[:_LONGEST]):
        if found := _PLACE.match(line):
            frames.append(_frame(found))
        at += 1
    found = _RAISED.match((lines[at] or "")[:_LONGEST])
    if not frames or found is None:
        return None
    raised = Raised(type=found["type"] or "RuntimeError", message=found["message"], frames=(*frames, _frame(found)))
    return Found(lines.at, at + 1, Failure(language="ruby", chain=(raised,)))


def _logged(lines: Lines) -> Found | None:
    """A backtrace below a line that names the exception, as loggers write it."""
    above = [(at, line) for at, line in heads_above(lines, lines.at, _SNIPPET) if not _SHOWN.match(line)]
    for at, line in above[:3]:
        if found := _named(line):
            frames, end = _places(lines, lines.at)
            raised = Raised(type=found["type"], message=found["message"].strip(), frames=tuple(reversed(frames)))
            causes, end = _causes(lines, end)
            return Found(at, end, Failure(language="ruby", chain=(*causes, raised)))
    return None


def _named(line: str) -> re.Match[str] | None:
    found = next((found for shape in _SHAPES if (found := shape.match(line))), None)
    return found if found and _LOOKS_NAMED.search(found["type"]) else None


def _causes(lines: Lines, end: int) -> tuple[list[Raised], int]:
    """What Rails tells below a backtrace of the causes, first raised first; and the line after it."""
    causes: list[Raised] = []
    at = _after_blanks(lines, end)
    if (lines[at] or "").strip() != "Causes:":
        return causes, end
    at = _after_blanks(lines, at + 1)
    while found := _named((lines[at] or "")[:_LONGEST]):
        frames, end = _places(lines, _after_blanks(lines, at + 1))
        named = Raised(type=found["type"], message=found["message"].strip(), link="cause")
        causes.insert(0, named.model_copy(update={"frames": tuple(reversed(frames))}))
        at = _after_blanks(lines, end)
    return causes, end


def _after_blanks(lines: Lines, at: int) -> int:
    return next((k for k in range(at, at + _BLANKS) if (lines[k] or "").strip()), at)


def _places(lines: Lines, at: int) -> tuple[list[Frame], int]:
    """The places from this line on, innermost first, and the line after them."""
    frames: list[Frame] = []
    while len(frames) < _MOST and (found := _PLACE.match((lines[at] or "")[:_LONGEST])):
        frames.append(_frame(found))
        at += 1
    return frames, at


def _frame(found: re.Match[str]) -> Frame:
    return Frame(path=found["path"], line=int(found["line"]), function=found["function"] or "")
