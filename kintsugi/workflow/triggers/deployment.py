"""What happens after the merge: deployment, cure, rollback."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kintsugi.workflow.incident import Cure, Deployment, Incident
from kintsugi.workflow.triggers.base import Command, Fact, Trigger

NOTHING_DEPLOYED = {"deployment": None, "deploy_asks": (), "way_back": None, "rolling_back": False}


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


def _with_deployment(incident: Incident, deployment: Deployment) -> Incident:
    """Who looks again at a deployment no longer sees what ran before it; the first look did."""
    first = incident.deployment
    if first and first.previous:
        deployment = replace(deployment, previous=first.previous)
    return incident.but(deployment=deployment)
