"""Single decisions: what a fact makes of an incident, and what speaks against it."""

from datetime import timedelta

import pytest

from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import GuardRefused, NotAllowedNow
from kintsugi.workflow.incident import Category, Stuck
from kintsugi.workflow.machine import advance
from kintsugi.workflow.states import Effect, State
from tests.world.make import (
    HEAD,
    MERGE,
    NOON,
    TOKEN,
    a_deployment,
    a_diagnosis,
    a_patch,
    a_pull_request,
    a_trigger,
    an_ask,
    an_incident,
)


def test_a_merge_starts_the_deploy():
    incident = an_incident(State.PR_OPENED)

    move = advance(incident, a_trigger(t.PullRequestMerged, sha=MERGE))

    assert move.after.state is State.MERGED
    assert move.after.merge_sha == MERGE
    assert move.effects == (Effect.DEPLOY, Effect.ANNOUNCE)


def test_a_dry_run_is_staged_and_the_analyst_is_not_asked():
    move = advance(an_incident(), a_trigger(t.Captured, dry_run=True))

    assert move.after.state is State.STAGED
    assert move.effects == (Effect.ANNOUNCE,)


def test_a_command_that_does_not_fit_is_told_what_can_come_next():
    with pytest.raises(NotAllowedNow) as refused:
        advance(an_incident(State.DIAGNOSED), a_trigger(t.Confirmed))

    assert str(refused.value) == (
        "INC-1 is diagnosed: not 'confirmed' now. "
        "What can come next: awaiting_confirm, pr_opened, captured, needs_human, merged, stuck, cancelled."
    )


def test_an_incident_that_is_over_says_that_nothing_more_can_come():
    with pytest.raises(NotAllowedNow, match="INC-1 is rolled_back: not 'retried' now. Nothing more can come."):
        advance(an_incident(State.ROLLED_BACK), a_trigger(t.Retried))


def test_the_right_token_confirms():
    move = advance(an_incident(State.AWAITING_CONFIRM), a_trigger(t.Confirmed, token=TOKEN))

    assert move.after.state is State.CONFIRMED
    assert move.after.confirmed_by == "cli:tester"


def test_a_token_is_used_up_by_its_use():
    confirmed = advance(an_incident(State.AWAITING_CONFIRM), a_trigger(t.Confirmed)).after
    again = confirmed.but(state=State.AWAITING_CONFIRM)

    with pytest.raises(GuardRefused):
        advance(again, a_trigger(t.Confirmed))


def test_a_token_for_an_older_patch_confirms_nothing():
    older = an_ask(a_patch(diff="older"))
    incident = an_incident(State.AWAITING_CONFIRM, ask=an_ask(token="1-new"), void_asks=(older,))

    with pytest.raises(GuardRefused, match="the patch has changed since this token was issued"):
        advance(incident, a_trigger(t.Confirmed))


def test_a_token_for_an_older_base_confirms_nothing():
    older = an_ask(base="0ld")
    incident = an_incident(State.AWAITING_CONFIRM, ask=an_ask(token="1-new"), void_asks=(older,))

    with pytest.raises(GuardRefused, match="the target branch has moved since this token was issued"):
        advance(incident, a_trigger(t.Confirmed))


def test_a_token_that_was_replaced_says_so():
    incident = an_incident(State.AWAITING_CONFIRM, ask=an_ask(token="1-new"), void_asks=(an_ask(),))

    with pytest.raises(GuardRefused, match="a newer token was issued"):
        advance(incident, a_trigger(t.Confirmed))


def test_an_expired_token_says_when_it_expired():
    incident = an_incident(State.AWAITING_CONFIRM, ask=an_ask(expires_at=NOON - timedelta(minutes=1)))

    with pytest.raises(GuardRefused, match="expired at 2026-11-23 11:59 UTC"):
        advance(incident, a_trigger(t.Confirmed))


