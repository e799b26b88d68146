"""Where incidents are kept, what a transaction can do, and who delivers what is owed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar

from kintsugi.workflow.cure import Answer, Counted, Runs
from kintsugi.workflow.history import Past, Step, Talk
from kintsugi.workflow.incident import NOTHING, Cost, Incident, Spent
from kintsugi.workflow.looks import Look
from kintsugi.workflow.machine import Move
from kintsugi.workflow.names import Effect, State
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.triggers import Captured, Trigger
from kintsugi.workflow.waiting import Waiting

T = TypeVar("T")


class Outcome:
    """What became of a trigger, as the inbox keeps it."""

    APPLIED = "applied"
    COUNTED = "counted"  # the same failure again, while its incident is open
    WAITING = "waiting"  # a fact that came early
    REFUSED = "refused"
    DUPLICATE = "duplicate"  # the key was known; never stored


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a trigger (an `Outcome`), the incident as it is now, and a sentence."""

    outcome: str
    incident: Incident
    says: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """An effect that is ours to perform until its lease ends. `attempt` counts from 1, `epoch` fences."""

    id: str
    incident: Incident
    kind: Effect
    seq: int
    epoch: int
    attempt: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Sightings:
    """How often a failure was seen, in the hour that begins at each time and by environment; and how many it hit."""

    hours: Mapping[datetime, int] = field(default_factory=dict)
    environments: Mapping[str, int] = field(default_factory=dict)
    users: int = 0


@dataclass(frozen=True, slots=True)
class Owed:
    """One row of the ledger of effects, as an operator reads it."""

    id: str
    incident: int
    kind: Effect
    seq: int
    status: str  # pending, running, done, failed or cancelled
    attempts: int
    due: datetime
    error: str
    holder: str | None = None  # the process that began it last, as host:pid


