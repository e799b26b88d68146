"""The incident: one failure on its way from crash to cure, as a frozen value. Knows no row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import ndiff
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self

from kintsugi.workflow.commits import is_commit
from kintsugi.workflow.names import ENDED, Effect, State
from kintsugi.workflow.patch import Change, Edit, Evidence, Reproduction
from kintsugi.workflow.quiet import NEVER, Pace, Quiet
from kintsugi.workflow.severity import Rating, Severity, rated


class Category(StrEnum):
    """What kind of fault the analyst sees. Only CODE comes with a patch."""

    CODE = "code"
    CONFIGURATION = "configuration"
    DEPENDENCY = "dependency"
    OUTAGE = "outage"
    DATA = "data"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Spent:
    """Money and tokens, as budgets count them."""

    usd: float = 0.0
    tokens: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(round(self.usd + other.usd, 6), self.tokens + other.tokens)


@dataclass(frozen=True, slots=True)
class Cost:
    """What the model calls have cost so far. `usd` leaves out those that are `unpriced`: no price is known for them."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    unpriced: int = 0

    @property
    def spent(self) -> Spent:
        return Spent(self.usd, self.tokens_in + self.tokens_out)

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            round(self.usd + other.usd, 6),
            self.unpriced + other.unpriced,
        )

    @property
    def price(self) -> str:
        """In words: "$0.0123", "price unknown", or both where only some of the calls have one."""
        if not self.unpriced:
            return f"${self.usd:.4f}"
        if self.unpriced >= self.calls:
            return "price unknown"
        return f"${self.usd:.4f}, and {self.unpriced} of {self.calls} calls at a price that is not known"


