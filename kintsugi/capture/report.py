"""What the pass over a log is made of: lines as they were written, what a reader finds, and the report it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from kintsugi.workflow.payload import Failure

CUT_TYPE = "unknown"  # the type of an exception whose report was cut before its name
LOGGED_TYPE = "log message"  # the type of what was no exception, but came with a stack; no class can have this name


class Line(NamedTuple):
    """One line of text as some program wrote it, taken out of whatever carried it."""

    number: int  # of the line in the log, from 1: several of ours can stand on one of the log's
    text: str
    raw: str | None  # the log's own line; None where an earlier one of ours stands on the same
    writer: str = ""  # which of several that share a log: only told where a record names it
    ends: bool = False  # the text of its record ends here, and a report with it
    inside: bool = False  # it is one of several lines of one record
    marked: bool = False  # a report may be noticed on it


class Lines(Protocol):
    """What one writer wrote around the place where a report was noticed, read by position.

    None beyond either end. What other writers put in between, and what was put before each line, is left out.
    """

    @property
    def at(self) -> int:
        """Where it was noticed."""
        ...

    @property
    def whole(self) -> bool:
        """The text holds the report and nothing else, as a field of a record does."""
        ...

    @property
    def is_start(self) -> bool:
        """The writer's first line in this log is the one where the report was noticed: what stood above is lost."""
        ...

    def __getitem__(self, position: int) -> str | None: ...

    def joined(self, position: int) -> str | None:
        """The line and the one after it as one: a terminal may have wrapped it."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader made of the lines `first` to `end` (exclusive). `failure` is None where nothing failed."""

    first: int
    end: int
    failure: Failure | None


class Reader(Protocol):
    """Reads what one language prints of a failure. A new language is one of these and a line in `readers`."""

    @property
    def name(self) -> str:
        """As a table of what is read has it."""
        ...

    @property
    def reads(self) -> str:
        """What of it, in a few words, for the same table."""
        ...

    @property
    def marks(self) -> tuple[str, ...]:
        """No report is without one of these: only a line with one is looked at."""
        ...

    def begins(self, text: str) -> int | None:
        """The width of what stands before the report on this line, where one may be noticed on it."""
        ...

    def inside(self, text: str) -> bool:
        """Whether the line, without what stands before it, can only be from within a report."""
        ...

    def read(self, lines: Lines) -> Found | None:
        """The report around `lines.at`; None where it is none after all."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """One failure in a log."""

    first_line: int
    last_line: int
    failure: Failure
    log: tuple[str, ...]  # the log's lines around it
    ends: int  # how many of `log` go up to the report's end
    more: bool  # the log ended before it was certain that the report had
    own: frozenset[int] = frozenset()  # the numbers of its lines: those of others may stand in between

    @property
    def is_named(self) -> bool:
        """Whether it tells what failed, or at least where."""
        return self.failure.final.type != CUT_TYPE or any(raised.frames for raised in self.failure.chain)

    def with_above(self, lines: Sequence[str]) -> Report:
        """The same report, with what stood above its log."""
        return replace(self, log=(*lines, *self.log), ends=self.ends + len(lines))

    def with_failure(self, failure: Failure) -> Report:
        """The same report, with what else is known of its failure."""
        return replace(self, failure=failure)
