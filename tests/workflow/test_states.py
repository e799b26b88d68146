"""The table itself: nothing unreachable, nothing without a way out, nothing unhandled, nothing undocumented."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kintsugi.workflow import triggers as t
from kintsugi.workflow.effects import EffectNeeds, performers
from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.incident import Stuck
from kintsugi.workflow.machine import advance
from kintsugi.workflow.patch import Tier
from kintsugi.workflow.states import BEFORE_THE_MERGE, ENDED, NEW, OWING, TRANSITIONS, Effect, State
from tests.world.make import (
    MERGE,
    a_deployment,
    a_diagnosis,
    a_patch,
    a_pull_request,
    a_quiet,
    a_trigger,
    an_evidence,
    an_incident,
)

THEIRS = a_pull_request(by="github:rita")


def test_every_state_can_be_reached_from_a_captured_failure():
    reached: set[Any] = {NEW}
    for _ in State:
        reached |= {row.dest for row in TRANSITIONS if row.dest and reached & set(row.sources)}

    assert reached == {NEW, *State}


def test_every_state_is_left_or_is_an_end():
    left = {source for row in TRANSITIONS if row.dest for source in row.sources if source is not row.dest}

    assert set(State) - left <= ENDED


def test_every_fact_has_a_row():
    assert {row.on for row in TRANSITIONS} == set(t.all_triggers())


def test_every_effect_is_owed_by_some_row_and_performed_by_some_function():
    owed = {effect for row in TRANSITIONS for effect in row.owes}
    tools: Any = EffectNeeds(**dict.fromkeys(EffectNeeds.__dataclass_fields__))

    assert owed == set(Effect)
    assert set(performers(tools)) == set(Effect)


def test_what_a_row_owes_belongs_to_the_state_it_leads_to():
    for row in TRANSITIONS:
        for effect in set(row.owes) - {Effect.ANNOUNCE}:
            for state in [row.dest] if row.dest else row.sources:
                assert (state, effect) in OWING, row


def test_every_debt_that_gives_up_can_be_tried_again():
    again = {(row.dest, row.owes[0]) for row in TRANSITIONS if row.on is t.Retried}

    asked_for_anew = {(state, Effect.ROLL_BACK) for state in (State.STUCK, *BEFORE_THE_MERGE)}
    assert again == set(OWING) - asked_for_anew


@pytest.mark.parametrize("state", State)
def test_every_fact_in_every_state_is_a_move_of_the_table_or_a_sentence(state: State):
    for kind in set(t.all_triggers()) - {t.Captured}:
        _is_a_move_or_a_sentence(state, kind)


def _is_a_move_or_a_sentence(state: State, kind: type[t.Trigger]) -> None:
    incident, trigger = an_incident(state), a_trigger(kind)
    rows = [row for row in TRANSITIONS if row.on is kind and state in row.sources]

    try:
        move = advance(incident, trigger)
    except Refusal as refusal:
        sentence = str(refusal)
        assert sentence.startswith(f"INC-1 {'stays' if 'stays' in sentence else 'is'} {state.value}")
        assert sentence.endswith("."), kind
    else:
        assert (move.after.state, move.effects) in [(row.dest or state, row.owes) for row in rows], kind
        assert move.after.seq == incident.seq + 1
        assert move.before == incident


@pytest.mark.parametrize("row", TRANSITIONS, ids=lambda row: f"{row.on.__name__}-{row.dest}")
def test_every_row_can_be_taken(row: Any):
    assert any(_takes(row, incident) for incident in _incidents(row)), row


def _takes(row: Any, incident: Any) -> bool:
    return any(_takes_by(row, incident, trigger) for trigger in _triggers(row))


def _takes_by(row: Any, incident: Any, trigger: Any) -> bool:
    try:
        move = advance(incident, trigger)
    except Refusal:
        return False
    return (move.after.state, move.effects) == (row.dest or incident.state, row.owes)


def _triggers(row: Any) -> Iterator[Any]:
    yield a_trigger(row.on, dry_run=True) if row.when and row.on is t.Captured else a_trigger(row.on)
    if row.on is t.StepGaveUp:
        yield a_trigger(row.on, effect=Effect.ROLL_BACK)
    if row.on is t.Retried:
        yield a_trigger(row.on, hint="the coupon may be a fixed amount")
    if row.on is t.Proposed:
        pushed = replace(THEIRS, head=MERGE)
        yield a_trigger(row.on, diagnosis=a_diagnosis(pull=pushed))
    if row.on is t.Fixed:
        yield a_trigger(row.on, fix=a_pull_request())


def _incidents(row: Any) -> Iterator[Any]:
    for source in row.sources:
        state = State.CAPTURED if source == NEW else source
        yield an_incident(state)
        yield an_incident(state, pull_request=THEIRS, diagnosis=a_diagnosis(pull=THEIRS))
        yield an_incident(state, rounds=3)
        yield an_incident(state, pull_request=a_pull_request())
        yield an_incident(state, way_back=a_deployment())
        yield an_incident(state, proposed_in=State.CAPTURED)
        yield an_incident(state, rounds=3, proposed_in=State.NEEDS_HUMAN)
        yield an_incident(state, quiet=a_quiet())
        yield an_incident(state, pull_request=None, deployment=None)
        yield an_incident(state, pull_request=None, evidence=an_evidence(Tier.E0))
        yield an_incident(state, pull_request=None, patch=None)
        yield an_incident(state, pull_request=None, patch=None, dry_run=True)
        yield an_incident(state, pull_request=None, patch=None, diagnosis=a_diagnosis())
        yield an_incident(state, pull_request=a_pull_request(by="cli:tester"))
        yield an_incident(state, pull_request=a_pull_request(open=False, merged_as=MERGE))
        yield an_incident(
            state, pull_request=a_pull_request(open=False, merged_as=MERGE), deployment=a_deployment(), patch=a_patch()
        )
        yield an_incident(state, holder="cli:bob")
        yield an_incident(state, rolling_back=True)
        for at, effect in OWING:
            yield an_incident(state, stuck=Stuck(at, effect, "tried for hours"))
