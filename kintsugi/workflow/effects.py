"""What is done in the world, one function per effect. Each looks first and acts then, and hands back the next trigger.

An effect may be performed more than once: after a crash, after a lost lease, on a retry.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypedDict

from kintsugi.workflow import triggers as t
from kintsugi.workflow.cure import ASKED, SENT_AGAIN, all_runs_of, judged, without_ours
from kintsugi.workflow.engine import LeaseLost, Perform, Performed
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import (
    Allowance,
    Ask,
    Budget,
    Category,
    Cost,
    Cure,
    Deployment,
    Diagnosis,
    Incident,
    Turn,
    token_hash,
)
from kintsugi.workflow.looks import Look
from kintsugi.workflow.names import Effect, State
from kintsugi.workflow.ports import (
    Analyst,
    Case,
    Channel,
    Checker,
    Claim,
    Clock,
    CodeHost,
    Deployer,
    Monitor,
    Outcome,
    OutcomeUnknown,
    PatchUnproven,
    Progress,
    Reading,
    Receipt,
    Rollout,
    Store,
)
from kintsugi.workflow.replay import request_of
from kintsugi.workflow.retry import Again

_QUIET = timedelta(minutes=2)  # after a deployment was asked for and does not show
_MOST_ASKS = 2
_SETTLES = timedelta(minutes=5)  # for a deployment that is done to take over
_AT_LEAST_EVERY = timedelta(minutes=10)
_COUNTS_FROM = timedelta(days=7)  # before the incident: how often it failed without the fix


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectNeeds:
    """Everything the effects touch."""

    store: Store
    clock: Clock
    fire: Callable[[t.Trigger], Awaitable[Receipt]]
    check: Callable[[Claim], Awaitable[None]]  # right before the world is touched. Raises LeaseLost
    analyst: Analyst
    checker: Checker
    code_host: CodeHost
    deployer: Deployer
    monitor: Monitor
    channel: Channel
    budget: Budget = field(default_factory=Budget)
    confirm_within: timedelta = timedelta(hours=24)
    look_again: timedelta = timedelta(seconds=15)


def performers(tools: EffectNeeds) -> Mapping[Effect, Perform]:
    """One function for every effect."""
    return {
        Effect.DIAGNOSE: partial(diagnose, tools),
        Effect.CHECK_PATCH: partial(check_patch, tools),
        Effect.ASK_CONFIRMATION: partial(ask_confirmation, tools),
        Effect.OPEN_PULL_REQUEST: partial(open_pull_request, tools),
        Effect.DEPLOY: partial(deploy, tools),
        Effect.WATCH: partial(watch, tools),
        Effect.ROLL_BACK: partial(roll_back, tools),
        Effect.ANNOUNCE: partial(announce, tools),
    }


async def diagnose(tools: EffectNeeds, claim: Claim) -> Performed:
    """Ask the analyst, within the budget."""
    if claim.incident.pruned_at:  # it ended, and somebody took it up again
        return t.DiagnosedWithoutPatch(
            **_result(tools, claim), why=f"Nothing to diagnose from. {claim.incident.pruned}"
        )
    await _tell_of_recurrences(tools, claim)
    allowance = await _allowance(tools, claim.incident)
    if why := allowance.used_up_by():
        return t.DiagnosedWithoutPatch(**_result(tools, claim), why=why)
    progress = _progress(tools, claim)
    if claim.incident.feedback:
        progress(f"round {claim.incident.rounds + 1}, as the last patch was refused: {claim.incident.says}")
    case = await _made_again(tools, await _case(tools, claim), progress)
    looks = _Looks(tools.store, claim)
    case = replace(case, allowance=allowance, talk=await _last_talk(tools, claim.incident), looks=looks)
    diagnosis = await tools.analyst.diagnose(case, progress)
    common, way_back = _result(tools, claim), await _way_back(tools, case)
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


async def check_patch(tools: EffectNeeds, claim: Claim) -> Performed:
    """Apply the edits, hold them against the policy, prove them."""
    try:
        patch, evidence = await tools.checker.check(await _case(tools, claim), _progress(tools, claim))
    except PatchUnproven as unproven:
        return t.PatchRefused(**_result(tools, claim), why=str(unproven), output=unproven.output)
    return t.PatchProven(**_result(tools, claim), patch=patch, evidence=evidence)


async def ask_confirmation(tools: EffectNeeds, claim: Claim) -> Performed:
    """Ask for a confirmation by a new token; called again when it has run out, tell that it expired."""
    incident, now = claim.incident, tools.clock.now()
    assert incident.patch
    if incident.ask and now >= incident.ask.expires_at:
        return t.Expired(**_result(tools, claim), patch=incident.ask.patch)
    token = f"{incident.id}-{secrets.token_hex(16)}"  # 128 random bits; the number only says whose it is
    ask = Ask(token_hash(token), incident.patch.sha, incident.patch.base, now + tools.confirm_within)
    key = f"fx:{claim.id}:asked:{claim.epoch}"
    await tools.fire(t.ConfirmationAsked(incident=incident.id, key=key, at=now, ask=ask))
    await tools.check(claim)
    await tools.channel.ask(incident.but(ask=ask), token)
    return Again(tools.confirm_within, "waiting for a human")


async def open_pull_request(tools: EffectNeeds, claim: Claim) -> Performed:
    """Open the pull request of exactly what was confirmed, or find it open."""
    incident = claim.incident
    assert incident.patch
    head = await tools.code_host.head()
    if head != incident.patch.base and not incident.pull_request:
        found = await tools.code_host.find_pull_request(incident)
        if found is None:
            return t.BaseMoved(**_result(tools, claim), base=head)
        return t.PullRequestOpened(**_result(tools, claim), pull_request=found)
    await tools.check(claim)
    pull_request = await tools.code_host.open_pull_request(incident)
    return t.PullRequestOpened(**_result(tools, claim), pull_request=pull_request)


async def deploy(tools: EffectNeeds, claim: Claim) -> Performed:
    """See that the merge commit is deployed: by whoever did it already, else by asking once."""
    commit = claim.incident.merge_sha
    assert commit
    rollout = await _deployment_with(tools, commit)
    if rollout:
        stands = await _follow(tools, claim, commit, rollout)
        if not _was_told(claim.incident, stands):
            return stands
    if newer := await _newer_merge(tools, claim.incident):
        return Again(_pace(tools, claim), f"{newer.name} was merged after it and is on its way with both fixes.")
    fix = claim.incident.pull_request
    if fix and not fix.deploys:
        says = f"Waiting for a deployment with {commit[:10]}. Somebody who may deploy can ask for it."
        return Again(_pace(tools, claim), says)
    wait = await _time_to_ask(tools, claim)
    return wait or await _ask_for(tools, claim, commit)


async def watch(tools: EffectNeeds, claim: Claim) -> Performed:
    """See whether the failure is gone, for as long as it takes: seen again, reproduced, or counted."""
    for build in reversed(claim.incident.seen_on):
        if await _has_the_fix(tools, claim.incident, build):
            return t.Recurred(**_result(tools, claim), running=build, contains_fix=True)
    case = await _with_known_answers(tools, await _case(tools, claim))
    reading = await _read(tools, case)
    fixed = await _has_the_fix(tools, claim.incident, reading.running)
    if fixed and reading.recurred:
        return t.Recurred(**_result(tools, claim), running=reading.running, contains_fix=True)
    if fixed and reading.shown:
        return t.CureShown(**_result(tools, claim), cure=reading.cure)
    cure = await _counted(tools, case) or reading.cure
    if reading.running and not fixed:
        cure = replace(cure, says=f"{reading.running[:10]} answers, without the fix.")
    elif cure is not reading.cure and cure.shown:
        return t.CureShown(**_result(tools, claim), cure=cure)
    if says := await _hearsay(tools, claim.incident):
        cure = replace(cure, says=says)
    return Again(_pace(tools, claim), cure.says, cure)


async def roll_back(tools: EffectNeeds, claim: Claim) -> Performed:
    """Bring back what ran before the fix."""
    deployment = claim.incident.taken_back
    if deployment is None or not deployment.previous:
        raise StepFailed("There is no earlier deployment to go back to.", final=True)
    await tools.check(claim)
    rollout = await tools.deployer.roll_back(
        deployment, claim.created_at, _progress(tools, claim), incident=claim.incident.id
    )
    if rollout.done is None:
        return Again(_pace(tools, claim), rollout.says)
    if not rollout.done:
        raise StepFailed(rollout.says)
    running = rollout.deployment.runs
    if running != deployment.previous:
        why = f"{rollout.says} But {running[:10] or 'nothing known'} runs, and not {deployment.previous[:10]}."
        if wait := _while_it_settles(tools, claim, rollout, why):
            return wait
        raise StepFailed(why)
    return t.RolledBack(**_result(tools, claim), deployment=rollout.deployment)


async def announce(tools: EffectNeeds, claim: Claim) -> Performed:
    """Tell people how the incident stands, and those at its pull request what became of the fix.

    Told last is what is newest, also where another worker tells at the same time: whoever was slower looks once more.
    """
    told, incident = -1, claim.incident
    while incident.seq > told:
        await tools.check(claim)
        await tools.channel.announce(incident)
        await tools.check(claim)
        if incident.pull_request is None or not incident.pull_request.by:
            await tools.code_host.tell(incident)
        told, incident = incident.seq, await tools.store.incident(incident.id)
    return None


async def _tell_of_recurrences(tools: EffectNeeds, claim: Claim) -> None:
    """What was healed is not, where the same failure now came from a commit with its fix."""
    case = await _case(tools, claim)
    build = case.payload.build.sha or ""
    for earlier in case.earlier:
        believed = build not in claim.incident.hearsay
        if earlier.state is State.HEALED and believed and await _has_the_fix(tools, earlier, build):
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


async def _has_the_fix(tools: EffectNeeds, incident: Incident, build: str) -> bool:
    return bool(build and incident.merge_sha) and await tools.code_host.contains(build, incident.merge_sha or "")


async def _counted(tools: EffectNeeds, case: Case) -> Cure | None:
    """How far the runs of the failing intent show the cure; None where telemetry counted none with the fix."""
    since, everything = case.incident.opened_at - _COUNTS_FROM, all_runs_of(case.incident.opened_by)
    for intent in (case.payload.request.intent, everything):
        runs = await tools.store.runs(intent, since) if intent else []
        fixed = [each for each in runs if await _has_the_fix(tools, case.incident, each.build)]
        before = [each for each in runs if each not in fixed]
        if fixed and intent == everything:
            ours = [each for own in (ASKED, SENT_AGAIN) for each in await tools.store.runs(own, since)]
            fixed, before = without_ours(fixed, ours, fixed=True), without_ours(before, ours, fixed=False)
        if intent and fixed:
            return judged(intent, fixed, before)
    return None


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
    fixed = {build for build in builds if await _has_the_fix(tools, case.incident, build)}
    return replace(case, worked=frozenset(each.status for each in answers if each.build not in fixed))


async def _hearsay(tools: EffectNeeds, incident: Incident) -> str:
    """A sentence where a source that anybody can write to says that it failed again with the fix; a human decides."""
    for build in reversed(incident.hearsay):
        if await _has_the_fix(tools, incident, build):
            return (
                f"Unproven: it is told to have failed again on {build[:10]}, with the fix, by a key that anybody can "
                "read. That is not believed alone: look at the program, and roll back if it is true."
            )
    return ""


async def _deployment_with(tools: EffectNeeds, commit: str) -> Rollout | None:
    """The deployment of this commit; or of a newer one that contains it, where its own failed or was passed over."""
    found = await tools.deployer.find(commit)
    if found and found.done is not False:
        return found
    newest = await tools.deployer.latest()
    if newest is None or newest.done is False or newest.deployment.commit == commit:
        return found
    return newest if await tools.code_host.contains(newest.deployment.commit, commit) else found


def _was_told(incident: Incident, stands: Performed) -> bool:
    """Whether this is the failed deployment of its own merge that people know of, and want another try after."""
    if not isinstance(stands, t.DeployFailed) or incident.deployment is None:
        return False
    failed, known = stands.deployment, incident.deployment
    return bool(failed.id) and (failed.id, failed.commit) == (known.id, incident.merge_sha)


async def _newer_merge(tools: EffectNeeds, incident: Incident) -> Incident | None:
    """An incident whose merge holds this one's and is to be deployed: what is older must not be put over it.

    Its deployment need not be listed yet, even where it was asked for.
    """
    for other in await tools.store.incidents(State.MERGED):
        newer, ours = other.merge_sha or "", incident.merge_sha or ""
        if newer != ours and await tools.code_host.contains(newer, ours):
            return other
    return None


async def _follow(tools: EffectNeeds, claim: Claim, commit: str, rollout: Rollout) -> Performed:
    """A deployment counts when the program itself runs the merge commit."""
    if rollout.done is None:
        return Again(_pace(tools, claim), rollout.says)
    if not rollout.done:
        return t.DeployFailed(**_result(tools, claim), why=rollout.says, deployment=rollout.deployment)
    running = rollout.deployment.runs
    if not await tools.code_host.contains(running, commit):
        why = f"The deployer reports success, but {running[:10] or 'nothing known'} runs, without {commit[:10]}."
        failed = t.DeployFailed(**_result(tools, claim), why=why, deployment=rollout.deployment)
        return _while_it_settles(tools, claim, rollout, why) or failed
    deployment = await _better_known(tools, rollout.deployment)
    return t.DeploySucceeded(**_result(tools, claim), deployment=deployment, contains_merge=True)


async def _better_known(tools: EffectNeeds, deployment: Deployment) -> Deployment:
    """Where nobody can ask the program, its own reports from that build are a better word than the deployer's."""
    if deployment.running or not await tools.store.heard_of(deployment.commit):
        return deployment
    return replace(deployment, running=deployment.commit)


