"""Rust's panics, with a backtrace and without, and the errors that end a program, as anyhow and eyre print them."""

from __future__ import annotations

from kintsugi.capture.readers.messages import message_at
from kintsugi.capture.readers.system import after_end
from kintsugi.capture.report import Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_PANICKED = re.compile(
    r"thread '(?P<thread>[^']*)' (?:\(\d+\) )?panicked at (?:'(?P<said>.*)', )?"
    r"(?P<path>[^\s':][^':]*?):(?P<line>\d{1,9}):\d+:?\s*$"
)
_BEGINS = re.compile(r"thread '[^']*' (?:\(\d+\) )?panicked at ")
_CALL = re.compile(r"\s*\d{1,4}: (?:0x[0-9a-f]+ - )?(?P<function>\S.*?)(?:::h[0-9a-f]{16})?\s*$")
_PLACE = re.compile(r"\s*at (?P<path>\S.*?):(?P<line>\d{1,9})(?::\d+)?\s*$")
_ENDED = re.compile(r"(?:.*\s)?Error: ?(?P<said>.*)$")
_CAUSE = re.compile(r"\s+(?:\d{1,3}: )?(?P<said>\S.*)$")
_PANIC_SAID = re.compile(r"Message:\s+(?P<said>.*)$")
_LOCATION = re.compile(r"(?:Location: |\s+)(?P<path>\S.*?):(?P<line>\d{1,9})(?::\d+)?\s*$")
_EYRES = re.compile(r"(?:Backtrace omitted\.|\s*━+ BACKTRACE ━)")
_ABOVE = 40  # lines above a backtrace that tell what failed
_LONGEST = 4_000
_MOST = 2_000  # lines of a backtrace


class Rust:
    name = "Rust"
    reads = "panics with a backtrace and without; anyhow's and eyre's errors that tell a place"
    marks = (" panicked at ", "Stack backtrace:", "Backtrace omitted", " BACKTRACE ")

    def begins(self, text: str) -> int | None:
        if len(text) > _LONGEST:
            return None
        if text.endswith("Stack backtrace:"):
            return len(text) - len("Stack backtrace:")
        found = _BEGINS.search(text) or _EYRES.search(text)
        return found.start() if found else None

    def inside(self, text: str) -> bool:
        return text.startswith(("stack backtrace:", "note: run with `RUST_BACKTRACE")) or _PLACE.match(text) is not None

    def read(self, lines: Lines) -> Found | None:
        if not _BEGINS.match(lines[lines.at] or ""):
            return _error(lines)
        head = _PANICKED.match(lines[lines.at] or "")
        if head is None:
            return None
        message, end = head["said"], lines.at + 1
        if message is None:
            message, end = message_at(lambda k: _said(lines[k]), end, "panic", lines[end] or "", lines.whole)
        place = Frame(path=head["path"], line=int(head["line"]))
        frames, end = _backtrace(lines, end)
        if not any(_is_at(frame, place) for frame in frames):
            frames.append(place)
        raised = Raised(type="panic", message=message, frames=tuple(frames))
        return Found(lines.at, after_end(lines, end), Failure(language="rust", chain=(raised,)))


def _said(line: str | None) -> str | None:
    return None if line is None or line.startswith(("note: ", "stack backtrace:", "thread '")) else line


def _error(lines: Lines) -> Found | None:
    """What stands above a backtrace, or above the word that there is none: the words, their causes, a place."""
    above = range(lines.at - 1, max(lines.at - 1 - _ABOVE, -1), -1)
    first = next((k for k in above if _ENDED.match(lines[k] or "") or _PANIC_SAID.match(lines[k] or "")), None)
    if first is None:
        return None
    panicked = _PANIC_SAID.match(lines[first] or "")
    ended = _ENDED.match(lines[first] or "")
    said = [*([ended["said"]] if ended else []), *_causes(lines, first + 1)]
    said = [panicked["said"]] if panicked else [one for one in said if one]
    frames, end = _backtrace(lines, lines.at)
    frames = frames or _location(lines, first)
    if not frames or not said:
        return None
    kind = "panic" if panicked else "Error"
    causes = [Raised(type=kind, message=one, link="cause") for one in said[:0:-1]]
    raised = Raised(type=kind, message=said[0], frames=tuple(frames))
    return Found(first, max(end, lines.at + 1), Failure(language="rust", chain=(*causes, raised)))


def _causes(lines: Lines, at: int) -> list[str]:
    """What the error came of, outermost first."""
    said: list[str] = []
    for position in range(at, at + _ABOVE):
        line = (lines[position] or "")[:_LONGEST]
        if line and line != "Caused by:":
            cause = _CAUSE.match(line)
            if cause is None:
                break
            said.append(cause["said"])
    return said


def _location(lines: Lines, first: int) -> list[Frame]:
    below = (
        (lines[k] or "")[:_LONGEST] for k in range(first + 1, lines.at) if "Location:" in f"{lines[k]}{lines[k - 1]}"
    )
    found = next((found for line in below if (found := _LOCATION.match(line))), None)
    return [Frame(path=found["path"], line=int(found["line"]))] if found else []


def _is_at(frame: Frame, place: Frame) -> bool:
    return frame.line == place.line and frame.path.removeprefix("./").endswith(place.path.removeprefix("./"))


def _backtrace(lines: Lines, at: int) -> tuple[list[Frame], int]:
    """The calls, outermost first, and the line after them."""
    while (lines[at] or "").startswith("note: "):
        at += 1
    if not (lines[at] or "").lower().startswith("stack backtrace:"):
        return [], at
    frames: list[Frame] = []
    function, end = "", at + 1
    for position in range(at + 1, at + 1 + _MOST):
        line = (lines[position] or "")[:_LONGEST]
        if place := _PLACE.match(line):
            frames.append(Frame(path=place["path"], line=int(place["line"]), function=function))
        elif call := _CALL.match(line):
            function = call["function"]
        elif not line.startswith("note: "):
            break
        end = position + 1
    return frames[::-1], end
