"""The chain in the tables: reading it, and chaining what was written without one.

Rows from before revision 0016, and those of older code that runs beside this one, come without a chain. They are
chained when they are met: by the migration, by the next move of their incident, and before a receipt is made of it. The
row says when, as nobody can show what it said before that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from kintsugi.persistence.codec import incident_from_json
from kintsugi.persistence.tables import INCIDENT as _INCIDENT
from kintsugi.persistence.tables import PAYLOAD as _PAYLOAD
from kintsugi.persistence.tables import TRANSITION as _TRANSITION
from kintsugi.workflow.chain import (
    PAYLOAD,
    PRUNED,
    Hashes,
    History,
    Row,
    brought,
    canonical,
    chained_late,
    documents,
    held_at_last,
    sha_of,
)
from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.states import State

CHAIN_COLUMNS = ("previous", "holds", "chained_at")
_PAGE = 500
# Named one by one: the migration reads them before later revisions add theirs.
_COLUMNS = (*(_TRANSITION.c[field.name] for field in fields(Step)), *(_TRANSITION.c[name] for name in CHAIN_COLUMNS))
_ROWS = (
    select(_TRANSITION.c.incident_id, *_COLUMNS)
    .where(_TRANSITION.c.incident_id == bindparam("this"), _TRANSITION.c.seq > bindparam("after"))
    .order_by(_TRANSITION.c.seq)
)
_BODY = select(_PAYLOAD.c.body, _PAYLOAD.c.pruned_at).where(_PAYLOAD.c.incident_id == bindparam("this"))
_CHAIN = update(_TRANSITION).where(
    _TRANSITION.c.incident_id == bindparam("this"), _TRANSITION.c.seq == bindparam("of_seq")
)
_END = update(_INCIDENT).where(_INCIDENT.c.id == bindparam("this"))


class End(NamedTuple):
    """How far an incident's history is chained, and the hash of the row there; None where none is."""

    seq: int
    head: str | None


def columns_of(row: Row) -> dict[str, Any]:
    """What the chain adds to a row of the history."""
    return {"previous": row.previous, "holds": canonical(row.holds).decode(), "chained_at": row.chained_at}


def chain_late(connection: Connection, incident: Incident, end: End, now: datetime) -> End:
    """Chain the incident's rows after `end`. The caller holds the incident's row."""
    found = connection.execute(_ROWS, {"this": incident.id, "after": end.seq}).all()
    if not found:
        return end
    bare = [Row(incident.id, step_of(row), {}, end.head) for row in found]
    rows = chained_late(bare, _all_there_is(connection, incident), now)
    connection.execute(_CHAIN, [{"this": incident.id, "of_seq": row.step.seq, **columns_of(row)} for row in rows])
    new = End(rows[-1].step.seq, rows[-1].sha)
    connection.execute(_END, {"this": incident.id, "chained": new.seq, "head": new.head})
    return new


def chain_all(connection: Connection, now: datetime) -> None:
    """Chain every history that is not chained to its end: after 0016 brought the columns."""
    after = 0
    query = select(_INCIDENT.c.id, _INCIDENT.c.facts, _INCIDENT.c.chained, _INCIDENT.c.head)
    page = query.where(_INCIDENT.c.id > bindparam("after")).order_by(_INCIDENT.c.id).limit(_PAGE)
    while found := connection.execute(page, {"after": after}).all():
        for row in found:
            if row.facts:
                chain_late(connection, incident_from_json(row.facts), end_of(row), now)
        after = found[-1].id


def history_of(connection: Connection, incident: Incident, head: str) -> History:
    """An incident's history with all that its chain is about, as the tables have it now.

    Raises ValueError where a row holds what cannot be one of ours, such as a state that there is none of.
    """
    found = connection.execute(_ROWS, {"this": incident.id, "after": 0}).all()
    rows = [Row(row.incident_id, step_of(row), _holds(row.holds), row.previous, row.chained_at) for row in found]
    held = held_at_last([row.holds for row in rows])
    there = documents(incident) | _payload(connection, incident.id)
    kept = {
        name: document
        for name, document in there.items()
        if name in held and not (incident.pruned_at and name in PRUNED and sha_of(document) != held[name][1])
    }
    return History(incident.id, rows, head, kept)


def end_of(row: Any) -> End:
    return End(row.chained, row.head or None)


def step_of(row: Any) -> Step:
    dest = State(row.dest)
    return Step(row.seq, row.trigger, row.source, dest, row.actor, row.at, row.says, row.attempts, row.seconds, row.usd)


def _holds(text: str | None) -> Hashes:
    """What somebody wrote there that is not ours is shown as such: the row's hash then tells on it."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    fits = isinstance(found, dict) and all(isinstance(sha, str | None) for sha in found.values())
    return found if fits else {"unreadable": sha_of((text or "").encode())}


def _all_there_is(connection: Connection, incident: Incident) -> Mapping[str, str | None]:
    payload = {name: sha_of(document) for name, document in _payload(connection, incident.id).items()}
    return payload | brought(None, incident)


def _payload(connection: Connection, incident: int) -> dict[str, bytes]:
    row = connection.execute(_BODY, {"this": incident}).first()
    return {PAYLOAD: row.body.encode()} if row else {}
