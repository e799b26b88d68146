"""Values for tests, complete but for what the test is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kintsugi.workflow import triggers as t
from kintsugi.workflow.incident import (
    Ask,
    Category,
    Cost,
    Cure,
    Deployment,
    Diagnosis,
    Incident,
    NewFile,
    Patch,
    PullRequest,
    Stuck,
    token_hash,
)
from kintsugi.workflow.patch import Change, Edit, Evidence, Reproduction, Rerun, Run, Tier
from kintsugi.workflow.payload import About, Build, Failure, Frame, Occurred, Payload, Raised, RequestContext
from kintsugi.workflow.quiet import Quiet, Wish
from kintsugi.workflow.severity import Severity
from kintsugi.workflow.states import Effect, State

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TOKEN = "1-" + "0f" * 16
HEAD = "c0ffee0" * 5 + "c0ffe"
MERGE = "beefca5e" * 5


def a_payload(fingerprint: str = "v1:00000000000000aa", summary: str = "KeyError: 'percent'") -> Payload:
    frame = Frame(path="shop/pricing.py", line=12, function="discount", in_project=True, code="return total")
    return Payload(
        incident=About(fingerprint=fingerprint, summary=summary, opened_by="cli:tester"),
        occurred=Occurred(first=NOON, last=NOON),
        request=RequestContext(intent="/checkout", entities={"coupon": "WELCOME5"}),
        exception=Failure(chain=(Raised(type="KeyError", message="'percent'", frames=(frame,)),)),
        log=("line one", "line two"),
        build=Build(sha=HEAD, environment="test"),
    )


def a_diagnosis(**changes: Any) -> Diagnosis:
    diagnosis = Diagnosis(
        cause="discount() reads percent from every coupon.",
        explanation="Fixed amounts have none.",
        category=Category.CODE,
        probability=0.9,
        edits=(Edit("shop/pricing.py", "a", "b"),),
        regression_test=NewFile("tests/test_fixed.py", "assert True"),
        branch="fix",
        title="Take fixed amounts off",
        analyst="tester",
        cost=Cost(1, 100, 10, 0.01),
    )
    return replace(diagnosis, **changes)


def a_patch(**changes: Any) -> Patch:
    return replace(Patch(base=HEAD, tree="7ree" * 10, diff="--- a\n+++ b\n"), **changes)


def an_evidence(tier: Tier = Tier.E2) -> Evidence:
    run = Run(("python", "-m", "unittest"), 1, 0.2, "FAILED")
    return Evidence(tier, "red to green", "limits only", run, replace(run, exit_status=0, output="OK"))


def an_ask(patch: Patch | None = None, token: str = TOKEN, **changes: Any) -> Ask:
    patch = patch or a_patch()
    return replace(Ask(token_hash(token), patch.sha, patch.base, NOON + timedelta(days=1)), **changes)


def a_pull_request(**changes: Any) -> PullRequest:
    return replace(PullRequest(41, "origin.git#41", "kintsugi/inc-1-fix", HEAD), **changes)


def a_quiet(**changes: Any) -> Quiet:
    return replace(Quiet(by="cli:tester", since=NOON, wish=Wish()), **changes)


def a_deployment(**changes: Any) -> Deployment:
    return replace(Deployment("d1", MERGE, running=MERGE, previous=HEAD), **changes)


_UNTIL = {
    State.DIAGNOSED: {"diagnosis": a_diagnosis(), "rounds": 1},
    State.AWAITING_CONFIRM: {"patch": a_patch(), "evidence": an_evidence(), "ask": an_ask()},
    State.CONFIRMED: {"ask": None, "confirmed_by": "cli:tester", "confirmed_at": NOON},
    State.PR_OPENED: {"pull_request": a_pull_request()},
    State.MERGED: {"pull_request": a_pull_request(open=False, merged_as=MERGE)},
    State.DEPLOYED: {"deployment": a_deployment()},
    State.HEALED: {"cure": Cure(1, 1, "clean")},
}
_SIDINGS = {
    State.NEEDS_HUMAN: State.DIAGNOSED,
    State.REJECTED: State.AWAITING_CONFIRM,
    State.EXPIRED: State.AWAITING_CONFIRM,
    State.ABANDONED: State.PR_OPENED,
    State.STUCK: State.DEPLOYED,
    State.RECURRED: State.DEPLOYED,
    State.ROLLED_BACK: State.DEPLOYED,
}


def an_incident(state: State = State.CAPTURED, **changes: Any) -> Incident:
    """An incident as it is in `state`, with everything it gathered on the way there."""
    facts: dict[str, Any] = {}
    for passed, gathered in _UNTIL.items():
        if _is_before(passed, state):
            facts |= gathered
    if state is State.STUCK:
        facts["stuck"] = Stuck(State.MERGED, Effect.DEPLOY, "the machine is away")
    incident = Incident(
        id=1,
        state=state,
        fingerprint="v1:00000000000000aa",
        summary="KeyError: 'percent'",
        opened_by="cli:tester",
        opened_at=NOON,
    )
    return replace(incident, **facts | changes)


def a_trigger(kind: type[t.Trigger], **changes: Any) -> Any:
    """A trigger that fits `an_incident` in a state from which it is possible."""
    given: dict[str, Any] = {
        t.Captured: {"incident": 0, "payload": a_payload()},
        t.Diagnosed: {"diagnosis": a_diagnosis()},
        t.Proposed: {"proposal": "p0123456789ab", "diagnosis": a_diagnosis(by="cli:tester")},
        t.DiagnosedWithoutPatch: {"why": "No fault of the code."},
        t.PatchProven: {"patch": a_patch(), "evidence": an_evidence()},
        t.PatchRefused: {"why": "It does not apply.", "output": "the end"},
        t.ConfirmationAsked: {"ask": an_ask()},
        t.Confirmed: {"token": TOKEN},
        t.Expired: {"patch": a_patch().sha},
        t.BaseMoved: {"base": MERGE},
        t.PullRequestOpened: {"pull_request": a_pull_request()},
        t.ChecksFailed: {"head": HEAD, "log": "boom"},
        t.ChangesRequested: {"head": HEAD, "review": "please not"},
        t.ProvenInCi: {"number": 41, "head": HEAD, "tree": a_patch().tree, "evidence": an_evidence()},
        t.BranchPushed: {"number": 41, "head": MERGE},
        t.PullRequestMerged: {"number": 41, "sha": MERGE},
        t.PullRequestClosed: {"number": 41},
        t.PullRequestReopened: {"number": 41},
        t.DeployAsked: {"commit": MERGE, "previous": HEAD},
        t.DeploySucceeded: {"deployment": a_deployment(), "contains_merge": True},
        t.DeployFailed: {"why": "It does not start.", "deployment": a_deployment(running="")},
        t.CureShown: {"cure": Cure(1, 1, "clean")},
        t.Recurred: {"running": MERGE, "contains_fix": True},
        t.RolledBack: {"deployment": a_deployment(running=HEAD)},
        t.Fixed: {"named": MERGE, "fix": a_pull_request(number=0, head=MERGE, open=False, merged_as=MERGE)},
        t.Assigned: {"to": "discord:bob (4002)"},
        t.Noted: {"text": "turned the coupons off"},
        t.SeveritySet: {"level": Severity.HIGH},
        t.Duplicated: {"of": 2},
        t.Called: {"whom": "the role 77"},
        t.BetterTold: {"payload": a_payload()},
        t.ChangeFound: {"change": Change(HEAD, 12)},
        t.CallMadeAgain: {"reproduction": Reproduction(Rerun.REPRODUCED, "shop.total", HEAD, 0.8)},
        t.StepGaveUp: {"effect": Effect.DIAGNOSE, "why": "It was tried for hours."},
    }.get(kind, {})
    common = {"incident": 1, "key": f"test:{kind.__name__}", "at": NOON, "actor": "cli:tester"}
    return kind(**common | given | changes)


def _is_before(passed: State, state: State) -> bool:
    line = list(_UNTIL)
    until = _SIDINGS.get(state, state)
    return until in line and line.index(passed) <= line.index(until)
