"""The table of what humans can ask for: it asks the lifecycle's own table, knows the roles and the second person."""

from datetime import timedelta
from typing import Any

import pytest

from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import ASKABLE, AT_LARGE, EVERYTHING, NAMES, Asker, Role, Rules, row_of
from kintsugi.workflow.errors import Forbidden, Refusal
from kintsugi.workflow.incident import Stuck
from kintsugi.workflow.machine import advance
from kintsugi.workflow.states import Effect, State
from tests.world.make import NOON, TOKEN, a_deployment, a_trigger, an_incident

ALICE = Asker("discord:alice (4001)", EVERYTHING)
BOB = Asker("discord:bob (4002)", EVERYTHING)
WAY_BACK = {"way_back": a_deployment()}
SEEN = [
    *(an_incident(state) for state in State),
    *(an_incident(state, **WAY_BACK) for state in State),
    *(an_incident(state, rolling_back=True, **WAY_BACK) for state in State),
    an_incident(State.AWAITING_CONFIRM, ask=None),
    an_incident(State.DEPLOYED, deployment=a_deployment(previous="")),
    an_incident(State.STUCK, stuck=Stuck(State.CAPTURED, Effect.DIAGNOSE, "no such model"), deployment=None),
    an_incident(State.STUCK, stuck=Stuck(State.DEPLOYED, Effect.ROLL_BACK, "it is away")),
]


def test_every_command_of_a_human_has_a_row():
    commands = {kind for kind in t.all_triggers() if issubclass(kind, t.Command)}

    assert {row.on for row in ASKABLE} == commands - {t.Captured, t.Proposed}


@pytest.mark.parametrize("incident", SEEN, ids=lambda each: f"{each.state}")
def test_what_is_offered_is_taken_and_what_is_not_is_refused(incident: Any):
    offered = Rules().offered(incident, NOON, ALICE)
    rows = {name: row_of(name, incident) for name in NAMES}

    assert {name: row in offered for name, row in rows.items()} == {
        name: row is not None and _is_taken(incident, a_trigger(row.on)) for name, row in rows.items()
    }
    assert all(rows.values())


def _is_taken(incident: Any, trigger: Any) -> bool:
    try:
        advance(incident, trigger)
    except Refusal:
        return False
    return True


def test_a_confirmation_that_expired_is_offered_no_longer():
    incident = an_incident(State.AWAITING_CONFIRM)

    late = Rules().why_not("confirm", incident, ALICE, NOON + timedelta(days=2))

    assert "its confirmation expired at 2026-11-24" in str(late)


@pytest.mark.parametrize(
    ("stuck", "role", "twice"),
    [
        (Stuck(State.MERGED, Effect.DEPLOY, ""), Role.DEPLOY, True),
        (Stuck(State.DEPLOYED, Effect.ROLL_BACK, ""), Role.DEPLOY, True),
        (Stuck(State.CAPTURED, Effect.DIAGNOSE, ""), Role.DEBUG, False),
    ],
)
def test_trying_again_what_changes_production_is_for_those_who_may_deploy(stuck: Stuck, role: Role, twice: bool):
    row = row_of("retry", an_incident(State.STUCK, stuck=stuck))

    assert row
    assert (row.role, row.twice) == (role, twice)


def test_whatever_changes_production_asks_twice():
    assert {row.name for row in ASKABLE if row.twice} == {"confirm", "retry", "rollback", "fixed"}
    assert all(row.twice for row in (*ASKABLE, *AT_LARGE) if row.role is Role.DEPLOY)


def test_who_has_not_the_role_is_told_what_it_is_for():
    incident = an_incident(State.DEPLOYED)
    debugs = Asker("discord:alice (4001)", frozenset({Role.DEBUG}))

    no = Rules().why_not("rollback", incident, debugs, NOON)

    assert isinstance(no, Forbidden)
    assert str(no) == "'Roll back' is for those who may deploy here. Ask one of them."
    assert "rollback" not in {row.name for row in Rules().offered(incident, NOON, debugs)}


@pytest.mark.parametrize(
    ("opened_by", "asker", "may"),
    [
        ("discord:alice (4001)", ALICE, False),
        ("discord:alice (4001)", Asker("discord:another name (4001)", EVERYTHING), False),
        ("discord:alice (4001)", BOB, True),
        ("discord:alice (4001)", Asker("web:operator", EVERYTHING, named=False), False),
        ("discord:alice (4001)", Asker("cli:alice", EVERYTHING), False),
        ("cli:tester", Asker("cli:tester", EVERYTHING), False),
        ("cli:tester", Asker("cli:another", EVERYTHING), True),
        ("cli:tester", Asker("cli:unknown", EVERYTHING, named=False), False),
        ("cli:tester", ALICE, True),
        ("sentry:42", ALICE, True),
    ],
)
def test_two_persons_are_two(opened_by: str, asker: Asker, may: bool):
    incident = an_incident(State.AWAITING_CONFIRM, opened_by=opened_by)

    assert (Rules(two_persons=True).why_not("confirm", incident, asker, NOON) is None) is may
    assert Rules().why_not("confirm", incident, asker, NOON) is None
    assert advance(incident, a_trigger(t.Confirmed, token=TOKEN))


def test_each_row_says_what_it_will_do_to_this_incident():
    deployed = an_incident(State.DEPLOYED)
    stuck = an_incident(State.STUCK)

    said = [row.does(incident) for row in ASKABLE for incident in (deployed, stuck, an_incident())]

    assert all(each.endswith(".") and each[0].isupper() for each in said)
    assert row_of("rollback", deployed).does(deployed) == "Brings c0ffee0c0f back."  # type: ignore[union-attr]
    assert row_of("retry", stuck).does(stuck) == "Tries again to deploy."  # type: ignore[union-attr]
