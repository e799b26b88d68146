"""Everything that can happen to an incident, one frozen dataclass per fact, in the past tense.

`apply_to()` puts the fact's data on the incident; which state follows is the table's business (`states.py`).
`key` is the fact's own identity, so that a webhook, its redelivery and our own look at the world are one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeGuard

from kintsugi.workflow.incident import (
    Ask,
    Cure,
    Deployment,
    Diagnosis,
    Incident,
    Patch,
    PullRequest,
    Stuck,
)
from kintsugi.workflow.names import Effect, State
from kintsugi.workflow.patch import Change, Evidence, Reproduction
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.quiet import FOR_GOOD, Wish, cancelled, duplicate, ignored
from kintsugi.workflow.severity import Severity


class Origin(StrEnum):
    """Who a trigger comes from decides what becomes of one that does not fit the present state."""

    COMMAND = "command"  # a human's: refused with a sentence
    FACT = "fact"  # the outside world's: waits in the inbox until the state allows it
    RESULT = "result"  # an effect's own: stale, and dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Something that happened to `incident` at `at`, known by `key`, done by `actor` (source:name)."""

    origin: ClassVar[Origin] = Origin.RESULT

    incident: int
    key: str
    at: datetime
    actor: str = "kintsugi"

    @property
    def says(self) -> str:
        """One sentence for the history."""
        return ""

    def apply_to(self, incident: Incident) -> Incident:
        return incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Trigger):
    """What a human asked for."""

    origin: ClassVar[Origin] = Origin.COMMAND


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Trigger):
    """What the outside world tells."""

    origin: ClassVar[Origin] = Origin.FACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured(Command):
    """A failure was seen. `incident` is 0: the store gives the number."""

    incident: int = 0
    payload: Payload
    dry_run: bool = False
    rounds_allowed: int = 3
    believed: bool = True  # false: told by a source that anybody can write to
    opens: bool = True  # false: it only counts, on the newest incident of the failure
    who: str = ""  # a digest that tells those apart whom it hit
    contains: str = ""  # a commit that its build is known to contain

    @property
    def says(self) -> str:
        return self.payload.incident.summary

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(last_seen=self.payload.occurred.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Command):
    """A staged payload was released to the analyst."""

    @property
    def says(self) -> str:
        return "The staged payload was sent on."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(dry_run=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMadeAgain(Trigger):
    """The failing call was made again in the sandbox, before any model was asked."""

    reproduction: Reproduction

    @property
    def says(self) -> str:
        if self.reproduction.is_reproduced:
            return f"Reproduced before any model was asked: {self.reproduction.says}"
        return self.reproduction.says

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(reproduction=self.reproduction)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFound(Fact):
    """The failing call was made at deployed commits, and one of them brought the failure."""

    change: Change

    @property
    def says(self) -> str:
        return f"Brought by {self.change.words}: the failing call fails there, and not at the deployed commit before."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(brought_by=self.change)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosed(Trigger):
    """The analyst found a cause and proposes a patch."""

    diagnosis: Diagnosis
    way_back: Deployment | None = None

    @property
    def says(self) -> str:
        return self.diagnosis.cause + _offer(self.incident, self.way_back)

    def apply_to(self, incident: Incident) -> Incident:
        return _with_diagnosis(incident, self.diagnosis).but(way_back=_way_back(incident, self.way_back))


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosedWithoutPatch(Trigger):
    """The analyst proposes no patch; `why` says why not."""

    why: str
    diagnosis: Diagnosis | None = None
    way_back: Deployment | None = None

    @property
    def says(self) -> str:
        return self.why + _offer(self.incident, self.way_back)

    def apply_to(self, incident: Incident) -> Incident:
        diagnosed = _with_diagnosis(incident, self.diagnosis) if self.diagnosis else incident
        return diagnosed.but(way_back=_way_back(incident, self.way_back))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed(Command):
    """Somebody handed in a patch, which takes the way of the analyst's: policy, proof, confirmation."""

    proposal: str  # its id
    diagnosis: Diagnosis

    @property
    def says(self) -> str:
        return f"Patch {self.proposal} by {self.actor}: {self.diagnosis.title}"

    def apply_to(self, incident: Incident) -> Incident:
        handed_in = incident.without_ask().but(diagnosis=self.diagnosis, patch=None, evidence=None)
        theirs = self.diagnosis.pull  # it is followed once it is proven
        return handed_in.but(proposed_in=incident.state, **({"pull_request": None} if theirs else {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchProven(Trigger):
    """The patch applies, keeps to the policy, and the proof believes it."""

    patch: Patch
    evidence: Evidence

    @property
    def says(self) -> str:
        return f"{self.evidence.tier.spoken}: {self.evidence.says}"

    def apply_to(self, incident: Incident) -> Incident:
        proven = incident.without_ask().but(patch=self.patch, evidence=self.evidence, feedback="")
        theirs = incident.diagnosis.pull if incident.diagnosis else None
        return proven.but(pull_request=theirs, confirmed_by="", confirmed_at=None) if theirs else proven


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRefused(Trigger):
    """The patch does not apply, breaks the policy, or was not proven."""

    why: str
    output: str = ""  # the end of the failing run, for the next round

    @property
    def says(self) -> str:
        return self.why

    def apply_to(self, incident: Incident) -> Incident:
        if incident.proposed_in:  # the analyst is not told of what it has not written
            return incident.without_ask().but(patch=None, evidence=None, proposed_in=None)
        feedback = f"{self.why}\n\n{self.output}".strip()
        return incident.without_ask().but(feedback=feedback, patch=None, evidence=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationAsked(Trigger):
    """A token was made for this patch; only its hash is told."""

    ask: Ask

    @property
    def says(self) -> str:
        return f"Confirmation asked; it is open until {self.ask.expires_at:%Y-%m-%d %H:%M} UTC."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.without_ask().but(ask=self.ask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed(Command):
    """A human approved the patch that was shown: by its token, or on a page where they are logged in by name.

    `shown` is what that page showed, as `Ask.shown`.
    """

    token: str = field(default="", repr=False)
    shown: str = ""

    @property
    def says(self) -> str:
        return f"Confirmed by {self.actor}{' on the page' if self.shown else ''}."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.without_ask().but(confirmed_by=self.actor, confirmed_at=self.at, shown_before=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Command):
    """A human said no to the patch."""

    why: str = ""

    @property
    def says(self) -> str:
        return f"Rejected by {self.actor}{': ' + self.why if self.why else '.'}"

    def apply_to(self, incident: Incident) -> Incident:
        reason = f"A human rejected the patch: {self.why}" if self.why else "A human rejected the patch."
        return incident.without_ask().but(feedback=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired(Trigger):
    """Nobody confirmed in time."""

    patch: str  # Patch.sha that the confirmation was asked for

    @property
    def says(self) -> str:
        return "Nobody confirmed in time."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.without_ask()


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseMoved(Trigger):
    """The target branch moved under the patch: what was shown is not what would be merged."""

    base: str  # the branch's present commit

    @property
    def says(self) -> str:
        return f"The target branch moved to {self.base[:10]}: the patch is checked and asked for again."

    def apply_to(self, incident: Incident) -> Incident:
        shown = incident.shown_before or incident.patch
        return incident.without_ask().but(confirmed_by="", confirmed_at=None, shown_before=shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestOpened(Trigger):
    """The approved patch is under review: opened now, or found. What became of it since is a fact of its own."""

    pull_request: PullRequest

    @property
    def says(self) -> str:
        return f"Pull request #{self.pull_request.number}: {self.pull_request.url}"

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(pull_request=replace(self.pull_request, open=True, merged_as=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksFailed(Fact):
    """The checks of commit `head` failed; `log` is their end, redacted."""

    head: str
    log: str

    @property
    def says(self) -> str:
        return f"The checks failed at {self.head[:10]}."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(feedback=f"The checks of the pull request failed:\n\n{self.log}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenInCi(Fact):
    """A workflow of the code host proved commit `head` of pull request `number`, whose git tree is `tree`."""

    number: int
    head: str
    tree: str
    evidence: Evidence

    @property
    def says(self) -> str:
        return f"{self.evidence.tier.spoken} at {self.head[:10]}: {self.evidence.says}"

    def apply_to(self, incident: Incident) -> Incident:
        """The stronger evidence stays; ours where both are alike. What ours flagged is still to be looked at."""
        ours = incident.evidence
        if ours and ours.tier >= self.evidence.tier:
            return incident
        flags = tuple(dict.fromkeys((*(ours.flags if ours else ()), *self.evidence.flags)))
        return incident.but(evidence=replace(self.evidence, flags=flags))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesRequested(Fact):
    """A reviewer of commit `head` asked for changes."""

    head: str
    review: str

    @property
    def says(self) -> str:
        return f"{self.actor} asked for changes."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(feedback=f"A reviewer asked for changes:\n\n{self.review}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchPushed(Fact):
    """Somebody else pushed commit `head` to the branch of pull request `number`."""

    number: int
    head: str

    @property
    def says(self) -> str:
        return f"Somebody else pushed {self.head[:10]} to its branch; nothing of theirs is overwritten."

    def apply_to(self, incident: Incident) -> Incident:
        """What was proven of somebody's pull request is not proven of what they pushed since."""
        if incident.pull_request is None or not incident.pull_request.by:
            return incident
        pushed = replace(incident.pull_request, head=self.head, deploys=False)
        return incident.but(pull_request=pushed, patch=None, evidence=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestMerged(Fact):
    """Pull request `number` was merged as commit `sha`."""

    number: int
    sha: str

    @property
    def says(self) -> str:
        return f"Merged as {self.sha[:10]}."

    def apply_to(self, incident: Incident) -> Incident:
        assert incident.pull_request
        merged = replace(incident.pull_request, open=False, merged_as=self.sha)
        return incident.without_ask().but(pull_request=merged, **_NOTHING_DEPLOYED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestClosed(Fact):
    """Pull request `number` was closed without a merge."""

    number: int

    @property
    def says(self) -> str:
        return f"Pull request #{self.number} was closed without a merge."

    def apply_to(self, incident: Incident) -> Incident:
        return _with_pull_request_open(incident, False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestReopened(Fact):
    """Pull request `number` was opened again."""

    number: int

    @property
    def says(self) -> str:
        return f"Pull request #{self.number} was opened again."

    def apply_to(self, incident: Incident) -> Incident:
        return _with_pull_request_open(incident, True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployAsked(Trigger):
    """The deployer is about to be asked for the merge commit, where `previous` runs. Known before it is done."""

    commit: str
    previous: str

    @property
    def says(self) -> str:
        now = f", where {self.previous[:10]} runs" if self.previous else ""
        return f"Asking for a deployment of {self.commit[:10]}{now}."

    def apply_to(self, incident: Incident) -> Incident:
        known = incident.deployment
        failed = known.id if known and known.commit == self.commit else ""  # until another one shows
        asked = Deployment(failed, self.commit, previous=self.previous)
        return _with_deployment(incident.but(deploy_asks=(*incident.deploy_asks, self.at)), asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploySucceeded(Trigger):
    """The deployer is done. `contains_merge`: whether the commit that runs holds the merge commit, by ancestry."""

    deployment: Deployment
    contains_merge: bool

    @property
    def says(self) -> str:
        return self.deployment.says_what_runs

    def apply_to(self, incident: Incident) -> Incident:
        return _with_deployment(incident, self.deployment)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployFailed(Trigger):
    """The deployment of the merge commit failed; `why` says how, and what to do."""

    why: str
    deployment: Deployment

    @property
    def says(self) -> str:
        return self.why

    def apply_to(self, incident: Incident) -> Incident:
        return _with_deployment(incident, self.deployment)


@dataclass(frozen=True, slots=True, kw_only=True)
class CureShown(Trigger):
    """The failing path ran clean on a commit with the fix, often enough."""

    cure: Cure

    @property
    def says(self) -> str:
        return self.cure.says

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(cure=self.cure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurred(Fact):
    """The same failure came from commit `running`. `contains_fix`: whether that commit holds the merge commit."""

    running: str
    contains_fix: bool

    @property
    def says(self) -> str:
        return f"The same failure came from {self.running[:10]}, which contains the fix."


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRequested(Command):
    """An admin wants back what ran before the fix; or before the failure, while there is none."""

    @property
    def says(self) -> str:
        return f"{self.actor} asked for a rollback."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(rolling_back=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack(Trigger):
    """What ran before runs again."""

    deployment: Deployment

    @property
    def says(self) -> str:
        return f"Rolled back. {self.deployment.says_what_runs}"

    def apply_to(self, incident: Incident) -> Incident:
        if incident.merge_sha is None:  # there is no fix yet: once it is merged, it goes out as ever
            return incident.but(way_back=None, rolling_back=False)
        return incident.but(deployment=self.deployment, rolling_back=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepGaveUp(Trigger):
    """An effect failed too often, or in a way that trying again cannot mend."""

    effect: Effect
    why: str

    @property
    def says(self) -> str:
        return f"Gave up on {self.effect.words}: {self.why}"

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(rolling_back=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried(Command):
    """A human wants the step that gave up, or the analyst, to try once more. `hint`: their words to the analyst."""

    hint: str = ""

    @property
    def says(self) -> str:
        return f"{self.actor} asked to try again{': ' + self.hint if self.hint else '.'}"

    def apply_to(self, incident: Incident) -> Incident:
        """A human may ask for one more round than the analyst has by itself."""
        rolling_back = incident.stuck is not None and incident.stuck.effect is Effect.ROLL_BACK
        again = incident.but(deploy_asks=(), rounds_allowed=max(incident.rounds_allowed, incident.rounds + 1))
        again = again.but(rolling_back=rolling_back) if incident.stuck else again
        return again.but(hint=self.hint) if self.hint else again


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(Command):
    """What was ended, or said to be fixed, by mistake goes on."""

    why: str = ""

    @property
    def says(self) -> str:
        return f"Reopened by {self.actor}{': ' + self.why if self.why else '.'}"

    def apply_to(self, incident: Incident) -> Incident:
        fix = incident.pull_request
        by_hand = fix is not None and fix.by and not incident.ended
        return incident.but(pull_request=None, **_NOTHING_DEPLOYED) if by_hand else incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed(Command):
    """A human fixed it by hand: by `fix`, which is followed. `named`: what they typed to name it."""

    named: str = ""
    fix: PullRequest | None = None

    @property
    def says(self) -> str:
        return f"{self.actor} says that {self.fix.name if self.fix else 'a commit'} fixes it."

    def apply_to(self, incident: Incident) -> Incident:
        fix = replace(self.fix, by=self.actor) if self.fix else None
        return incident.without_ask().but(pull_request=fix, **_NOTHING_DEPLOYED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(Command):
    """Somebody has it."""

    @property
    def says(self) -> str:
        return f"{self.actor} has it."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(holder=self.actor, acknowledged_at=self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned(Command):
    """Somebody is to have it: `to`, as the history names people."""

    to: str = ""

    @property
    def says(self) -> str:
        return f"{self.actor} gave it to {self.to}."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(holder=self.to, acknowledged_at=incident.acknowledged_at or self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Released(Command):
    """Nobody has it any more."""

    @property
    def says(self) -> str:
        return f"{self.actor} released it: nobody has it."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(holder="", acknowledged_at=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Command):
    """Somebody wrote something down."""

    text: str = ""

    @property
    def says(self) -> str:
        return f"Note: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveritySet(Command):
    """Somebody said how bad it is. `level` None: the rule says it again."""

    level: Severity | None = None

    @property
    def says(self) -> str:
        return f"{self.actor} set the severity: {self.level or 'by the rule'}."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(severity_set=self.level, severity_set_by=self.actor if self.level else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicated(Command):
    """It is the same as incident `of`."""

    of: int = 0

    @property
    def says(self) -> str:
        return f"{self.actor} marked it as a duplicate of INC-{self.of}."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.without_ask().but(quiet=duplicate(self.actor, self.at, self.of))


@dataclass(frozen=True, slots=True, kw_only=True)
class Called(Trigger):
    """People were called: `whom`, as the settings name them."""

    whom: str

    @property
    def says(self) -> str:
        return f"Called {self.whom}."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(calls=(*incident.calls, self.at))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Command):
    """An admin ended the incident."""

    why: str = ""

    @property
    def says(self) -> str:
        return f"Cancelled by {self.actor}{': ' + self.why if self.why else '.'}"

    def apply_to(self, incident: Incident) -> Incident:
        quiet = cancelled(self.actor, self.at, incident.builds, incident.pace.most)
        return incident.without_ask().but(quiet=quiet)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored(Command):
    """A human wants to hear nothing of this failure, for as long as they wish; it is counted all the while."""

    wish: Wish = FOR_GOOD
    why: str = ""

    @property
    def says(self) -> str:
        return f"Ignored by {self.actor} {self.wish.words}{': ' + self.why if self.why else '.'}"

    def apply_to(self, incident: Incident) -> Incident:
        return incident.without_ask().but(quiet=ignored(self.actor, self.at, self.wish, incident.builds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unignored(Command):
    """The failure may open incidents again: a human took it back, or (`why`) what it was to last until is here."""

    why: str = ""

    @property
    def says(self) -> str:
        return f"No longer ignored: {self.why or f'{self.actor} took it back.'}"

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(quiet=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BetterTold(Fact):
    """A source that is believed tells of the failure, of which what is kept came from one that anybody can write to."""

    payload: Payload

    @property
    def says(self) -> str:
        told = self.payload.incident
        return f"What {told.opened_by} tells takes the place of what came first: {told.summary}"

    def apply_to(self, incident: Incident) -> Incident:
        told = self.payload
        return incident.but(summary=told.incident.summary, build_sha=told.build.sha, believed=True)


def stuck_by(trigger: Trigger, incident: Incident) -> Stuck | None:
    """What an incident remembers of where it got stuck, if `trigger` is one that makes it so."""
    match trigger:
        case StepGaveUp(effect=effect, why=why):
            return incident.stuck or Stuck(incident.state, effect, why)
        case DeployFailed(why=why):
            return Stuck(incident.state, Effect.DEPLOY, why)
        case Reopened():
            return Stuck(State.MERGED, Effect.DEPLOY, "It was ended before its fix was deployed.")
        case _:
            return None


_NOTHING_DEPLOYED = {"deployment": None, "deploy_asks": (), "way_back": None, "rolling_back": False}


def words(trigger: type[Trigger] | str) -> str:
    """A trigger's name as it is read aloud: `PullRequestMerged` is "pull request merged"."""
    name = trigger if isinstance(trigger, str) else trigger.__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def all_triggers() -> tuple[type[Trigger], ...]:
    """Every fact there is, in the order they are written here."""
    return tuple(kind for kind in vars(sys.modules[__name__]).values() if _is_a_fact(kind))


def _is_a_fact(kind: object) -> TypeGuard[type[Trigger]]:
    return isinstance(kind, type) and issubclass(kind, Trigger) and kind not in (Trigger, Command, Fact)


def _offer(incident: int, way_back: Deployment | None) -> str:
    """How to stop it now, where it came with a deployment that can be taken back."""
    if way_back is None:
        return ""
    back = f"`kintsugi deploy rollback {incident}` brings {way_back.previous[:10]} back"
    return f" It came with the deployment of {way_back.commit[:10]}: {back} until it is mended."


def _with_diagnosis(incident: Incident, diagnosis: Diagnosis) -> Incident:
    cost = incident.cost + diagnosis.cost
    anew = {"diagnosis": replace(diagnosis, talk=()), "patch": None, "evidence": None, "proposed_in": None}
    return incident.but(cost=cost, rounds=incident.rounds + 1, **anew)


def _way_back(incident: Incident, found: Deployment | None) -> Deployment | None:
    """The one that was found now; while a rollback is under way, the one that it takes."""
    return incident.way_back if incident.rolling_back else found


def _with_deployment(incident: Incident, deployment: Deployment) -> Incident:
    """Who looks again at a deployment no longer sees what ran before it; the first look did."""
    first = incident.deployment
    if first and first.previous:
        deployment = replace(deployment, previous=first.previous)
    return incident.but(deployment=deployment)


def _with_pull_request_open(incident: Incident, open_: bool) -> Incident:
    assert incident.pull_request
    return incident.but(pull_request=replace(incident.pull_request, open=open_))