class Ledger(Protocol):
    """The store, inside one transaction. Plain functions: the thread they run on belongs to them."""

    def incident(self, id: int) -> Incident | None:
        """The incident, locked until the transaction ends."""
        ...

    def open_with(self, fingerprint: str) -> Incident | None:
        """The incident of this failure that has not ended, locked."""
        ...

    def quiet_with(self, fingerprint: str) -> Incident | None:
        """The newest incident that this failure is quiet on, locked."""
        ...

    def newest_with(self, fingerprint: str) -> Incident | None:
        """The newest incident of this failure, open or ended, locked."""
        ...

    def each_open_with(self, fingerprints: Collection[str]) -> Mapping[str, Incident]:
        """The incidents of these failures that have not ended, by fingerprint, locked."""
        ...

    def saw(self, *sightings: tuple[int, Captured]) -> None:
        """Count sightings, each of an incident, by the hour, the environment, and whom it hit."""
        ...

    def people(self, incident: int, most: int) -> int:
        """How many people it hit, counted up to `most`."""
        ...

    def known_as(self, names: Sequence[str]) -> str:
        """The first of a failure's fingerprints that an incident has; the first of all where none is known."""
        ...

    def known(self, key: str) -> tuple[Incident, str] | None:
        """The incident that the trigger with this key went to, and what was said; None where it was never seen."""
        ...

    def admit(self, trigger: Trigger, incident: int, outcome: str, says: str) -> str | None:
        """Put a trigger into the inbox. Where its key is there already: what was said then, and nothing is done."""
        ...

    def admit_each(self, told: Sequence[tuple[Trigger, int, str]], outcome: str) -> Collection[str]:
        """Put triggers into the inbox, each with its incident and what is said. Answers the keys that were new."""
        ...

    def admit_late(self, trigger: Trigger, outcome: str, says: str) -> None:
        """A fact that waited was applied, or was refused after all."""
        ...

    def next_id(self, captured: Captured) -> int:
        """Keep the payload of a new incident and give it its number. Raises Conflict."""
        ...

    def amend(self, *incidents: Incident) -> None:
        """Keep what is no move: that the same failure was seen again, what a failed step cost."""
        ...

    def record(self, move: Move, by: Claim | None) -> tuple[str, ...]:
        """Write incident, history row and owed effects. Answers the ids of the effects. Raises Conflict."""
        ...

    def waiting(self, incident: int) -> Sequence[Trigger]:
        """The facts that came early, oldest first."""
        ...

    def claim(self, effect: str, lease: timedelta) -> Claim | None:
        """Take an effect that is due. None: it is somebody else's, finished, or not due."""
        ...

    def settle(self, claim: Claim, status: str, error: str = "", cost: Cost = NOTHING) -> bool:
        """An effect is over, and cost so much more. False: the lease was lost, and with it the result."""
        ...

    def looked(self, claim: Claim, look: Look, cost: Cost) -> bool:
        """Keep what the analyst looked at, and count what its call cost. False: the lease was lost."""
        ...

    def renew(self, claim: Claim, lease: timedelta) -> bool:
        """Lengthen the lease. False: it was lost."""
        ...

    def postpone(self, claim: Claim, delay: timedelta, error: str, *, failed: bool, cost: Cost = NOTHING) -> bool:
        """An effect is due again after `delay`, and cost so much more. False: the lease was lost."""
        ...

    def hand_back(self, claim: Claim, cost: Cost = NOTHING) -> bool:
        """An effect that was begun is due now, as if it had not been but for its cost. False: the lease was lost."""
        ...

    def owe_again(self, incident: int, kind: Effect) -> str | None:
        """Make the last effect of this kind due again, where it is over. Answers its id, or None where it is not."""
        ...

    def hasten(self, incident: int, kind: Effect) -> str | None:
        """Make a waiting effect due now. Answers its id, or None where nothing of the kind waits."""
        ...

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this once the transaction is on disk, and not at all if it is rolled back."""
        ...


class Store(Protocol):
    """Incidents, their history, the inbox and the ledger of effects, on disk."""

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        """Run `work` in one transaction; commit when it returns, roll back when it raises."""
        ...

    async def incident(self, id: int) -> Incident:
        """Raises NotFound."""
        ...

    async def incidents(
        self, state: State | None = None, *, words: str = "", limit: int = 50, before: int | None = None
    ) -> list[Incident]:
        """Newest first, paged by id. `words`: only those whose capture has a word beginning with each of them."""
        ...

    async def with_open_pull_requests(self) -> list[Incident]:
        """And those whose pull request was closed of late: it may be opened again."""
        ...

    async def similar(self, incident: Incident, limit: int = 3) -> list[Incident]:
        """Earlier incidents of the same failure, newest first."""
        ...

    async def newest_of(self, *names: str) -> Incident | None:
        """The newest incident of the failure with these fingerprints, open or ended; of the first that is known."""
        ...

    async def payload(self, incident: int) -> Payload: ...

    async def sightings(self, incident: int, since: datetime) -> Sightings:
        """How often it was seen by the hour since then; and all that time whom it hit, and where."""
        ...

    async def history(self, incident: int) -> list[Step]: ...

    async def pasts(self, since: datetime, *, limit: int) -> list[Past]:
        """The newest incidents that were opened since then, newest first, each with its history."""
        ...

    async def waiting(self, *, limit: int) -> list[Waiting]:
        """The oldest incidents that are open, oldest first."""
        ...

    async def owed(self, incident: int) -> list[Owed]: ...

    async def holds(self, claim: Claim) -> bool:
        """Whether the effect is ours still: nobody took it over, and it is not over."""
        ...

    async def talks(self, incident: int) -> list[Talk]:
        """What was said with models about this incident, one entry a round, oldest first."""
        ...

    async def looks(self, incident: int, round: int | None = None) -> list[Look]:
        """What the analyst looked at, in the order it did; of one round, or of all."""
        ...

    async def spent_on(self, day: date) -> Spent:
        """What model calls cost on a day, in UTC: when they were paid for, not when their effects were owed."""
        ...

    async def runs(self, intent: str, since: datetime) -> list[Runs]:
        """How often an intent ended well and badly, one entry a build that was counted on after `since`."""
        ...

    async def add_runs(self, key: str, counted: Counted) -> bool:
        """Add what a report counted to what is known. False: the report with this key was added before."""
        ...

    async def heard_of(self, build: str) -> bool:
        """Whether a believed source counted a run on this build."""
        ...

    async def answers(self, request: str) -> list[Answer]:
        """What a request was answered, by build, as believed sources told; by the request's digest."""
        ...

    async def hint(self, key: str, incident: int) -> bool:
        """Keep that somebody hinted at a change about an incident. False: the hint with this key is there already."""
        ...

    async def hints(self) -> dict[str, int]:
        """The hints that nobody followed yet, oldest first: their keys, and the incidents."""
        ...

    async def looked(self, hints: Collection[str]) -> None:
        """These hints were followed."""
        ...


class Executor(Protocol):
    """Delivers what is due, at least once. The ledger is the truth; a lost or doubled wake-up does no harm."""

    @property
    def delivers(self) -> bool:
        """Whether `run` is at it, with all that it needs."""
        ...

    @property
    def turns(self) -> int:
        """Grows as long as `run` moves, also where it only finds out that the store is unavailable."""
        ...

    async def attended(self) -> bool:
        """Whether any process is at it now, this one or another, as far as it can be known."""
        ...

    def enqueue(self, ledger: Ledger, effect: str, delay: timedelta) -> None:
        """Have `effect` delivered after `delay`. Called inside the caller's transaction."""
        ...

    async def run(self, perform: Callable[[str], Awaitable[None]], *, until_idle: bool = False) -> None:
        """Deliver what is due to `perform` until cancelled, or until nothing is due any more."""
        ...