@pytest.mark.parametrize("token", ["", "1-", "1-guess", TOKEN[:-1], TOKEN + "0"])
def test_a_token_nobody_issued_confirms_nothing(token: str):
    with pytest.raises(GuardRefused, match="not one that was issued" if token else "no token was given"):
        advance(an_incident(State.AWAITING_CONFIRM), a_trigger(t.Confirmed, token=token))


def test_a_confirmation_names_no_token_in_its_repr():
    assert TOKEN not in repr(a_trigger(t.Confirmed))


def test_a_refused_patch_goes_back_to_the_analyst_with_the_reason():
    move = advance(an_incident(State.DIAGNOSED), a_trigger(t.PatchRefused, why="It does not apply.", output="x"))

    assert move.after.state is State.CAPTURED
    assert move.after.feedback == "It does not apply.\n\nx"
    assert move.effects == (Effect.DIAGNOSE,)


def test_after_the_last_round_a_human_is_needed():
    move = advance(an_incident(State.DIAGNOSED, rounds=3), a_trigger(t.PatchRefused))

    assert move.after.state is State.NEEDS_HUMAN


def test_a_diagnosis_without_a_patch_does_not_pass_for_one_with():
    with pytest.raises(GuardRefused, match="proposes no patch"):
        advance(an_incident(), a_trigger(t.Diagnosed, diagnosis=a_diagnosis(category=Category.OUTAGE)))


def test_the_costs_of_all_rounds_add_up():
    once = advance(an_incident(), a_trigger(t.Diagnosed)).after
    twice = advance(once.but(state=State.CAPTURED), a_trigger(t.Diagnosed)).after

    assert (twice.rounds, twice.cost.calls, twice.cost.usd) == (2, 2, 0.02)


def test_checks_of_an_older_head_count_nothing():
    with pytest.raises(GuardRefused, match="not the current head"):
        advance(an_incident(State.PR_OPENED), a_trigger(t.ChecksFailed, head="0ld"))


def test_failed_checks_after_the_last_round_leave_the_pull_request_to_a_human():
    with pytest.raises(GuardRefused, match="its 3 rounds are used up"):
        advance(an_incident(State.PR_OPENED, rounds=3), a_trigger(t.ChecksFailed))


def test_somebody_elses_merge_is_not_ours():
    with pytest.raises(GuardRefused, match="pull request #7 is not its own, which is #41"):
        advance(an_incident(State.PR_OPENED), a_trigger(t.PullRequestMerged, number=7))


def test_a_merge_is_taken_while_a_second_round_is_under_way():
    incident = an_incident(State.DIAGNOSED, pull_request=a_pull_request())

    assert advance(incident, a_trigger(t.PullRequestMerged)).after.state is State.MERGED


def test_a_deployment_without_the_merge_is_no_deployment():
    trigger = a_trigger(t.DeploySucceeded, deployment=a_deployment(running=HEAD), contains_merge=False)

    with pytest.raises(GuardRefused, match="what runs is c0ffee0c0f, without the merge"):
        advance(an_incident(State.MERGED), trigger)


def test_a_failure_of_an_older_build_is_no_recurrence():
    with pytest.raises(GuardRefused, match="older build, without the fix"):
        advance(an_incident(State.DEPLOYED), a_trigger(t.Recurred, running=HEAD, contains_fix=False))


def test_a_stuck_incident_goes_on_where_it_was_with_the_debt_it_had():
    stuck = advance(an_incident(State.MERGED), a_trigger(t.StepGaveUp, effect=Effect.DEPLOY)).after
    move = advance(stuck, a_trigger(t.Retried))

    assert stuck.stuck == Stuck(State.MERGED, Effect.DEPLOY, "It was tried for hours.")
    assert (move.after.state, move.effects, move.after.stuck) == (State.MERGED, (Effect.DEPLOY,), None)


def test_a_rollback_that_gives_up_leaves_a_stuck_incident_where_it_was_stuck():
    incident = an_incident(State.STUCK)

    move = advance(incident, a_trigger(t.StepGaveUp, effect=Effect.ROLL_BACK))

    assert move.after.stuck == incident.stuck


