"""What Python's faulthandler prints of a crash in native code: the innermost call first."""

from __future__ import annotations

from kintsugi.capture.readers.system import after_end
from kintsugi.capture.report import Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_FATAL = re.compile(r"(?:Fatal Python error|Windows fatal exception): (?P<what>.{1,400}?)\s*$")
_THREAD = re.compile(r"(?P<current>Current t|T)hread 0x[0-9a-f]+.{0,200}\(most recent call first\):\s*$")
_FRAME = re.compile(r'\s*File "(?P<path>[^"\n]+)", line (?P<line>\d{1,9}|\?\?\?) in (?P<function>.{1,400}?)\s*$')
_LINES = 4_000


class PythonFault:
    name = "Python's faulthandler"
    reads = "the thread that failed"
    marks = ("Fatal Python error: ", "Windows fatal exception: ")

    def begins(self, text: str) -> int | None:
        found = _FATAL.search(text[:2_000])
        return found.start() if found else None

    def inside(self, text: str) -> bool:
        return _FRAME.match(text[:2_000]) is not None or _THREAD.match(text[:2_000]) is not None

    def read(self, lines: Lines) -> Found | None:
        found = _FATAL.match(lines[lines.at] or "")
        if found is None:
            return None
        frames, end = _current(lines, lines.at + 1)
        kind, _, said = found["what"].partition(": ")
        raised = Raised(type=kind, message=said, frames=tuple(reversed(frames)))
        failure = Failure(language="python", chain=(raised,), complete=bool(frames))
        return Found(lines.at, after_end(lines, end), failure)


def _current(lines: Lines, at: int) -> tuple[list[Frame], int]:
    """The frames of the thread that failed, or of the only one; and the line after all threads."""
    chosen: list[Frame] = []
    frames: list[Frame] = []
    current, end = False, at
    for position in range(at, at + _LINES):
        line = lines[position]
        if line is None:
            break
        if thread := _THREAD.match(line):
            frames, current, end = [], bool(thread["current"] != "T"), position + 1
        elif found := _FRAME.match(line[:2_000]):
            number = int(found["line"]) if found["line"].isdigit() else 0
            frames.append(Frame(path=found["path"], line=number, function=found["function"]))
            chosen, end = frames if current or not chosen else chosen, position + 1
        elif line.startswith("Extension modules:"):
            return chosen, position + 1
        elif line.strip() and not line.startswith((" ", "Python runtime state", "<no Python frame>")):
            break
    return chosen, end
