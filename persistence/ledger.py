"""The store inside one transaction: plain functions over one connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Insert, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from persistence.codec import (
    incident_from_json,
    incident_to_json,
    payload_to_json,
    trigger_from_json,
    trigger_to_json,
)
from persistence.tables import EffectRow, InboxRow, IncidentRow, PayloadRow, RunsRow, TransitionRow
from workflow.errors import Conflict
from workflow.incident import NOTHING, Cost, Incident
from workflow.machine import Move
from workflow.ports import Claim, Outcome
from workflow.triggers import Captured, Trigger
from workflow.words import Effect

INCIDENT: Table = IncidentRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it to table classes
PAYLOAD: Table = PayloadRow.__table__  # type: ignore[attr-defined]
TRANSITION: Table = TransitionRow.__table__  # type: ignore[attr-defined]
INBOX: Table = InboxRow.__table__  # type: ignore[attr-defined]
EFFECT: Table = EffectRow.__table__  # type: ignore[attr-defined]
RUNS: Table = RunsRow.__table__  # type: ignore[attr-defined]

OPEN = ("pending", "running")


class SqlLedger:
    """One transaction. `now` is the moment it began, by the clock that all workers on this database share."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.committed: list[Callable[[], None]] = []

    # --- incidents ----------------------------------------------------------------------------------------------

    def incident(self, id: int) -> Incident | None:
        return self._incident(INCIDENT.c.id == id)

    def open_with(self, fingerprint: str) -> Incident | None:
        return self._incident(INCIDENT.c.open_fingerprint == fingerprint)

    def next_id(self, captured: Captured) -> int:
        fingerprint = captured.payload.incident.fingerprint
        row = insert(INCIDENT).values(
            state="new",
            fingerprint=fingerprint,
            open_fingerprint=fingerprint,
            has_open_pull_request=False,
            opened_at=captured.at,
            updated_at=captured.at,
            facts="",
        )
        try:
            id = int(self.connection.execute(row.returning(INCIDENT.c.id)).scalar_one())
        except IntegrityError as error:
            raise Conflict("the same failure was captured at the same moment") from error
        self.connection.execute(insert(PAYLOAD), {"incident_id": id, "body": payload_to_json(captured.payload)})
        return id

    def amend(self, incident: Incident) -> None:
        row = update(INCIDENT).where(INCIDENT.c.id == incident.id)
        self.connection.execute(row.values(facts=incident_to_json(incident)))

    def record(self, move: Move, by: Claim | None) -> tuple[str, ...]:
        self._write_incident(move)
        if by is None and move.after.since == move.after.seq:
            self._cancel_debts(move.after)
        self._write_history(move, by)
        return self._write_debts(move)

    # --- inbox --------------------------------------------------------------------------------------------------

    def known(self, key: str) -> tuple[Incident, str] | None:
        found = self.connection.execute(
            select(INCIDENT.c.facts, INBOX.c.says).join_from(INBOX, INCIDENT).where(INBOX.c.key == key)
        ).first()
        return (incident_from_json(found.facts), found.says) if found else None

    def admit(self, trigger: Trigger, incident: int, outcome: str, says: str) -> str | None:
        waiting = outcome == Outcome.WAITING
        row = self.insert(INBOX).values(
            key=trigger.key,
            incident_id=incident,
            trigger=type(trigger).__name__,
            actor=trigger.actor,
            outcome=outcome,
            says=says,
            at=trigger.at,
            body=trigger_to_json(trigger) if waiting else None,
        )
        new = self.connection.execute(row.on_conflict_do_nothing().returning(INBOX.c.key)).first()
        if new:
            return None
        earlier = self.connection.execute(select(INBOX.c.says).where(INBOX.c.key == trigger.key)).scalar_one()
        return str(earlier) or "This is known already."

    def admit_late(self, trigger: Trigger, outcome: str, says: str) -> None:
        row = update(INBOX).where(INBOX.c.key == trigger.key)
        self.connection.execute(row.values(outcome=outcome, says=says, body=None))

    def waiting(self, incident: int) -> Sequence[Trigger]:
        rows = self.connection.execute(
            select(INBOX.c.trigger, INBOX.c.body)
            .where(INBOX.c.incident_id == incident, INBOX.c.outcome == Outcome.WAITING)
            .order_by(INBOX.c.at)
        )
        return [trigger_from_json(row.trigger, row.body) for row in rows]

    # --- the ledger of effects ----------------------------------------------------------------------------------

    def claim(self, effect: str, lease: timedelta) -> Claim | None:
        row = self.connection.execute(
            update(EFFECT)
            .where(EFFECT.c.id == effect, EFFECT.c.status.in_(OPEN), EFFECT.c.due <= self.now)
            .values(
                status="running",
                epoch=EFFECT.c.epoch + 1,
                attempts=EFFECT.c.attempts + 1,
                due=self.now + lease,
            )
            .returning(EFFECT)
        ).first()
        if row is None:
            return None
        incident = self.incident(row.incident_id)
        assert incident
        return Claim(row.id, incident, Effect(row.kind), row.seq, row.epoch, row.attempts, row.created_at)

    def settle(self, claim: Claim, status: str, error: str = "", cost: Cost = NOTHING) -> bool:
        return self._finish(claim, status=status, error=error, finished_at=self.now, **_more(cost))

    def renew(self, claim: Claim, lease: timedelta) -> bool:
        return self._finish(claim, due=self.now + lease)

    def postpone(self, claim: Claim, delay: timedelta, error: str, *, failed: bool, cost: Cost = NOTHING) -> bool:
        attempts = claim.attempt if failed else 0
        due = self.now + delay
        return self._finish(claim, status="pending", due=due, error=error, attempts=attempts, **_more(cost))

    def hasten(self, incident: int, kind: Effect) -> str | None:
        waits = (EFFECT.c.incident_id == incident, EFFECT.c.kind == kind.value, EFFECT.c.status == "pending")
        row = update(EFFECT).where(*waits).values(due=self.now).returning(EFFECT.c.id)
        found = self.connection.execute(row).first()
        return str(found.id) if found else None

    def after_commit(self, call: Callable[[], None]) -> None:
        self.committed.append(call)

    # --- inside -------------------------------------------------------------------------------------------------

    def _incident(self, where: Any) -> Incident | None:
        facts = self.connection.execute(select(INCIDENT.c.facts).where(where).with_for_update()).scalar()
        return incident_from_json(facts) if facts else None

    def _write_incident(self, move: Move) -> None:
        incident, pull_request = move.after, move.after.pull_request
        row = update(INCIDENT).where(INCIDENT.c.id == incident.id)
        values: dict[str, Any] = {
            "state": incident.state.value,
            "has_open_pull_request": bool(pull_request and pull_request.open),
            "updated_at": incident.updated_at,
            "facts": incident_to_json(incident),
        }
        if incident.ended:
            values["open_fingerprint"] = None
        elif move.before.ended and self.open_with(incident.fingerprint) is None:  # it came back: open once more
            values["open_fingerprint"] = incident.fingerprint
        try:
            self.connection.execute(row.values(values))
        except IntegrityError as error:
            raise Conflict("the same failure was captured at the same moment") from error

    def _write_history(self, move: Move, by: Claim | None) -> None:
        row = {
            "incident_id": move.after.id,
            "seq": move.after.seq,
            "trigger": type(move.trigger).__name__,
            "source": move.source,
            "dest": move.after.state.value,
            "actor": move.trigger.actor,
            "at": move.trigger.at,
            "says": move.after.says,
            "attempts": by.attempt if by else 0,
            "seconds": (self.now - by.created_at).total_seconds() if by else 0.0,
            "usd": round(move.after.cost.usd - move.before.cost.usd, 6),
        }
        try:
            self.connection.execute(insert(TRANSITION), row)
        except IntegrityError as error:
            raise Conflict(f"{move.after.name} was moved at the same moment") from error

    def _cancel_debts(self, incident: Incident) -> None:
        """What was owed in the state that somebody took the incident out of, and what is not under way, is void."""
        waits = (
            EFFECT.c.incident_id == incident.id,
            EFFECT.c.status == "pending",
            EFFECT.c.kind != Effect.ANNOUNCE.value,
        )
        now_void = {
            "status": "cancelled",
            "finished_at": self.now,
            "error": f"{incident.name} is {incident.state} now.",
        }
        self.connection.execute(update(EFFECT).where(*waits).values(now_void))

    def _write_debts(self, move: Move) -> tuple[str, ...]:
        after = move.after
        ids = tuple(f"{after.id}:{effect}:{after.seq}" for effect in move.effects)
        rows = [
            {
                "id": id,
                "incident_id": after.id,
                "kind": effect.value,
                "seq": after.seq,
                "status": "pending",
                "epoch": 0,
                "attempts": 0,
                "due": self.now,
                "created_at": self.now,
                "finished_at": None,
                "error": "",
                "usd": 0.0,
                "tokens": 0,
            }
            for id, effect in zip(ids, move.effects, strict=True)
        ]
        if rows:
            self.connection.execute(insert(EFFECT), rows)
        return ids

    def _finish(self, claim: Claim, **values: Any) -> bool:
        """Write the end or the delay of an effect, unless its lease went to another: the epoch tells."""
        ours = (EFFECT.c.id == claim.id, EFFECT.c.epoch == claim.epoch, EFFECT.c.status == "running")
        row = update(EFFECT).where(*ours).values(**values).returning(EFFECT.c.id)
        return self.connection.execute(row).first() is not None

    def insert(self, table: Table) -> Any:
        dialect = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        statement: Insert = dialect.insert(table)
        return statement


def _more(cost: Cost) -> dict[str, Any]:
    """What an attempt adds to the cost of its effect."""
    spent = cost.spent
    return {"usd": EFFECT.c.usd + spent.usd, "tokens": EFFECT.c.tokens + spent.tokens} if cost.calls else {}