async def _time_to_ask(tools: EffectNeeds, claim: Claim) -> Again | None:
    """How long to wait before asking, if at all: a deployment may begin by itself, an earlier asking may be heard yet.

    Raises StepFailed where asking again is for a human to decide.
    """
    manners, now = await tools.deployer.manners(), tools.clock.now()
    asks = () if manners.repeatable else claim.incident.deploy_asks
    if asks and (quiet := asks[-1] + _QUIET - now) > timedelta():
        return Again(quiet, f"It was asked for at {asks[-1]:%H:%M:%S}, and no deployment shows yet.")
    if len(asks) >= _MOST_ASKS:
        why = f"It was asked for {len(asks)} times, and no deployment shows. Look at the deployer, then retry."
        raise StepFailed(why, final=True)
    known = claim.incident.deployment
    is_first = not asks and not (known and known.id)
    if is_first and claim.created_at + manners.by_itself > now:
        return Again(_pace(tools, claim), "The deployer usually begins by itself after a merge: waiting for that.")
    return None


async def _ask_for(tools: EffectNeeds, claim: Claim, commit: str) -> Performed:
    """Write down that it will be asked for, then ask. Of two who come to this at once, one goes on."""
    await tools.check(claim)
    nth = len(claim.incident.deploy_asks) + 1
    common = _result(tools, claim) | {"key": f"fx:{claim.id}:asked:{nth}"}
    receipt = await tools.fire(t.DeployAsked(**common, commit=commit, previous=await tools.deployer.running()))
    if receipt.outcome != Outcome.APPLIED:
        return Again(_QUIET, "It is being asked for.")
    try:
        asked = await tools.deployer.deploy(commit, _progress(tools, claim), incident=claim.incident.id)
        return await _follow(tools, claim, commit, asked)
    except OutcomeUnknown as unknown:
        return Again(_QUIET, f"{unknown} Looking again before anything is asked twice.")


