"""How everything stands, in figures: what an operator watches. The same from whichever process they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kintsugi.workflow.names import Effect, State


@dataclass(frozen=True, slots=True)
class Backlog:
    """So many effects of a kind are `pending` or `running`. `oldest`: the earliest due, or end of a lease."""

    kind: Effect
    status: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Lasted:
    """So many stages of a name took at most `at_most` seconds, and more than the next smaller bound."""

    stage: str
    at_most: float
    times: int
    seconds: float  # all of them together


@dataclass(frozen=True, slots=True)
class Paid:
    """What the model calls of one kind of effect have cost."""

    kind: Effect
    calls: int
    tokens: int
    usd: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Read at `at`, in one go. `leases`: who holds what only one process may hold, by name."""

    at: datetime
    incidents: Mapping[State, int] = field(default_factory=dict)
    backlog: tuple[Backlog, ...] = ()
    lasted: tuple[Lasted, ...] = ()
    paid: tuple[Paid, ...] = ()
    leases: Mapping[str, str] = field(default_factory=dict)

    @property
    def owed(self) -> int:
        return sum(each.count for each in self.backlog)

    @property
    def stuck(self) -> int:
        return self.incidents.get(State.STUCK, 0)

    def late(self, kind: Effect | None = None) -> timedelta:
        """For how long the oldest effect has been due; zero where none is. Of one kind, or of all."""
        dues = [each.oldest for each in self.backlog if kind in (None, each.kind)]
        return max(self.at - min(dues), timedelta()) if dues else timedelta()


BOUNDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 12 * 3600.0, 86400.0, 3 * 86400.0, 7 * 86400.0)
"""Seconds that stages are counted by: from an answer of the model to a confirmation that waits for a week."""


def bound_of(took: timedelta) -> float:
    """The smallest bound that is not below this time; infinite beyond them all."""
    return next((each for each in BOUNDS if took.total_seconds() <= each), float("inf"))
