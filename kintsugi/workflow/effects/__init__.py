"""What is done in the world, one function per effect. Each looks first and acts then, and hands back the next trigger.

An effect may be performed more than once: after a crash, after a lost lease, on a retry.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import partial

from kintsugi.workflow import triggers as t
from kintsugi.workflow.effects.common import EffectNeeds, case_of, progress_of, result
from kintsugi.workflow.effects.deploying import deploy, roll_back
from kintsugi.workflow.effects.diagnosing import diagnose
from kintsugi.workflow.effects.watching import watch
from kintsugi.workflow.engine import Perform, Performed
from kintsugi.workflow.incident import Ask, token_hash
from kintsugi.workflow.names import Effect
from kintsugi.workflow.ports import Claim, PatchUnproven
from kintsugi.workflow.retry import Again

__all__ = ["EffectNeeds", "performers"]


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


async def check_patch(tools: EffectNeeds, claim: Claim) -> Performed:
    """Apply the edits, hold them against the policy, prove them."""
    try:
        patch, evidence = await tools.checker.check(await case_of(tools, claim), progress_of(tools, claim))
    except PatchUnproven as unproven:
        return t.PatchRefused(**result(tools, claim), why=str(unproven), output=unproven.output)
    return t.PatchProven(**result(tools, claim), patch=patch, evidence=evidence)


async def ask_confirmation(tools: EffectNeeds, claim: Claim) -> Performed:
    """Ask for a confirmation by a new token; called again when it has run out, tell that it expired."""
    incident, now = claim.incident, tools.clock.now()
    assert incident.patch
    if incident.ask and now >= incident.ask.expires_at:
        return t.Expired(**result(tools, claim), patch=incident.ask.patch)
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
            return t.BaseMoved(**result(tools, claim), base=head)
        return t.PullRequestOpened(**result(tools, claim), pull_request=found)
    await tools.check(claim)
    pull_request = await tools.code_host.open_pull_request(incident)
    return t.PullRequestOpened(**result(tools, claim), pull_request=pull_request)


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
