"""What is asked of the world: models, checks, the code host, the deployer, the monitor, the channel, the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import (
    Allowance,
    Cure,
    Deployment,
    Diagnosis,
    Incident,
    Patch,
    PullRequest,
    Turn,
)
from kintsugi.workflow.looks import Looks, Unkept
from kintsugi.workflow.names import Effect
from kintsugi.workflow.patch import Evidence, Reproduction
from kintsugi.workflow.payload import Payload

T = TypeVar("T")


class Clock(Protocol):
    """Where time comes from: aware, in UTC."""

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Case:
    """What the analyst is asked about, and what it may cost. `feedback` says why the last patch was refused.

    `talk` is what was said with a model in the last round, oldest turn first.
    """

    incident: Incident
    payload: Payload
    earlier: tuple[Incident, ...] = ()
    worked: frozenset[int] = frozenset()  # statuses that the failing request gets where it works
    allowance: Allowance = field(default_factory=Allowance)
    talk: tuple[Turn, ...] = ()
    looks: Looks = field(default_factory=Unkept, compare=False)

    @property
    def told(self) -> Payload:
        """The payload; of a report in words with what somebody said since."""
        about = self.payload.incident
        if not (self.payload.in_words and self.incident.hint):
            return self.payload
        more = about.model_copy(update={"summary": f"{about.summary}\n{self.incident.hint}"})
        return self.payload.model_copy(update={"incident": more})

    @property
    def feedback(self) -> str:
        """What speaks against the last patch, and what a human told the analyst."""
        hint = f"A person who knows the program says: {self.incident.hint}" if self.incident.hint else ""
        return f"{hint}\n\n{self.incident.feedback}".strip()


Progress = Callable[[str], None]
"""Called with a few words on how a long step is getting on. Never raises, never blocks."""


class Analyst(Protocol):
    """Finds the cause and may propose a patch."""

    async def diagnose(self, case: Case, progress: Progress) -> Diagnosis:
        """Raises StepFailed where there is no answer. A refusal to answer is a Diagnosis without a patch."""
        ...


class PatchUnproven(Exception):
    """The patch does not apply, breaks the policy or is not proven. `output` is the end of the failing run."""

    def __init__(self, why: str, output: str = "") -> None:
        super().__init__(why)
        self.output = output


class Checker(Protocol):
    """Makes the failing call again; applies the edits, holds them against the policy, and proves them."""

    async def reproduce(
        self, case: Case, progress: Progress, commit: str | None = None, seconds: float | None = None
    ) -> Reproduction:
        """The failing call at the build that failed, or at another commit, for at most so long.

        Raises StepFailed where nothing can run.
        """
        ...

    async def check(self, case: Case, progress: Progress) -> tuple[Patch, Evidence]:
        """Raises PatchUnproven, or StepFailed where the check itself could not be made."""
        ...


@dataclass(frozen=True, slots=True)
class Review:
    """A reviewer's wish for changes to commit `head`. `id` is the host's own."""

    id: int
    by: str
    head: str
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a pull request stands with its host. `failed` is the end of the checks of its head, where they failed."""

    pull_request: PullRequest
    closed_at: str = ""  # the host's own moment, where it is closed
    failed: str = ""
    reviews: tuple[Review, ...] = ()


class CodeHost(Protocol):
    """Where the code lives and is reviewed. `name` tells it from others, such as `github:owner/name`."""

    @property
    def name(self) -> str: ...

    async def head(self) -> str:
        """The target branch's commit."""
        ...

    async def open_pull_request(self, incident: Incident) -> PullRequest:
        """Opens the pull request of the confirmed patch, or finds it. Raises StepFailed."""
        ...

    async def find_pull_request(self, incident: Incident) -> PullRequest | None:
        """The incident's pull request as it stands now, or None where there is none."""
        ...

    async def standing(self, incident: Incident) -> Standing | None:
        """The same with everything that a webhook could have told. None where there is none."""
        ...

    async def contains(self, commit: str, ancestor: str) -> bool:
        """Whether `commit` holds `ancestor` in its history. What is unknown, or no commit's hash, holds nothing."""
        ...

    async def fix(self, named: str) -> PullRequest:
        """A human's fix: a commit of the target branch ("" for its newest), or a pull request (#12, or its head).

        Raises Refusal for one that is not there, StepFailed.
        """
        ...

    async def tell(self, incident: Incident) -> None:
        """Say at the end of a merged pull request what became of its fix, in place of what was said before."""
        ...


@dataclass(frozen=True, slots=True)
class Rollout:
    """How a deployment stands since `since` by the deployer's own clock. `done` is None while it is under way.

    `unseen`: the deployer calls it done, and what runs by the program's own word does not hold it.
    """

    deployment: Deployment
    done: bool | None
    says: str = ""
    since: datetime | None = None
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Manners:
    """How a deployer wants to be asked.

    `by_itself`: for how long after a merge a deployment of it may begin unasked. `repeatable`: asked twice for the same
    commit, it does the work once.
    """

    by_itself: timedelta = timedelta()
    repeatable: bool = False


class OutcomeUnknown(StepFailed):
    """The deployer was asked, and whether it heard is not known."""


class Deployer(Protocol):
    """Puts a commit into production. Everything but `running` raises StepFailed where the deployer cannot be asked."""

    async def running(self) -> str:
        """The commit that the program itself says it runs; "" where it says none."""
        ...

    async def find(self, commit: str) -> Rollout | None:
        """The deployment of this commit, whoever asked for it. Its `running` is what the program says."""
        ...

    async def latest(self) -> Rollout | None:
        """The newest deployment of any commit."""
        ...

    async def manners(self) -> Manners: ...

    async def deploy(self, commit: str, progress: Progress, *, incident: int | None = None) -> Rollout:
        """Ask for a deployment of this commit, perhaps for an incident. Called only where `find` found none.

        Raises OutcomeUnknown.
        """
        ...

    async def roll_back(
        self, deployment: Deployment, since: datetime, progress: Progress, *, incident: int | None = None
    ) -> Rollout:
        """Bring back what ran before `deployment`, or find that done or under way. It was asked for at `since`."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What the monitor saw: `recurred` with the commit it came from, or how far the cure is shown."""

    cure: Cure
    running: str
    recurred: bool = False

    @property
    def shown(self) -> bool:
        return not self.recurred and self.cure.shown


class Monitor(Protocol):
    """Watches whether the failure is gone."""

    async def read(self, case: Case) -> Reading: ...


class Channel(Protocol):
    """Tells people. Announcing the same thing twice edits, it does not repeat."""

    async def announce(self, incident: Incident) -> None: ...

    async def ask(self, incident: Incident, token: str) -> None:
        """Show exactly what would be pushed, and ask for a confirmation by `token`."""
        ...

    def progress(self, incident: Incident, step: Effect, words: str) -> None:
        """A few words on a step under way. Never raises, never blocks."""
        ...
