"""The store inside one transaction: plain functions over one connection."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from socket import gethostname
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Select,
    Table,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from kintsugi.persistence import statements as sql
from kintsugi.persistence.chaining import End, chain_late, columns_of, end_of
from kintsugi.persistence.codec import (
    incident_from_json,
    incident_to_json,
    payload_to_json,
    trigger_from_json,
    trigger_to_json,
    turns_to_json,
)
from kintsugi.persistence.search import words_of
from kintsugi.persistence.tables import EFFECT, INBOX, LOOK, PAYLOAD, SEARCH, TALK
from kintsugi.workflow.chain import PAYLOAD as PAYLOAD_NAME
from kintsugi.workflow.chain import Row, brought, sha_of
from kintsugi.workflow.errors import Conflict
from kintsugi.workflow.figures import bound_of
from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import NOTHING, Cost, Incident
from kintsugi.workflow.looks import Look
from kintsugi.workflow.machine import Move
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Claim, Outcome
from kintsugi.workflow.states import Effect, State
from kintsugi.workflow.times import DETECT, STAGE_ENDS, ended_by
from kintsugi.workflow.triggers import BetterTold, Captured, Diagnosed, DiagnosedWithoutPatch, Trigger

_LONGEST_VALUE = 100  # characters of an environment's name
_THIS_PROCESS = f"{gethostname()}:{os.getpid()}"


class SqlLedger:
    """One transaction. `now` is the moment it began, by the clock that all workers on this database share."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.committed: list[Callable[[], None]] = []
        self._ends: dict[int, End] = {}  # of the histories whose incidents were read
        self._payloads: dict[int, str] = {}  # the hashes of those that were written

    # --- incidents ----------------------------------------------------------------------------------------------

    def incident(self, id: int) -> Incident | None:
        return self._incident(sql.BY_ID, id)

    def open_with(self, fingerprint: str) -> Incident | None:
        return self._incident(sql.BY_FINGERPRINT, fingerprint)

    def quiet_with(self, fingerprint: str) -> Incident | None:
        return self._incident(sql.QUIET_WITH, fingerprint)

    def newest_with(self, fingerprint: str) -> Incident | None:
        return self._incident(sql.NEWEST_WITH, fingerprint)

    def each_open_with(self, fingerprints: Collection[str]) -> dict[str, Incident]:
        rows = self.connection.execute(sql.EACH_BY_FINGERPRINT, {"these": sorted(fingerprints)})
        found = [self._read(row) for row in rows]
        return {incident.fingerprint: incident for incident in found if incident}

    def saw(self, *sightings: tuple[int, Captured]) -> None:
        rows = [
            {"incident_id": incident, "kind": kind, "value": value, "times": 1}
            for incident, captured in sightings
            for kind, value in _seen(captured)
            if value
        ]
        if rows:
            self.connection.execute(sql.ADD_SIGHTING[self.connection.dialect.name], rows)

    def people(self, incident: int, most: int) -> int:
        return int(self.connection.execute(sql.PEOPLE, {"this": incident, "most": most}).scalar_one())

    def next_id(self, captured: Captured) -> int:
        fingerprint = captured.payload.incident.fingerprint
        row = {
            "state": "new",
            "fingerprint": fingerprint,
            "open_fingerprint": fingerprint,
            "has_open_pull_request": False,
            "opened_at": captured.at,
            "updated_at": captured.at,
            "facts": "",
        }
        try:
            id = int(self.connection.execute(sql.NEW_INCIDENT, row).scalar_one())
        except IntegrityError as error:
            raise Conflict("the same failure was captured at the same moment") from error
        self.connection.execute(sql.NEW_PAYLOAD, {"incident_id": id, **self._kept(id, captured.payload)})
        self._ends[id] = End(0, None)
        self.connection.execute(sql.NEW_WORDS, {"incident_id": id, "words": words_of(captured.payload)})
        return id

    def amend(self, *incidents: Incident) -> None:
        rows = [
            {"this": each.id, "facts": incident_to_json(each), "is_quiet": each.quiet is not None} for each in incidents
        ]
        if rows:
            self.connection.execute(sql.WRITE_INCIDENT, rows)

    def record(self, move: Move, by: Claim | None) -> tuple[str, ...]:
        if isinstance(move.trigger, BetterTold):
            self._write_payload(move.after.id, move.trigger.payload)
        row = self._row(move, by)
        self._write_incident(move, row)
        if by is None and move.after.since == move.after.seq and not isinstance(move.trigger, Captured):
            self._cancel_owed(move.after)
        self._write_history(move, row)
        self._write_talk(move)
        return self._write_owed(move)

    def end(self, incident: Incident) -> End:
        """The end of the incident's chain, after what older code wrote without one was chained."""
        end = self._ends[incident.id]
        return end if end.seq == incident.seq else chain_late(self.connection, incident, end, self.now)

    # --- inbox --------------------------------------------------------------------------------------------------

    def known_as(self, names: Sequence[str]) -> str:
        found = (name for name in names if self.connection.execute(sql.HAS_FINGERPRINT, {"this": name}).first())
        return next(found, names[0]) if len(names) > 1 else names[0]

    def known(self, key: str) -> tuple[Incident, str] | None:
        found = self.connection.execute(sql.KNOWN, {"this": key}).first()
        return (incident_from_json(found.facts), found.says) if found else None

    def admit(self, trigger: Trigger, incident: int, outcome: str, says: str) -> str | None:
        row = _inbox_row(trigger, incident, outcome, says)
        if self.connection.execute(sql.ADMIT[self.connection.dialect.name], row).first():
            return None
        earlier = self.connection.execute(sql.ADMITTED, {"this": trigger.key}).scalar_one()
        return str(earlier) or "This is known already."

    def admit_each(self, told: Sequence[tuple[Trigger, int, str]], outcome: str) -> set[str]:
        rows = [_inbox_row(trigger, incident, outcome, says) for trigger, incident, says in told]
        if not rows:
            return set()
        rows.sort(key=itemgetter("key"))  # which no two transactions write in another order
        return set(self.connection.execute(sql.ADMIT[self.connection.dialect.name], rows).scalars())

    def admit_late(self, trigger: Trigger, outcome: str, says: str) -> None:
        row = update(INBOX).where(INBOX.c.key == trigger.key)
        self.connection.execute(row.values(outcome=outcome, says=says, body=None))

    def waiting(self, incident: int) -> Sequence[Trigger]:
        rows = self.connection.execute(sql.WAITING, {"this": incident})
        return [trigger_from_json(row.trigger, row.body) for row in rows]

    # --- the ledger of effects ----------------------------------------------------------------------------------

    def claim(self, effect: str, lease: timedelta) -> Claim | None:
        until = self.now + lease
        taken = {"this": effect, "now": self.now, "until": until, "process": _THIS_PROCESS}
        row = self.connection.execute(sql.CLAIM, taken).first()
        if row is None:
            return None
        incident = self.incident(row.incident_id)
        assert incident
        return Claim(row.id, incident, Effect(row.kind), row.seq, row.epoch, row.attempts, row.created_at)

    def settle(self, claim: Claim, status: str, error: str = "", cost: Cost = NOTHING) -> bool:
        return self._finish(claim, cost, status=status, error=error, finished_at=self.now)

    def renew(self, claim: Claim, lease: timedelta) -> bool:
        return self._finish(claim, NOTHING, due=self.now + lease)

    def looked(self, claim: Claim, look: Look, cost: Cost) -> bool:
        if not self._finish(claim, cost, epoch=claim.epoch):
            return False
        if cost.calls and (incident := self.incident(claim.incident.id)):
            self.amend(incident.but(cost=incident.cost + cost))
        row = {"incident_id": claim.incident.id, "at": self.now, **asdict(look)}
        self.connection.execute(insert(LOOK), row)
        return True

    def postpone(self, claim: Claim, delay: timedelta, error: str, *, failed: bool, cost: Cost = NOTHING) -> bool:
        attempts = claim.attempt if failed else 0
        due = self.now + delay
        return self._finish(claim, cost, status="pending", due=due, error=error, attempts=attempts)

    def hand_back(self, claim: Claim, cost: Cost = NOTHING) -> bool:
        return self._finish(claim, cost, status="pending", due=self.now, attempts=claim.attempt - 1)

    def hasten(self, incident: int, kind: Effect) -> str | None:
        waits = (EFFECT.c.incident_id == incident, EFFECT.c.kind == kind.value, EFFECT.c.status == "pending")
        row = update(EFFECT).where(*waits).values(due=self.now, delivered_at=self.now).returning(EFFECT.c.id)
        found = self.connection.execute(row).first()
        return str(found.id) if found else None

    def owe_again(self, incident: int, kind: Effect) -> str | None:
        of_them = (EFFECT.c.incident_id == incident, EFFECT.c.kind == kind.value)
        last = select(func.max(EFFECT.c.seq)).where(*of_them).scalar_subquery()
        row = update(EFFECT).where(*of_them, EFFECT.c.seq == last, EFFECT.c.status.not_in(sql.OPEN))
        due = row.values(status="pending", due=self.now, attempts=0, delivered_at=self.now, finished_at=None)
        found = self.connection.execute(due.returning(EFFECT.c.id)).first()
        return str(found.id) if found else None

    def note(self, effect: str, why: str) -> None:
        self.connection.execute(
            update(EFFECT).where(EFFECT.c.id == effect, EFFECT.c.status == "pending").values(error=why)
        )

    def deliver(self, limit: int) -> Sequence[str]:
        """The effects that are due and were not delivered since they are; they are marked as delivered now."""
        due = (EFFECT.c.status.in_(sql.OPEN), EFFECT.c.due <= self.now)
        undelivered = or_(EFFECT.c.delivered_at.is_(None), EFFECT.c.delivered_at < EFFECT.c.due)
        some = select(EFFECT.c.id).where(*due, undelivered).order_by(EFFECT.c.due).limit(limit)
        mark = update(EFFECT).where(EFFECT.c.id.in_(some.with_for_update(skip_locked=True)))
        return self.connection.execute(mark.values(delivered_at=self.now).returning(EFFECT.c.id)).scalars().all()

    @property
    def driver_connection(self) -> Any:
        """The driver's own connection, for what others write in this transaction."""
        return self.connection.connection.driver_connection

    def after_commit(self, call: Callable[[], None]) -> None:
        self.committed.append(call)

    # --- inside -------------------------------------------------------------------------------------------------

    def _incident(self, query: Select[Any], this: int | str) -> Incident | None:
        row = self.connection.execute(query, {"this": this}).first()
        return self._read(row) if row else None

    def _read(self, row: Any) -> Incident | None:
        """None where it is only just opening."""
        if not row.facts:
            return None
        incident = incident_from_json(row.facts)
        self._ends[incident.id] = end_of(row)
        return incident

    def _row(self, move: Move, by: Claim | None) -> Row:
        """What the move writes into the history, chained to the row before it."""
        after, trigger = move.after, move.trigger
        took = (self.now - by.created_at).total_seconds() if by else 0.0
        usd = round(after.cost.usd - move.before.cost.usd, 6)
        attempts = by.attempt if by else 0
        kind = type(trigger).__name__
        actor, at = trigger.actor, trigger.at
        step = Step(after.seq, kind, move.source, after.state, actor, at, after.says, attempts, took, usd)
        if isinstance(trigger, Captured):
            return Row(after.id, step, {PAYLOAD_NAME: self._payloads[after.id], **brought(None, after)}, None)
        told = {PAYLOAD_NAME: self._payloads[after.id]} if isinstance(trigger, BetterTold) else {}
        return Row(after.id, step, told | brought(move.before, after), self.end(move.before).head)

    def _write_incident(self, move: Move, row: Row) -> None:
        incident, pull_request = move.after, move.after.pull_request
        values: dict[str, Any] = {
            "this": incident.id,
            "state": incident.state.value,
            "has_open_pull_request": bool(pull_request and pull_request.open),
            "is_quiet": incident.quiet is not None,
            "updated_at": incident.updated_at,
            "facts": incident_to_json(incident),
            "chained": row.step.seq,
            "head": row.sha,
        }
        self._ends[incident.id] = End(row.step.seq, values["head"])
        if incident.ended:
            values["open_fingerprint"] = None
        elif move.before.ended and self.open_with(incident.fingerprint) is None:  # it came back: open once more
            values["open_fingerprint"] = incident.fingerprint
        try:
            self.connection.execute(sql.WRITE_INCIDENT, values)
        except IntegrityError as error:
            raise Conflict("the same failure was captured at the same moment") from error

    def _write_history(self, move: Move, row: Row) -> None:
        values = {"incident_id": row.incident, **asdict(row.step), "dest": row.step.dest.value, **columns_of(row)}
        try:
            self.connection.execute(sql.WRITE_TRANSITION, values)
        except IntegrityError as error:
            raise Conflict(f"{move.after.name} was moved at the same moment") from error
        if ended := self._stage_ended(move):
            self._count_stage(*ended)

    def _stage_ended(self, move: Move) -> tuple[str, timedelta] | None:
        """The stage that this move ended, and how long it took; None where it ended none."""
        if isinstance(move.trigger, Captured):
            return DETECT, max(move.trigger.at - move.trigger.payload.occurred.first, timedelta())
        if move.after.state not in STAGE_ENDS or move.source == move.after.state:
            return None
        rows = self.connection.execute(sql.HISTORY, {"this": move.after.id})
        return ended_by([Step(row.seq, "", "", State(row.dest), "", row.at, "") for row in rows])

    def _count_stage(self, stage: str, took: timedelta) -> None:
        row = {"stage": stage, "at_most": bound_of(took), "times": 1, "seconds": took.total_seconds()}
        self.connection.execute(sql.ADD_STAGE_TIME[self.connection.dialect.name], row)

    def _write_talk(self, move: Move) -> None:
        told = move.trigger.diagnosis if isinstance(move.trigger, Diagnosed | DiagnosedWithoutPatch) else None
        if told is None or not told.talk:
            return
        row = {
            "incident_id": move.after.id,
            "seq": move.after.seq,
            "analyst": told.analyst,
            "prompt": told.prompt,
            "at": move.trigger.at,
            "turns": turns_to_json(told.talk),
        }
        self.connection.execute(insert(TALK), row)

    def _write_payload(self, incident: int, payload: Payload) -> None:
        """In the place of what was captured first."""
        self.connection.execute(
            update(PAYLOAD).where(PAYLOAD.c.incident_id == incident).values(**self._kept(incident, payload))
        )
        words = words_of(payload)
        self.connection.execute(update(SEARCH).where(SEARCH.c.incident_id == incident).values(words=words))

    def _kept(self, incident: int, payload: Payload) -> dict[str, Any]:
        text = payload_to_json(payload)
        body = text.encode()
        self._payloads[incident] = sha_of(body)
        return {"body": text, "bytes": len(body)}

    def _cancel_owed(self, incident: Incident) -> None:
        """What was owed in the state that somebody took the incident out of, and what is not under way, is void."""
        now_void = {
            "this": incident.id,
            "status": "cancelled",
            "finished_at": self.now,
            "error": f"{incident.name} is {incident.state} now.",
        }
        self.connection.execute(sql.CANCEL_OWED, now_void)

    def _write_owed(self, move: Move) -> tuple[str, ...]:
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
                "delivered_at": self.now,
            }
            for id, effect in zip(ids, move.effects, strict=True)
        ]
        if rows:
            self.connection.execute(sql.WRITE_OWED, rows)
        return ids

    def _finish(self, claim: Claim, cost: Cost, **values: Any) -> bool:
        """Write the end or the delay of an effect, unless its lease went to another: the epoch tells."""
        values |= {"this": claim.id, "by": claim.epoch}
        if not cost.calls:
            return self.connection.execute(sql.FINISH, values).first() is not None
        self._pay(claim.kind, cost)
        values |= {"more_usd": cost.spent.usd, "more_tokens": cost.spent.tokens}
        return self.connection.execute(sql.FINISH_AND_PAY, values).first() is not None

    def _pay(self, kind: Effect, cost: Cost) -> None:
        """Count it for today, also where the lease was lost: it was spent."""
        day = self.now.astimezone(UTC).date().isoformat()
        row = {"day": day, "kind": kind.value, "calls": cost.calls, **asdict(cost.spent)}
        self.connection.execute(sql.ADD_SPENDING[self.connection.dialect.name], row)

    def insert(self, table: Table) -> Any:
        dialect = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        statement: Insert = dialect.insert(table)
        return statement


def _inbox_row(trigger: Trigger, incident: int, outcome: str, says: str) -> dict[str, Any]:
    return {
        "key": trigger.key,
        "incident_id": incident,
        "trigger": type(trigger).__name__,
        "actor": trigger.actor,
        "outcome": outcome,
        "says": says,
        "at": trigger.at,
        "body": trigger_to_json(trigger) if outcome == Outcome.WAITING else None,
    }


def _seen(captured: Captured) -> Iterator[tuple[str, str]]:
    """What a sighting is counted by: the kind, and its value."""
    yield "hour", f"{captured.at.astimezone(UTC):%Y-%m-%dT%H}"
    yield "environment", captured.payload.build.environment[:_LONGEST_VALUE]
    yield "user", captured.who
