"""The output of a program that runs, looked at for failures as it comes. Bounded; it is told the time."""

from __future__ import annotations

from collections.abc import Sequence

from kintsugi.capture.log import reports_of
from kintsugi.capture.report import Report
from kintsugi.capture.text import read_lines

_MOST = 1024 * 1024  # bytes that are kept for another look
_LINES = 60  # kept where nothing began: what names a failure may stand above its stack
_SHOWN = 300  # lines that came before, for a report's log
_REMEMBERED = 256 * 1024  # bytes that these are looked for in
_WHOLE = 1.5  # seconds of silence, after which a report that looks whole is
_CUT = 10.0  # seconds of silence, after which one that does not will not become so
_UNCHANGED = 6  # looks in a row, while other output comes, after which one that looks whole is


class Window:
    """One stream. A failure is told once; one that may go on is waited for."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._first = 1  # the number of its first line
        self._before: list[str] = []  # lines let go of
        self._told: list[frozenset[int]] = []  # the numbers of the lines of each report
        self._waited: dict[tuple[int, int], int] = {}  # looks that found one waiting, by its first and last line
        self._new = False
        self._waiting = False

    @property
    def is_due(self) -> bool:
        """Whether a look may find anything."""
        return self._new or self._waiting

    @property
    def is_full(self) -> bool:
        """Whether it is to be looked at before more is added: what was not looked at is not let go."""
        return len(self._kept) > _MOST

    def add(self, output: bytes) -> None:
        self._kept += output
        self._new = True

    def gap(self) -> list[Report]:
        """Some output is missing here: no report goes over it. What failed before, and was not told."""
        told = self.look(silent=0, ended=True)
        self._let_go(self._kept.count(b"\n") + 1)
        return told

    def look(self, *, silent: float, ended: bool = False) -> list[Report]:
        """What failed since the last look. `silent`: seconds since anything came; `ended`: no more will."""
        told: list[Report] = []
        going_on: list[Report] = []
        before = tuple(self._told)  # two that one line holds, as a batch of records does, are two
        self._new = self._waiting = False
        waited, self._waited = self._waited, {}
        for report in reports_of([bytes(self._kept)], from_start=self._first == 1):
            going_on += [report] if report.more else []
            if not report.is_named or self._is_among(before, report):  # what is not named yet may become so
                continue
            if report.more and not ended and silent < (_WHOLE if report.failure.complete else _CUT):
                lines = self._first + report.first_line, self._first + report.last_line
                looks = waited.get(lines, 0) + 1
                if looks <= _UNCHANGED or not report.failure.complete:
                    self._waited[lines], self._waiting = looks, True
                    continue
            self._told.append(frozenset(self._first + line - 1 for line in report.own))
            told.append(report.with_above(self._before))
        self._keep_from(going_on)
        if self.is_full:  # of a report, or a line, that does not end
            self._let_go(self._kept.count(b"\n", 0, len(self._kept) // 2))
        if self.is_full:
            del self._kept[: len(self._kept) // 2]
        return told

    def last_lines(self) -> list[str]:
        """The last of what was printed."""
        return [*self._before, *read_lines(bytes(self._kept))][-_SHOWN:]

    def _is_among(self, told: Sequence[frozenset[int]], report: Report) -> bool:
        first = self._first + report.first_line - 1
        return any(first in each for each in told)

    def _keep_from(self, going_on: list[Report]) -> None:
        """Let go of lines that no report can need any more."""
        begins = [report.first_line for report in going_on]
        self._let_go(max(min([self._kept.count(b"\n"), *begins]) - _LINES, 0))
        self._told = [each for each in self._told if max(each) >= self._first]

    def _let_go(self, lines: int) -> None:
        at = self._end_of(lines)
        if at:
            self._before = [*self._before, *read_lines(bytes(self._kept[max(at - _REMEMBERED, 0) : at]))][-_SHOWN:]
            del self._kept[:at]
            self._first += lines

    def _end_of(self, lines: int) -> int:
        """Where so many lines end; looked for from the nearer end, as a look lets go of nearly all."""
        there, at = self._kept.count(b"\n"), 0
        if lines > there:
            return len(self._kept)
        if lines <= there // 2:
            for _ in range(lines):
                at = self._kept.index(b"\n", at) + 1
            return at
        at = len(self._kept)
        for _ in range(there - lines + 1):
            at = self._kept.rindex(b"\n", 0, at)
        return at + 1
