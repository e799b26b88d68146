"""Whether the failure is gone where the fix runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from kintsugi.workflow import triggers as t
from kintsugi.workflow.cure import ASKED, SENT_AGAIN, all_runs_of, judged, without_ours
from kintsugi.workflow.effects.common import EffectNeeds, case_of, has_the_fix, pace, result
from kintsugi.workflow.engine import Performed
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cure, Incident
from kintsugi.workflow.ports import Case, Claim, Reading
from kintsugi.workflow.replay import request_of
from kintsugi.workflow.retry import Again

_COUNTS_FROM = timedelta(days=7)  # before the incident: how often it failed without the fix


async def watch(tools: EffectNeeds, claim: Claim) -> Performed:
    """See whether the failure is gone, for as long as it takes: seen again, reproduced, or counted."""
    for build in reversed(claim.incident.seen_on):
        if await has_the_fix(tools, claim.incident, build):
            return t.Recurred(**result(tools, claim), running=build, contains_fix=True)
    case = await _with_known_answers(tools, await case_of(tools, claim))
    reading = await _read(tools, case)
    fixed = await has_the_fix(tools, claim.incident, reading.running)
    if fixed and reading.recurred:
        return t.Recurred(**result(tools, claim), running=reading.running, contains_fix=True)
    if fixed and reading.shown:
        return t.CureShown(**result(tools, claim), cure=reading.cure)
    cure = await _counted(tools, case) or reading.cure
    if reading.running and not fixed:
        cure = replace(cure, says=f"{reading.running[:10]} answers, without the fix.")
    elif cure is not reading.cure and cure.shown:
        return t.CureShown(**result(tools, claim), cure=cure)
    if says := await _hearsay(tools, claim.incident):
        cure = replace(cure, says=says)
    return Again(pace(tools, claim), cure.says, cure)


async def _counted(tools: EffectNeeds, case: Case) -> Cure | None:
    """How far the runs of the failing intent show the cure; None where telemetry counted none with the fix."""
    since, everything = case.incident.opened_at - _COUNTS_FROM, all_runs_of(case.incident.opened_by)
    for intent in (case.payload.request.intent, everything):
        runs = await tools.store.runs(intent, since) if intent else []
        fixed = [each for each in runs if await has_the_fix(tools, case.incident, each.build)]
        before = [each for each in runs if each not in fixed and await _is_known(tools, each.build)]
        if fixed and intent == everything:
            ours = [each for own in (ASKED, SENT_AGAIN) for each in await tools.store.runs(own, since)]
            fixed, before = without_ours(fixed, ours, fixed=True), without_ours(before, ours, fixed=False)
        if intent and fixed:
            return judged(intent, fixed, before)
    return None


async def _is_known(tools: EffectNeeds, build: str) -> bool:
    """Whether the code host has this commit: of any other nobody can say that it is without the fix."""
    return await tools.code_host.contains(build, build)


async def _read(tools: EffectNeeds, case: Case) -> Reading:
    """What the monitor sees. Where it sees nothing now, runs that were counted may still show the cure."""
    try:
        return await tools.monitor.read(case)
    except StepFailed as failed:
        cure = await _counted(tools, case)
        if cure is None:
            raise
        return Reading(replace(cure, needed=0, says=f"Unproven: {failed}"), "")


async def _with_known_answers(tools: EffectNeeds, case: Case) -> Case:
    """With what the failing request is answered where it works: on builds without the fix, and without the failure."""
    request = request_of(case.payload)
    if isinstance(request, str):
        return case
    answers = [each for each in await tools.store.answers(request.digest) if each.status < 500]
    builds = {each.build for each in answers}
    fixed = {build for build in builds if await has_the_fix(tools, case.incident, build)}
    return replace(case, worked=frozenset(each.status for each in answers if each.build not in fixed))


async def _hearsay(tools: EffectNeeds, incident: Incident) -> str:
    """A sentence where a source that anybody can write to says that it failed again with the fix; a human decides."""
    for build in reversed(incident.hearsay):
        if await has_the_fix(tools, incident, build):
            return (
                f"Unproven: it is told to have failed again on {build[:10]}, with the fix, by a key that anybody can "
                "read. That is not believed alone: look at the program, and roll back if it is true."
            )
    return ""
