"""The merge commit goes out, or what ran before comes back: asked for once, and followed until it runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from kintsugi.workflow import triggers as t
from kintsugi.workflow.commits import hash_in, is_same
from kintsugi.workflow.effects.common import EffectNeeds, pace, progress_of, result
from kintsugi.workflow.engine import Performed
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Deployment, Incident
from kintsugi.workflow.names import State
from kintsugi.workflow.ports import Claim, Outcome, OutcomeUnknown, Rollout
from kintsugi.workflow.retry import Again

_QUIET = timedelta(minutes=2)  # after a deployment was asked for and does not show
_MOST_ASKS = 2
_SETTLES = timedelta(minutes=5)  # for a deployment that is done to take over


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
        return Again(pace(tools, claim), f"{newer.name} was merged after it and is on its way with both fixes.")
    fix = claim.incident.pull_request
    if fix and not fix.deploys:
        says = f"Waiting for a deployment with {commit[:10]}. Somebody who may deploy can ask for it."
        return Again(pace(tools, claim), says)
    wait = await _time_to_ask(tools, claim)
    return wait or await _ask_for(tools, claim, commit)


async def roll_back(tools: EffectNeeds, claim: Claim) -> Performed:
    """Bring back what ran before the fix."""
    deployment = claim.incident.taken_back
    if deployment is None or not hash_in(deployment.previous):
        raise StepFailed("There is no earlier deployment to go back to.", final=True)
    await tools.check(claim)
    rollout = await tools.deployer.roll_back(
        deployment, claim.created_at, progress_of(tools, claim), incident=claim.incident.id
    )
    if rollout.done is None:
        return Again(pace(tools, claim), rollout.says)
    if not rollout.done:
        raise StepFailed(rollout.says)
    running = rollout.deployment.runs
    if not is_same(running, deployment.previous):
        not_it = f"{running[:10]} runs, and not {deployment.previous[:10]}"
        why = f"{rollout.says} But {not_it if running else 'the program tells of no commit that it runs'}."
        if wait := _while_it_settles(tools, claim, rollout, why):
            return wait
        raise StepFailed(why)
    return t.RolledBack(**result(tools, claim), deployment=rollout.deployment)


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
        return Again(pace(tools, claim), rollout.says)
    if not rollout.done:
        return t.DeployFailed(**result(tools, claim), why=rollout.says, deployment=rollout.deployment)
    if not await tools.code_host.contains(rollout.deployment.runs, commit):
        why = f"The deployer reports success, but {rollout.deployment.without(commit)}."
        failed = t.DeployFailed(**result(tools, claim), why=why, deployment=rollout.deployment)
        return _while_it_settles(tools, claim, rollout, why) or failed
    deployment = await _better_known(tools, rollout.deployment)
    return t.DeploySucceeded(**result(tools, claim), deployment=deployment, contains_merge=True)


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
        return Again(pace(tools, claim), "The deployer usually begins by itself after a merge: waiting for that.")
    return None


async def _ask_for(tools: EffectNeeds, claim: Claim, commit: str) -> Performed:
    """Write down that it will be asked for, then ask. Of two who come to this at once, one goes on."""
    await tools.check(claim)
    nth = len(claim.incident.deploy_asks) + 1
    common = result(tools, claim) | {"key": f"fx:{claim.id}:asked:{nth}"}
    previous = hash_in(await tools.deployer.running())
    receipt = await tools.fire(t.DeployAsked(**common, commit=commit, previous=previous))
    if receipt.outcome != Outcome.APPLIED:
        return Again(_QUIET, "It is being asked for.")
    try:
        asked = await tools.deployer.deploy(commit, progress_of(tools, claim), incident=claim.incident.id)
        return await _follow(tools, claim, commit, asked)
    except OutcomeUnknown as unknown:
        return Again(_QUIET, f"{unknown} Looking again before anything is asked twice.")


def _while_it_settles(tools: EffectNeeds, claim: Claim, rollout: Rollout, why: str) -> Again | None:
    """Another look while a deployment that is done may not have taken over yet."""
    settled = rollout.since is None or tools.clock.now() - rollout.since > _SETTLES
    return None if settled else Again(pace(tools, claim), why)
