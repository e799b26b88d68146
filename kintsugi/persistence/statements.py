"""The statements of every transaction, which are made once: making them anew cost as much as running them."""

from __future__ import annotations

from sqlalchemy import Executable, Table, bindparam, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from kintsugi.persistence.tables import (
    EFFECT,
    INBOX,
    INCIDENT,
    PAYLOAD,
    SEARCH,
    SIGHTING,
    SPENDING,
    STAGE_TIME,
    TRANSITION,
)
from kintsugi.workflow.ports import Outcome
from kintsugi.workflow.states import Effect

OPEN = ("pending", "running")
# Spelled as in their indexes: put in other words, or with parameters, SQLite reads all there ever was instead.
IS_OPEN = text("effect.status IN ('pending', 'running')")
HAS_OPEN_PULL_REQUEST = text("has_open_pull_request")

NEWEST_OF = (
    select(INCIDENT.c.facts).where(INCIDENT.c.fingerprint == bindparam("this")).order_by(INCIDENT.c.id.desc()).limit(1)
)
_LOCKED = select(INCIDENT.c.facts, INCIDENT.c.chained, INCIDENT.c.head).with_for_update()
BY_ID = _LOCKED.where(INCIDENT.c.id == bindparam("this"))
BY_FINGERPRINT = _LOCKED.where(INCIDENT.c.open_fingerprint == bindparam("this"))
EACH_BY_FINGERPRINT = (  # by id, so that no two transactions lock them in another order
    _LOCKED.where(INCIDENT.c.open_fingerprint.in_(bindparam("these", expanding=True))).order_by(INCIDENT.c.id)
)
NEWEST_WITH = _LOCKED.where(INCIDENT.c.fingerprint == bindparam("this")).order_by(INCIDENT.c.id.desc()).limit(1)
QUIET_WITH = NEWEST_WITH.where(INCIDENT.c.is_quiet)
HAS_FINGERPRINT = select(INCIDENT.c.id).where(INCIDENT.c.fingerprint == bindparam("this")).limit(1)
NEW_INCIDENT = insert(INCIDENT).returning(INCIDENT.c.id)
NEW_PAYLOAD, NEW_WORDS = insert(PAYLOAD), insert(SEARCH)
WRITE_INCIDENT = update(INCIDENT).where(INCIDENT.c.id == bindparam("this"))
WRITE_TRANSITION = insert(TRANSITION)
WRITE_OWED = insert(EFFECT)
ADMIT = {
    dialect.dialect.name: dialect.insert(INBOX).on_conflict_do_nothing().returning(INBOX.c.key)
    for dialect in (postgresql, sqlite)
}
ADMITTED = select(INBOX.c.says).where(INBOX.c.key == bindparam("this"))
KNOWN = select(INCIDENT.c.facts, INBOX.c.says).join_from(INBOX, INCIDENT).where(INBOX.c.key == bindparam("this"))
WAITING = (
    select(INBOX.c.trigger, INBOX.c.body)
    .where(INBOX.c.incident_id == bindparam("this"), INBOX.c.outcome == Outcome.WAITING)
    .order_by(INBOX.c.at)
)
CANCEL_OWED = (
    update(EFFECT)
    .where(EFFECT.c.incident_id == bindparam("this"), EFFECT.c.status == "pending")
    .where(EFFECT.c.kind.not_in([Effect.ANNOUNCE.value, Effect.ROLL_BACK.value]))  # the claim knows when that is void
)
_SOME_PEOPLE = (
    select(SIGHTING.c.value)
    .where(SIGHTING.c.incident_id == bindparam("this"), SIGHTING.c.kind == "user")
    .limit(bindparam("most"))
    .subquery()
)
PEOPLE = select(func.count()).select_from(_SOME_PEOPLE)
CLAIM = (
    update(EFFECT)
    .where(EFFECT.c.id == bindparam("this"), EFFECT.c.status.in_(OPEN), EFFECT.c.due <= bindparam("now"))
    .values(
        status="running",
        epoch=EFFECT.c.epoch + 1,
        attempts=EFFECT.c.attempts + 1,
        due=bindparam("until"),
        holder=bindparam("process"),
    )
    .returning(EFFECT)
)
FINISH = (
    update(EFFECT)
    .where(EFFECT.c.id == bindparam("this"), EFFECT.c.epoch == bindparam("by"), EFFECT.c.status == "running")
    .returning(EFFECT.c.id)
)
FINISH_AND_PAY = FINISH.values(
    usd=EFFECT.c.usd + bindparam("more_usd"), tokens=EFFECT.c.tokens + bindparam("more_tokens")
)
HISTORY = (
    select(TRANSITION.c.seq, TRANSITION.c.dest, TRANSITION.c.at)
    .where(TRANSITION.c.incident_id == bindparam("this"))
    .order_by(TRANSITION.c.seq)
)


def _adding(table: Table) -> dict[str, Executable]:
    """For each dialect: a row is added, or its numbers to those of the row that is there."""
    keys = [column.name for column in table.primary_key]
    rows = {dialect.dialect.name: dialect.insert(table) for dialect in (postgresql, sqlite)}
    return {
        name: row.on_conflict_do_update(
            index_elements=keys,
            set_={each.name: each + row.excluded[each.name] for each in table.c if each.name not in keys},
        )
        for name, row in rows.items()
    }


ADD_SPENDING, ADD_STAGE_TIME, ADD_SIGHTING = _adding(SPENDING), _adding(STAGE_TIME), _adding(SIGHTING)
