"""The executor for many processes and hosts on one PostgreSQL: procrastinate delivers, the ledger is the truth.

What is due now becomes a job in the same transaction, and LISTEN/NOTIFY starts it; where the process that owes it works
itself and has room, it begins right after the commit, without a job. What is due later stays a row of the ledger, until
one of the workers delivers it: so is what a crash left behind. What is delivered twice does no harm, as the claim takes
the effect once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Protocol, TypeVar, runtime_checkable

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.jobs import Status
from procrastinate.tasks import Task
from procrastinate.types import JSONDict
from procrastinate.worker import Worker

from kintsugi.executors.server_lock import alone_on_server, set_up
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.ports import Ledger
from kintsugi.workflow.states import Effect, kind_of

log = logging.getLogger("kintsugi.executor")

T = TypeVar("T")

Perform = Callable[[str], Awaitable[None]]

TASK, QUEUE = "kintsugi.perform", "kintsugi"
SWEEP = timedelta(seconds=2)  # how often a worker looks for what is due and was not delivered
_SOON = timedelta(seconds=0.05)
_AT_ONCE = 500
_DRAINED_AT_ONCE = 8
_QUICK, _AHEAD = 0.5, 16  # seconds; lines of how many times the slots
_STALE_SECONDS = 30  # procrastinate's workers tell every ten that they live
_LIVING = "SELECT EXISTS (SELECT FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s))"
_ONE_AT_A_TIME = (Effect.DEPLOY, Effect.ROLL_BACK)  # what no provider can be asked twice for
_PRODUCTION = "kintsugi: what runs in production"  # the name of the lock around these
_RECENT = 20.0  # seconds: longer than the database may take for an answer
_LEFT_AFTER = 3.0  # seconds, for procrastinate to come to its end
_SHOWS_LIFE = timedelta(seconds=5)
_WAITS_FOR_ITS_TURN = timedelta(seconds=10)


@runtime_checkable
class Joined(Protocol):
    """A ledger whose connection others can write on, in the same transaction."""

    @property
    def driver_connection(self) -> Any: ...

    def deliver(self, limit: int) -> Sequence[str]:
        """The effects that are due and were not delivered since they are; they are marked as delivered now."""
        ...

    def note(self, effect: str, why: str) -> None:
        """Write down why an effect that waits is not begun."""
        ...


class Queue(Protocol):
    """What this executor asks of the store."""

    async def transact(self, work: Callable[[Ledger], T]) -> T: ...

    async def due(self, limit: int, without: Collection[str] = (), *, kind: str = "") -> list[str]: ...

    async def next_due(self) -> timedelta | None: ...

    def is_away(self, error: BaseException) -> bool:
        """Whether this error, of ours or of a driver's, says that the database is unavailable."""
        ...


@dataclass
class _Lane:
    """The effects of one kind: so many at a time, some more in line. Where one kind is slow, no other waits."""

    slots: int
    busy: int = 0
    under_way: set[str] = field(default_factory=set)
    quick: bool = False  # so was the last one: a line is soon over
    line: dict[str, None] = field(default_factory=dict)  # in the order in which they came, each once
    more: bool = False  # some found no room here: they are looked for in the ledger, as soon as there is

    @property
    def room(self) -> int:
        """How many more this process takes by itself; what is slow it leaves to others, once its slots are taken."""
        return self.slots * (_AHEAD if self.quick else 1) - self.busy - len(self.line)

    def take(self, effect: str) -> bool:
        """Whether nobody here is at it: it may have come in several ways, from the ledger and by a job."""
        self.line.pop(effect, None)
        if effect in self.under_way:
            return False
        self.under_way.add(effect)
        return True

    def take_first(self) -> str | None:
        """The first in line."""
        return next((effect for effect in list(self.line) if self.take(effect)), None)

    @property
    def full(self) -> bool:
        return self.busy >= self.slots and self.room <= 0


