"""What Python prints of an exception: chains, groups, notes, syntax errors, workers' tracebacks, cut reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal, NamedTuple

from kintsugi.capture.readers.messages import RECORD, message_at
from kintsugi.capture.report import CUT_TYPE, Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

Link = Literal["", "cause", "context", "group"]

HEADER = "Traceback (most recent call last)"
STOPPED = frozenset(("KeyboardInterrupt", "CancelledError", "SystemExit", "GeneratorExit", "BdbQuit"))  # no failure

_GROUP = "Exception Group "
_FRAME = re.compile(
    r'\s{0,80}(?:> )?\s{0,8}File "(?P<path>[^"\n]+)", line (?P<line>\d{1,9})(?:, in (?P<function>.{1,400}?))?\s*$'
)
_INSIDE = re.compile(r'\s{0,80}(?:[|+] )?\s{0,8}(?:> )?\s{0,8}File "[^"]+", line \d')
_HEADLESS = re.compile(r'File "[^"\n]+", line \d{1,9}(?:, in .{1,400})?\s*$')
_RAISED = re.compile(r"(?P<type>[^\W\d][\w.<>]*)(?:: ?(?P<message>.*))?$")
_REPEATED = re.compile(r"\s*\[Previous line repeated \d+ more times?\]")
_MARKERS = re.compile(r"\s*[\^~][\^~ ]*$")
_SHOWN = re.compile(r"(?:--> \d{1,9} (?P<code>.*)| {4,}(?:\d{1,9} |\.{10}|[\w.]+ = ))")
_DRAWN = re.compile(r"\s*[│└┌├]")  # loguru draws the values under a source line
_SEPARATOR = re.compile(r"\s*\+(?:-\+)?-{10,}(?: [\d.]{1,9} -{10,})?\s*$")
_MARGIN = re.compile(r"\s{2,80}\| ")
_MEMBER = re.compile(r"(?P<margin>\s{2,80}\| )(?P<raised>[^\W\d][\w.<>]*(?:: .*)?)$")
_NAMED_ABOVE = re.compile(r"\[ERROR\]\s+(?:\S+Z\s+\S+\s+)?(?P<raised>[^\W\d][\w.]*(?::.*)?)$")
_LEVELS = frozenset(("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL", "TRACE", "NOTICE"))
_LOOKS_NAMED = re.compile(r"(?:Error|Exception|Interrupt|Exit|Iteration|Warning|Timeout|Group|Fault)\d*$")
_CONNECTORS: tuple[tuple[str, Link], ...] = (
    ("The above exception was the direct cause of the following exception:", "cause"),
    ("During handling of the above exception, another exception occurred:", "context"),
)
_OTHER_STACKS = ("most recent call last", "Call stack:", "Stack trace:")  # above frames: where no exception is told of
_SYNTAX_ERRORS = frozenset(("SyntaxError", "IndentationError", "TabError"))
_QUOTES = ('"""', "'''")  # around a worker's traceback
_LONGEST = 4_000  # characters of a header or frame
_MOST_BLOCKS = 1_000  # of one report
_BLANKS = 6  # empty lines in a row, within a report
_MOST_NOTES = 10  # lines of the notes of an exception: one that ends here is told after as many more
_ABOVE = 10  # lines above a traceback that may name it


class Python:
    name = "Python"
    reads = (
        "tracebacks with chains, groups, notes, syntax errors; of pool workers, of `logging` itself, of AWS Lambda; "
        "pastes without indentation, and cut ones"
    )
    marks = (HEADER, 'File "', 'File ""')

    def begins(self, text: str) -> int | None:
        header = _header(text)
        if header is not None:
            return header.width
        at = text.find('File "')
        if at < 0 or len(text) > _LONGEST or not _HEADLESS.match(text, at):
            return None
        before = text[:at].removesuffix("> ")
        if not before.strip():
            return 0
        return len(before) - 2 if before.endswith("  ") else None

    def inside(self, text: str) -> bool:
        return 'File "' in text and len(text) < _LONGEST and _INSIDE.match(text) is not None

    def read(self, lines: Lines) -> Found | None:
        header = _header(lines[lines.at] or "")
        return _headless(lines) if header is None else _Reading(lines).read(header)


class _Header(NamedTuple):
    width: int  # of what stands before it and its group's margin
    margin: int
    outermost: bool  # of a group: its margin is its own, and it is no member of another
    is_group: bool


