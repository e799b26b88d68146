"""Stacks of the Java virtual machine: Java, Kotlin, Scala, Groovy, as they print themselves and as Logback does."""

from __future__ import annotations

from dataclasses import dataclass, field

from kintsugi.capture.readers.at_lines import (
    LONGEST,
    MARKS,
    MOST_FRAMES,
    after_at,
    chained,
    goes_on,
    heads_above,
    said,
    width_before,
)
from kintsugi.capture.report import CUT_TYPE, Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_CALL = re.compile(
    r"(?:[\w.@$-]*/){0,3}(?P<owner>[\w.$<>-]+)\.(?P<function>[\w$<>-]+)"
    r" ?\((?:[\w.]+@[\w.+-]+/)?"  # with a blank before it, as Maven prints calls
    r"(?P<file>[\w$.+-]+\.(?:java|kts?|scala|groovy|clj|jsp)|SourceFile|Native Method|Unknown Source|<generated>)"
    r"(?::(?P<line>\d{1,9}))?\)(?: ~?\[[^\]]*\])?[,\\]?$"
)
_ELIDED = re.compile(r"\s*\.\.\. \d+ (?:more|common frames omitted|frames? )")
_LINKED = re.compile(r"(?P<indent>\s*)(?P<how>Caused by|Suppressed|Wrapped by): (?P<head>.*)")
_ERROR = re.compile(
    r"(?<![\w.$])(?P<type>(?:[\w$]+\.)*[A-Z][\w$]*"
    r"(?:Exception|Error|Throwable|Failure|Fault|Interrupt|Timeout|Exit)[\w$]*)(?=:|\s*$)"
)
_CLASS = re.compile(r'(?:Exception in thread "[^"]*" )?(?P<type>(?:[a-z_][\w$]*\.)+[A-Z][\w$]*)(?=:|\s*$)')
_NESTED = "nested exception is:"  # in messages of remote calls and mail, above the name of another exception
_HEAD_LINES = 20  # at most, of a message


class Java:
    name = "Java, Kotlin, Scala"
    reads = "`Caused by`, `Wrapped by`; `Suppressed` is passed over; Logback's packaging"
    marks = MARKS

    def begins(self, text: str) -> int | None:
        return width_before(text, _call) if ")" in text else None

    def inside(self, text: str) -> bool:
        return _call(text) is not None

    def read(self, lines: Lines) -> Found | None:
        if _call(lines[lines.at] or "") is None:
            return None
        head_at = _head_at(lines)
        above = lines[head_at] or "" if head_at is not None else ""
        if head_at is None and not lines.is_start:  # a thread's stack, say: nothing failed
            return Found(lines.at, _sections(lines, "", lines.at - 1)[1], None)
        first = head_at if head_at is not None else lines.at
        sections, end = _sections(lines, above, first if head_at is not None else lines.at - 1)
        chain = _chain(sections)
        failure = Failure(language="java", chain=chain, complete=head_at is not None and not _LINKED.match(above))
        return Found(first, end, failure)


@dataclass(slots=True)
class _Section:
    """One exception: how it is linked with the one above it, its name, and its calls, innermost first."""

    how: str
    raised: Raised
    frames: list[Frame] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # further lines of its message


def _sections(lines: Lines, above: str, head_at: int) -> tuple[list[_Section], int]:
    linked = _LINKED.match(above)
    sections = [_Section("", _named(linked["head"] if linked else above))]
    passed_over = False  # within what was suppressed,
    deep = 0  # which is indented so far
    end = head_at + 1
    for at in range(head_at + 1, head_at + 1 + MOST_FRAMES):
        line = lines[at]
        if line is None:
            break
        frame = _call(line)
        if frame is not None:
            if not passed_over:
                sections[-1].frames.append(frame)
        elif found := _LINKED.match(line[:LONGEST]):
            suppressed = found["how"] == "Suppressed"
            deep = len(found["indent"]) if suppressed and not passed_over else deep
            passed_over = suppressed or (passed_over and len(found["indent"]) >= deep > 0)
            if not passed_over:
                sections.append(_Section(found["how"], _named(found["head"])))
        elif not (
            _ELIDED.match(line)
            or goes_on(lines, at, lambda text: _call(text) is not None)
            or _is_said(lines, at, sections[-1], passed_over)
        ):
            break
        end = at + 1
    return sections, end


def _is_said(lines: Lines, at: int, section: _Section, passed_over: bool) -> bool:
    """Whether the line is of a message of several lines, which stands above its calls."""
    if passed_over or section.frames or len(section.said) >= _HEAD_LINES or section.raised.type == CUT_TYPE:
        return False
    section.said.append(lines[at] or "")
    return True


def _chain(sections: list[_Section]) -> tuple[Raised, ...]:
    """First raised first: a cause comes below what it caused, and `Wrapped by` the other way."""
    raised = [_raised(section) for section in sections if section.frames or section.raised.type != CUT_TYPE]
    raised = raised or [Raised(type=CUT_TYPE)]
    if not any(section.how == "Wrapped by" for section in sections):
        raised.reverse()
    return chained(raised)


def _raised(section: _Section) -> Raised:
    message = said(section.raised.message, section.said)
    return section.raised.model_copy(update={"message": message, "frames": tuple(reversed(section.frames))})


def _head_at(lines: Lines) -> int | None:
    """The line that names the exception whose calls begin at the place where they were noticed."""
    above = heads_above(lines, lines.at, _HEAD_LINES)
    while len(above) > 1 and above[1][1].rstrip().endswith(_NESTED):
        above = above[1:]
    if above and _CLASS.match(above[0][1].strip()):
        return above[0][0]
    return next((at for at, line in above if _LINKED.match(line) or _ERROR.search(line)), None)


def _named(text: str) -> Raised:
    """The exception that this line names, whatever stands before the name."""
    text = text.strip()[:LONGEST]
    found = _CLASS.match(text) or _ERROR.search(text) or _CLASS.search(text)
    if found is None:
        return Raised(type=CUT_TYPE)
    return Raised(type=found["type"], message=text[found.end() :].removeprefix(":").strip())


def _call(line: str) -> Frame | None:
    call = after_at(line)
    found = _CALL.match(call) if call is not None else None
    if found is None:
        return None
    owner, file = found["owner"], found["file"]
    folder = "/".join(owner.split(".")[:-1])
    path = f"{folder}/{file}" if folder and found["line"] else file
    return Frame(path=path, line=int(found["line"] or 0), function=f"{owner.rpartition('.')[2]}.{found['function']}")