class Procrastinate:
    """Delivers effects of one PostgreSQL database to this process, `slots` of a kind at a time, beside other processes.

    `conninfo` is libpq's; connections are made when `run` begins, so that whoever only enqueues has none of its own.
    `schema` is a statement that each begins with, which puts it where the tables are.
    """

    def __init__(
        self,
        queue: Queue,
        conninfo: str,
        *,
        schema: str = "",
        slots: int = 4,
        sweep: timedelta = SWEEP,
        pause: timedelta = timedelta(seconds=1),
    ) -> None:
        self._queue = queue
        self._conninfo, self._schema = conninfo, schema
        self._lanes = {kind.value: _Lane(slots) for kind in Effect}
        self._begin: Callable[[str], object] | None = None  # where this process works itself
        self.turns = 0  # of the sweep: as long as it grows, it moves
        self._swept: float | None = None  # when it last came through, by time.monotonic()
        self._answers = False  # procrastinate's worker is there
        self._sweep = sweep
        self._pause = pause  # how long to leave a database alone that did not answer
        self._later = asyncio.Event()
        self._job = _a_task(App(connector=SyncPsycopgConnector()), _nothing)

    @property
    def delivers(self) -> bool:
        """Whether the sweep came through of late, and procrastinate's worker is there."""
        recent = self._swept is not None and time.monotonic() - self._swept < _RECENT + self._sweep.total_seconds()
        return recent and self._answers

    async def attended(self) -> bool:
        """Whether a worker has told lately that it lives. Raises StoreUnavailable."""

        def look(ledger: Ledger) -> bool:
            assert isinstance(ledger, Joined)
            return bool(ledger.driver_connection.execute(_LIVING, (_STALE_SECONDS,)).fetchone()[0])

        return await self._queue.transact(look)

    def enqueue(self, ledger: Ledger, effect: str, delay: timedelta) -> None:
        """Begun here once it is committed, or a job in the caller's transaction; what is due later is the sweep's."""
        if delay > timedelta():
            ledger.after_commit(self._later.set)
        else:
            self._hand_out(ledger, [effect])

    def _hand_out(self, ledger: Ledger, effects: Sequence[str]) -> None:
        ours = self._with_room(effects)
        for effect in ours:
            ledger.after_commit(partial(self._begin_here, effect))
        jobs: list[JSONDict] = [{"effect": effect} for effect in effects if effect not in ours]
        if jobs:
            assert isinstance(ledger, Joined)
            self._job.configure(connection=ledger.driver_connection).batch_defer(*jobs)

    def _with_room(self, effects: Sequence[str]) -> set[str]:
        """Those of them that this process has room for, if it works itself."""
        room = Counter({kind: lane.room for kind, lane in self._lanes.items()}) if self._begin else Counter[str]()
        found = set()
        for effect in effects:
            if room[kind_of(effect)] > 0:
                room[kind_of(effect)] -= 1
                found.add(effect)
        return found

    def _begin_here(self, effect: str) -> None:
        if self._begin:  # else this process ended meanwhile: the sweep of another one delivers it
            self._begin(effect)

    async def run(self, perform: Perform, *, until_idle: bool = False) -> None:
        """Deliver until cancelled; with `until_idle`, perform what is due here and now, until nothing is."""
        if until_idle:
            await self._drain(perform)
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep_on())
            group.create_task(self._work_on(perform))
            self._begin = lambda effect: group.create_task(self._in_its_lane(perform, effect))
            try:
                await asyncio.Event().wait()
            finally:  # before what is under way is handed back: to others, and not to us
                self._begin = None

    # --- working ----------------------------------------------------------------------------------------------------

    async def _work_on(self, perform: Perform) -> None:
        """A worker of procrastinate's, and another one where the database went away under it."""
        while True:
            try:
                await self._work(perform)
            except Exception as error:
                self._only_away(error)
            await asyncio.sleep(self._pause.total_seconds())

    async def _work(self, perform: Perform) -> None:
        """One worker of procrastinate's, until it is cancelled, ends, or no longer shows that it lives.

        It is never waited for for long: on a database that went wrong it may not come to its end, even when cancelled.
        The ledger has all that it had.
        """
        connector = PsycopgConnector(
            conninfo=self._conninfo, min_size=1, max_size=3, timeout=10, configure=partial(set_up, schema=self._schema)
        )
        app = App(connector=connector)
        _a_task(app, partial(self._in_its_lane, perform))
        async with _left_in_time(app.open_async(), app.close_async):
            worker = Worker(
                app,
                queues=[QUEUE],
                concurrency=sum(lane.slots for lane in self._lanes.values()),  # so there is one for a lane with room
                delete_jobs="always",
                install_signal_handlers=False,
                shutdown_graceful_timeout=0.01,  # what is under way ends with us: the ledger has it
                stalled_worker_timeout=_STALE_SECONDS,
            )
            works: Coroutine[Any, Any, None] = worker.run()  # type: ignore[no-untyped-call]
            tasks = [asyncio.create_task(each) for each in (works, _lives(app, worker), _bury(app))]
            try:
                self._answers = True
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                self._answers = False
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks, timeout=_LEFT_AFTER)

    async def _in_its_lane(self, perform: Perform, effect: str) -> None:
        """Perform it, and what comes after it in the same lane; or leave it to those in the lane, here or elsewhere."""
        kind = kind_of(effect)
        lane = self._lanes.setdefault(kind, _Lane(1))
        if effect in lane.under_way:
            return
        if lane.full:
            lane.more = True
            return
        lane.line[effect] = None
        if lane.busy >= lane.slots:
            return
        lane.busy += 1
        try:
            while mine := await self._next(kind):
                began = time.monotonic()
                try:
                    await self._performed(perform, mine)
                finally:
                    lane.under_way.remove(mine)
                lane.quick = time.monotonic() - began < _QUICK
        finally:
            lane.busy -= 1

    async def _next(self, kind: str) -> str | None:
        """Take the first in line; where there is none but some had found no room, the one that waits longest."""
        lane = self._lanes[kind]
        while lane.more and not lane.line:
            lane.more = False  # before the question: whoever comes meanwhile says it again
            with suppress(StoreUnavailable):  # else the sweep finds it
                for effect in await self._queue.due(lane.slots, kind=kind):
                    if lane.take(effect):
                        lane.more = True
                        return effect
        return lane.take_first()

    async def _performed(self, perform: Perform, effect: str) -> None:
        try:
            async with self._alone_with(effect) as ours:
                if ours:
                    await perform(effect)
        except Exception as error:  # the effect stays owed: its lease runs out, or it was never taken
            self._only_away(error, effect=effect)
            with suppress(StoreUnavailable):
                await self._queue.transact(partial(_note, effect, f"No worker can begin it: {error}"))
            await asyncio.sleep(self._pause.total_seconds())

    @asynccontextmanager
    async def _alone_with(self, effect: str) -> AsyncIterator[bool]:
        """Whether nobody else deploys or rolls back, not even a worker that sleeps over its lease.

        One lock for all of it: who asks for an older commit has to know that a newer one was asked for.
        """
        if kind_of(effect) not in _ONE_AT_A_TIME:
            yield True
            return
        async with alone_on_server(self._conninfo, _PRODUCTION, _WAITS_FOR_ITS_TURN) as ours:
            yield ours

    def _only_away(self, error: Exception, **about: str) -> None:
        """Say that the database is unavailable; whatever else went wrong goes on."""
        if not self._queue.is_away(error):
            raise error
        log.warning("database_unavailable", extra={**about, "why": str(error) or type(error).__name__})

    # --- delivering -------------------------------------------------------------------------------------------------

    async def _sweep_on(self) -> None:
        """Deliver what came due, and what was delivered to somebody who died."""
        while True:
            try:
                await self._deliver()
                wait = await self._queue.next_due()
                if wait == timedelta():
                    await self._help_out()
                    wait = None  # what still waits then waits for room
                self._swept = time.monotonic()
            except Exception as error:
                self._only_away(error)
                wait = self._pause
            self.turns += 1
            self._later.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(max(wait or self._sweep, _SOON), self._sweep).total_seconds()):
                    await self._later.wait()

    async def _deliver(self) -> None:
        def deliver(ledger: Ledger) -> int:
            assert isinstance(ledger, Joined)
            effects = ledger.deliver(_AT_ONCE)
            self._hand_out(ledger, effects)
            return len(effects)

        while await self._queue.transact(deliver) == _AT_ONCE:
            continue

    async def _help_out(self) -> None:
        """Begin what was delivered and still waits: to somebody who died, or who has no room while we have some."""
        full = [kind for kind, lane in self._lanes.items() if lane.full]
        waiting = await self._queue.due(_AT_ONCE, full)
        ours = self._with_room(waiting)
        for effect in waiting:
            if effect in ours:
                self._begin_here(effect)

    async def _drain(self, perform: Perform) -> None:
        while effects := await self._queue.due(_DRAINED_AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for effect in effects:
                    group.create_task(self._performed(perform, effect))


def _a_task(app: App, perform: Perform) -> Task[[str], Awaitable[None], Any]:
    """The one task there is, on this app. Both who defers and who performs know it by its name."""

    async def performing(effect: str) -> None:
        await perform(effect)

    return app.task(name=TASK, queue=QUEUE)(performing)


async def _bury(app: App) -> None:
    """Take away the jobs of workers that died: what they were to perform is delivered anew."""
    while True:
        for job in await app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=_STALE_SECONDS):
            await app.job_manager.finish_job(job, status=Status.ABORTED, delete_job=True)
        await asyncio.sleep(_STALE_SECONDS)


