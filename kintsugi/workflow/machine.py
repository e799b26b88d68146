"""The decision: what a trigger makes of an incident. Pure; the only place where `transitions` is used.

One machine holds the table and moves a cursor; no model is ever registered with it, so a decision costs microseconds
and leaves nothing behind.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cache, partial

from transitions import Machine, MachineError

from kintsugi.workflow.errors import GuardRefused, NotAllowedNow
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.names import Effect
from kintsugi.workflow.states import ENDED, NEW, OWING, TRANSITIONS, State, Transition
from kintsugi.workflow.triggers import Captured, Trigger, stuck_by, words

_NAME = "kintsugi"


@dataclass(frozen=True, slots=True)
class Move:
    """What follows from a trigger: the incident as it is then, and what is owed."""

    source: str  # a State, or NEW
    before: Incident
    after: Incident
    trigger: Trigger
    effects: tuple[Effect, ...]


@dataclass(slots=True)
class _Cursor:
    """What the machine moves: a state and, for the conditions, what is being asked."""

    source: str
    state: str
    incident: Incident
    trigger: Trigger
    typed: bool = True  # whether what was typed with it is looked at
    row: Transition | None = None
    objections: list[str] = field(default_factory=list)


def advance(incident: Incident, trigger: Trigger) -> Move:
    """What `trigger` makes of `incident`.

    Raises NotAllowedNow where no row of the table fits, GuardRefused where one fits and a guard objects.
    """
    cursor = _decided(incident, trigger)
    if cursor.row is None:
        raise _refusal(cursor)
    return _move(cursor.row, cursor.source, incident, trigger)


def objection(incident: Incident, trigger: Trigger) -> NotAllowedNow | GuardRefused | None:
    """What speaks against asking for this now, by the table; what would be typed with it is not looked at.

    Nothing moves, so the rows are asked without the machine: a page asks this for each of its buttons.
    """
    cursor = _cursor(incident, trigger, typed=False)
    if any(_fits(row, cursor) for row in _rows(type(trigger).__name__, cursor.source)):
        return None
    return _refusal(cursor)


@cache
def possible(state: State) -> tuple[str, ...]:
    """What can come next: the states that the table leads to from `state`, in its order."""
    ways = [row.dest for row in TRANSITIONS if state in row.sources and row.dest not in (None, state)]
    return tuple(dict.fromkeys(way.value for way in ways if way))


def _move(row: Transition, source: str, incident: Incident, trigger: Trigger) -> Move:
    after = trigger.apply_to(incident)
    dest = row.dest or incident.state
    seq = incident.seq + 1
    entered = seq if source != dest else incident.since
    stuck = (stuck_by(trigger, incident) or incident.stuck) if dest is State.STUCK else None
    quiet = after.quiet if dest in ENDED else None  # one that is open counts what is seen anyway
    rolling_back = after.rolling_back and (dest, Effect.ROLL_BACK) in OWING  # where none is owed, it is dropped
    after = after.but(state=dest, seq=seq, since=entered, stuck=stuck, quiet=quiet, rolling_back=rolling_back)
    return Move(source, incident, after.but(updated_at=trigger.at).saying(trigger.says), trigger, row.owes)


def _cursor(incident: Incident, trigger: Trigger, *, typed: bool = True) -> _Cursor:
    source = NEW if isinstance(trigger, Captured) else incident.state.value
    return _Cursor(source, source, incident, trigger, typed)


@cache
def _rows(on: str, source: str) -> tuple[Transition, ...]:
    """Those that the machine would try, in its order."""
    return tuple(row for row in TRANSITIONS if row.on.__name__ == on and source in map(str, row.sources))


def _decided(incident: Incident, trigger: Trigger) -> _Cursor:
    """The cursor on the row to take; on none where the answer is no."""
    cursor = _cursor(incident, trigger)
    try:
        _machine().events[type(trigger).__name__].trigger(cursor, cursor)
    except MachineError:
        cursor.row = None
    return cursor


def _refusal(cursor: _Cursor) -> NotAllowedNow | GuardRefused:
    name, incident = cursor.incident.name, cursor.incident
    if cursor.objections:
        return GuardRefused(name, cursor.source, cursor.objections[0])
    return NotAllowedNow(name, cursor.source, words(type(cursor.trigger)), possible(incident.state))


@cache
def _machine() -> Machine:
    states = [NEW, *(state.value for state in State)]
    machine = Machine(model=None, states=states, initial=NEW, auto_transitions=False, name=_NAME)
    logging.getLogger("transitions.core").addFilter(_is_not_of_ours)
    for row in TRANSITIONS:
        for source in row.sources:
            dest = row.dest.value if row.dest else str(source)
            machine.add_transition(row.on.__name__, str(source), dest, conditions=[partial(_fits, row)])
    return machine


def _is_not_of_ours(record: logging.LogRecord) -> bool:
    """The library tells each step of a decision, which is nothing to whoever reads the log. Others' machines stay."""
    return not (isinstance(record.args, tuple) and record.args[:1] == (f"{_NAME}: ",))


def _fits(row: Transition, cursor: _Cursor) -> bool:
    """Whether `row` is the one to take; guards that object leave their reason on the cursor."""
    if row.when and not row.when(cursor.incident, cursor.trigger):
        return False
    guards = row.typed + row.guards if cursor.typed else row.guards
    reasons = [reason for guard in guards if (reason := guard(cursor.incident, cursor.trigger))]
    cursor.objections += reasons
    cursor.row = None if reasons else row
    return not reasons