NOTHING = Cost()


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs: US dollars for a million tokens."""

    tokens_in: float
    tokens_out: float
    tokens_in_cached: float | None = None  # None: like the others

    def of(self, tokens_in: int, tokens_out: int, cached: int = 0) -> float:
        """US dollars for so many tokens; `cached` are those of `tokens_in` that its provider had at hand."""
        at_hand = self.tokens_in if self.tokens_in_cached is None else self.tokens_in_cached
        paid = (tokens_in - cached) * self.tokens_in + cached * at_hand + tokens_out * self.tokens_out
        return round(paid / 1_000_000, 6)


@dataclass(frozen=True, slots=True)
class Budget:
    """How much the model may cost: in US dollars where its price is known, and in tokens."""

    usd_per_incident: float = 2.0
    usd_per_day: float = 20.0
    tokens_per_incident: int = 1_000_000
    tokens_per_day: int = 10_000_000
    day: str = "a day"

    def of_strangers(self) -> Budget:
        """What incidents may use of it that anybody could have reported: half a day's, so that the rest have theirs."""
        usd, tokens = self.usd_per_day / 2, self.tokens_per_day // 2
        return replace(self, usd_per_day=usd, tokens_per_day=tokens, day="a day, as far as strangers' reports go,")

    def used_up(self, incident: Spent, today: Spent) -> str | None:
        """A sentence where nothing more may be spent."""
        if incident.usd >= self.usd_per_incident:
            return f"The budget of ${self.usd_per_incident:.2f} for one incident is used up; it rests here."
        if incident.tokens >= self.tokens_per_incident:
            return f"The budget of {self.tokens_per_incident:,} tokens for one incident is used up; it rests here."
        if today.usd >= self.usd_per_day:
            return f"The budget of ${self.usd_per_day:.2f} for {self.day} is used up; it rests here."
        if today.tokens >= self.tokens_per_day:
            return f"The budget of {self.tokens_per_day:,} tokens for {self.day} is used up; it rests here."
        return None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one step may still cost: the budget, and what was spent of it before the step."""

    budget: Budget = field(default_factory=Budget)
    incident: Spent = field(default_factory=Spent)
    today: Spent = field(default_factory=Spent)

    def after(self, cost: Cost) -> Allowance:
        """What is left of it for the rest of the step, once so much of the step's cost is counted."""
        return replace(self, incident=self.incident + cost.spent, today=self.today + cost.spent)

    def used_up_by(self, cost: Cost = NOTHING) -> str | None:
        """A sentence where nothing more may be spent after this step has cost so much."""
        return self.budget.used_up(self.incident + cost.spent, self.today + cost.spent)


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file the patch adds: the regression test."""

    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation with a model, without secrets. `ours`: what the model was asked."""

    ours: bool
    text: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the analyst said of the failure."""

    cause: str
    explanation: str
    category: Category
    probability: float
    edits: tuple[Edit, ...] = ()
    regression_test: NewFile | None = None
    branch: str = ""
    title: str = ""
    body: str = ""
    analyst: str = ""  # who said so: a model's name, "offline", "recording"
    prompt: str = ""  # version and hash of the prompt it was asked with
    cost: Cost = Cost()
    talk: tuple[Turn, ...] = ()  # how it came about; kept beside the incident, not in it
    manner: str = ""  # how the model's server was asked, as far as it was a server
    places: int = 0  # that it looked at in the code, on its own wish
    test_runs: int = 0  # that it asked for
    unfinished: bool = False  # the cause was found, and its fix could not be had: the next try asks for that alone
    patch: str = ""  # the whole change as text, where it was handed in and is no list of edits
    by: str = ""  # who handed it in; "" for our own analyst
    base: str = ""  # the commit that `patch` changes, where it is not the one that failed
    pull: PullRequest | None = None  # of somebody, where it was taken from there: merging it is theirs

    @property
    def belief(self) -> str:
        """How sure its analyst is, or whose it is, in words."""
        return f"handed in by {self.by}" if self.by else f"{self.probability:.0%} sure"

    @property
    def looked(self) -> str:
        """How much it looked at, such as "looked at 6 places, ran 2 tests"; "" where it did not."""
        seen = f"looked at {self.places} place{'s' if self.places > 1 else ''}" if self.places else ""
        ran = f"ran {self.test_runs} test{'s' if self.test_runs > 1 else ''}" if self.test_runs else ""
        return ", ".join(filter(None, (seen, ran)))

    @property
    def proposes_a_patch(self) -> bool:
        return self.category is Category.CODE and bool(self.edits or self.patch)


@dataclass(frozen=True, slots=True)
class Patch:
    """A checked change: applied to `base` it gives exactly the git tree `tree`, and `diff` is what a human reads."""

    base: str
    tree: str
    diff: str

    @property
    def sha(self) -> str:
        """Identity of the change: what a confirmation is bound to. Hex SHA-256."""
        return sha256(f"{self.tree}\0{self.diff}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Ask:
    """A confirmation that was asked for. The token itself is never kept, only its hash."""

    token_hash: str
    patch: str
    base: str
    expires_at: datetime

    @property
    def shown(self) -> str:
        """What an answer on a page is bound to, instead of the token: this very request. 32 hex digits."""
        return sha256(f"shown {self.token_hash}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class PullRequest:
    """Where a fix is under review. `number` 0: a commit of a human that is on the branch already."""

    number: int
    url: str
    branch: str
    head: str
    open: bool = True
    merged_as: str | None = None
    by: str = ""  # who told of it, where a human fixed it by hand; "" for our own
    deploys: bool = True  # false: its deployment is waited for, and not asked for

    @property
    def name(self) -> str:
        """As people call it: "pull request #12", or "commit 1a2b3c4"."""
        return f"pull request #{self.number}" if self.number else f"commit {self.head[:10]}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the deployer did with a commit."""

    id: str
    commit: str
    url: str = ""
    running: str = ""  # the commit the program itself says it runs
    previous: str = ""  # what ran before: where a rollback goes
    page: str = ""  # of this deployment, at the deployer
    vouched_by: str = ""  # whose word it is that `commit` runs, where nobody can ask the program itself

    @property
    def runs(self) -> str:
        """The commit that runs: as the program says, else as the deployer does where nobody can ask; "" for unknown."""
        return self.running or (self.commit if self.vouched_by else "")

    def without(self, commit: str) -> str:
        """What is known to run instead of this commit, as the rest of a sentence."""
        if not self.runs:
            return "the program tells of no commit that it runs"
        if not is_commit(self.runs):
            return f"the program says that it runs {self.runs[:40]}, which is no commit's hash"
        return f"{self.runs[:10]} runs, without {commit[:10]}"

    @property
    def says_what_runs(self) -> str:
        """A sentence, with how it is known."""
        at = f" at {self.url}" if self.url else ""
        if not self.runs:
            return f"The program{at} tells of no commit that it runs."
        if self.running:
            return f"{self.running[:10]} runs{at}."
        return f"{self.vouched_by} says that {self.commit[:10]} runs{at}; the program was not asked."


