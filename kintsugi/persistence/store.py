"""The Store port: transactions on threads of their own, so that the event loop never waits for a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, select, union_all
from sqlalchemy.exc import DBAPIError

from kintsugi.persistence.away import has_met, is_away, words_of
from kintsugi.persistence.chaining import history_of, step_of
from kintsugi.persistence.clock import DatabaseClock, ticks
from kintsugi.persistence.codec import incident_from_json, payload_from_json, turns_from_json
from kintsugi.persistence.counting import PUBLIC, add_runs
from kintsugi.persistence.database import SILENT_SECONDS, Database, DatabaseAway, connect
from kintsugi.persistence.deadline import Deadlines, InTime
from kintsugi.persistence.figures import read_figures
from kintsugi.persistence.group import GroupCommit
from kintsugi.persistence.ledger import SqlLedger
from kintsugi.persistence.search import searches
from kintsugi.persistence.statements import HAS_OPEN_PULL_REQUEST, IS_OPEN, NEWEST_OF
from kintsugi.persistence.tables import (
    ANSWER,
    EFFECT,
    HINT,
    INCIDENT,
    LOOK,
    PAYLOAD,
    RUNS,
    SIGHTING,
    SPENDING,
    TALK,
    TRANSITION,
)
from kintsugi.workflow.chain import History
from kintsugi.workflow.cure import Answer, Counted, Runs
from kintsugi.workflow.errors import Conflict, NotFound, StoreUnavailable
from kintsugi.workflow.figures import Figures
from kintsugi.workflow.history import Past, Step, Talk
from kintsugi.workflow.incident import Incident, Spent
from kintsugi.workflow.looks import Look
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Claim, Clock, Ledger, Owed, Sightings
from kintsugi.workflow.states import ENDED, Effect, State
from kintsugi.workflow.waiting import Waiting

T = TypeVar("T")

_MAY_BE_REOPENED = timedelta(days=30)
_MAY_BE_REDELIVERED = timedelta(days=7)  # GitHub does so for three
_MOST_HINTS = 1000
_MOST_ANSWERS = 1000  # to one request: builds and statuses
_NEWEST = 2**62
_MOST_ENVIRONMENTS = 20
_MOST_STALE = 100  # connections that were cut: more than any pool has


class SqlStore:
    """Incidents, history, inbox and ledger in one database. Close it when done.

    Time is the database's own on PostgreSQL, where many hosts must agree on it, unless `own_time` says otherwise.
    """

    def __init__(self, database: Database, clock: Clock, *, slots: int = 8, own_time: bool = False) -> None:
        one_process = database.one_process
        self._clock = clock
        self._own_time = own_time or one_process
        self._engine: Engine = connect(database, slots=slots, begun_by_hand=True)
        self._threads = ThreadPoolExecutor(1 if one_process else slots, "store")
        self._aside = connect(database) if one_process else self._engine  # SQLite's one connection is the writer's
        self._group = GroupCommit(self._engine, self._threads, translated) if one_process else None
        self._deadlines = None if one_process else Deadlines(SILENT_SECONDS)
        self._shared_clock = clock if isinstance(clock, DatabaseClock) else None

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)
        if self._deadlines:
            self._deadlines.close()
        self._engine.dispose()
        self._aside.dispose()

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        """As the port says. What was to follow the commit follows it, even where the caller is cancelled meanwhile."""
        if self._group:
            result, _ = await self._group.run(lambda connection: self._worked(connection, work), _follow_up)
            return result
        return await asyncio.shield(self._committed(work))

    async def incident(self, id: int) -> Incident:
        found = await self._incidents(select(INCIDENT.c.facts).where(INCIDENT.c.id == id))
        if not found:
            raise NotFound(id)
        return found[0]

    async def incidents(
        self, state: State | None = None, *, words: str = "", limit: int = 50, before: int | None = None
    ) -> list[Incident]:
        if words:
            return await self._found(words, state, limit, before)
        query = select(INCIDENT.c.facts).order_by(INCIDENT.c.id.desc()).limit(limit)
        if state:
            query = query.where(INCIDENT.c.state == state.value)
        if before is not None:
            query = query.where(INCIDENT.c.id < before)
        return await self._incidents(query)

    async def with_open_pull_requests(self) -> list[Incident]:
        closed_of_late = and_(
            INCIDENT.c.state == State.ABANDONED.value, INCIDENT.c.updated_at > self._clock.now() - _MAY_BE_REOPENED
        )
        ids = union_all(select(INCIDENT.c.id).where(HAS_OPEN_PULL_REQUEST), select(INCIDENT.c.id).where(closed_of_late))
        return await self._incidents(select(INCIDENT.c.facts).where(INCIDENT.c.id.in_(ids)).order_by(INCIDENT.c.id))

    async def similar(self, incident: Incident, limit: int = 3) -> list[Incident]:
        same = (INCIDENT.c.fingerprint == incident.fingerprint, INCIDENT.c.id < incident.id)
        return await self._incidents(select(INCIDENT.c.facts).where(*same).order_by(INCIDENT.c.id.desc()).limit(limit))

    async def newest_of(self, *names: str) -> Incident | None:
        def look(connection: Connection) -> Incident | None:
            found = (connection.execute(NEWEST_OF, {"this": name}).scalar() for name in names)
            facts = next(filter(None, found), None)
            return incident_from_json(facts) if facts else None

        return await self._read(look)

    async def payload(self, incident: int) -> Payload:
        query = select(PAYLOAD.c.body).where(PAYLOAD.c.incident_id == incident)
        body = await self._read(lambda connection: connection.execute(query).scalar())
        if body is None:
            raise NotFound(incident)
        return payload_from_json(body)

    async def sightings(self, incident: int, since: datetime) -> Sightings:
        def look(connection: Connection) -> Sightings:
            mine = select(SIGHTING.c.value, SIGHTING.c.times).where(SIGHTING.c.incident_id == incident)
            first = f"{since.astimezone(UTC):%Y-%m-%dT%H}"
            hours = connection.execute(mine.where(SIGHTING.c.kind == "hour", SIGHTING.c.value >= first))
            places = connection.execute(mine.where(SIGHTING.c.kind == "environment").limit(_MOST_ENVIRONMENTS))
            users = select(func.count()).where(SIGHTING.c.incident_id == incident, SIGHTING.c.kind == "user")
            return Sightings(
                {datetime.fromisoformat(f"{hour}:00+00:00"): times for hour, times in hours},
                {row.value: row.times for row in places},
                connection.execute(users).scalar_one(),
            )

        return await self._read(look)

    async def history(self, incident: int) -> list[Step]:
        query = select(TRANSITION).where(TRANSITION.c.incident_id == incident).order_by(TRANSITION.c.seq)
        rows = await self._read(lambda connection: connection.execute(query).all())
        return [step_of(row) for row in rows]

    async def chain(self, incident: int) -> History:
        """The history as it is chained, with the documents that are kept; first what has no chain yet is chained."""

        def chained(ledger: Ledger) -> History:
            assert isinstance(ledger, SqlLedger)
            found = ledger.incident(incident)
            if found is None:
                raise NotFound(incident)
            return history_of(ledger.connection, found, ledger.end(found).head or "")

        return await self.transact(chained)

    async def pasts(self, since: datetime, *, limit: int) -> list[Past]:
        def look(connection: Connection) -> list[Past]:
            query = select(INCIDENT.c.facts).order_by(INCIDENT.c.id.desc()).limit(limit)
            newest = [each for each in _incidents(connection, query) if each.opened_at >= since]
            if not newest:
                return []
            of_these = select(TRANSITION).where(TRANSITION.c.incident_id >= newest[-1].id)
            histories: dict[int, list[Step]] = {}
            for row in connection.execute(of_these.order_by(TRANSITION.c.seq)):
                histories.setdefault(row.incident_id, []).append(step_of(row))
            return [Past(each, histories.get(each.id, [])) for each in newest]

        return await self.read_aside(look)

    async def waiting(self, *, limit: int) -> list[Waiting]:
        is_open = INCIDENT.c.state.in_([state.value for state in State if state not in ENDED])  # by the index
        oldest = select(INCIDENT.c.id).where(is_open).order_by(INCIDENT.c.id).limit(limit).subquery()
        entered = (
            select(TRANSITION.c.incident_id.label("id"), func.max(TRANSITION.c.seq).label("seq"))
            .where(TRANSITION.c.incident_id.in_(select(oldest.c.id)), TRANSITION.c.source != TRANSITION.c.dest)
            .group_by(TRANSITION.c.incident_id)
            .subquery()
        )
        query = (
            select(INCIDENT.c.facts, TRANSITION.c.at)
            .join(entered, entered.c.id == INCIDENT.c.id)
            .join(TRANSITION, and_(TRANSITION.c.incident_id == entered.c.id, TRANSITION.c.seq == entered.c.seq))
            .order_by(INCIDENT.c.id)
        )
        rows = await self.read_aside(lambda connection: connection.execute(query).all())
        return [Waiting(incident_from_json(row.facts), row.at) for row in rows]

    async def owed(self, incident: int | None = None) -> list[Owed]:
        query = select(EFFECT).order_by(EFFECT.c.incident_id, EFFECT.c.seq)
        if incident is not None:
            query = query.where(EFFECT.c.incident_id == incident)
        rows = await self._read(lambda connection: connection.execute(query).all())
        return [_debt(row) for row in rows]

    async def holds(self, claim: Claim) -> bool:
        ours = (EFFECT.c.id == claim.id, EFFECT.c.epoch == claim.epoch, EFFECT.c.status == "running")
        query = select(EFFECT.c.id).where(*ours)
        return await self._read(lambda connection: connection.execute(query).first()) is not None

    async def talks(self, incident: int) -> list[Talk]:
        query = select(TALK).where(TALK.c.incident_id == incident).order_by(TALK.c.seq)
        rows = await self._read(lambda connection: connection.execute(query).all())
        return [Talk(row.seq, row.analyst, row.prompt, row.at, turns_from_json(row.turns)) for row in rows]

    async def looks(self, incident: int, round: int | None = None) -> list[Look]:
        query = select(LOOK).where(LOOK.c.incident_id == incident).order_by(LOOK.c.round, LOOK.c.number)
        if round is not None:
            query = query.where(LOOK.c.round == round)
        rows = await self._read(lambda connection: connection.execute(query).all())
        return [Look(row.round, row.number, row.tool, row.asked, row.answer) for row in rows]

    async def ledger(self, kind: Effect | None = None, *, everything: bool = False, limit: int = 50) -> list[Owed]:
        """What is owed, and what failed and holds its incident, the longest due first; or all, the newest first."""
        held = and_(EFFECT.c.status == "failed", INCIDENT.c.state == State.STUCK.value)
        query = select(EFFECT).limit(limit)
        if kind:
            query = query.where(EFFECT.c.kind == kind.value)
        if everything:
            queries = [query.order_by(EFFECT.c.created_at.desc())]
        else:
            failed = query.join_from(EFFECT, INCIDENT).where(held).order_by(EFFECT.c.due)
            queries = [failed, query.where(IS_OPEN).order_by(EFFECT.c.due)]
        rows = await self.read_aside(lambda found: [row for each in queries for row in found.execute(each)])
        return [_debt(row) for row in rows[:limit]]

    async def spent_on(self, day: date) -> Spent:
        spent = (func.coalesce(func.sum(SPENDING.c.usd), 0.0), func.coalesce(func.sum(SPENDING.c.tokens), 0))
        query = select(*spent).where(SPENDING.c.day == day.isoformat())
        usd, tokens = await self._read(lambda connection: connection.execute(query).one())
        return Spent(float(usd), int(tokens))

    async def figures(self) -> Figures:
        """How everything stands, read beside the work: nobody waits for it."""

        return await self.read_aside(lambda connection: read_figures(connection, self._now(connection)))

    async def runs(self, intent: str, since: datetime) -> list[Runs]:
        sums = (func.sum(RUNS.c.succeeded), func.sum(RUNS.c.failed))
        believed = ~RUNS.c.process.startswith(PUBLIC)
        query = select(RUNS.c.build, *sums, believed).where(RUNS.c.intent == intent, RUNS.c.updated_at >= since)
        rows = await self._read(lambda connection: connection.execute(query.group_by(RUNS.c.build, believed)).all())
        return [Runs(intent, build, int(good), int(bad), believed=bool(truly)) for build, good, bad, truly in rows]

    async def keep_runs(self, process: str, runs: Sequence[Runs]) -> None:
        """What this process counted since its start. Told again, it takes the place of what it told before."""

        def keep(ledger: Ledger) -> None:
            assert isinstance(ledger, SqlLedger)
            rows = [{"process": process, "updated_at": ledger.now, **asdict(each)} for each in runs]
            row = ledger.insert(RUNS)
            counts = {name: row.excluded[name] for name in ("succeeded", "failed", "updated_at")}
            ledger.connection.execute(
                row.on_conflict_do_update(index_elements=["process", "intent", "build"], set_=counts), rows
            )

        await self.transact(keep)

    async def add_runs(self, key: str, counted: Counted) -> bool:
        def add(ledger: Ledger) -> bool:
            assert isinstance(ledger, SqlLedger)
            return add_runs(ledger, key, counted)

        return await self.transact(add)

    async def heard_of(self, build: str) -> bool:
        query = select(RUNS.c.build).where(RUNS.c.build == build, ~RUNS.c.process.startswith(PUBLIC)).limit(1)
        return await self._read(lambda connection: connection.execute(query).first()) is not None

    async def answers(self, request: str) -> list[Answer]:
        query = select(ANSWER.c.request, ANSWER.c.build, ANSWER.c.status).where(ANSWER.c.request == request)
        rows = await self._read(lambda connection: connection.execute(query.limit(_MOST_ANSWERS)).all())
        return [Answer(*row) for row in rows]

    async def hint(self, key: str, incident: int) -> bool:
        def keep(ledger: Ledger) -> bool:
            assert isinstance(ledger, SqlLedger)
            row = ledger.insert(HINT).values(key=key, incident_id=incident, at=ledger.now, looked_at=None)
            return ledger.connection.execute(row.on_conflict_do_nothing().returning(HINT.c.key)).first() is not None

        return await self.transact(keep)

    async def hints(self) -> dict[str, int]:
        query = select(HINT.c.key, HINT.c.incident_id).where(HINT.c.looked_at.is_(None))
        rows = await self._read(lambda found: found.execute(query.order_by(HINT.c.at).limit(_MOST_HINTS)).all())
        return {row.key: row.incident_id for row in rows}

    async def looked(self, hints: Collection[str]) -> None:
        def settle(ledger: Ledger) -> None:
            assert isinstance(ledger, SqlLedger)
            ledger.connection.execute(HINT.update().where(HINT.c.key.in_(hints)).values(looked_at=ledger.now))
            ledger.connection.execute(HINT.delete().where(HINT.c.looked_at < ledger.now - _MAY_BE_REDELIVERED))

        await self.transact(settle)

    def is_away(self, error: BaseException) -> bool:
        """Whether this error, of ours or of a driver's, says that the database is unavailable."""
        return isinstance(error, StoreUnavailable) or is_away(error)

    # --- for the executors --------------------------------------------------------------------------------------

    async def due(self, limit: int, without: Collection[str] = (), *, kind: str = "") -> list[str]:
        """Effects that are due, of this kind alone or of none of those, the longest waiting first."""
        wanted = [EFFECT.c.kind == kind] if kind else _none_of(without)

        def look(connection: Connection) -> list[str]:
            query = select(EFFECT.c.id).where(IS_OPEN, EFFECT.c.due <= self._now(connection), *wanted)
            return list(connection.execute(query.order_by(EFFECT.c.due).limit(limit)).scalars())

        return await self._read(look)

    async def next_due(self, without: Collection[str] = ()) -> timedelta | None:
        """How long until the next effect is due that is none of these kinds; None where no such is owed."""

        def look(connection: Connection) -> timedelta | None:
            due = connection.execute(select(func.min(EFFECT.c.due)).where(IS_OPEN, *_none_of(without))).scalar()
            return max(due - self._now(connection), timedelta()) if due else None

        return await self._read(look)

    async def release_leases(self) -> int:
        """Make due at once what a predecessor left running. Only for the one process that owns the database."""

        def release(ledger: Ledger) -> int:
            assert isinstance(ledger, SqlLedger)
            left = EFFECT.update().where(EFFECT.c.status == "running").values(due=ledger.now)
            return len(ledger.connection.execute(left.returning(EFFECT.c.id)).all())

        return await self.transact(release)

    async def version(self) -> int:
        """A number that changes when another process wrote to this SQLite database."""
        return await self._read(lambda connection: connection.exec_driver_sql("PRAGMA data_version").scalar_one())

    # --- inside -------------------------------------------------------------------------------------------------

    async def _committed(self, work: Callable[[Ledger], T]) -> T:
        done = await self._on_thread(lambda: self._transact(work))
        _follow_up(done)
        return done[0]

    def _transact(self, work: Callable[[Ledger], T]) -> tuple[T, SqlLedger]:
        try:
            with self._engine.connect() as connection, self._in_time(connection) as in_time:
                ledger = SqlLedger(connection, self._begun(connection, in_time))
                with connection.begin():  # which sends nothing: it sees to the end
                    return work(ledger), ledger
        except Exception as error:
            if (ours := translated(error)) is error:
                raise
            raise ours from error

    @contextmanager
    def _in_time(self, connection: Connection) -> Iterator[InTime | None]:
        """Within the body the server has so long to answer. What is dead is not left to others, either."""
        if self._deadlines is None:
            yield None
            return
        with self._deadlines.over(connection.connection.driver_connection) as work:
            try:
                yield work
            except Exception:
                if work.over:  # the others of the pool went the same way, and stand there as if they were alive
                    self._engine.dispose()
                raise

    def _worked(self, connection: Connection, work: Callable[[Ledger], T]) -> tuple[T, SqlLedger]:
        ledger = SqlLedger(connection, self._clock.now())
        return work(ledger), ledger

    def _begun(self, connection: Connection, in_time: InTime | None) -> datetime:
        """Begin on PostgreSQL, and read its clock by the same way there and back."""
        for _ in range(_MOST_STALE):
            raw: Any = connection.connection.driver_connection
            if in_time:
                in_time.connection = raw
            asked = ticks()
            with suppress(connection.dialect.loaded_dbapi.OperationalError):
                cursor = raw.execute("BEGIN; SELECT clock_timestamp()")
                cursor.nextset()
                now: datetime = cursor.fetchone()[0]
                if self._shared_clock:
                    self._shared_clock.heard(now, asked)
                return self._clock.now() if self._own_time else now
            connection.invalidate()  # it was cut while it lay idle, as after a restart of the server
            if in_time and in_time.over:
                break
        raise DatabaseAway("The database is unavailable: every connection is cut. Nothing was changed.")

    async def _found(self, words: str, state: State | None, limit: int, before: int | None) -> list[Incident]:
        wanted = {"state": state or "", "limit": limit, "before": before or _NEWEST}

        def look(connection: Connection) -> list[Incident]:
            facts: Sequence[str] = ()
            for statement in searches(words, connection.dialect.name):
                found = connection.execute(statement, wanted)
                facts = found.scalars().all() if found.returns_rows else ()
                if len(facts) == limit:
                    break
            return [incident_from_json(text) for text in facts]

        return await self._read(look)

    async def _incidents(self, query: Select[Any]) -> list[Incident]:
        return await self._read(lambda connection: _incidents(connection, query))

    async def _read(self, look: Callable[[Connection], T]) -> T:
        return await self._on_thread(lambda: self._looked(self._engine, look))

    async def read_aside(self, look: Callable[[Connection], T]) -> T:
        """What may take long: nobody else waits for it."""
        return await asyncio.to_thread(self._looked, self._aside, look)

    def _looked(self, engine: Engine, look: Callable[[Connection], T]) -> T:
        try:
            try:
                return self._looked_once(engine, look)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return self._looked_once(engine, look)  # it was cut while it lay idle, as all of them were
        except Exception as error:
            if (ours := translated(error)) is error:
                raise
            raise ours from error

    def _looked_once(self, engine: Engine, look: Callable[[Connection], T]) -> T:
        with engine.connect().execution_options(read_only=True) as connection, self._in_time(connection):
            return look(connection)

    async def _on_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _now(self, connection: Connection) -> datetime:
        """The moment, by the clock that every process on this database shares."""
        if self._own_time:
            return self._clock.now()
        asked = ticks()
        now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        if self._shared_clock:
            self._shared_clock.heard(now, asked)
        return now


def _follow_up(done: tuple[object, SqlLedger]) -> None:
    for call in done[1].committed:
        call()


def _incidents(connection: Connection, query: Select[Any]) -> list[Incident]:
    """Read where they are fetched, in the thread: many of them would hold up the event loop."""
    return [incident_from_json(text) for text in connection.execute(query).scalars()]


def _debt(row: Any) -> Owed:
    return Owed(
        row.id, row.incident_id, Effect(row.kind), row.seq, row.status, row.attempts, row.due, row.error, row.holder
    )


def translated(error: Exception) -> Exception:
    """Our own error for what the database or what is beside it raised; anything else as it is."""
    if has_met(error):
        return Conflict("two transactions met")
    if isinstance(error, StoreUnavailable) or not is_away(error):
        return error
    return DatabaseAway(f"The database is unavailable: {words_of(error)}. Nothing was changed.")


def _none_of(kinds: Collection[str]) -> list[ColumnElement[bool]]:
    return [EFFECT.c.kind.not_in(sorted(kinds))] if kinds else []