@dataclass(frozen=True, slots=True)
class _Block:
    """One exception as printed: lines `start` to `end` (exclusive); `depth` is 0 or the margin of its group."""

    start: int
    end: int
    depth: int
    raised: Raised
    complete: bool
    is_group: bool = False
    is_a_workers: bool = False


class _Reading:
    """One report, front to back."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.blocks: list[_Block] = []

    def read(self, header: _Header) -> Found:
        lines, at = self.lines, self.lines.at
        first = self._above(at)
        following: _Header | None = header
        while following is not None and len(self.blocks) < _MOST_BLOCKS:
            self.blocks.append(_headed(lines, at, following))
            at, following = self._next(self.blocks[-1])
        self._told_of_workers_once()
        end = self._call_stack(max(block.end for block in self.blocks))
        end = self._named_above(first, end)
        while _SEPARATOR.match(lines[end] or ""):
            end += 1
        ordered = _in_order_raised(self.blocks)
        failure = Failure(
            language="python",
            chain=tuple(block.raised for block in ordered),
            complete=all(block.complete for block in ordered),
        )
        return Found(min(first, self.blocks[0].start), end, None if _was_stopped(failure) else failure)

    def _above(self, at: int) -> int:
        """The report's first line; a cause above it that was printed without a traceback, as it was never raised."""
        lines = self.lines
        above = [k for k in range(at - 1, max(at - 1 - _ABOVE, -1), -1) if (lines[k] or "").strip(" |+\t")]
        link = connector(lines[above[0]] or "") if above else ""
        found = _RAISED.match((lines[above[1]] or "").strip()) if link and len(above) > 1 else None
        if found is not None:
            raised = Raised(type=found["type"], message=found["message"] or "", link=link)
            self.blocks.append(_Block(above[1], above[1] + 1, 0, raised, complete=True))
            return above[1]
        if above and (lines[above[0]] or "").strip() in (*_QUOTES, "--- Logging error ---"):
            return above[1] if len(above) > 1 and "RemoteTraceback" in (lines[above[1]] or "") else above[0]
        return at

    def _next(self, block: _Block) -> tuple[int, _Header | None]:
        """Where the next exception of the report begins; no header where there is none."""
        lines, blanks = self.lines, 0
        link: Link = ""
        within = any(above.is_group for above in self.blocks)
        for at in count(block.end):
            line = lines[at]
            text = (line or "").strip(" |+\t")
            if line is None or blanks > _BLANKS:
                break
            if (header := _header(line)) is not None:
                if not (link or (within and header.margin)):
                    break
                depth = 0 if header.outermost else header.margin
                self._link(depth, link)
                return at, header
            if connector(line):
                link, blanks = connector(line), 0
            elif not text or text in _QUOTES or _SEPARATOR.match(line) or (within and text.startswith("and ")):
                blanks = blanks + 1 if not line.strip() else 0
            elif within and _SEPARATOR.match(lines[at - 1] or "") and (member := _MEMBER.match(line)):
                self._add_member(at, member)
            elif link or not ((within and _MARGIN.match(line)) or self._is_linked_below(at)):
                break
        return 0, None

    def _is_linked_below(self, at: int) -> bool:
        """Whether the line stands between an exception and what it led to, as its notes do."""
        last = ""
        for line in (self.lines[k] for k in range(at, at + _MOST_NOTES)):
            if line is None or _header(line) or RECORD.match(line) or _INSIDE.match(line):
                break
            if connector(line):  # what has another exception's name was never raised, and led to what follows
                return not (names_an_exception(last) and _LOOKS_NAMED.search(last.partition(":")[0]))
            last = line if line.strip() else last
        return False

    def _add_member(self, at: int, member: re.Match[str]) -> None:
        """A member of a group that was never raised: it has a name and no traceback."""
        raised = read_raised(member["raised"])
        self.blocks.append(_Block(at, at + 1, len(member["margin"]), raised, complete=True))

    def _link(self, depth: int, link: Link) -> None:
        """Say of the last exception at this depth how the next came of it."""
        at = next((at for at in range(len(self.blocks) - 1, -1, -1) if self.blocks[at].depth == depth), None)
        if at is not None and link:
            self.blocks[at] = _with_link(self.blocks[at], link)

    def _told_of_workers_once(self) -> None:
        """A worker's traceback is followed by that of the same exception where its result was asked for: it is one."""
        for at in range(len(self.blocks) - 2, -1, -1):
            worker, asker = self.blocks[at], self.blocks[at + 1]
            between = [(self.lines[k] or "").strip() for k in range(worker.end, asker.start)]
            if not any(block.is_a_workers for block in self.blocks[: at + 1]) or not any(map(_QUOTES.count, between)):
                continue
            if worker.raised.type.rpartition(".")[2] == asker.raised.type.rpartition(".")[2]:
                frames = (*asker.raised.frames, *worker.raised.frames)
                whole = asker.raised.model_copy(update={"frames": frames})
                self.blocks[at : at + 2] = [replace(asker, start=worker.start, raised=whole)]

    def _call_stack(self, end: int) -> int:
        """logging prints, below an error of its own, the calls that led to it."""
        lines = self.lines
        if (lines[end] or "").strip() != "Call stack:":
            return end
        frames, end = _frames(lines, end + 1, 0)
        last = self.blocks[-1]
        whole = last.raised.model_copy(update={"frames": (*frames, *last.raised.frames)})
        self.blocks[-1] = replace(last, raised=whole)
        told = range(end, end + _ABOVE)
        return next((at + 1 for at in told if (lines[at] or "").startswith("Arguments: ")), end)

    def _named_above(self, first: int, end: int) -> int:
        """AWS Lambda names the exception above its traceback."""
        last = self.blocks[-1]
        if last.raised.type != CUT_TYPE or not last.raised.frames:
            return end
        for at in range(first - 1, max(first - 1 - _ABOVE, -1), -1):
            if found := _NAMED_ABOVE.search((self.lines[at] or "")[:_LONGEST]):
                raised = read_raised(found["raised"])
                more = [self.lines[k] or "" for k in range(at + 1, first)]
                named = last.raised.model_copy(
                    update={"type": raised.type, "message": "\n".join((raised.message, *more)).rstrip()}
                )
                self.blocks[-1] = replace(last, raised=named, complete=True)
                self.blocks[0] = replace(self.blocks[0], start=at)
                break
        return end


