"""Ends that the system tells of, where the program could not: killed for want of memory, or by a fault."""

from __future__ import annotations

from kintsugi.capture.report import Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Raised

_KILLED = re.compile(
    r"(?:^|(?<=[|\]:>] ))\s*(?P<type>Killed|Segmentation fault|Aborted|Bus error|Illegal instruction)"
    r"(?P<dumped> \(core dumped\))?\s*$"
)
_BY_SHELL = re.compile(
    r"line \d+:\s+\d+ (?P<type>Killed|Segmentation fault|Aborted|Bus error)(?P<dumped>\s+\(core dumped\))?"
    r"\s+(?P<what>\S.*)$"
)
_BY_KERNEL = re.compile(
    r"(?:Out of memory|Memory cgroup out of memory): (?P<type>Kill)(?:ed)? process \d+,? (?:\((?P<what>[^)]*)\))?.*$"
)
_OOM_KILLED = re.compile(r"(?:Reason:\s+|reason: ?\"?|\b)(?P<type>OOMKilled)\b.*$")
_HEAP = re.compile(r"FATAL ERROR: (?P<message>.*(?P<type>JavaScript heap out of memory).*)$")
_SHAPES = (_BY_KERNEL, _BY_SHELL, _KILLED, _HEAP, _OOM_KILLED)
_STATUS = re.compile(r"exited with code 1(?:37|39|34)|signal 9|SIGKILL|exit status 137|out of memory", re.IGNORECASE)
_ENDED = re.compile(r"(?:Segmentation fault|Aborted|Bus error|Illegal instruction)(?:\s+\(core dumped\))?\s*$")
_NATIVE = re.compile(r"\s*\d{1,3}: 0x[0-9a-f]+ |\s*$|-+ Native stack trace -+|thread caused non-unwinding panic")
_LONGEST = 2_000
_BELOW = 3
_NATIVE_LINES = 60


class System:
    name = "the system"
    reads = "killed for want of memory, faults without a stack"
    marks = (
        "Killed",
        "Segmentation fault",
        "Aborted",
        "Bus error",
        "Illegal instruction",
        "ut of memory: Kill",
        "OOMKilled",
        "heap out of memory",
    )

    def begins(self, text: str) -> int | None:
        if len(text) > _LONGEST:
            return None
        found = next((found for shape in _SHAPES if (found := shape.search(text))), None)
        return found.start() if found else None

    def inside(self, text: str) -> bool:
        return False

    def read(self, lines: Lines) -> Found | None:
        line = (lines[lines.at] or "").strip()
        found = next((found for shape in _SHAPES if (found := shape.search(line))), None)
        if found is None:
            return None
        told = found.groupdict()
        kind = {"Kill": "Killed", "JavaScript heap out of memory": "OutOfMemory"}.get(told["type"], told["type"])
        below = [
            text
            for at in range(lines.at + 1, lines.at + 1 + _BELOW)
            if (text := lines[at] or "") and _STATUS.search(text)
        ]
        message = told.get("message") or told.get("what") or (told.get("dumped") or "").strip() or "".join(below[:1])
        raised = Raised(type=kind, message=message.strip())
        end = after_end(lines, lines.at + 1) if kind == "OutOfMemory" else lines.at + 1
        return Found(lines.at, end, Failure(language="unknown", chain=(raised,)))


def after_end(lines: Lines, at: int) -> int:
    """The line after a report of a fault, and after the shell's word that the process ended by it: no second one."""
    for position in range(at, at + _NATIVE_LINES):
        line = lines[position]
        if line is not None and (_ENDED.match(line[:_LONGEST]) or _BY_SHELL.search(line[:_LONGEST])):
            return position + 1
        if line is None or not _NATIVE.match(line[:_LONGEST]):
            break
    return at
