"""The lifecycle in one table: every legal move, the effects it owes, and what can speak against it.

Rows of one trigger are tried from top to bottom; the first whose condition holds is taken. A new move is one row here.
`docs/lifecycle.md` is this table, printed.
"""

from __future__ import annotations

from dataclasses import dataclass

from kintsugi.workflow import guards as g
from kintsugi.workflow import triggers as t
from kintsugi.workflow.names import ENDED, MAIN_LINE, Effect, State, kind_of

__all__ = ["ENDED", "MAIN_LINE", "NEW", "OWING", "TRANSITIONS", "Effect", "State", "Transition", "kind_of"]

NEW = "new"
"""Where a captured failure comes from: no incident yet. Never stored."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: when `on` happens in one of `sources` and `when` holds, go to `dest` and owe `owes`."""

    on: type[t.Trigger]
    sources: tuple[State | str, ...]
    dest: State | None  # None: stay
    owes: tuple[Effect, ...] = ()
    when: g.Condition | None = None
    guards: tuple[g.Guard, ...] = ()
    typed: tuple[g.Guard, ...] = ()  # on what somebody types with it: not known before it is asked for


BEFORE_THE_MERGE = (
    State.CAPTURED,
    State.DIAGNOSED,
    State.AWAITING_CONFIRM,
    State.CONFIRMED,
    State.PR_OPENED,
    State.NEEDS_HUMAN,
)
"""Where a failure can be stopped by a rollback while its fix is on its way. The state stays as it is."""

OWING = (
    (State.CAPTURED, Effect.DIAGNOSE),
    (State.DIAGNOSED, Effect.CHECK_PATCH),
    (State.AWAITING_CONFIRM, Effect.ASK_CONFIRMATION),
    (State.CONFIRMED, Effect.OPEN_PULL_REQUEST),
    (State.MERGED, Effect.DEPLOY),
    (State.DEPLOYED, Effect.WATCH),
    (State.DEPLOYED, Effect.ROLL_BACK),
    (State.RECURRED, Effect.ROLL_BACK),
    (State.STUCK, Effect.ROLL_BACK),
    *((state, Effect.ROLL_BACK) for state in BEFORE_THE_MERGE),
)
"""Which work belongs to which state. An effect that another state owed is stale and is dropped; ANNOUNCE belongs to all."""

_S, _E = State, Effect
_NOT_TRIED_AGAIN = {(state, Effect.ROLL_BACK) for state in BEFORE_THE_MERGE}  # it is asked for anew: nothing is stuck
_WITH_A_DEBT = tuple(dict.fromkeys(state for state, _ in OWING))
_NOT_ENDED = tuple(state for state in State if state not in ENDED)
_CAN_HAVE_A_PULL_REQUEST = (
    _S.PR_OPENED,
    _S.CAPTURED,
    _S.DIAGNOSED,
    _S.AWAITING_CONFIRM,
    _S.CONFIRMED,
    _S.NEEDS_HUMAN,
    _S.STUCK,
    _S.REJECTED,
    _S.EXPIRED,
    _S.CANCELLED,
)
_CAN_BE_IGNORED = tuple(state for state in State if state in ENDED and state is not _S.HEALED)  # that is to be heard of
_CAN_BE_PROPOSED = (_S.CAPTURED, _S.NEEDS_HUMAN, _S.REJECTED, _S.EXPIRED)
_CAN_BE_FIXED = (
    _S.STAGED,
    _S.CAPTURED,
    _S.DIAGNOSED,
    _S.AWAITING_CONFIRM,
    _S.NEEDS_HUMAN,
    _S.STUCK,
    _S.REJECTED,
    _S.EXPIRED,
    _S.ABANDONED,
    _S.CANCELLED,
)
_CAN_BE_REOPENED = (_S.REJECTED, _S.EXPIRED, _S.CANCELLED)
_CAN_ROLL_BACK = (_S.DEPLOYED, _S.RECURRED, _S.STUCK)