def _note(effect: str, why: str, ledger: Ledger) -> None:
    assert isinstance(ledger, Joined)
    ledger.note(effect, why)


async def _lives(app: App, worker: Worker) -> None:
    """Watch that the worker shows life in the database. Raises StoreUnavailable where it does not."""
    query = "SELECT count(*) AS alive FROM procrastinate_workers WHERE id = %(id)s AND last_heartbeat > %(since)s"
    since = f"SELECT now() - interval '{_STALE_SECONDS} seconds' AS since"
    while True:
        await asyncio.sleep(_SHOWS_LIFE.total_seconds())
        async with asyncio.timeout(_LEFT_AFTER + _SHOWS_LIFE.total_seconds()):
            moment = (await app.connector.execute_query_one_async(since))["since"]
            found = await app.connector.execute_query_one_async(query, id=worker.worker_id, since=moment)
        if not found["alive"]:
            raise StoreUnavailable("procrastinate's worker stands still: another one is begun.")


@asynccontextmanager
async def _left_in_time(opening: Awaitable[object], close: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Open, and close in the end, as far as that is done in time."""
    try:
        await opening
        yield
    finally:
        closing = asyncio.ensure_future(close())
        await asyncio.wait({closing}, timeout=_LEFT_AFTER)
        closing.cancel()


async def _nothing(effect: str) -> None:
    raise AssertionError(f"{effect} is performed by the worker's own app")
