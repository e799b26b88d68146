"""A clock that only moves when it is told to."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    def __init__(self) -> None:
        self._now = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def passes(self, **time: float) -> None:
        self._now += timedelta(**time)