# fmt: off
TRANSITIONS: tuple[Transition, ...] = (
    # on                    from                          to                   owes                                 condition, guards
    Transition(t.Captured, (NEW,), _S.STAGED, (_E.ANNOUNCE,), when=g.dry_run),
    Transition(t.Captured, (NEW,), _S.CAPTURED, (_E.DIAGNOSE, _E.ANNOUNCE)),
    Transition(t.Sent, (_S.STAGED,), _S.CAPTURED, (_E.DIAGNOSE,)),
    Transition(t.CallMadeAgain, (_S.CAPTURED,), None),
    Transition(t.ChangeFound, tuple(State), None, (_E.ANNOUNCE,)),
    Transition(t.Diagnosed, (_S.CAPTURED,), _S.DIAGNOSED, (_E.CHECK_PATCH, _E.ANNOUNCE), guards=(g.a_patch_was_proposed,)),
    Transition(t.DiagnosedWithoutPatch, (_S.CAPTURED,), _S.NEEDS_HUMAN, (_E.ANNOUNCE,)),
    Transition(t.PatchProven, (_S.DIAGNOSED,), _S.AWAITING_CONFIRM, (_E.ASK_CONFIRMATION,), when=g.is_in_no_pull_request),
    Transition(t.PatchProven, (_S.DIAGNOSED,), _S.PR_OPENED, (_E.ANNOUNCE,)),
    Transition(t.Proposed, (_S.PR_OPENED,), _S.DIAGNOSED, (_E.CHECK_PATCH, _E.ANNOUNCE), when=g.was_pushed_to, guards=(g.a_patch_was_proposed,)),
    Transition(t.Proposed, _CAN_BE_PROPOSED, _S.DIAGNOSED, (_E.CHECK_PATCH, _E.ANNOUNCE), guards=(g.a_patch_was_proposed, g.no_fix_is_on_its_way)),
    Transition(t.PatchRefused, (_S.DIAGNOSED,), _S.CAPTURED, (_E.DIAGNOSE, _E.ANNOUNCE), when=g.the_analyst_was_at_work),
    Transition(t.PatchRefused, (_S.DIAGNOSED,), _S.NEEDS_HUMAN, (_E.ANNOUNCE,), when=g.was_handed_in),
    Transition(t.PatchRefused, (_S.DIAGNOSED,), _S.CAPTURED, (_E.DIAGNOSE,), when=g.rounds_left),
    Transition(t.PatchRefused, (_S.DIAGNOSED,), _S.NEEDS_HUMAN, (_E.ANNOUNCE,)),
    Transition(t.ConfirmationAsked, (_S.AWAITING_CONFIRM,), None),
    Transition(t.Confirmed, (_S.AWAITING_CONFIRM,), _S.CONFIRMED, (_E.OPEN_PULL_REQUEST, _E.ANNOUNCE), guards=(g.a_confirmation_is_open,), typed=(g.token_is_good,)),
    Transition(t.Rejected, (_S.AWAITING_CONFIRM,), _S.REJECTED, (_E.ANNOUNCE,)),
    Transition(t.Expired, (_S.AWAITING_CONFIRM,), _S.EXPIRED, (_E.ANNOUNCE,), guards=(g.of_this_patch,)),
    Transition(t.BaseMoved, (_S.AWAITING_CONFIRM, _S.CONFIRMED), _S.DIAGNOSED, (_E.CHECK_PATCH,)),
    Transition(t.PullRequestOpened, (_S.CONFIRMED,), _S.PR_OPENED, (_E.ANNOUNCE,)),
    Transition(t.ChecksFailed, (_S.PR_OPENED,), _S.CAPTURED, (_E.DIAGNOSE,), guards=(g.is_our_own, g.of_the_current_head, g.rounds_are_left)),
    Transition(t.ChangesRequested, (_S.PR_OPENED,), _S.CAPTURED, (_E.DIAGNOSE,), guards=(g.is_our_own, g.of_the_current_head, g.rounds_are_left)),
    Transition(t.ProvenInCi, (_S.PR_OPENED, _S.MERGED, _S.DEPLOYED, _S.ABANDONED), None, (_E.ANNOUNCE,), guards=(g.of_this_pull_request, g.is_under_review, g.of_the_current_head, g.of_the_confirmed_patch)),
    Transition(t.BranchPushed, (_S.PR_OPENED,), None, (_E.ANNOUNCE,), when=g.was_taken, guards=(g.of_this_pull_request, g.by_somebody_else)),
    Transition(t.BranchPushed, (_S.PR_OPENED,), None, (_E.ANNOUNCE,), guards=(g.of_this_pull_request, g.is_our_own, g.by_somebody_else)),
    Transition(t.PullRequestMerged, _CAN_HAVE_A_PULL_REQUEST, _S.MERGED, (_E.DEPLOY, _E.ANNOUNCE), when=g.has_open_pull_request, guards=(g.of_this_pull_request,)),
    Transition(t.PullRequestClosed, (_S.PR_OPENED,), _S.ABANDONED, (_E.ANNOUNCE,), guards=(g.of_this_pull_request,)),
    Transition(t.PullRequestReopened, (_S.ABANDONED,), _S.PR_OPENED, (_E.ANNOUNCE,), guards=(g.of_this_pull_request,)),
    Transition(t.DeployAsked, (_S.MERGED,), None),
    Transition(t.DeploySucceeded, (_S.MERGED,), _S.DEPLOYED, (_E.WATCH, _E.ANNOUNCE), guards=(g.running_commit_has_the_merge,)),
    Transition(t.DeployFailed, (_S.MERGED,), _S.STUCK, (_E.ANNOUNCE,)),
    Transition(t.CureShown, (_S.DEPLOYED,), _S.HEALED, (_E.ANNOUNCE,), guards=(g.no_rollback_under_way,)),
    Transition(t.Recurred, (_S.DEPLOYED, _S.HEALED), _S.RECURRED, (_E.ANNOUNCE,), guards=(g.on_a_commit_with_the_fix, g.no_rollback_under_way)),
    Transition(t.RollbackRequested, _CAN_ROLL_BACK, None, (_E.ROLL_BACK,), when=g.has_deployment, guards=(g.there_is_a_way_back, g.no_rollback_under_way)),
    Transition(t.RollbackRequested, BEFORE_THE_MERGE, None, (_E.ROLL_BACK,), when=g.has_way_back, guards=(g.no_rollback_under_way,)),
    Transition(t.RolledBack, BEFORE_THE_MERGE, None, (_E.ANNOUNCE,), when=g.is_rolling_back),
    Transition(t.RolledBack, _CAN_ROLL_BACK, _S.ROLLED_BACK, (_E.ANNOUNCE,)),
    Transition(t.StepGaveUp, BEFORE_THE_MERGE, None, (_E.ANNOUNCE,), when=g.is_rolling_back),
    Transition(t.StepGaveUp, _WITH_A_DEBT, _S.STUCK, (_E.ANNOUNCE,), guards=(g.no_rollback_under_way,)),
    Transition(t.Retried, (_S.NEEDS_HUMAN, _S.REJECTED, _S.EXPIRED), _S.CAPTURED, (_E.DIAGNOSE, _E.ANNOUNCE)),
    Transition(t.Retried, (_S.STUCK,), _S.CAPTURED, (_E.DIAGNOSE, _E.ANNOUNCE), when=g.has_a_hint, guards=(g.no_rollback_under_way,)),
    *(
        Transition(t.Retried, (_S.STUCK,), state, (effect,), when=g.was_at(state, effect), guards=(g.no_rollback_under_way,), typed=(g.a_hint_helps,))
        for state, effect in OWING
        if state is not _S.STUCK and (state, effect) not in _NOT_TRIED_AGAIN
    ),
    Transition(t.Fixed, _CAN_BE_FIXED, _S.MERGED, (_E.DEPLOY, _E.ANNOUNCE), when=g.is_merged, guards=(g.no_fix_is_on_its_way,)),
    Transition(t.Fixed, _CAN_BE_FIXED, _S.PR_OPENED, (_E.ANNOUNCE,), guards=(g.no_fix_is_on_its_way,)),
    Transition(t.Reopened, (_S.PR_OPENED, _S.MERGED), _S.NEEDS_HUMAN, (_E.ANNOUNCE,), guards=(g.is_by_hand,)),
    Transition(t.Reopened, _CAN_BE_REOPENED, _S.DEPLOYED, (_E.WATCH, _E.ANNOUNCE), when=g.was_deployed),
    Transition(t.Reopened, _CAN_BE_REOPENED, _S.STUCK, (_E.ANNOUNCE,), when=g.was_merged),
    Transition(t.Reopened, _CAN_BE_REOPENED, _S.PR_OPENED, (_E.ANNOUNCE,), when=g.has_open_pull_request),
    Transition(t.Reopened, _CAN_BE_REOPENED, _S.AWAITING_CONFIRM, (_E.ASK_CONFIRMATION, _E.ANNOUNCE), when=g.has_a_proven_patch),
    Transition(t.Reopened, _CAN_BE_REOPENED, _S.DIAGNOSED, (_E.CHECK_PATCH, _E.ANNOUNCE), when=g.has_an_untried_patch),
    Transition(t.Reopened, _CAN_BE_REOPENED, _S.STAGED, (_E.ANNOUNCE,), when=g.was_staged),
    Transition(t.Reopened, _CAN_BE_REOPENED, _S.NEEDS_HUMAN, (_E.ANNOUNCE,), when=g.was_diagnosed),
    Transition(t.Reopened, _CAN_BE_REOPENED, _S.CAPTURED, (_E.DIAGNOSE, _E.ANNOUNCE)),
    Transition(t.Acknowledged, _NOT_ENDED, None, (_E.ANNOUNCE,), guards=(g.somebody_else_asks,)),
    Transition(t.Assigned, _NOT_ENDED, None, (_E.ANNOUNCE,)),
    Transition(t.Released, _NOT_ENDED, None, (_E.ANNOUNCE,), guards=(g.somebody_has_it,)),
    Transition(t.Noted, tuple(State), None, (_E.ANNOUNCE,)),
    Transition(t.SeveritySet, _NOT_ENDED, None, (_E.ANNOUNCE,)),
    Transition(t.Called, _NOT_ENDED, None),
    Transition(t.Duplicated, _NOT_ENDED, _S.CANCELLED, (_E.ANNOUNCE,), guards=(g.no_fix_is_on_its_way,), typed=(g.is_another,)),
    Transition(t.Cancelled, _NOT_ENDED, _S.CANCELLED, (_E.ANNOUNCE,)),
    Transition(t.Ignored, _NOT_ENDED, _S.CANCELLED, (_E.ANNOUNCE,), guards=(g.no_fix_is_on_its_way,)),
    Transition(t.Ignored, _CAN_BE_IGNORED, None, (_E.ANNOUNCE,)),
    Transition(t.Unignored, tuple(state for state in State if state in ENDED), None, (_E.ANNOUNCE,), guards=(g.is_quiet,)),
    Transition(t.BetterTold, (_S.NEEDS_HUMAN,), _S.CAPTURED, (_E.DIAGNOSE, _E.ANNOUNCE), when=g.rounds_left),
    Transition(t.BetterTold, _NOT_ENDED, None, (_E.ANNOUNCE,)),
)
# fmt: on
