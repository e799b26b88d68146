"""Reasons to say no. A guard returns the reason as the rest of a sentence, or None; a condition picks the row.

Where no row's condition holds, the trigger does not fit now: a fact waits, a command is refused.
Where a guard objects, the trigger is refused whatever it is.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from kintsugi.workflow.incident import Incident, token_hash
from kintsugi.workflow.names import Effect, State
from kintsugi.workflow.triggers import (
    BranchPushed,
    Captured,
    ChangesRequested,
    ChecksFailed,
    Confirmed,
    DeploySucceeded,
    Diagnosed,
    Duplicated,
    Expired,
    Fixed,
    Proposed,
    ProvenInCi,
    PullRequestClosed,
    PullRequestMerged,
    PullRequestReopened,
    Recurred,
    Retried,
    StepGaveUp,
    Trigger,
)

Guard = Callable[[Incident, Trigger], str | None]
Condition = Callable[[Incident, Trigger], bool]


def dry_run(incident: Incident, trigger: Trigger) -> bool:
    """A dry run."""
    return isinstance(trigger, Captured) and trigger.dry_run


def rounds_left(incident: Incident, _: Trigger) -> bool:
    """Rounds are left."""
    return incident.rounds < incident.rounds_allowed


def the_analyst_was_at_work(incident: Incident, _: Trigger) -> bool:
    """Somebody handed it in while the analyst was at work, which goes on."""
    return incident.proposed_in is State.CAPTURED


def was_handed_in(incident: Incident, _: Trigger) -> bool:
    """Somebody handed it in."""
    return incident.proposed_in is not None


def is_in_no_pull_request(incident: Incident, _: Trigger) -> bool:
    """It is not in somebody's pull request already."""
    return incident.diagnosis is None or incident.diagnosis.pull is None


def was_taken(incident: Incident, _: Trigger) -> bool:
    """It follows somebody's pull request that was proven."""
    return incident.was_taken


def was_pushed_to(incident: Incident, trigger: Trigger) -> bool:
    """Somebody pushed to their pull request that it follows."""
    assert isinstance(trigger, Proposed)
    theirs, now = incident.pull_request, trigger.diagnosis.pull
    known = was_taken(incident, trigger) and theirs and now and theirs.number == now.number
    return bool(known and theirs and now and theirs.head != now.head)


def has_open_pull_request(incident: Incident, _: Trigger) -> bool:
    """There is an open pull request."""
    return incident.pull_request is not None and incident.pull_request.open


def has_deployment(incident: Incident, _: Trigger) -> bool:
    """Its deployment was made or attempted."""
    return incident.deployment is not None


def has_way_back(incident: Incident, _: Trigger) -> bool:
    """The deployment that it came with can be rolled back."""
    return incident.way_back is not None


def is_rolling_back(incident: Incident, trigger: Trigger) -> bool:
    """It is about a rollback that was asked for."""
    return incident.rolling_back and not (isinstance(trigger, StepGaveUp) and trigger.effect is not Effect.ROLL_BACK)


def was_at(state: State, effect: Effect) -> Condition:
    """The incident got stuck in `state` with `effect` owed."""

    def condition(incident: Incident, _: Trigger) -> bool:
        return incident.stuck is not None and (incident.stuck.state, incident.stuck.effect) == (state, effect)

    condition.__doc__ = f"It got stuck there, owing {effect.words}."
    return condition


def a_patch_was_proposed(_: Incident, trigger: Trigger) -> str | None:
    """A patch was proposed."""
    assert isinstance(trigger, Diagnosed | Proposed)
    return None if trigger.diagnosis.proposes_a_patch else "this diagnosis proposes no patch."


def a_confirmation_is_open(incident: Incident, trigger: Trigger) -> str | None:
    """A confirmation is open."""
    ask = incident.ask
    if ask is None:
        return "its confirmation is not asked for yet."
    return f"its confirmation expired at {ask.expires_at:%Y-%m-%d %H:%M} UTC." if trigger.at >= ask.expires_at else None


