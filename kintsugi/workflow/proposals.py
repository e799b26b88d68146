"""Patches that somebody hands in: a human, or their agent. They take the way of the analyst's own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from kintsugi.workflow.errors import BadInput, Refusal
from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import Category, Diagnosis, Incident, PullRequest
from kintsugi.workflow.machine import objection
from kintsugi.workflow.names import State
from kintsugi.workflow.ports import Clock, Receipt, Store
from kintsugi.workflow.triggers import (
    Cancelled,
    Diagnosed,
    DiagnosedWithoutPatch,
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
_CHECKED = {kind.__name__ for kind in (PatchProven, PatchRefused)}
_ENDS = _CHECKED | {kind.__name__ for kind in (StepGaveUp, Cancelled, Ignored, Duplicated, Fixed)}

_ANALYSTS = {kind.__name__ for kind in (Diagnosed, DiagnosedWithoutPatch)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a proposal. `proven`: None while it is checked, where the check came to no end, and of E0."""

    id: str
    by: str
    at: datetime
    title: str
    proven: bool | None
    says: str
    is_open: bool = False  # true: it is being checked


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


def named(incident: Incident, what: str) -> str:
    """The id of the proposal of this for this incident."""
    digest = sha256(f"{incident.id}\0{what}".encode("utf-8", "replace")).hexdigest()
    return f"p{digest[:12]}"


def proposed(
    incident: Incident,
    patch: str,
    *,
    by: str,
    at: datetime,
    title: str = "",
    body: str = "",
    name: str = "",
    base: str = "",
    pull: PullRequest | None = None,
) -> Proposed:
    """A patch as text, in any form that `patch apply` reads, for this incident. Raises BadInput.

    Known by `name`, or by its own text. It changes the commit `base`, or the one that failed; it is in `pull`, or in
    none yet.
    """
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
        base=base,
        pull=pull,
    )
    name = name or named(incident, patch)
    key = f"proposed:{incident.id}:{incident.since}:{name}"  # where it cannot be taken now, it can be later
    return Proposed(incident=incident.id, key=key, at=at, actor=by, proposal=name, diagnosis=diagnosis)


_BUSY = {
    State.DIAGNOSED: "another patch is being checked. Hand yours in when that has its verdict.",
    State.AWAITING_CONFIRM: "another patch waits for a confirmation. Reject that one first.",
}


class Proposals:
    """The door for them: the command line's, agents' and the code host's.

    `read` takes a patch as text, and raises ValueError with a sentence where it is none.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        fire: Callable[[Trigger], Awaitable[Receipt]],
        read: Callable[[str], object],
    ) -> None:
        self._store, self._clock, self._fire, self._read = store, clock, fire, read

    async def hand_in(self, incident: int, patch: str, *, by: str, title: str = "", body: str = "") -> HandedIn:
        """Hand in a patch. The same one again answers what became of it; where its check was cut off or could not try
        it, it is checked again.

        Raises BadInput, Refusal.
        """
        found = await self._store.incident(incident)
        proposal = proposed(found, patch, by=by, at=self._clock.now(), title=title, body=body)
        known = await self._verdict(proposal)
        if known and (known.proven is not None or objection(found, proposal)):
            return HandedIn(found, known)
        if why := _BUSY.get(found.state):
            raise Refusal(f"{found.name} {found.state.says}: {why}")
        try:  # what cannot be read would only keep others waiting for its check
            await asyncio.to_thread(self._read, patch)
        except ValueError as wrong:
            raise BadInput(f"The patch cannot be read. {wrong}") from None
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
    last_is_its = False  # false: what is checked by now is the analyst's
    was_checked = False  # true: only another check of it, as on a branch that moved, says something else
    for step in history:
        if step.trigger == Proposed.__name__ and (match := _NAMED.match(step.says)):
            title, says, last_is_its, was_checked = match["title"], "It is being checked.", True, False
            found.append(Verdict(match["id"], step.actor, step.at, title, None, says, is_open=True))
        elif last_is_its and step.trigger in (_CHECKED if was_checked else _ENDS):
            found[-1] = replace(found[-1], proven=step.proven, says=step.says, is_open=False)
            was_checked = step.trigger in _CHECKED
        elif step.trigger in _ANALYSTS:
            last_is_its = False
    return found
