"""What happens to the pull request, from its opening to its merge."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kintsugi.workflow.incident import Incident, PullRequest
from kintsugi.workflow.patch import Evidence
from kintsugi.workflow.triggers.base import Command, Fact, Trigger
from kintsugi.workflow.triggers.deployment import NOTHING_DEPLOYED


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
        return incident.without_ask().but(pull_request=merged, **NOTHING_DEPLOYED)


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
class Fixed(Command):
    """A human fixed it by hand: by `fix`, which is followed. `named`: what they typed to name it."""

    named: str = ""
    fix: PullRequest | None = None

    @property
    def says(self) -> str:
        return f"{self.actor} says that {self.fix.name if self.fix else 'a commit'} fixes it."

    def apply_to(self, incident: Incident) -> Incident:
        fix = replace(self.fix, by=self.actor) if self.fix else None
        return incident.without_ask().but(pull_request=fix, **NOTHING_DEPLOYED)


def _with_pull_request_open(incident: Incident, open_: bool) -> Incident:
    assert incident.pull_request
    return incident.but(pull_request=replace(incident.pull_request, open=open_))