def token_is_good(incident: Incident, trigger: Trigger) -> str | None:
    """The token is good, or the page shows what is asked now: unused, unexpired, of this patch and base."""
    assert isinstance(trigger, Confirmed)
    if trigger.shown:
        return _is_still_asked(incident, trigger)
    if not trigger.token:
        return "no token was given. Copy the one that was shown with the patch."
    given = token_hash(trigger.token)
    read_again = f"Read the new one with /debug incident {incident.id}."
    for old in incident.void_asks:
        if not hmac.compare_digest(old.token_hash, given):
            continue
        if incident.patch and old.patch != incident.patch.sha:
            return f"the patch has changed since this token was issued. {read_again}"
        if incident.patch and old.base != incident.patch.base:
            return f"the target branch has moved since this token was issued. {read_again}"
        return f"a newer token was issued for the same patch. {read_again}"
    ask = incident.ask
    if ask is None or not hmac.compare_digest(ask.token_hash, given):
        return "this token is not one that was issued for it. Copy it again from the request."
    if trigger.at >= ask.expires_at:
        return f"this token expired at {ask.expires_at:%Y-%m-%d %H:%M} UTC."
    if incident.patch is None or (ask.patch, ask.base) != (incident.patch.sha, incident.patch.base):
        return f"the patch has changed since this token was issued. {read_again}"
    return None


def _is_still_asked(incident: Incident, confirmed: Confirmed) -> str | None:
    if no := a_confirmation_is_open(incident, confirmed):
        return no
    ask, patch = incident.ask, incident.patch
    if (
        ask
        and patch
        and hmac.compare_digest(ask.shown, confirmed.shown)
        and (ask.patch, ask.base) == (patch.sha, patch.base)
    ):
        return None
    return "it is another patch, or another request, than the page showed. Open the page again."


def of_this_patch(incident: Incident, trigger: Trigger) -> str | None:
    """Asked for this very patch."""
    assert isinstance(trigger, Expired)
    asked = incident.patch and incident.patch.sha == trigger.patch
    return None if asked else "the confirmation that expired was for an older patch."


def of_this_pull_request(incident: Incident, trigger: Trigger) -> str | None:
    """The pull request is this incident's."""
    assert isinstance(trigger, PullRequestMerged | PullRequestClosed | PullRequestReopened | BranchPushed | ProvenInCi)
    ours = incident.pull_request
    if ours is None or ours.number == trigger.number:
        return None
    return f"pull request #{trigger.number} is not its own, which is #{ours.number}."


def by_somebody_else(incident: Incident, trigger: Trigger) -> str | None:
    """The commit is not our own."""
    assert isinstance(trigger, BranchPushed)
    ours = incident.pull_request
    return f"{trigger.head[:10]} is our own." if ours and ours.head == trigger.head else None


def of_the_current_head(incident: Incident, trigger: Trigger) -> str | None:
    """It speaks of the pull request's current head."""
    assert isinstance(trigger, ChecksFailed | ChangesRequested | ProvenInCi)
    ours = incident.pull_request
    if ours and ours.head == trigger.head:
        return None
    return f"this is about {trigger.head[:10]}, not the current head."


def is_under_review(incident: Incident, _: Trigger) -> str | None:
    """The pull request is open."""
    ours = incident.pull_request
    return None if ours and ours.open else "this came too late: its pull request is not open any more."


def of_the_confirmed_patch(incident: Incident, trigger: Trigger) -> str | None:
    """It speaks of exactly what was confirmed."""
    assert isinstance(trigger, ProvenInCi)
    same = incident.patch and incident.patch.tree == trigger.tree
    return None if same else f"this is about the tree {trigger.tree[:10]}, which is not what was confirmed."


def rounds_are_left(incident: Incident, trigger: Trigger) -> str | None:
    """Rounds are left."""
    if rounds_left(incident, trigger):
        return None
    return f"its {incident.rounds_allowed} rounds are used up; a human has to take the pull request on."


def running_commit_has_the_merge(incident: Incident, trigger: Trigger) -> str | None:
    """The running commit contains the merge commit."""
    assert isinstance(trigger, DeploySucceeded)
    if trigger.contains_merge:
        return None
    return f"what runs is {trigger.deployment.running[:10] or 'unknown'}, without the merge {incident.merge_sha}."


def no_fix_is_on_its_way(incident: Incident, _: Trigger) -> str | None:
    """No fix of it is under review, merged or deployed."""
    fix = incident.pull_request
    if fix is None or not (fix.open or fix.merged_as):
        return None
    return f"its fix is on its way by {fix.name}. Close that first, or cancel the incident."


