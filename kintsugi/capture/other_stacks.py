"""Reads stacks that Node, Java and Go print. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kintsugi.capture.python_stack import CUT_TYPE
from kintsugi.capture.text import without_prefix
from kintsugi.workflow.payload import Failure, Frame, Raised

_AT = re.compile(r"(?P<prefix>.{0,300}?)(?P<at>(?:^|[ \t]{1,80})at )(?P<call>\S.*?)(?: \{)?\s*$")
_JAVA = re.compile(r"(?P<owner>[\w.$<>/@-]+)\.(?P<function>[\w$<>]+)\((?P<file>[^():]*)(?::(?P<line>\d+))?\)$")
_NODE = re.compile(
    r"(?:(?P<function>(?:async )?[^()]+?(?: \[as [^\]]+\])?) \()?"
    r"(?P<path>(?:file://|node:|webpack://)?[^():\s]*(?:[A-Za-z]:\\)?[^():\s]*):(?P<line>\d+):\d+\)?$"
)
_NODE_ELSEWHERE = re.compile(r"(?:async )?[^()]* \((?:<anonymous>|native|index \d+)\)$|<anonymous>$")
_ELIDED = re.compile(r"\s*\.\.\. \d+ (?:more|common frames omitted|lines? matching)")
_CAUSE = re.compile(r"\s*(?:Caused by: |\[cause\]: )(?P<head>.*)")
_HEAD = re.compile(
    r"(?:.*\bException in thread \"[^\"]*\" |.*\bUncaught |\s*)"
    r"(?P<type>[A-Za-z_$][\w.$]*?)(?: \[[\w-]+\])?(?:: (?P<message>.*?))?(?: \{)?\s*$"
)
_HEAD_LOOK = re.compile(r"(?:[\w.$]*(?:Error|Exception|Throwable)\b)")
_HEAD_LINES = 8
_LONGEST = 2_000  # characters of a line that can be a frame or the head of a stack

_GOROUTINE = re.compile(r"(?P<prefix>.{0,300}?)goroutine \d+ (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[[^\]]+\]:\s*$")
_PANIC = re.compile(r".*?\b(?P<kind>panic|fatal error): (?P<message>.*?)(?: \[recovered\])?\s*$")
_GO_CALL = re.compile(r"(?P<function>[^\s(][^\s]*?)(?:\((?:[^()]|\([^()]*\))*\))?(?: in goroutine \d+)?\s*$")
_GO_PLACE = re.compile(r"\s+(?P<path>\S.*?):(?P<line>\d+)(?: \+0x[0-9a-f]+)?\s*$")
_GO_LOOK_BACK = 12
_GO_OWN_FRAMES = frozenset(("panic", "runtime.gopanic", "runtime.goexit", "runtime.main"))


@dataclass(frozen=True, slots=True)
class _Section:
    """One exception of an at-stack: its head line and its frames, innermost first."""

    head: str
    frames: tuple[Frame, ...]


def read_at_stack(lines: Sequence[str]) -> tuple[int, Failure] | None:
    """The last Java or Node stack (`at …` lines) in these lines, and the line of its last frame."""
    last = next((at for at in range(len(lines) - 1, -1, -1) if _call(lines[at])), None)
    if last is None:
        return None
    found = _at(lines[last])
    plain = without_prefix(lines, found["prefix"] if found else "", last)
    frames_at = [at for at, line in enumerate(plain) if _call(line)]
    if not frames_at:
        return None
    sections, complete = _sections(plain, frames_at[-1])
    language = "java" if any(_java(line) for line in plain[frames_at[-1] : frames_at[-1] + 1]) else "node"
    return last, Failure(language=language, chain=_chain(sections), complete=complete)


def read_go(lines: Sequence[str]) -> tuple[int, Failure] | None:
    """The last Go panic in these lines, and the line its goroutine's stack begins on."""
    heads = [at for at, line in enumerate(lines) if _GOROUTINE.match(line)]
    start = next((at for at in reversed(heads) if _panic(lines, at)), None)
    if start is None:
        return None
    found, panic = _GOROUTINE.match(lines[start]), _panic(lines, start)
    assert found is not None and panic is not None
    frames = _go_frames(without_prefix(lines[start:], found["prefix"], 0)[1:])
    kind, message = panic["kind"], panic["message"]
    raised = Raised(type=kind, message=message, frames=tuple(reversed(frames)))
    return start, Failure(language="go", chain=(raised,), complete=bool(frames))


