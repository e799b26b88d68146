"""Elixir's exceptions, as `mix`, processes and Plug print them."""

from __future__ import annotations

from kintsugi.capture.report import Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_RAISED = re.compile(r"\*\* \((?P<type>[\w.]+(?: from \S+)?)\) (?P<message>.*)$")
_RAISED_WITHIN = re.compile(r"\s*\*\* \((?!EXIT\))|\s*\*\* \(EXIT\) an exception was raised:")
_CALL = re.compile(
    r"\s*(?:\((?P<app>\w[\w.]*)(?: [^)]{1,60})?\) )?(?P<path>[^\s:()]\S*?\.(?:exs?|erl|hrl|eex|heex))"
    r":(?P<line>\d{1,9}): (?P<function>.*)$"
)
_NAMELESS = re.compile(r"\s*(?:\(\w[\w.]*(?: [^)]{1,60})?\) )?:?[A-Za-z_][\w.:\"!?-]*(?:/\d|\(.*\))\s*$")
_PASSED_ON = ("an exception was raised:", "exited in: ")
_ABOVE = re.compile(r"terminating\b|terminated\b|raised an exception")
_NO_FAILURE = frozenset(("Mix", "shutdown", "EXIT"))
_STOPPED = frozenset(("stop", "exit"))  # a process that waited in vain for another one, where it tells its calls
_LONGEST = 8_000
_MESSAGE_LINES = 60
_MOST = 1_000


class Elixir:
    name = "Elixir"
    reads = "`** (Name)` with its calls, of processes too"
    marks = ("** (",)

    def begins(self, text: str) -> int | None:
        found = _RAISED.search(text[:_LONGEST])
        return (
            None if found is None else found.start() - len(text[: found.start()]) + len(text[: found.start()].rstrip())
        )

    def inside(self, text: str) -> bool:
        return _CALL.match(text[:_LONGEST]) is not None

    def read(self, lines: Lines) -> Found | None:
        found = _RAISED.match((lines[lines.at] or "").strip()[:_LONGEST])
        if found is None or found["message"].endswith(_PASSED_ON):
            return None  # what was raised is told on the next line
        said, start = _said(lines, lines.at + 1)
        frames, end = _calls(lines, start)
        known = frames or found["type"].endswith("Error")
        if not known or found["type"] in _NO_FAILURE:
            return None
        if found["type"] in _STOPPED and (not frames or any(_RAISED_WITHIN.match(line) for line in said)):
            return None  # what was raised is told further below
        message = "\n".join((found["message"], *said)).strip()
        raised = Raised(type=found["type"], message=message, frames=tuple(reversed(frames)))
        first = lines.at - 1 if _ABOVE.search(lines[lines.at - 1] or "") else lines.at
        return Found(first, max(end, lines.at + 1), Failure(language="elixir", chain=(raised,)))


def _said(lines: Lines, at: int) -> tuple[list[str], int]:
    """Further lines of the message, where calls follow them; and the line of the first call."""
    for start in range(at, at + _MESSAGE_LINES):
        line = lines[start]
        if line is None:
            break
        if _CALL.match(line[:_LONGEST]) or _NAMELESS.match(line[:_LONGEST]):
            return [lines[k] or "" for k in range(at, start)], start
    return [], at


def _calls(lines: Lines, at: int) -> tuple[list[Frame], int]:
    frames: list[Frame] = []
    for position in range(at, at + _MOST):
        line = (lines[position] or "")[:_LONGEST]
        if found := _CALL.match(line):
            frames.append(Frame(path=found["path"], line=int(found["line"]), function=found["function"]))
        elif not _NAMELESS.match(line):
            return frames, position
    return frames, at + _MOST