def read_raised(line: str) -> Raised:
    """The exception that Python names on this line, `type: message`; more lines are of its message."""
    first, *more = line.strip().split("\n")
    found = _RAISED.match(first)
    return (
        Raised(type=found["type"], message="\n".join((found["message"] or "", *more))) if found else Raised(type=first)
    )


def names_an_exception(line: str) -> bool:
    """Whether this line can be the last of a traceback."""
    found = _RAISED.match(line)
    if found is None or found["type"] in _LEVELS:
        return False
    last = found["type"].rpartition(".")[2]
    return last[:1].isupper() or "." in found["type"] or last.endswith("error") or last.startswith("_")


def connector(line: str) -> Link:
    """How the exception below this line came of the one above it; empty where it does not say so."""
    if "the above exception" not in line and "The above exception" not in line:
        return ""
    return next((link for text, link in _CONNECTORS if line.strip(" |+\t").startswith(text)), "")


def _was_stopped(failure: Failure) -> bool:
    return failure.final.type.rpartition(".")[2] in STOPPED


def _header(text: str) -> _Header | None:
    at = text.find(HEADER)
    if at < 0 or len(text) > _LONGEST or text[at + len(HEADER) :].strip() != ":":
        return None
    is_group = text.endswith(_GROUP, 0, at)
    before = text[: at - len(_GROUP)] if is_group else text[:at]
    if is_group and before.endswith("  + "):
        return _Header(len(before) - 4, 4, outermost=True, is_group=True)
    if (
        before.endswith("  | ") and not before[:-2].strip()
    ):  # a member's; with words before it, it is a container's line
        return _Header(0, len(before), outermost=False, is_group=is_group)
    return _Header(len(before), 0, outermost=False, is_group=is_group)


def _headless(lines: Lines) -> Found | None:
    """A report whose beginning is not here, a program that does not compile; or a stack that tells of no exception."""
    at = lines.at
    block = _block(lines, at, at, 0)
    above = lines[at - 1] or ""
    known = block.raised.type
    named = known != CUT_TYPE and (_LOOKS_NAMED.search(known) or "." in known)
    if not block.raised.frames:
        return None
    if not named or any(text in above for text in _OTHER_STACKS):
        return Found(at, block.end, None)
    failure = Failure(language="python", chain=(block.raised,), complete=block.complete)
    return Found(at, block.end, None if _was_stopped(failure) else failure)


