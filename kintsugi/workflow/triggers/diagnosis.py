"""What the analyst, the referee or a human with a patch has to say."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kintsugi.workflow.incident import Deployment, Diagnosis, Incident, Patch
from kintsugi.workflow.patch import Evidence
from kintsugi.workflow.triggers.base import Command, Trigger


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
