"""The Clock port by the database's clock: that of all who work on it, whatever their own hosts think the time is."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

log = logging.getLogger("kintsugi.store")

FAR_OFF = timedelta(seconds=5)
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the first goes on while the machine is asleep


def ticks() -> float:
    """Seconds that pass, from no moment in particular."""
    return time.clock_gettime(_CLOCK)


class DatabaseClock:
    """Now, as the database last said it, and as much later as has passed since; before that, the host's own clock."""

    def __init__(self) -> None:
        self._said: tuple[datetime, float] | None = None
        self.off = timedelta()  # how far the host's own clock is ahead of the database's

    def now(self) -> datetime:
        """Aware, in UTC."""
        said = self._said
        return said[0] + timedelta(seconds=ticks() - said[1]) if said else datetime.now(UTC)

    def heard(self, now: datetime, asked: float) -> None:
        """The database said `now`, and was asked at `asked` by `ticks()`.

        What it says is believed where it cannot be what we thought, given how long the answer took.
        """
        answered = ticks()
        earliest, latest = now.astimezone(UTC), now.astimezone(UTC) + timedelta(seconds=answered - asked)
        if self._said is None or not earliest <= self.now() <= latest:
            self._said = (earliest + (latest - earliest) / 2, answered)
            self._compare()

    def _compare(self) -> None:
        off = datetime.now(UTC) - self.now()
        if abs(off - self.off) > FAR_OFF:
            self.off = off
            why = f"This host's clock is {off.total_seconds():+.0f} s off the database's, which is followed. Set it."
            log.warning("clock_skew", extra={"why": why})
