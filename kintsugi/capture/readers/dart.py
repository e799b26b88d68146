"""Dart's uncaught exceptions, as the Dart VM and Flutter print them."""

from __future__ import annotations

from kintsugi.capture.readers.at_lines import heads_above
from kintsugi.capture.report import Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_CALL = re.compile(
    r"#(?P<number>\d{1,4}) {2,}(?P<function>\S.*?) \((?P<path>(?:package|dart|file|org-dartlang-\w+):[^\s()]+?\.dart)"
    r"(?::(?P<line>\d{1,9}))?(?::\d+)?\)\s*$"
)
_UNHANDLED = re.compile(r"(?:.*\s)?Unhandled [Ee]xception:\s*(?P<said>.*)$")
_FLUTTERS = re.compile(r".*EXCEPTION CAUGHT BY ")
_THROWN = re.compile(r"The following (?P<type>\S+) was thrown\b.*:$")
_NAMED = re.compile(r"(?P<type>_?[A-Z]\w*(?:Error|Exception)\w*)(?: \([^)]{1,40}\))?(?:: (?P<said>.*))?$", re.DOTALL)
_BETWEEN = "<asynchronous suspension>"
_LONGEST = 4_000
_HEAD_LINES = 25
_MOST = 2_000


class Dart:
    name = "Dart, Flutter"
    reads = "exceptions that nobody caught, with their stack"
    marks = ("#0   ",)

    def begins(self, text: str) -> int | None:
        found = _CALL.search(text) if len(text) < _LONGEST and ".dart" in text else None
        return found.start() if found and found["number"] == "0" else None

    def inside(self, text: str) -> bool:
        return text.startswith("#") and _CALL.match(text[:_LONGEST]) is not None

    def read(self, lines: Lines) -> Found | None:
        frames, end = _calls(lines)
        told = _told(lines) if frames else None
        if told is None:
            return Found(lines.at, max(end, lines.at + 1), None)
        first, kind, message = told
        raised = Raised(type=kind, message=message, frames=tuple(reversed(frames)))
        return Found(first, end, Failure(language="dart", chain=(raised,)))


def _calls(lines: Lines) -> tuple[list[Frame], int]:
    """The calls, innermost first, and the line after them."""
    frames: list[Frame] = []
    for at in range(lines.at, lines.at + _MOST):
        line = (lines[at] or "")[:_LONGEST]
        if found := _CALL.match(line):
            path = found["path"].removeprefix("file://")
            frames.append(Frame(path=path, line=int(found["line"] or 0), function=found["function"]))
        elif line.strip() != _BETWEEN:
            return frames, at
    return frames, lines.at + _MOST


def _told(lines: Lines) -> tuple[int, str, str] | None:
    """The line that tells what was thrown, its type and its words: Flutter's box, or the VM's line, above the stack."""
    above = heads_above(lines, lines.at, _HEAD_LINES)
    for at, line in above:
        if thrown := _THROWN.match(line):
            words = next((text for k, text in reversed(above) if k > at), "")
            return at, thrown["type"], words
        if found := _UNHANDLED.match(line):
            said = "\n".join(filter(None, (found["said"], *(text for k, text in reversed(above) if k > at))))
            named = _NAMED.match(said)
            return (at, named["type"], named["said"] or "") if named else (at, "Unhandled exception", said)
        if _FLUTTERS.match(line):
            break
    named = _NAMED.match(above[0][1]) if above else None
    return (above[0][0], named["type"], named["said"] or "") if named else None