def _sections(lines: Sequence[str], last: int) -> tuple[list[_Section], bool]:
    """The sections of the stack whose last frame stands on line `last`, outermost exception first."""
    sections: list[_Section] = []
    at = last
    while True:
        first = _first_frame(lines, at)
        frames = tuple(frame for line in lines[first : at + 1] if (frame := _call(line)))
        head_at = _head(lines, first)
        if head_at is None:
            return [_Section("", frames), *sections], False
        cause = _CAUSE.match(lines[head_at])
        sections.insert(0, _Section(_joined(lines[head_at:first]), frames))
        if cause is None:
            return sections, True
        above = head_at - 1
        while above >= 0 and _ELIDED.match(lines[above]):
            above -= 1
        if above < 0 or not _call(lines[above]):
            return sections, False
        at = above


def _first_frame(lines: Sequence[str], at: int) -> int:
    while at > 0 and (_call(lines[at - 1]) or _elsewhere(lines[at - 1]) or _ELIDED.match(lines[at - 1])):
        at -= 1
    return at


def _head(lines: Sequence[str], first: int) -> int | None:
    """The line that names the exception whose frames begin on line `first`: the nearest that looks like one."""
    above = range(first - 1, max(first - 1 - _HEAD_LINES, -1), -1)
    named = next((at for at in above if _names_an_error(lines[at])), None)
    if named is not None:
        return named
    return first - 1 if first and _HEAD.match(lines[first - 1][:_LONGEST]) else None


def _names_an_error(line: str) -> bool:
    return len(line) < _LONGEST and bool(_CAUSE.match(line) or (_HEAD_LOOK.search(line) and _HEAD.match(line)))


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).strip()


def _chain(sections: Sequence[_Section]) -> tuple[Raised, ...]:
    """First raised first: the last section is the root cause."""
    raised = [_raised(section) for section in sections]
    return (*(cause.model_copy(update={"link": "cause"}) for cause in reversed(raised[1:])), raised[0])


def _raised(section: _Section) -> Raised:
    first, _, rest = section.head.partition("\n")
    first = first[:_LONGEST]
    cause = _CAUSE.match(first)
    found = _HEAD.match(cause["head"] if cause else first)
    kind, message = (found["type"], found["message"] or "") if found else (CUT_TYPE, first)
    return Raised(type=kind, message="\n".join(filter(None, (message, rest))), frames=section.frames[::-1])


def _call(line: str) -> Frame | None:
    """The frame on an `at …` line."""
    found = _at(line)
    return _java(line) or _node(found["call"]) if found else None


def _at(line: str) -> re.Match[str] | None:
    return _AT.match(line) if "at " in line and len(line) < _LONGEST else None


def _java(line: str) -> Frame | None:
    at = _at(line)
    found = _JAVA.match(at["call"]) if at else None
    if found is None or not (found["file"].endswith((".java", ".kt", ".scala", ".groovy")) or _no_file(found["file"])):
        return None
    owner = found["owner"].rpartition("/")[2]
    folder = "/".join(owner.split(".")[:-1])
    path = f"{folder}/{found['file']}" if folder and found["line"] else found["file"]
    function = f"{owner.rpartition('.')[2]}.{found['function']}"
    return Frame(path=path, line=int(found["line"] or 0), function=function)


def _no_file(file: str) -> bool:
    return file in ("Native Method", "Unknown Source", "<generated>")


def _node(call: str) -> Frame | None:
    found = _NODE.match(call)
    if found is None or not found["path"]:
        return None
    function = (found["function"] or "").removeprefix("async ").strip()
    return Frame(path=found["path"].removeprefix("file://"), line=int(found["line"]), function=function)


def _elsewhere(line: str) -> bool:
    found = _at(line)
    return bool(found and _NODE_ELSEWHERE.match(found["call"]))


def _panic(lines: Sequence[str], goroutine: int) -> re.Match[str] | None:
    above = range(goroutine - 1, max(goroutine - 1 - _GO_LOOK_BACK, -1), -1)
    return next((found for at in above if (found := _PANIC.match(lines[at][:_LONGEST]))), None)


def _go_frames(lines: Sequence[str]) -> list[Frame]:
    """Calls and their places, two lines each, innermost first; the panic's own calls are left out."""
    frames: list[Frame] = []
    for call, place in zip(lines[::2], lines[1::2], strict=False):
        function = _GO_CALL.match(call.removeprefix("created by ")[:_LONGEST])
        where = _GO_PLACE.match(place[:_LONGEST])
        if function is None or where is None:
            break
        name = function["function"]
        frames.append(Frame(path=where["path"], line=int(where["line"]), function=name))
    last_panic = max((at for at, frame in enumerate(frames) if frame.function in _GO_OWN_FRAMES), default=-1)
    return [frame for at, frame in enumerate(frames) if at > last_panic or frame.function not in _GO_OWN_FRAMES]
