"""A clock that only moves when it is told to."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Begins at a fixed time, so that what is shown of it is the same on any day.

    Where rows of it meet the machine's own clock (a command in a process of its own, a service, a database's `now()`),
    the test says so first with `meets_the_machine`.
    """

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def passes(self, **time: float) -> None:
        self._now += timedelta(**time)

    def meets_the_machine(self, **before: float) -> None:
        """It is what the machine's clock shows, or so much before."""
        self._now = datetime.now(UTC) - timedelta(**before)
