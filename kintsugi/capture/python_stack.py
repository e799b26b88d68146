"""Reads what Python prints of an exception: chains, groups, notes, syntax errors, cut reports. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from kintsugi.capture.text import without_prefix
from kintsugi.workflow.payload import Failure, Frame, Raised

Link = Literal["", "cause", "context", "group"]

CUT_TYPE = "unknown"  # the type of an exception whose report was cut before its name

_HEADER = re.compile(
    r"(?P<prefix>.{0,300}?)(?P<margin>(?:[ ]{2,80}[|+] )?)"
    r"(?P<group>(?:Exception Group )?)Traceback \(most recent call last\):\s*$"
)
_FRAME = re.compile(
    r'(?P<prefix>.{0,300}?)(?:> |[ \t]{1,80}|^)File "(?P<path>[^"\n]+)", '
    r"line (?P<line>\d{1,9})(?:, in (?P<function>.{1,400}?))?\s*$"
)
_RAISED = re.compile(r"(?P<type>[^\W\d][\w.<>]*)(?:: ?(?P<message>.*))?$")
_REPEATED = re.compile(r"\s*\[Previous line repeated \d+ more times?\]")
_MARKERS = re.compile(r"\s*[\^~][\^~ ]*$")
_DRAWN = re.compile(r"\s*[│└┌├]")  # loguru draws the values under a source line
_SEPARATOR = re.compile(r"\s*\+(?:-\+)?-{10,}(?: [\d.]{1,9} -{10,})?\s*$")
_RECORD = re.compile(
    r"""\{ | \[?\d{4}-\d\d-\d\d[T\ ] | \[?\d\d:\d\d:\d\d | [A-Z][a-z]{2}\ [ \d]\d\ \d\d:
    | \[?(?:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL|TRACE|NOTICE)\b | \d+\.\d+\.\d+\.\d+\ | ={5} | _{5}""",
    re.VERBOSE,
)
_LEVELS = frozenset(("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL", "TRACE", "NOTICE"))
_CONNECTORS: tuple[tuple[str, Link], ...] = (
    ("The above exception was the direct cause of the following exception:", "cause"),
    ("During handling of the above exception, another exception occurred:", "context"),
)
_SYNTAX_ERRORS = frozenset(("SyntaxError", "IndentationError", "TabError"))
_MESSAGE_LINES = 40
_BLANK_LINES = 4  # at most, within a message
_LONGEST = 2_000  # characters of a header or frame
_MOST_BLOCKS = 1_000  # of one report


@dataclass(frozen=True, slots=True)
class _Block:
    """One exception as printed: lines `start` to `end` (exclusive); `depth` is 0 or the margin of its group."""

    start: int
    end: int
    depth: int
    raised: Raised
    complete: bool
    is_group: bool = False


def read_python(lines: Sequence[str]) -> tuple[int, Failure] | None:
    """The last failure that Python printed in these lines, and the line it begins on."""
    anchor = _anchor(lines)
    if anchor is None:
        return None
    plain = without_prefix(lines, lines[anchor[0]][: anchor[1]], anchor[0])
    reports = list(_reports(plain, list(_blocks(plain))))
    if not reports:
        return None
    chain = tuple(block.raised for block in _in_order_raised(reports[-1]))
    complete = all(block.complete for block in reports[-1])
    return anchor[0], Failure(language="python", chain=chain, complete=complete)


def read_raised(line: str) -> Raised:
    """The exception that Python names on this line, `type: message`."""
    found = _RAISED.match(line.strip())
    return Raised(type=found["type"], message=found["message"] or "") if found else Raised(type=line.strip())


def _anchor(lines: Sequence[str]) -> tuple[int, int] | None:
    """The line of the last header, else of the first frame, and the width of the prefix before it."""
    for at in range(len(lines) - 1, -1, -1):
        if found := _header(lines[at]):
            # A group's margin is an even number of blanks: an odd one belongs to the logger's prefix.
            return at, len(found["prefix"]) + (len(found["margin"]) % 2)
    for at, line in enumerate(lines):
        if found := _framed(line):
            return at, len(found["prefix"])
    return None


def _blocks(lines: Sequence[str]) -> Iterator[_Block]:
    at = 0
    while at < len(lines):
        header = _header(lines[at])
        if header is None and not _is_frame(lines[at]):
            at += 1
            continue
        block = _headed(lines, at, header) if header else _block(lines, at, at, 0)
        yield block
        at = block.end


def _headed(lines: Sequence[str], at: int, header: re.Match[str]) -> _Block:
    margin = header["margin"]
    block = _block(lines, at, at + 1, len(margin))
    # The outermost group has a margin of its own, marked with a plus: it is no member of another.
    return replace(block, depth=0 if "+" in margin else len(margin), is_group=bool(header["group"]))


def _block(lines: Sequence[str], start: int, at: int, margin: int) -> _Block:
    """The exception whose report begins on line `start`, and its frames on line `at`."""
    headed = at > start
    frames, at = _frames(lines, at, margin)
    found = _RAISED.match(_inside(lines, at, margin) or "")
    if found is None or found["type"] in _LEVELS:
        return _Block(start, max(at, start + 1), margin, Raised(type=CUT_TYPE, frames=frames), complete=False)
    message, end = _message(lines, at, margin, found["message"] or "")
    raised = Raised(type=found["type"], message=message, frames=frames)
    # A program that cannot even be compiled is reported without a header.
    complete = headed or (len(frames) == 1 and not frames[0].function and raised.type in _SYNTAX_ERRORS)
    return _Block(start, end, margin, raised, complete)


def _frames(lines: Sequence[str], at: int, margin: int) -> tuple[tuple[Frame, ...], int]:
    """The frames from line `at` on, and the line after them."""
    frames: list[Frame] = []
    while (line := _inside(lines, at, margin)) is not None:
        if _is_frame(line) and (found := _framed(line)):
            frames.append(_frame(found))
        elif line[:1].strip() and not _DRAWN.match(line):
            break
        elif frames and not frames[-1].code and line.startswith("    ") and not _annotation(line):
            frames[-1] = frames[-1].model_copy(update={"code": line.strip()})
        at += 1
    return tuple(frames), at


def _frame(found: re.Match[str]) -> Frame:
    return Frame(path=found["path"], line=int(found["line"]), function=found["function"] or "")


def _message(lines: Sequence[str], at: int, margin: int, first: str) -> tuple[str, int]:
    """The message whose first line stands on line `at`, with its notes, and the line after it."""
    message, end = [first], at + 1
    while len(message) < _MESSAGE_LINES and _goes_on(lines, end, margin):
        message.append(_inside(lines, end, margin) or "")
        end += 1
    return "\n".join(message).rstrip(), end


def _goes_on(lines: Sequence[str], at: int, margin: int) -> bool:
    line = _inside(lines, at, margin)
    if line is None or _begins_something(line):
        return False
    if line.strip():
        return True
    # A blank line is within a message where what follows it is indented.
    below = next((text for text in islice(_following(lines, at, margin), _BLANK_LINES) if text.strip()), "")
    return below[:1].isspace() and not _begins_something(below)


def _following(lines: Sequence[str], at: int, margin: int) -> Iterator[str]:
    while (line := _inside(lines, at := at + 1, margin)) is not None:
        yield line


def _begins_something(line: str) -> bool:
    return bool(_header(line) or _is_frame(line) or _connector(line) or _RECORD.match(line))


def _inside(lines: Sequence[str], at: int, margin: int) -> str | None:
    """Line `at` without the margin of its group; None where the group's member or the text ends."""
    if at >= len(lines):
        return None
    line = lines[at]
    if not margin:
        return line
    if _SEPARATOR.match(line) or line[: margin - 1].strip() not in ("|", "+"):
        return None
    return line[margin:]


def _header(line: str) -> re.Match[str] | None:
    return _HEADER.match(line) if "Traceback (most" in line and len(line) < _LONGEST else None


def _framed(line: str) -> re.Match[str] | None:
    """The frame on this line, whatever a logger put before it."""
    return _FRAME.match(line) if 'File "' in line and len(line) < _LONGEST else None


def _is_frame(line: str) -> bool:
    return line.lstrip("> \t").startswith('File "') and _framed(line) is not None


def _annotation(line: str) -> bool:
    return bool(_MARKERS.match(line) or _DRAWN.match(line) or _REPEATED.match(line))


def _connector(line: str) -> Link:
    return next((link for text, link in _CONNECTORS if line.strip(" |+\t").startswith(text)), "")


def _reports(lines: Sequence[str], blocks: Sequence[_Block]) -> Iterator[list[_Block]]:
    """The blocks, those of one chain or group together."""
    report: list[_Block] = []
    for block in blocks:
        link, cause = _join(lines, report[-1].end if report else 0, block.start)
        if report and (link or (block.depth and any(above.is_group for above in report))):
            report = [*_linked(report[-_MOST_BLOCKS:], block.depth, link), block]
            continue
        if report:
            yield report
        report = [*_untraced(cause, link, block), block]
    if report:
        yield report


def _join(lines: Sequence[str], start: int, end: int) -> tuple[Link, str]:
    """How the block that begins at `end` follows on what is before: the link, and the last line before that."""
    before = [text for line in lines[start:end] if (text := line.strip(" |+\t"))]
    link = _connector(before[-1]) if before else ""
    return link, before[-2] if link and len(before) > 1 else ""


def _linked(report: list[_Block], depth: int, link: Link) -> list[_Block]:
    """The report with `link` on its last exception at this depth."""
    at = next((at for at in range(len(report) - 1, -1, -1) if report[at].depth == depth), None)
    if at is None or not link:
        return report
    return [*report[:at], _with_link(report[at], link), *report[at + 1 :]]


def _untraced(cause: str, link: Link, block: _Block) -> list[_Block]:
    """The cause that was printed without a traceback, as it was never raised."""
    found = _RAISED.match(cause)
    if not link or found is None:
        return []
    raised = Raised(type=found["type"], message=found["message"] or "", link=link)
    return [_Block(block.start, block.start, block.depth, raised, complete=True)]


def _in_order_raised(blocks: Sequence[_Block]) -> list[_Block]:
    """Members of a group before the group: they are printed below it, but were raised first."""
    ordered: list[_Block] = []
    at = 0
    while at < len(blocks):
        below = next((n for n in range(at + 1, len(blocks)) if blocks[n].depth <= blocks[at].depth), len(blocks))
        members = _in_order_raised(blocks[at + 1 : below])
        ordered += [member if member.raised.link else _with_link(member, "group") for member in members]
        ordered.append(blocks[at])
        at = below
    return ordered


def _with_link(block: _Block, link: Link) -> _Block:
    return replace(block, raised=block.raised.model_copy(update={"link": link}))
