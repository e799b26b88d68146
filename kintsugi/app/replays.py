"""An old incident, asked about again: what another model or prompt would have answered, proven as it was then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kintsugi.workflow.errors import Refusal, StepFailed
from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import NOTHING, Allowance, Budget, Cost, Incident, Patch, Turn
from kintsugi.workflow.patch import Evidence
from kintsugi.workflow.ports import Analyst, Case, Checker, PatchUnproven, Progress, Store
from kintsugi.workflow.triggers import Diagnosed, DiagnosedWithoutPatch, PatchProven, PatchRefused

_A_PAGE = 50
_OF_THE_ANALYST = {kind.__name__ for kind in (Diagnosed, DiagnosedWithoutPatch, PatchProven, PatchRefused)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one analyst made of an incident. `tier` is "" where no patch was left, and E0 of one that was not proven."""

    analyst: str
    proven: bool
    tier: str
    says: str
    cost: Cost
    seconds: float
    rounds: int
    diff: str

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {
            "analyst": self.analyst,
            "proven": self.proven,
            "tier": self.tier or None,
            "says": self.says,
            "usd": None if self.cost.unpriced else self.cost.usd,
            "tokens": self.cost.tokens_in + self.cost.tokens_out,
            "seconds": round(self.seconds, 1),
            "rounds": self.rounds,
            "diff": self.diff,
        }


@dataclass(frozen=True, slots=True)
class Replay:
    """Then and now."""

    incident: Incident
    then: Verdict
    now: Verdict

    def facts(self) -> dict[str, Any]:
        return {"incident": self.incident.name, "then": self.then.facts(), "now": self.now.facts()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayNeeds:
    """`checker_at` holds patches against a commit, as if the branch had never moved on from there."""

    store: Store
    analyst: Analyst
    checker_at: Callable[[str | None], Checker]
    budget: Budget


async def newest_ended(store: Store, most: int) -> AsyncIterator[Incident]:
    """The newest incidents that ended, at most so many."""
    before: int | None = None
    while page := await store.incidents(limit=_A_PAGE, before=before):
        for incident in page:
            if incident.ended and most > 0:
                most -= 1
                yield incident
        if most <= 0:
            return
        before = page[-1].id


async def replayed(needs: ReplayNeeds, number: int, progress: Progress) -> Replay:
    """Ask once more about an incident that ended, with what was captured then. Changes nothing.

    Raises Refusal, and StepFailed where the model could not be asked: that says nothing of its answers.
    """
    incident = await needs.store.incident(number)
    if not incident.ended:
        raise Refusal(f"{incident.name} {incident.state.says}: it is replayed when it has ended.")
    if incident.pruned_at:
        raise Refusal(f"{incident.name} cannot be replayed. {incident.pruned}")
    payload = await needs.store.payload(number)
    then = _then(incident, await needs.store.history(number))
    checker = needs.checker_at(incident.patch.base if incident.patch else incident.build_sha)
    asked = replace(incident, feedback="", hint="", patch=None, evidence=None, diagnosis=None, rounds=0)
    now = await _asked(needs, checker, Case(asked, payload, allowance=Allowance(needs.budget)), progress)
    return Replay(incident, then, now)


def _then(incident: Incident, history: Sequence[Step]) -> Verdict:
    seconds = sum(step.seconds for step in history if step.trigger in _OF_THE_ANALYST)
    evidence, patch, said = incident.evidence, incident.patch, incident.diagnosis
    return Verdict(
        analyst=said.analyst if said else "",
        proven=evidence is not None and evidence.tier.proves,
        tier=evidence.tier.value if evidence else "",
        says=evidence.says if evidence else _last(history) or incident.says,
        cost=incident.cost,
        seconds=seconds,
        rounds=incident.rounds,
        diff=patch.diff if patch else "",
    )


def _last(history: Sequence[Step]) -> str:
    """Why no patch came of it."""
    return next((step.says for step in reversed(history) if step.trigger in _OF_THE_ANALYST), "")


async def _asked(needs: ReplayNeeds, checker: Checker, case: Case, progress: Progress) -> Verdict:
    """As many rounds as the incident may have, each told why the one before was refused.

    An answer that was paid for and cannot be used is one that proves nothing.
    """
    began, cost, analyst, says, rounds = time.monotonic(), NOTHING, "", "", 0
    talk: tuple[Turn, ...] = ()
    found: tuple[Patch, Evidence] | None = None
    for rounds in range(1, case.incident.rounds_allowed + 1):
        try:
            diagnosis = await needs.analyst.diagnose(replace(case, talk=talk), progress)
        except StepFailed as failed:
            if isinstance(failed.__cause__, asyncio.CancelledError):
                raise failed.__cause__ from failed
            if not failed.spent.calls:
                raise
            cost, says = cost + failed.spent, str(failed)
            break
        cost, analyst, talk = cost + diagnosis.cost, diagnosis.analyst, diagnosis.talk
        if not diagnosis.proposes_a_patch:
            says = f"{diagnosis.cause} No patch was proposed."
            break
        try:
            found = await checker.check(replace(case, incident=case.incident.but(diagnosis=diagnosis)), progress)
            says = found[1].says
            break
        except PatchUnproven as refused:
            says = str(refused)
            feedback = f"{refused}\n\n{refused.output}".strip()
            case = replace(case, incident=case.incident.but(feedback=feedback, rounds=rounds, diagnosis=diagnosis))
    return Verdict(
        analyst=analyst,
        proven=found is not None and found[1].tier.proves,
        tier=found[1].tier.value if found else "",
        says=says,
        cost=cost,
        seconds=time.monotonic() - began,
        rounds=rounds,
        diff=found[0].diff if found else "",
    )