@dataclass(frozen=True, slots=True)
class Cure:
    """How well the cure is shown: clean runs of the failing path on a commit with the fix, of those needed.

    `needed` is 0 where no number of runs would show it.
    """

    clean: int
    needed: int
    says: str

    @property
    def shown(self) -> bool:
        return 0 < self.needed <= self.clean


@dataclass(frozen=True, slots=True)
class Stuck:
    """Where an incident was when a step gave up, and what it owed there."""

    state: State
    effect: Effect
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Everything the lifecycle decides from. The payload, being large, is kept beside it."""

    id: int
    state: State
    fingerprint: str
    summary: str
    opened_by: str
    opened_at: datetime
    seq: int = 0  # moves so far
    since: int = 0  # the seq at which the present state was entered
    updated_at: datetime | None = None
    last_seen: datetime | None = None
    count: int = 1
    seen_on: tuple[str, ...] = ()  # the builds it was seen on since it was opened, the newest last
    hearsay: tuple[str, ...] = ()  # the same, as told by sources that anybody can write to
    pace: Pace = NEVER  # how often it came, by the hour
    believed: bool = True  # false: what was captured was told by a source that anybody can write to
    page: str = ""  # of the report elsewhere, such as Sentry's, where it named one
    kin: str = ""  # what it has in common with failures that differ from it in words alone
    quiet: Quiet | None = None  # since it ended: the same failure opens nothing
    dry_run: bool = False
    build_sha: str | None = None
    says: str = ""  # the sentence of the last move
    because: str = ""  # … and of the move that led into the present state
    rounds: int = 0
    rounds_allowed: int = 3
    feedback: str = ""  # why the last patch was refused: shown to the analyst in the next round
    cost: Cost = Cost()
    reproduction: Reproduction | None = None  # of the failing call, at the failing build, before any model was asked
    brought_by: Change | None = None  # the deployed commit that it came with, where that was found out by running
    diagnosis: Diagnosis | None = None
    patch: Patch | None = None
    evidence: Evidence | None = None
    proposed_in: State | None = None  # where it was when somebody handed in what `diagnosis` proposes
    ask: Ask | None = None
    void_asks: tuple[Ask, ...] = ()
    shown_before: Patch | None = None  # what was asked for, or approved, before the target branch moved
    confirmed_by: str = ""
    confirmed_at: datetime | None = None
    pull_request: PullRequest | None = None
    deployment: Deployment | None = None
    deploy_asks: tuple[datetime, ...] = ()  # when the deployer was about to be asked for the merge commit
    way_back: Deployment | None = None  # what it came with, and what ran before: how to stop it until it is mended
    rolling_back: bool = False  # a rollback was asked for, and has neither ended nor given up
    cure: Cure | None = None
    stuck: Stuck | None = None
    environment: str = ""  # where it was first seen
    people: int = 0  # whom it hit, counted as far as the severity needs
    severity_set: Severity | None = None  # by a human; None: by the rule
    severity_set_by: str = ""
    holder: str = ""  # who has it: acknowledged it, or was assigned
    acknowledged_at: datetime | None = None  # since when somebody has it
    hint: str = ""  # a human's words to the analyst
    calls: tuple[datetime, ...] = ()  # when people were called about it
    pruned_at: datetime | None = None  # from then on, of what was captured only the outline is kept

    @property
    def name(self) -> str:
        """As people write it: INC-7."""
        return f"INC-{self.id}"

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def ignored(self) -> str:
        """By whom and for how long it is ignored, in words; "" where it is not."""
        return self.quiet.words if self.quiet and not (self.quiet.cancelled or self.quiet.duplicate_of) else ""

    @property
    def duplicate_of(self) -> int:
        """The incident that this one is a duplicate of; 0 where it is none."""
        return self.quiet.duplicate_of if self.quiet else 0

    @property
    def rating(self) -> Rating:
        """How bad it is, and why."""
        if self.severity_set:
            return Rating(self.severity_set, f"set by {self.severity_set_by}")
        return rated(self.pace.most, self.people, self.environment)

    @property
    def builds(self) -> tuple[str, ...]:
        """The builds that it is known on, as believed sources tell."""
        first = (self.build_sha,) if self.build_sha and self.build_sha not in self.hearsay else ()
        return tuple(dict.fromkeys((*first, *self.seen_on)))

    @property
    def was_taken(self) -> bool:
        """Whether it follows somebody's own pull request, because that was proven."""
        proven = self.diagnosis.pull if self.diagnosis else None
        return bool(self.pull_request and self.pull_request.by and proven and proven.number == self.pull_request.number)

    @property
    def merge_sha(self) -> str | None:
        return self.pull_request.merged_as if self.pull_request else None

    @property
    def taken_back(self) -> Deployment | None:
        """What a rollback takes back: the fix's deployment, else the one that the failure came with."""
        return self.deployment or self.way_back

    @property
    def since_shown(self) -> str:
        """How the patch differs from the one that was shown before the branch moved; empty where none was."""
        if self.shown_before is None or self.patch is None:
            return ""
        before, now = _changed(self.shown_before.diff), _changed(self.patch.diff)
        if before == now:
            return "The branch moved since this was last shown. The change is the same, line for line."
        lines = [line for line in ndiff(before, now) if line[0] in "+-"]
        return "\n".join(["The branch moved since this was last shown, and the change differs:", *lines])

    @property
    def pruned(self) -> str:
        """A sentence where what was captured is no longer kept; empty where it is."""
        if self.pruned_at is None:
            return ""
        return (
            f"What was captured was pruned on {self.pruned_at:%Y-%m-%d}; the history, the cause and the patch are kept."
        )

    def without_outputs(self, at: datetime) -> Self:
        """The same incident as it is kept for good: what programs printed while it was proven is pruned."""
        gone = f"(pruned on {at:%Y-%m-%d})"
        evidence = self.evidence and self.evidence.without_outputs(gone)
        return replace(self, evidence=evidence, feedback="", pruned_at=at)

    def but(self, **changes: Any) -> Self:
        """The same incident with some fields changed."""
        return replace(self, **changes)

    def saying(self, says: str) -> Self:
        """The same incident after a move with this sentence. One that stays where it is goes on for its old reason."""
        return replace(self, says=says, because=says if self.since == self.seq else self.because)

    def without_ask(self) -> Self:
        """The same incident with the open confirmation made void, kept so that its token can be told apart."""
        if self.ask is None:
            return self
        return replace(self, ask=None, void_asks=(*self.void_asks[-9:], self.ask))


def token_hash(token: str) -> str:
    """What is kept of a confirm token. Hex SHA-256; the token's 128 random bits need no salt."""
    return sha256(token.strip().encode()).hexdigest()


def _changed(diff: str) -> list[str]:
    """The lines that a diff takes away and adds, without its headers."""
    return [line for line in diff.splitlines() if line[:1] in ("+", "-") and line[:4] not in ("+++ ", "--- ")]
