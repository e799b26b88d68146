"""What stacks whose calls stand on lines that begin with `at` have in common: JavaScript's, Java's and .NET's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kintsugi.capture.report import Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Frame, Raised

MARKS = ("  at ", "\tat ", "\nat ", "| at ", ": at ", "] at ", "> at ", '"at ')
LONGEST = 4_000  # characters of a line that names an exception
LONGEST_CALL = 1_000
MOST_FRAMES = 4_000

_AT = re.compile(r"(?:^|(?<![ \t])[ \t]{2,200}|\t|(?<=[|\]:>]) )at (?=\S)")

Call = Callable[[str], Frame | None]


def width_before(text: str, call: Call) -> int | None:
    """The width of what stands before the call on this line; None where there is none."""
    if "at " not in text or len(text) > LONGEST_CALL:
        return None
    for found in _AT.finditer(text):
        if call(text[found.start() :]) is not None:
            return found.start() if text[: found.start()].strip() else 0
    return None


def after_at(line: str) -> str | None:
    """What is called, on a line that begins with `at`."""
    text = line.lstrip() if len(line) < LONGEST_CALL else ""
    return text[3:].rstrip() if text.startswith("at ") else None


def heads_above(lines: Lines, at: int, most: int) -> list[tuple[int, str]]:
    """The nearest lines above a stack that are not empty, nearest first: with what may name its exception of each."""
    above = range(at - 1, max(at - 1 - most, -1), -1)
    return [(k, head_of(lines, k)) for k in above if (lines[k] or "").strip()]


def head_of(lines: Lines, at: int) -> str:
    """As much of a line as may name an exception."""
    return (lines[at] or "")[:LONGEST]


def said(first: str, more: Iterable[str]) -> str:
    """A message of several lines."""
    return "\n".join((first, *more)).strip()


def chained(raised: Sequence[Raised]) -> tuple[Raised, ...]:
    """Exceptions, first raised first, each of which is the cause of the next."""
    return (*(one.model_copy(update={"link": "cause"}) for one in raised[:-1]), raised[-1])


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def goes_on(lines: Lines, at: int, is_call: Callable[[str], bool]) -> bool:
    """Whether an empty line is within a stack: a paste may have one after every line."""
    line = lines[at]
    return line is not None and not line.strip() and is_call(lines[at + 1] or "")