def test_a_deployment_that_failed_can_be_rolled_back_to_what_ran_before():
    failed = advance(an_incident(State.MERGED), a_trigger(t.DeployFailed, deployment=a_deployment(previous=HEAD))).after

    move = advance(failed, a_trigger(t.RollbackRequested))

    assert move.effects == (Effect.ROLL_BACK,)
    assert move.after.deployment == a_deployment(previous=HEAD)


def test_a_second_look_at_a_deployment_does_not_forget_what_ran_before_it():
    failed = advance(an_incident(State.MERGED), a_trigger(t.DeployFailed, deployment=a_deployment(previous=HEAD))).after
    again = advance(failed, a_trigger(t.Retried)).after

    move = advance(again, a_trigger(t.DeploySucceeded, deployment=a_deployment(previous="")))

    assert move.after.deployment == a_deployment(previous=HEAD)


def test_without_a_way_back_a_rollback_is_refused_before_it_begins():
    incident = an_incident(State.DEPLOYED, deployment=a_deployment(previous=""))

    with pytest.raises(GuardRefused, match="what ran before is not known"):
        advance(incident, a_trigger(t.RollbackRequested))


@pytest.mark.parametrize(
    ("state", "trigger"),
    [
        (State.DEPLOYED, a_trigger(t.RollbackRequested)),
        (State.RECURRED, a_trigger(t.RollbackRequested)),
        (State.DEPLOYED, a_trigger(t.CureShown)),
        (State.DEPLOYED, a_trigger(t.Recurred)),
        (State.DEPLOYED, a_trigger(t.StepGaveUp, effect=Effect.WATCH)),
        (State.STUCK, a_trigger(t.Retried)),
    ],
)
def test_while_a_rollback_is_under_way_nothing_else_moves_the_incident(state: State, trigger: t.Trigger):
    rolling_back = advance(an_incident(state), a_trigger(t.RollbackRequested)).after

    with pytest.raises(GuardRefused, match="a rollback is under way"):
        advance(rolling_back, trigger)


@pytest.mark.parametrize("state", [State.DEPLOYED, State.STUCK])
def test_a_rollback_that_gave_up_can_be_asked_for_again(state: State):
    rolling_back = advance(an_incident(state), a_trigger(t.RollbackRequested)).after
    given_up = advance(rolling_back, a_trigger(t.StepGaveUp, effect=Effect.ROLL_BACK)).after

    assert advance(given_up, a_trigger(t.RollbackRequested)).effects == (Effect.ROLL_BACK,)


def test_a_moved_base_makes_the_token_void():
    move = advance(an_incident(State.AWAITING_CONFIRM), a_trigger(t.BaseMoved))

    assert move.after.state is State.DIAGNOSED
    assert move.after.ask is None
    assert move.after.void_asks == (an_ask(),)
    assert move.effects == (Effect.CHECK_PATCH,)


@pytest.mark.parametrize(
    ("diff", "says"),
    [
        ("--- a\n+++ b\n@@ -8 +8 @@\n-x = 1\n+x = 2\n", "The change is the same, line for line."),
        ("--- a\n+++ b\n@@ -1 +1 @@\n-x = 1\n+x = 3\n", "the change differs:\n- +x = 2\n+ +x = 3"),
    ],
)
def test_after_the_base_moved_it_is_told_how_the_patch_differs_from_what_was_shown(diff: str, says: str):
    shown = a_patch(diff="--- a\n+++ b\n@@ -1 +1 @@\n-x = 1\n+x = 2\n")
    waiting = an_incident(State.AWAITING_CONFIRM).but(patch=shown)
    moved = advance(waiting, a_trigger(t.BaseMoved)).after

    again = advance(moved, a_trigger(t.PatchProven, patch=a_patch(diff=diff))).after

    assert moved.since_shown.endswith("line for line.")
    assert again.since_shown.endswith(says)


def test_an_ended_incident_cannot_be_cancelled():
    with pytest.raises(NotAllowedNow):
        advance(an_incident(State.HEALED), a_trigger(t.Cancelled))