def _headed(lines: Lines, at: int, header: _Header) -> _Block:
    block = _block(lines, at, at + 1, header.margin)
    return replace(
        block,
        depth=0 if header.outermost else header.margin,
        is_group=header.is_group,
        is_a_workers=(lines[at - 1] or "").strip() in _QUOTES,
    )


def _block(lines: Lines, start: int, at: int, margin: int) -> _Block:
    """The exception whose report begins on line `start`, and its frames on line `at`."""
    headed = at > start
    frames, at = _frames(lines, at, margin)
    line = _inside(lines, at, margin) or ""
    found = _RAISED.match(line) if names_an_exception(line) else None
    if found is None:
        return _Block(start, max(at, start + 1), margin, Raised(type=CUT_TYPE, frames=frames), complete=False)
    message, end = message_at(
        lambda k: _message_line(lines, k, margin), at, found["type"], found["message"] or "", lines.whole
    )
    raised = Raised(type=found["type"], message=message, frames=frames)
    # A program that cannot even be compiled is reported without a header.
    complete = headed or (len(frames) == 1 and not frames[0].function and raised.type in _SYNTAX_ERRORS)
    return _Block(start, end, margin, raised, complete)


def _message_line(lines: Lines, at: int, margin: int) -> str | None:
    line = _inside(lines, at, margin)
    if line is None or _header(line) or connector(line) or line.strip() in (*_QUOTES, "Call stack:"):
        return None
    return None if line.lstrip("> \t").startswith('File "') and _FRAME.match(line) else line


def _frames(lines: Lines, at: int, margin: int) -> tuple[tuple[Frame, ...], int]:
    """The frames from line `at` on, and the line after them. A paste may have lost the blanks before each line."""
    frames: list[Frame] = []
    flat = (_inside(lines, at, margin) or "").startswith('File "')
    while (line := _inside(lines, at, margin)) is not None:
        found, wide = _framed(lines, at, line)
        if found is not None:
            frames.append(Frame(path=found["path"], line=int(found["line"]), function=found["function"] or ""))
            at += wide
        elif flat and (shown := _SHOWN.match(line)):  # by stackprinter, with the lines around and the variables
            if shown["code"] is not None and frames:
                frames[-1] = frames[-1].model_copy(update={"code": shown["code"].strip()})
        elif flat and line.strip() and not _annotation(line):
            if not frames or frames[-1].code or _ends_here(lines, at, margin, line):
                break
            frames[-1] = frames[-1].model_copy(update={"code": line.strip()})
        elif line[:1].strip() and not _DRAWN.match(line) and not flat:
            break
        elif frames and not frames[-1].code and line.startswith("    ") and not _annotation(line):
            frames[-1] = frames[-1].model_copy(update={"code": line.strip()})
        at += 1
    return tuple(frames), _without_blanks(lines, at, margin, frames)


def _without_blanks(lines: Lines, at: int, margin: int, frames: Sequence[Frame]) -> int:
    """A report that was cut ends with its last line, not with the empty ones below."""
    if _inside(lines, at, margin) is not None or not frames:
        return at
    while at > 0 and (lines[at - 1] or "").strip() == "":
        at -= 1
    return at


def _framed(lines: Lines, at: int, line: str) -> tuple[re.Match[str] | None, int]:
    """The frame on this line, and how many more lines it takes up: a terminal may have wrapped it."""
    if len(line) > _LONGEST or not line.lstrip("> \t").startswith('File "'):
        return None, 0
    if found := _FRAME.match(line):
        return found, 0
    return _FRAME.match(lines.joined(at) or ""), 1


def _ends_here(lines: Lines, at: int, margin: int, line: str) -> bool:
    """In a paste without indentation: whether this line names the exception, and is no source line."""
    below = _inside(lines, at + 1, margin) or ""
    return names_an_exception(line) and not below.startswith('File "') and not names_an_exception(below)


def _annotation(line: str) -> bool:
    return bool(_MARKERS.match(line) or _DRAWN.match(line) or _REPEATED.match(line))


def _inside(lines: Lines, at: int, margin: int) -> str | None:
    """Line `at` without the margin of its group; None where the group's member or the text ends."""
    line = lines[at]
    if line is None or not margin:
        return line
    if _SEPARATOR.match(line) or line[: margin - 1].strip() not in ("|", "+"):
        return None
    return line[margin:]


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
