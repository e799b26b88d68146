"""Whom an incident calls, and when: by severity and hour, once, and again while nobody has it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kintsugi.workflow.incident import Incident
from kintsugi.workflow.severity import Severity

MOST_CALLS = 2
"""So often an incident calls: at once, and again where nobody acknowledged it. Never more."""

_FRESH = timedelta(days=1)  # what is older was known when calling was set up, or calls nobody any more
_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))?-(\d{1,2})(?::(\d{2}))?(?:\s+(\S+))?")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one minute of the day to another, which may be the next day's, in a zone."""

    begin: int  # minutes since midnight
    end: int
    zone: tzinfo

    def hold(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        if self.begin <= self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


def quiet_hours(typed: str) -> QuietHours:
    """As it is set: `22-07`, `22:30-06:45 Europe/Berlin`; in UTC where no zone is named. Raises ValueError."""
    found = _HOURS.fullmatch(typed.strip())
    if not found:
        raise ValueError(_SHOULD)
    begin, end = (int(found[hour]) * 60 + int(found[hour + 1] or 0) for hour in (1, 3))
    if not (0 <= begin <= 24 * 60 and 0 <= end <= 24 * 60):
        raise ValueError(_SHOULD)
    try:
        return QuietHours(begin, end, ZoneInfo(found[5] or "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"should end with a time zone such as Europe/Berlin, not {found[5]!r}") from None


@dataclass(frozen=True, slots=True)
class Calling:
    """When people are called. `again` None: once only."""

    least: Severity = Severity.MEDIUM
    again: timedelta | None = timedelta(minutes=15)
    quiet: QuietHours | None = None

    def due(self, incidents: Sequence[Incident], now: datetime) -> tuple[Incident, ...]:
        """Those of the open incidents that call now, the worst first."""
        due = [each for each in incidents if self._calls(each, now)]
        return tuple(sorted(due, key=lambda each: (list(Severity).index(each.rating.severity), each.id)))

    def _calls(self, incident: Incident, now: datetime) -> bool:
        severity = incident.rating.severity
        if incident.ended or incident.acknowledged_at or incident.dry_run or not severity.is_at_least(self.least):
            return False
        if now - incident.opened_at > _FRESH:
            return False
        if self.quiet and severity is not Severity.CRITICAL and self.quiet.hold(now):
            return False
        calls = incident.calls
        if not calls:
            return True
        return len(calls) < MOST_CALLS and self.again is not None and now - calls[-1] >= self.again


_SHOULD = "should be hours such as 22-07, or 22:30-06:45 Europe/Berlin"
