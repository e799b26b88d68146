"""Jobs that check in by a schedule, and what did not come of them. Pure: the times are handed in.

The schedule is the job's own, as an SDK tells it with a check-in (`monitor_config`, as in
https://develop.sentry.dev/sdk/telemetry/check-ins/). What counts is when a run began: one that began before the job was
due and ends after that is no answer to it. A clock that goes ahead a little makes no failure.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

IN_PROGRESS = "in_progress"
STATUSES = (IN_PROGRESS, "ok", "error")
_MINUTE = timedelta(minutes=1)
_EARLY = timedelta(minutes=2)  # the clock of a job's machine may be so much ahead
_UNITS = {"minute": _MINUTE, "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_MONTHS = {"month": 1, "year": 12}
UNITS = (*_UNITS, *_MONTHS)


class NoSchedule(ValueError):
    """A schedule that is none: why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a job is due: by a crontab in a time zone, or `every` so many of a unit after it ran last.

    `margin`: minutes for which it may be late. `longest`: minutes that a run may take; 0 where it does not say.
    `tolerated`: failures in a row that are not told.
    """

    crontab: str = ""
    every: int = 0
    unit: str = ""
    timezone: str = "UTC"
    margin: int = 1
    longest: int = 0
    tolerated: int = 0

    def after(self, at: datetime) -> datetime:
        """The next time after this one, in UTC. Raises NoSchedule."""
        return _by_crontab(self.crontab, self.timezone, at) if self.crontab else _later(at, self.every, self.unit)

    def due_after_a_run(self, began: datetime) -> datetime:
        """What a run that began then leaves to come: one that began a little early is the one that was due."""
        due = self.after(began)
        following = self.after(due)
        early = min(self.margin * _MINUTE, (following - due) / 2, _EARLY)
        return following if due - began <= early else due

    @property
    def words(self) -> str:
        if self.crontab:
            return f"{self.crontab} ({self.timezone})"
        return f"every {self.every} {self.unit}s" if self.every > 1 else f"every {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    """What a job said of a run: that it is under way, or how it ended after `took` seconds. `at`: when that came.

    `id`: the run's; "" for the one that is under way.
    """

    slug: str
    environment: str
    id: str
    status: str
    at: datetime
    took: float | None = None
    release: str = ""
    schedule: Schedule | None = None

    @property
    def began(self) -> datetime:
        return self.at - timedelta(seconds=self.took or 0)

    @property
    def ends(self) -> bool:
        """Whether the run is over."""
        return self.status != IN_PROGRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What did not come until `deadline`: the check-in that was `due`, or the end of the run that began then."""

    due: datetime
    deadline: datetime
    ran_too_long: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledJob:
    """One job of a project in one environment. `began`: since when a run is under way; None where none is known to be.

    `failures`: how often in a row something did not come.
    """

    project: str
    slug: str
    environment: str
    schedule: Schedule
    due: datetime
    last: CheckIn
    began: datetime | None = None
    failures: int = 0

    @property
    def deadline(self) -> datetime:
        """Until when nothing is amiss."""
        ends = self._ends
        return min(self._missed_at, ends) if ends else self._missed_at

    @property
    def _missed_at(self) -> datetime:
        return self.due + self.schedule.margin * _MINUTE

    @property
    def _ends(self) -> datetime | None:
        """When the run that is under way takes too long."""
        longest = self.schedule.longest
        return self.began + longest * _MINUTE if self.began and longest else None

    def checked_in(self, check: CheckIn) -> ScheduledJob:
        """After a check-in. Raises NoSchedule."""
        schedule = check.schedule or self.schedule
        same = check.id == self.last.id if check.id else self.began is not None
        if same and check.ends:
            return replace(self, schedule=schedule, last=check, began=None)
        if same or check.began < self.last.began:  # it comes late, and what is newer came before
            return replace(self, schedule=schedule)
        return replace(
            self,
            schedule=schedule,
            due=schedule.due_after_a_run(check.began),
            last=check,
            began=None if check.ends else check.began,
            failures=0,
        )

    def overdue(self, now: datetime) -> Missing | None:
        """What should have come by now."""
        ends = self._ends
        if ends and ends <= now and self.began:
            return Missing(due=self.began, deadline=ends, ran_too_long=True)
        return Missing(due=self.due, deadline=self._missed_at) if self._missed_at <= now else None

    def without(self, missing: Missing) -> ScheduledJob:
        """After that it did not come was noticed. Raises NoSchedule."""
        if missing.ran_too_long:
            return replace(self, began=None, failures=self.failures + 1)
        return replace(self, due=self.schedule.after(self.due), failures=self.failures + 1)

    def unheard(self, since: datetime, until: datetime) -> ScheduledJob:
        """Where nobody listened meanwhile: what would have come then is not missing. Raises NoSchedule."""
        ends, found = self._ends, self
        if ends and since < ends:
            found = replace(found, began=None)
        if since < self.due + _MINUTE and self.due <= until:
            found = replace(found, due=self.schedule.after(until))
        return found

    @property
    def is_told(self) -> bool:
        """Whether so many failures in a row are told of."""
        return self.failures > self.schedule.tolerated


def begun(project: str, check: CheckIn) -> ScheduledJob | None:
    """The first that is heard of a job; None where it does not tell when it is due. Raises NoSchedule."""
    if check.schedule is None:
        return None
    return ScheduledJob(
        project=project,
        slug=check.slug,
        environment=check.environment,
        schedule=check.schedule,
        due=check.schedule.due_after_a_run(check.began),
        last=check,
        began=None if check.ends else check.began,
    )


def _by_crontab(crontab: str, timezone: str, at: datetime) -> datetime:
    """An hour that a clock set back shows twice counts once, as cron has it."""
    from croniter import croniter  # noqa: PLC0415  # the server's: who only reports has no need of it

    try:
        times = croniter(crontab, at.astimezone(ZoneInfo(timezone)), ret_type=datetime)
        found: datetime = next(each for each in times if not each.fold)
    except (ValueError, OSError, KeyError, StopIteration, OverflowError) as error:  # also for a zone that is none
        raise NoSchedule(f"{crontab} in {timezone} is no schedule that can be followed here: {error}") from error
    return found.astimezone(UTC)


def _later(at: datetime, every: int, unit: str) -> datetime:
    if every < 1 or unit not in UNITS:
        raise NoSchedule(f"Every {every} {unit} is no schedule.")
    try:
        return at + every * _UNITS[unit] if unit in _UNITS else _months_later(at, every * _MONTHS[unit])
    except (OverflowError, ValueError) as error:
        raise NoSchedule(f"Every {every} {unit} is no schedule: {error}") from error


def _months_later(at: datetime, months: int) -> datetime:
    """The same day of another month, or its last."""
    years, month = divmod(at.month - 1 + months, 12)
    year = at.year + years
    return at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))
