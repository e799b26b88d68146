"""Tracebacks of IPython and Jupyter."""

from __future__ import annotations

from kintsugi.capture.readers.messages import message_at
from kintsugi.capture.readers.python import HEADER, STOPPED, Link, connector, names_an_exception, read_raised
from kintsugi.capture.report import CUT_TYPE, Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_TOP = re.compile(r"(?P<type>[^\W\d][\w.]*)\s{2,}Traceback \(most recent call last\)\s*$")
_FRAME = re.compile(r"File (?P<path>\S.*?):(?P<line>\d{1,9})(?:, in (?P<function>[^(\n]{1,300})\(?.*)?$")
_CELL = re.compile(
    r"(?P<path>(?:Cell|Input) In ?\[\d+\]|<ipython-input-[^>]+>|(?:[~/]|[A-Za-z]:\\)\S.*?\.py)"
    r"(?:,? line (?P<line>\d{1,9})|,? in (?P<function>[^(\n]{1,300})\(?.*)"
)
_ARROW = re.compile(r"-+> (?P<line>\d{1,9}) ?(?P<code>.*)$")
_SOURCE = re.compile(r"\s*\d{1,9}(?: .*)?$")
_LONGEST = 4_000


class Notebook:
    name = "IPython, Jupyter"
    reads = "files and cells, with their chains"
    marks = (HEADER,)

    def begins(self, text: str) -> int | None:
        found = _TOP.search(text) if len(text) < _LONGEST else None
        return found.start() if found else None

    def inside(self, text: str) -> bool:
        return text.startswith(("File ", "Cell In", "Input In", "<ipython-")) or _ARROW.match(text) is not None

    def read(self, lines: Lines) -> Found | None:
        chain: list[Raised] = []
        at: int | None = lines.at
        end = lines.at
        while at is not None:
            raised, end = _one(lines, at)
            chain.append(raised)
            at, link = _next(lines, end)
            if at is not None:
                chain[-1] = chain[-1].model_copy(update={"link": link})
        complete = all(raised.type != CUT_TYPE for raised in chain)
        failure = Failure(language="python", chain=tuple(chain), complete=complete)
        return Found(lines.at, end, None if chain[-1].type in STOPPED else failure)


def _next(lines: Lines, end: int) -> tuple[int | None, Link]:
    link: Link = ""
    for at in range(end, end + 8):
        line = lines[at] or ""
        if link and _TOP.match(line[:_LONGEST]):
            return at, link
        link = link or connector(line)
        if line.strip() and not connector(line) and not line.startswith("-----"):
            break
    return None, ""


def _one(lines: Lines, at: int) -> tuple[Raised, int]:
    """The exception that is named on this line, and the line after its message."""
    top = _TOP.match(lines[at] or "")
    frames: list[Frame] = []
    while (line := lines[at := at + 1]) is not None:
        line = line[:_LONGEST]
        if found := _FRAME.match(line) or _CELL.match(line):
            frames.append(_frame(found))
        elif (found := _ARROW.match(line)) and frames and not frames[-1].code:
            number = frames[-1].line or int(found["line"])
            frames[-1] = frames[-1].model_copy(update={"line": number, "code": found["code"].strip()})
        elif line.strip() and not _SOURCE.match(line):
            break
    if line is None or not names_an_exception(line):
        return Raised(type=top["type"] if top else CUT_TYPE, frames=tuple(frames)), at
    raised = read_raised(line)
    message, end = message_at(lambda k: _plain(lines[k]), at, raised.type, raised.message, lines.whole)
    return Raised(type=raised.type, message=message, frames=tuple(frames)), end


def _frame(found: re.Match[str]) -> Frame:
    function = (found["function"] or "").strip()
    return Frame(path=found["path"], line=int(found["line"] or 0), function=function)


def _plain(line: str | None) -> str | None:
    return None if line is None or connector(line) or _TOP.match(line[:_LONGEST]) else line
