"""Stacks of .NET: C#, F#, Visual Basic."""

from __future__ import annotations

from itertools import pairwise

from kintsugi.capture.readers.at_lines import (
    LONGEST,
    MARKS,
    MOST_FRAMES,
    after_at,
    chained,
    head_of,
    heads_above,
    said,
    width_before,
)
from kintsugi.capture.readers.system import after_end
from kintsugi.capture.report import CUT_TYPE, Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_RETURNED = (  # what readable stacks (Demystifier's) have before the name
    r"(?:(?:async|static|ref|new|void|bool|byte|char|decimal|double|float|int|long|object|short|string"
    r"|[A-Z][\w.]*(?:<[^()]{1,200}?>)?)(?:\[\]|\?)* ){0,4}"
)
_CALL = re.compile(
    rf"(?:lambda_method\d*|{_RETURNED})(?P<function>[A-Za-z_<][\w.<>`$|\[\],+-]*(?:\.\.?c?tor)?)"
    r"\((?P<arguments>[^)]*(?:\(\))?)\)(?:\+\w+\([^)]*\))?"
    r"(?: in (?P<path>.+?):line (?P<line>\d{1,9}))?$"
)
_MONO = re.compile(
    r"(?P<function>[A-Za-z_<][\w.<>`$|\[\],+-]*) ?\([^)]*\) "
    r"(?:\[0x[0-9a-f]{2,8}\]|<0x[0-9a-f]+ \+ 0x[0-9a-f]+>) in (?P<path>.+?):(?P<line>\d{1,9})$"
)
_BETWEEN = re.compile(r"\s*at \(wrapper ")  # what Mono puts between two calls
_ENDS = re.compile(r"\s*--- End of (?P<what>inner exception stack trace|stack trace from previous location).* ?---\s*$")
_INNER = re.compile(r"\s*---> (?:\(Inner Exception #\d+\) )?(?P<head>.*)")
_NAMED = re.compile(
    r"(?<![\w.])(?P<type>(?:[A-Za-z_]\w*\.)+[A-Z][\w`]*)(?: \((?:0x[0-9A-Fa-f]{8}|-?\d{1,10})\))?(?=:|\s*$)"
)
_AGAIN = re.compile(r"\s*---> \(Inner Exception #\d+\) |\[ERROR\] FATAL UNHANDLED EXCEPTION: ")
_AGAIN_END = "<---"
_IN_LINE = " ---> "
_HEAD_LINES = 20


class DotNet:
    name = ".NET"
    reads = "inner exceptions; places where the program has its symbols; Mono's"
    marks = MARKS

    def begins(self, text: str) -> int | None:
        return width_before(text, _call) if ")" in text else None

    def inside(self, text: str) -> bool:
        return _call(text) is not None

    def read(self, lines: Lines) -> Found | None:
        if _call(lines[lines.at] or "") is None:
            return None
        heads = _heads(lines)
        if not heads:
            return Found(lines.at, _frames(lines, 1)[1], None)
        named = [raised for at, below in pairwise((*heads, lines.at)) for raised in _named(lines, at, below)]
        sections, end = _frames(lines, len(named))
        raised = [
            each.model_copy(update={"frames": tuple(reversed(frames))})
            for each, frames in zip(named, sections, strict=True)
        ]
        return Found(heads[0], after_end(lines, end), Failure(language="dotnet", chain=chained(raised[::-1])))


def _frames(lines: Lines, exceptions: int) -> tuple[list[list[Frame]], int]:
    """The calls of each exception, innermost first, outermost exception first: the innermost's are printed first."""
    sections: list[list[Frame]] = [[] for _ in range(exceptions)]
    inner, end = exceptions - 1, lines.at
    for at in range(lines.at, lines.at + MOST_FRAMES):
        line = lines[at]
        if line is None:
            break
        if (frame := _call(line)) is not None:
            sections[inner].append(frame)
        elif ended := _ENDS.match(line[:LONGEST]):
            inner = max(inner - 1, 0) if ended["what"].startswith("inner") else inner
        elif line.strip() and not _BETWEEN.match(line):
            return sections, _told_again(lines, at, end)
        else:
            continue
        end = at + 1
    return sections, end


def _told_again(lines: Lines, at: int, end: int) -> int:
    """The line after what is told once more below a stack: by an AggregateException each inner one, by Mono what
    nobody caught."""
    while _AGAIN.match((lines[at] or "")[:LONGEST]):
        at = end = _after_one(lines, at)
        while lines[at] == "":
            at += 1
    return end


def _after_one(lines: Lines, first: int) -> int:
    """The line after one of these: where its end is lost, that after its calls."""
    end = first + 1
    for at in range(first, first + MOST_FRAMES):
        line = (lines[at] or "").rstrip()
        if line.endswith(_AGAIN_END):
            return at + 1
        if _call(line) or _ENDS.match(line[:LONGEST]) or _BETWEEN.match(line):
            end = at + 1
        elif lines[at] is None or end > first + 1 or at > first + _HEAD_LINES:
            break
    return end


def _heads(lines: Lines) -> list[int]:
    """The lines that name the exceptions, outermost first; each inner one is marked with an arrow."""
    heads: list[int] = []
    for at, line in heads_above(lines, lines.at, _HEAD_LINES):
        if _INNER.match(line):
            heads.insert(0, at)
        elif _NAMED.search(line):
            return [at, *heads]
    return heads


def _named(lines: Lines, at: int, below: int) -> list[Raised]:
    """The exceptions that this line names, outermost first: older runtimes name what is within on the same line."""
    line = head_of(lines, at)
    inner = _INNER.match(line)
    texts = (inner["head"] if inner else line).split(_IN_LINE)
    *before, last = [_one(text) for text in texts] if all(map(_NAMED.search, texts)) else [_one(_IN_LINE.join(texts))]
    more = [text for k in range(at + 1, below) if not _BETWEEN.match(text := lines[k] or "")]
    return [*before, last.model_copy(update={"message": said(last.message, more)})]


def _one(text: str) -> Raised:
    found = _NAMED.search(text)
    if found is None:
        return Raised(type=CUT_TYPE, message=text.strip())
    return Raised(type=found["type"], message=text[found.end() :].removeprefix(":").strip())


def _call(line: str) -> Frame | None:
    call = after_at(line)
    found = (_CALL.match(call) or _MONO.match(call)) if call is not None and ".java:" not in call else None
    if found is None or ("." not in found["function"] and not found["path"]):
        return None
    path = found["path"] or ""
    return Frame(path="" if path.startswith("<") else path, line=int(found["line"] or 0), function=found["function"])
