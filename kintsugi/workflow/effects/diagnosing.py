"""From a failure to a diagnosis: the failing call is made again, then the analyst is asked, within the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kintsugi.workflow import triggers as t
from kintsugi.workflow.effects.common import EffectNeeds, case_of, has_the_fix, progress_of, result
from kintsugi.workflow.engine import LeaseLost, Performed
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Allowance, Category, Cost, Deployment, Diagnosis, Incident, Turn
from kintsugi.workflow.looks import Look
from kintsugi.workflow.names import State
from kintsugi.workflow.ports import Case, Claim, Progress, Store


async def diagnose(tools: EffectNeeds, claim: Claim) -> Performed:
    """Ask the analyst, within the budget."""
    if claim.incident.pruned_at:  # it ended, and somebody took it up again
        return t.DiagnosedWithoutPatch(**result(tools, claim), why=f"Nothing to diagnose from. {claim.incident.pruned}")
    await _tell_of_recurrences(tools, claim)
    allowance = await _allowance(tools, claim.incident)
    if why := allowance.used_up_by():
        return t.DiagnosedWithoutPatch(**result(tools, claim), why=why)
    progress = progress_of(tools, claim)
    if claim.incident.feedback:
        progress(f"round {claim.incident.rounds + 1}, as the last patch was refused: {claim.incident.says}")
    case = await _made_again(tools, await case_of(tools, claim), progress)
    looks = _Looks(tools.store, claim)
    case = replace(case, allowance=allowance, talk=await _last_talk(tools, claim.incident), looks=looks)
    diagnosis = await tools.analyst.diagnose(case, progress)
    common, way_back = result(tools, claim), await _way_back(tools, case)
    if diagnosis.proposes_a_patch:
        return t.Diagnosed(**common, diagnosis=diagnosis, way_back=way_back)
    why = _why_no_patch(diagnosis)
    return t.DiagnosedWithoutPatch(**common, diagnosis=diagnosis, why=why, way_back=way_back)


async def _made_again(tools: EffectNeeds, case: Case, progress: Progress) -> Case:
    """The case with its failing call made again, once and before any model is asked, where it was written down."""
    if case.incident.reproduction or case.payload.capsule is None or not case.incident.believed:
        return case
    progress("making the failing call again in the sandbox")
    try:
        found = await tools.checker.reproduce(case, progress)
    except StepFailed as failed:  # a help to the diagnosis, and never a condition of it
        progress(f"the failing call could not be made again: {failed}")
        return case
    key, now = f"{case.incident.name}:made-again:{found.commit}", tools.clock.now()
    await tools.fire(t.CallMadeAgain(incident=case.incident.id, key=key, at=now, reproduction=found))
    progress(found.words)
    return replace(case, incident=case.incident.but(reproduction=found))


async def _tell_of_recurrences(tools: EffectNeeds, claim: Claim) -> None:
    """What was healed is not, where the same failure now came from a commit with its fix."""
    case = await case_of(tools, claim)
    build = case.payload.build.sha or ""
    for earlier in case.earlier:
        believed = build not in claim.incident.hearsay
        if earlier.state is State.HEALED and believed and await has_the_fix(tools, earlier, build):
            key, now = f"{claim.incident.name}:recurred:{earlier.id}", tools.clock.now()
            await tools.fire(t.Recurred(incident=earlier.id, key=key, at=now, running=build, contains_fix=True))


async def _way_back(tools: EffectNeeds, case: Case) -> Deployment | None:
    """The deployment that the failure came with, if what ran before can be brought back and never failed like this."""
    try:
        newest = await tools.deployer.latest()
    except StepFailed:  # the offer is a help, and never holds the mending up
        return None
    if newest is None or not (newest.done and newest.deployment.previous):
        return None
    came_with, before = newest.deployment.commit, newest.deployment.previous
    if case.payload.build.sha != came_with:
        return None
    earlier = [each.build_sha for each in case.earlier if each.build_sha]
    seen_before = [build for build in earlier if await tools.code_host.contains(before, build)]
    return None if seen_before else newest.deployment


def _why_no_patch(diagnosis: Diagnosis) -> str:
    if diagnosis.category in (Category.CODE, Category.UNKNOWN):
        return f"{diagnosis.cause} No patch was proposed."
    return f"{diagnosis.cause} This is no fault of the code ({diagnosis.category}): no patch."


async def _last_talk(tools: EffectNeeds, incident: Incident) -> tuple[Turn, ...]:
    """What was said with the model whose patch was refused."""
    talks = await tools.store.talks(incident.id) if incident.feedback else []
    return talks[-1].turns if talks else ()


@dataclass(frozen=True, slots=True)
class _Looks:
    """The looks of one diagnosis, in the store."""

    store: Store
    claim: Claim

    @property
    def round(self) -> int:
        return self.claim.seq

    async def known(self) -> Sequence[Look]:
        return await self.store.looks(self.claim.incident.id, self.round)

    async def keep(self, look: Look, cost: Cost) -> None:
        if not await self.store.transact(lambda ledger: ledger.looked(self.claim, look, cost)):
            raise LeaseLost(self.claim.id)


async def _allowance(tools: EffectNeeds, incident: Incident) -> Allowance:
    today = await tools.store.spent_on(tools.clock.now().date())
    budget = tools.budget if incident.believed else tools.budget.of_strangers()
    return Allowance(budget, incident.cost.spent, today)
