"""Rust's panics, with a backtrace and without."""

from __future__ import annotations

import re

from kintsugi.capture.readers.messages import message_at
from kintsugi.capture.readers.system import after_end
from kintsugi.capture.report import Found, Lines
from kintsugi.workflow.payload import Failure, Frame, Raised

_PANICKED = re.compile(
    r"thread '(?P<thread>[^']*)' (?:\(\d+\) )?panicked at (?:'(?P<said>.*)', )?"
    r"(?P<path>[^\s':][^':]*?):(?P<line>\d{1,9}):\d+:?\s*$"
)
_BEGINS = re.compile(r"thread '[^']*' (?:\(\d+\) )?panicked at ")
_CALL = re.compile(r"\s*\d{1,4}: (?:0x[0-9a-f]+ - )?(?P<function>\S.*?)(?:::h[0-9a-f]{16})?\s*$")
_PLACE = re.compile(r"\s*at (?P<path>\S.*?):(?P<line>\d{1,9})(?::\d+)?\s*$")
_LONGEST = 4_000
_MOST = 2_000  # lines of a backtrace


class Rust:
    name = "Rust"
    reads = "panics with a backtrace and without"
    marks = (" panicked at ",)

    def begins(self, text: str) -> int | None:
        found = _BEGINS.search(text) if " panicked at " in text and len(text) < _LONGEST else None
        return found.start() if found else None

    def inside(self, text: str) -> bool:
        return text.startswith(("stack backtrace:", "note: run with `RUST_BACKTRACE")) or _PLACE.match(text) is not None

    def read(self, lines: Lines) -> Found | None:
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


def _is_at(frame: Frame, place: Frame) -> bool:
    return frame.line == place.line and frame.path.removeprefix("./").endswith(place.path.removeprefix("./"))


def _backtrace(lines: Lines, at: int) -> tuple[list[Frame], int]:
    """The calls, outermost first, and the line after them."""
    while (lines[at] or "").startswith("note: "):
        at += 1
    if not (lines[at] or "").startswith("stack backtrace:"):
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
