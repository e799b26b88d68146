"""When a failure opens nothing: somebody ignores it, or cancelled its incident less than a day ago. Pure.

A failure that is quiet is counted on the incident it is quiet on, all the while. What ends the quiet is read from the
sighting that ends it, so that no timer is needed: that sighting opens an incident.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

AFTER_CANCELLING = timedelta(days=1)
"""For so long a cancelled failure opens nothing, unless it gets worse."""

_TIMES_AS_OFTEN = 10  # in one hour, as in its busiest one before: that is worse
_BUILDS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a failure came in the hour of its last sighting, and in its busiest hour."""

    hour: datetime | None = None
    times: int = 0
    most: int = 0

    def seen(self, at: datetime) -> Pace:
        hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        times = self.times + 1 if hour == self.hour else 1
        return Pace(hour, times, max(self.most, times))


NEVER = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """For how long a failure is to be ignored: whatever comes first. With nothing set, for good."""

    until: datetime | None = None
    more: int | None = None  # sightings
    build: str = ""  # a commit: the first build that contains it ends it
    next_build: bool = False

    @property
    def words(self) -> str:
        ends = [f"until {self.until:%Y-%m-%d %H:%M} UTC"] if self.until else []
        ends += [f"for {self.more} more"] if self.more is not None else []
        ends += [f"until a build with {self.build[:10]}"] if self.build else []
        ends += ["until the next build"] if self.next_build else []
        return " or ".join(ends) or "for good"


FOR_GOOD = Wish()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Since when a failure opens nothing, by whose wish, and what was seen meanwhile."""

    by: str
    since: datetime
    wish: Wish
    unless_worse: bool = False  # ten times as often ends it too
    cancelled: bool = False  # nobody asked for it: it came with cancelling
    duplicate_of: int = 0  # an incident: what is seen counts on that one while it is open
    builds: tuple[str, ...] = ()  # that the failure is known on
    usual: int = 1  # sightings in its busiest hour before
    seen: int = 0  # times since
    pace: Pace = NEVER

    def seen_again(self, at: datetime, build: str | None) -> Quiet:
        builds = self.builds if not build or build in self.builds else (*self.builds, build)[-_BUILDS_KEPT:]
        return replace(self, seen=self.seen + 1, pace=self.pace.seen(at), builds=builds)

    def over(self, at: datetime, build: str | None, contains: str = "") -> str:
        """Why a sighting at `at` on `build` ends it, as a sentence; "" where it goes on.

        `build`: None where it is unknown, or told by somebody who is not believed. `contains`: a commit that it is
        known to contain.
        """
        wish, times = self.wish, self.pace.seen(at).times
        if wish.until and at >= wish.until:
            return f"It was to open nothing until {wish.until:%Y-%m-%d %H:%M} UTC."
        if wish.more is not None and self.seen >= wish.more:
            return f"It came {self.seen} times since, and once more."
        if wish.build and (contains == wish.build or (build or "").startswith(wish.build)):
            return f"It comes from a build with {wish.build[:10]}."
        if wish.next_build and build and build not in self.builds:
            return f"It comes from another build, {build[:10]}."
        if self.unless_worse and times >= _TIMES_AS_OFTEN * self.usual:
            return f"It comes {times} times an hour; before it was {self.usual} at most."
        return ""

    @property
    def words(self) -> str:
        """How it stands, as the end of a sentence: who, until when, how often since."""
        since = f"seen {self.seen} times since {self.since:%Y-%m-%d %H:%M} UTC"
        if self.duplicate_of:
            return f"marked as a duplicate of INC-{self.duplicate_of} by {self.by}; while that is open, it counts there"
        if not self.cancelled:
            return f"ignored by {self.by} {self.wish.words}; {since}"
        until = f"{self.wish.until:%Y-%m-%d %H:%M} UTC" if self.wish.until else ""
        return f"cancelled by {self.by}: until {until} only another build or ten times as many open a new one; {since}"


def ignored(by: str, at: datetime, wish: Wish, builds: tuple[str, ...]) -> Quiet:
    """By a human's wish."""
    return Quiet(by=by, since=at, wish=wish, builds=builds)


def duplicate(by: str, at: datetime, of: int) -> Quiet:
    """It is the same as another incident."""
    return Quiet(by=by, since=at, wish=FOR_GOOD, duplicate_of=of)


def cancelled(by: str, at: datetime, builds: tuple[str, ...], usual: int) -> Quiet:
    """For a day, unless it gets worse: ten times as often as in its busiest hour (`usual`), or in a new build."""
    wish = Wish(until=at + AFTER_CANCELLING, next_build=True)
    return Quiet(by=by, since=at, wish=wish, unless_worse=True, cancelled=True, builds=builds, usual=max(usual, 1))
