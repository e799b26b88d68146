"""Tracebacks that Rich draws in a box, also by its log handler and in structlog's console."""

from __future__ import annotations

from kintsugi.capture.readers.messages import message_at
from kintsugi.capture.readers.python import HEADER, STOPPED, Link, connector, names_an_exception, read_raised
from kintsugi.capture.report import CUT_TYPE, Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_TOP = re.compile(r"[╭┌+][─━-]+ Traceback \(most recent call last\) [─━-]+[╮┐+]")
_SIDES = ("│", "|", "┃")
_FRAME = re.compile(r"(?P<path>\S.*?):(?P<line>\d{1,9})(?: in (?P<function>\S.{0,300}))?$")
_NAMELESS = re.compile(r"in (?P<function>\S{1,300}):(?P<line>\d{1,9})$")
_CODE = re.compile(r"[❱>] +(?P<line>\d{1,9}) [│|] ?(?P<code>.*)$")
_GUIDES = re.compile(r"^(?:│ {3})*")
_WRAPPED_WITHIN = 20  # columns of the box's width: a message that fills the line goes on in the next
_LONGEST = 4_000


class Rich:
    name = "Rich, structlog's console"
    reads = "boxes with their chains, also beside a log's columns"
    marks = (HEADER,)

    def begins(self, text: str) -> int | None:
        found = _TOP.search(text[:_LONGEST])
        return found.start() if found else None

    def inside(self, text: str) -> bool:
        return text.startswith((*_SIDES, "╰"))

    def read(self, lines: Lines) -> Found | None:
        chain: list[Raised] = []
        at, link = lines.at, ""
        while True:
            raised, end = _boxed(lines, at)
            chain = [*chain[:-1], chain[-1].model_copy(update={"link": link}), raised] if chain else [raised]
            at, link = _next(lines, end)
            if not link:
                break
        complete = all(raised.type != CUT_TYPE for raised in chain)
        failure = Failure(language="python", chain=tuple(chain), complete=complete)
        return Found(lines.at, end, None if chain[-1].type in STOPPED else failure)


def _next(lines: Lines, end: int) -> tuple[int, Link]:
    """Where the box of the exception that came of this one begins, and how it did."""
    link: Link = ""
    for at in range(end, end + 8):
        text = (lines[at] or "").strip()
        if link and _TOP.match(text):
            return at, link
        link = link or connector(text)
        if text and not connector(text):
            break
    return end, ""


def _boxed(lines: Lines, at: int) -> tuple[Raised, int]:
    """The exception whose box begins on this line, and the line after it."""
    width = len((lines[at] or "").rstrip())
    frames, at = _frames(lines, at + 1)
    line = (lines[at] or "").rstrip()
    if not names_an_exception(line.strip()):
        return Raised(type=CUT_TYPE, frames=frames), at
    raised = read_raised(line)
    message, end = message_at(lambda k: _plain(lines[k]), at, raised.type, raised.message, lines.whole)
    while len(line) > width - _WRAPPED_WITHIN and (more := (lines[end] or "").strip()) and not connector(more):
        line, message, end = (lines[end] or "").rstrip(), f"{message} {more}", end + 1
    return Raised(type=raised.type, message=message, frames=frames), end


def _plain(line: str | None) -> str | None:
    return None if line is None or connector(line) or _TOP.search(line[:_LONGEST]) else line.rstrip()


def _frames(lines: Lines, at: int) -> tuple[tuple[Frame, ...], int]:
    frames: list[Frame] = []
    wrapped = ""
    while (line := lines[at]) is not None and line.startswith(_SIDES):
        content = line.rstrip().rstrip("".join(_SIDES))[1:].rstrip()
        text, at = content.strip(), at + 1
        if found := _CODE.match(text):
            if frames and not frames[-1].code and frames[-1].line == int(found["line"]):
                code = _GUIDES.sub("", found["code"]).strip()
                frames[-1] = frames[-1].model_copy(update={"code": code})
        elif not text or content[:2].strip() == "" or text[0] in "╭│╰┌└+|":
            wrapped = ""
        elif found := _NAMELESS.match(text):
            frames.append(Frame(path="<unknown>", line=int(found["line"]), function=found["function"]))
        elif found := _FRAME.match(wrapped + text):
            frames.append(Frame(path=found["path"], line=int(found["line"]), function=found["function"] or ""))
            wrapped = ""
        else:  # a path that is too long for the box goes on in its next line
            wrapped += text
    return tuple(frames), at + 1 if line is not None and line.startswith(("╰", "└", "+")) else at
