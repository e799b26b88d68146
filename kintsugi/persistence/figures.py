"""Reading the figures: what is counted is counted within an index, or was added up when it happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from kintsugi.persistence.statements import IS_OPEN
from kintsugi.persistence.tables import EFFECT, INCIDENT, LEASE, SPENDING, STAGE_TIME
from kintsugi.workflow.figures import Backlog, Figures, Lasted, Paid
from kintsugi.workflow.states import Effect, State

_INCIDENTS = select(INCIDENT.c.state, func.count()).group_by(INCIDENT.c.state)
_OWED = (
    select(EFFECT.c.kind, EFFECT.c.status, func.count(), func.min(EFFECT.c.due))
    .where(IS_OPEN)
    .group_by(EFFECT.c.kind, EFFECT.c.status)
)
_PAID = select(SPENDING.c.kind, *(func.sum(SPENDING.c[name]) for name in ("calls", "tokens", "usd"))).group_by(
    SPENDING.c.kind
)


def read_figures(connection: Connection, now: datetime) -> Figures:
    """How everything stands. Its cost grows with the incidents and effects that are owed, not with what was."""

    def rows(query: Select[Any]) -> Any:
        return connection.execute(query)

    return Figures(
        at=now,
        incidents={State(state): count for state, count in rows(_INCIDENTS) if state in set(State)},
        backlog=tuple(Backlog(Effect(kind), status, count, oldest) for kind, status, count, oldest in rows(_OWED)),
        lasted=tuple(Lasted(*row) for row in rows(select(STAGE_TIME))),
        leases=dict(map(tuple, rows(select(LEASE.c.name, LEASE.c.holder).where(LEASE.c.until > now)))),
        paid=tuple(Paid(Effect(kind), int(calls), int(tokens), usd) for kind, calls, tokens, usd in rows(_PAID)),
    )