def is_quiet(incident: Incident, _: Trigger) -> str | None:
    """It is ignored."""
    if incident.duplicate_of:
        return f"it is a duplicate of INC-{incident.duplicate_of}. Reopen it instead."
    return None if incident.quiet else "it is not ignored."


def somebody_else_asks(incident: Incident, trigger: Trigger) -> str | None:
    """The asker does not have it yet."""
    return f"{trigger.actor} has it already." if incident.holder == trigger.actor else None


def somebody_has_it(incident: Incident, _: Trigger) -> str | None:
    """Somebody has it."""
    return None if incident.holder else "nobody has it."


def is_another(incident: Incident, trigger: Trigger) -> str | None:
    """It is a duplicate of another incident."""
    assert isinstance(trigger, Duplicated)
    return "it cannot be a duplicate of itself." if trigger.of == incident.id else None


def has_a_hint(incident: Incident, trigger: Trigger) -> bool:
    """A hint for the analyst came with it, and its diagnosis or patch gave up."""
    assert isinstance(trigger, Retried)
    return bool(trigger.hint) and _waits_for_the_analyst(incident)


def a_hint_helps(incident: Incident, trigger: Trigger) -> str | None:
    """A hint comes only where the analyst reads it."""
    assert isinstance(trigger, Retried)
    if not trigger.hint or incident.stuck is None or _waits_for_the_analyst(incident):
        return None
    return f"a hint is for the analyst, and this is stuck at {incident.stuck.effect.words}. Retry it without the hint."


def _waits_for_the_analyst(incident: Incident) -> bool:
    return incident.stuck is not None and incident.stuck.effect in (Effect.DIAGNOSE, Effect.CHECK_PATCH)


def is_merged(_: Incident, trigger: Trigger) -> bool:
    """That fix is merged."""
    assert isinstance(trigger, Fixed)
    return trigger.fix is not None and trigger.fix.merged_as is not None


def is_our_own(incident: Incident, _: Trigger) -> str | None:
    """The pull request is our own."""
    fix = incident.pull_request
    return f"{fix.name} is a human's: it is followed, and not changed." if fix and fix.by else None


def is_by_hand(incident: Incident, _: Trigger) -> str | None:
    """A human fixed it by hand."""
    fix = incident.pull_request
    return None if fix and fix.by else "nothing ended it, and its fix is not one that was made by hand."


def was_deployed(incident: Incident, _: Trigger) -> bool:
    """Its fix runs."""
    return bool(incident.merge_sha and incident.deployment and incident.deployment.runs)


def was_merged(incident: Incident, _: Trigger) -> bool:
    """Its fix is merged."""
    return incident.merge_sha is not None


def has_a_proven_patch(incident: Incident, _: Trigger) -> bool:
    """It has a proven patch."""
    return incident.patch is not None and incident.evidence is not None and incident.evidence.tier.proves


def has_an_untried_patch(incident: Incident, _: Trigger) -> bool:
    """It has a patch that could not be tried."""
    return incident.patch is not None and incident.evidence is not None


def was_staged(incident: Incident, _: Trigger) -> bool:
    """Nothing of it was sent to the model."""
    return incident.dry_run


def was_diagnosed(incident: Incident, _: Trigger) -> bool:
    """It has a diagnosis, with all that was asked for."""
    return incident.diagnosis is not None and not incident.diagnosis.unfinished


def there_is_a_way_back(incident: Incident, _: Trigger) -> str | None:
    """It is known what ran before."""
    known = incident.deployment and incident.deployment.previous
    return None if known else "what ran before is not known, so there is nothing to go back to."


def no_rollback_under_way(incident: Incident, trigger: Trigger) -> str | None:
    """No rollback is under way, except one that gives up."""
    its_own = isinstance(trigger, StepGaveUp) and trigger.effect is Effect.ROLL_BACK
    return "a rollback is under way." if incident.rolling_back and not its_own else None


def on_a_commit_with_the_fix(_: Incident, trigger: Trigger) -> str | None:
    """The failing commit contains the fix."""
    assert isinstance(trigger, Recurred)
    return None if trigger.contains_fix else f"{trigger.running[:10]} is an older build, without the fix."
