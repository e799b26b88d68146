"""Patches that somebody hands in: a human, or their agent. They take the way of the analyst's own."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.errors import BadInput
from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import Category, Diagnosis, Incident
from kintsugi.workflow.machine import objection
from kintsugi.workflow.ports import Clock, Store
from kintsugi.workflow.triggers import (
    Cancelled,
    Duplicated,
    Fixed,
    Ignored,
    PatchProven,
    PatchRefused,
    Proposed,
    StepGaveUp,
    Trigger,
)

MOST = 1024 * 1024  # characters of a patch
_LINE = 200  # characters of a title
_BODY = 10_000
_NAMED = re.compile(r"Patch (?P<id>p[0-9a-f]{12}) by .*?: (?P<title>.*)", re.DOTALL)
_ENDS = {kind.__name__ for kind in (PatchProven, PatchRefused, StepGaveUp, Cancelled, Ignored, Duplicated, Fixed)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a proposal. `proven`: None while it is checked, and where the check came to no end."""

    id: str
    by: str
    at: datetime
    title: str
    proven: bool | None
    says: str


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


def proposed(incident: Incident, patch: str, *, by: str, at: datetime, title: str = "", body: str = "") -> Proposed:
    """A patch as text, in any form that `patch apply` reads, for this incident. Raises BadInput."""
    if not patch.strip():
        raise BadInput("The patch is empty.")
    if len(patch) > MOST:
        raise BadInput(f"The patch is too long: {len(patch):,} characters, of which {MOST:,} are taken.")
    said = " ".join(title.split())[:_LINE] or f"A fix for {incident.name}"
    diagnosis = Diagnosis(
        cause=said,
        explanation=body.strip()[:_BODY],
        category=Category.CODE,
        probability=0.0,
        title=said,
        body=body.strip()[:_BODY],
        analyst=by,
        patch=patch,
        by=by,
    )
    digest = sha256(f"{incident.id}\0{patch}".encode("utf-8", "replace")).hexdigest()
    name = f"p{digest[:12]}"
    key = f"proposed:{incident.id}:{incident.since}:{name}"  # where it cannot be taken now, it can be later
    return Proposed(incident=incident.id, key=key, at=at, actor=by, proposal=name, diagnosis=diagnosis)


class Proposals:
    """The door for them: the command line's, agents' and the code host's."""

    def __init__(self, store: Store, clock: Clock, fire: Callable[[Trigger], Awaitable[Receipt]]) -> None:
        self._store, self._clock, self._fire = store, clock, fire

    async def hand_in(self, incident: int, patch: str, *, by: str, title: str = "", body: str = "") -> HandedIn:
        """Hand in a patch. The same one again answers what became of it, unless its check was cut off.

        Raises BadInput, Refusal.
        """
        found = await self._store.incident(incident)
        proposal = proposed(found, patch, by=by, at=self._clock.now(), title=title, body=body)
        known = await self._verdict(proposal)
        if known and (known.proven is not None or objection(found, proposal)):
            return HandedIn(found, known)
        receipt = await self._fire(proposal)
        verdict = await self._verdict(proposal)
        assert verdict
        return HandedIn(receipt.incident, verdict)

    async def _verdict(self, proposal: Proposed) -> Verdict | None:
        found = verdicts(await self._store.history(proposal.incident))
        return next((each for each in reversed(found) if each.id == proposal.proposal), None)


def verdicts(history: Iterable[Step]) -> list[Verdict]:
    """What became of each proposal, oldest first."""
    found: list[Verdict] = []
    for step in history:
        if step.trigger == Proposed.__name__ and (named := _NAMED.match(step.says)):
            found.append(Verdict(named["id"], step.actor, step.at, named["title"], None, "It is being checked."))
        elif found and found[-1].proven is None and step.trigger in _ENDS:
            proven = {PatchProven.__name__: True, PatchRefused.__name__: False}.get(step.trigger)
            found[-1] = replace(found[-1], proven=proven, says=step.says)
    return found
