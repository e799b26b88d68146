"""Reads a log from an open file and keeps count, so that it can be said what was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import BinaryIO

from kintsugi.capture.errors import CaptureError
from kintsugi.capture.log import reports_of
from kintsugi.capture.newest_first import LARGEST, is_newest_first, turned_round
from kintsugi.capture.report import Report
from kintsugi.capture.text import BLOCK, read_lines, unreadable

_LAST_LINES = 300


@dataclass(slots=True)
class Reading:
    """One log, read once. `name` is what people call it."""

    name: str
    stream: BinaryIO
    lines: int = 0
    failures: int = 0
    cut_at: int = 0  # the line of a report that is cut before it tells anything
    _binary: bool = False
    _last: bytes = b""  # of what was read
    _numbers: Sequence[int] = ()  # of lines that were turned round

    def reports(self) -> Iterator[Report]:
        """Each failure that is named, or at least has a place. Raises CaptureError where it cannot be read."""
        for report in reports_of(self._chunks()):
            if report.is_named:
                self.failures += 1
                yield self._with_its_lines(report)
            else:
                self.cut_at = report.first_line

    @property
    def says_nothing(self) -> str:
        """Why there is no failure to be told of."""
        if self.cut_at:
            return f"{self.name}: the report on line {self.cut_at} is cut before it tells what failed or where."
        if not self.lines:
            return f"{self.name} is empty."
        if self._binary:
            return f"{self.name} is binary or compressed: unpack it first. A log is text."
        looked = "1 line was" if self.lines == 1 else f"{self.lines:,} lines were"
        return f"{self.name}: there is no failure in this text. {looked} looked at; docs/capture.md says what is read."

    @property
    def last_lines(self) -> list[str]:
        """The last of the log."""
        return read_lines(self._last)[-_LAST_LINES:]

    def _read(self) -> bytes:
        try:
            return self.stream.read(BLOCK)
        except OSError as error:
            raise CaptureError(f"{self.name} cannot be read: {error.strerror}.") from error

    def _with_its_lines(self, report: Report) -> Report:
        """With the numbers that its lines have in the log, where that was turned round."""
        if not self._numbers:
            return report
        own = [self._numbers[line - 1] for line in (report.first_line, report.last_line)]
        return replace(report, first_line=min(own), last_line=max(own))

    def _chunks(self) -> Iterator[bytes]:
        first = self._read()
        if not is_newest_first(first):
            yield from self._counted(chain([first], iter(self._read, b"")))
            return
        whole = bytearray(first)
        while len(whole) <= LARGEST and (more := self._read()):
            whole += more
        if len(whole) <= LARGEST and is_newest_first(first, whole):
            text, self._numbers = turned_round(whole)
            del whole
            yield from self._counted(bytes(text[at : at + BLOCK]) for at in range(0, len(text), BLOCK))
        else:
            yield from self._counted(chain([bytes(whole)], iter(self._read, b"")))

    def _counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        last = b"\n"
        for chunk in filter(None, chunks):
            if not self.lines and last == b"\n":
                self._binary = unreadable(chunk)
            self.lines += chunk.count(b"\n")
            last, self._last = chunk[-1:], (self._last + chunk)[-BLOCK:]
            yield chunk
        self.lines += last != b"\n"