def _while_it_settles(tools: EffectNeeds, claim: Claim, rollout: Rollout, why: str) -> Again | None:
    """Another look while a deployment that is done may not have taken over yet."""
    settled = rollout.since is None or tools.clock.now() - rollout.since > _SETTLES
    return None if settled else Again(_pace(tools, claim), why)


def _pace(tools: EffectNeeds, claim: Claim) -> timedelta:
    """The longer something takes, the less often it is looked at."""
    age = tools.clock.now() - claim.created_at
    return min(max(tools.look_again, age / 10), _AT_LEAST_EVERY)


def _why_no_patch(diagnosis: Diagnosis) -> str:
    if diagnosis.category in (Category.CODE, Category.UNKNOWN):
        return f"{diagnosis.cause} No patch was proposed."
    return f"{diagnosis.cause} This is no fault of the code ({diagnosis.category}): no patch."


async def _case(tools: EffectNeeds, claim: Claim) -> Case:
    incident = claim.incident
    payload = await tools.store.payload(incident.id)
    return Case(incident, payload, tuple(await tools.store.similar(incident)))


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


def _progress(tools: EffectNeeds, claim: Claim) -> Callable[[str], None]:
    return lambda words: tools.channel.progress(claim.incident, claim.kind, words)


def _result(tools: EffectNeeds, claim: Claim) -> _Common:
    return {"incident": claim.incident.id, "key": f"fx:{claim.id}", "at": tools.clock.now()}


class _Common(TypedDict):
    """What every trigger that comes of an effect has in common."""

    incident: int
    key: str
    at: datetime
