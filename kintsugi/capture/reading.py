"""Reads a log from an open file and keeps count, so that it can be said what was looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from kintsugi.capture.errors import CaptureError
from kintsugi.capture.log import reports_of
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

    def reports(self) -> Iterator[Report]:
        """Each failure that is named, or at least has a place. Raises CaptureError where it cannot be read."""
        for report in reports_of(self._chunks()):
            if report.is_named:
                self.failures += 1
                yield report
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

    def _chunks(self) -> Iterator[bytes]:
        last = b"\n"
        while chunk := self._read():
            if not self.lines and last == b"\n":
                self._binary = unreadable(chunk)
            self.lines += chunk.count(b"\n")
            last, self._last = chunk[-1:], (self._last + chunk)[-BLOCK:]
            yield chunk
        self.lines += last != b"\n"
