"""Handing in a patch at a desk: what the command line, agents and the code host share."""

from __future__ import annotations

from dataclasses import dataclass

from kintsugi.app.desk import Desk
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.proposals import Verdict, proposed, verdicts
from kintsugi.workflow.triggers import Proposed


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A proposal, and the incident as it is now."""

    incident: Incident
    verdict: Verdict

    def facts(self) -> dict[str, object]:
        """For programs."""
        return {
            "incident": self.incident.name,
            "state": self.incident.state.value,
            "proposal": self.verdict.id,
            "proven": self.verdict.proven,
            "says": self.verdict.says,
        }


async def hand_in(desk: Desk, incident: int, patch: str, *, by: str, title: str = "", body: str = "") -> HandedIn:
    """Hand in a patch. The same one again answers what became of it. Raises BadInput, Refusal."""
    found = await desk.store.incident(incident)
    proposal = proposed(found, patch, by=by, at=desk.clock.now(), title=title, body=body)
    if known := await _verdict(desk, proposal):
        return HandedIn(found, known)
    receipt = await desk.engine.fire(proposal)
    verdict = await _verdict(desk, proposal)
    assert verdict
    return HandedIn(receipt.incident, verdict)


async def _verdict(desk: Desk, proposal: Proposed) -> Verdict | None:
    found = verdicts(await desk.store.history(proposal.incident))
    return next((each for each in found if each.id == proposal.proposal), None)
