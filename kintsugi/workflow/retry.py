"""When a failed effect is tried again, as values: the ledger does the waiting, no coroutine sleeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from kintsugi.workflow.errors import Refusal, StepFailed
from kintsugi.workflow.incident import Cure


@dataclass(frozen=True, slots=True)
class Again:
    """Call me again after `after`. Not a failure: something is not done yet. `cure`: how far it is shown."""

    after: timedelta
    says: str = ""
    cure: Cure | None = None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again."""


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """The waits between attempts. After the last one the step gives up: eight tries over about four hours."""

    waits: tuple[timedelta, ...] = (
        timedelta(seconds=5),
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(minutes=30),
        timedelta(hours=1),
        timedelta(hours=2),
    )

    most_begun: int = 25  # whoever begins it dies of it: several times what a few restarts in a row would make

    def is_deadly(self, attempt: int) -> bool:
        """Whether so many attempts began, and came to no end at all, that another one is not to be tried."""
        return attempt > self.most_begun

    def decide(self, attempt: int, error: Exception) -> Again | GiveUp:
        """What follows from attempt number `attempt` (from 1) failing with `error`."""
        if isinstance(error, Refusal) or (isinstance(error, StepFailed) and error.final):
            return GiveUp()
        if attempt > len(self.waits):
            return GiveUp()
        if isinstance(error, StepFailed) and error.most_tries and attempt >= error.most_tries:
            return GiveUp()
        asked = error.retry_after if isinstance(error, StepFailed) else None
        return Again(max(self.waits[attempt - 1], asked or timedelta()))
