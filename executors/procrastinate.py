"""The executor for many processes and hosts on one PostgreSQL: procrastinate delivers, the ledger is the truth.

What is due now becomes a job in the same transaction, and LISTEN/NOTIFY starts it. What is due later stays a row of the
ledger, until one of the workers delivers it: so is what a crash left behind. A job delivered twice does no harm, as the
claim takes the effect once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Protocol, TypeVar, runtime_checkable

import psycopg
import psycopg_pool
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from procrastinate.tasks import Task
from procrastinate.types import JSONDict

from executors.server_lock import KEPT_ALIVE, alone_on_server
from workflow.errors import StoreUnavailable
from workflow.ports import Ledger
from workflow.words import Effect

log = logging.getLogger("kintsugi.executor")

T = TypeVar("T")

Perform = Callable[[str], Awaitable[None]]

TASK, QUEUE = "kintsugi.perform", "kintsugi"
SWEEP = timedelta(seconds=2)  # how often a worker looks for what is due and was not delivered
AGAIN = timedelta(seconds=60)  # how long a delivery may take: a worker that dies takes it with it
_AT_ONCE = 500
_STALE_SECONDS = 30  # procrastinate's workers tell every ten that they live
_ONE_AT_A_TIME = (Effect.DEPLOY, Effect.ROLL_BACK)  # what no provider can be asked twice for
_PRODUCTION = "kintsugi: what runs in production"  # the name of the lock around these
_WAITS_FOR_ITS_TURN = timedelta(seconds=10)
_AWAY = (StoreUnavailable, ConnectorException, psycopg.Error, psycopg_pool.PoolTimeout, OSError)


@runtime_checkable
class Joined(Protocol):
    """A ledger whose connection others can write on, in the same transaction."""

    @property
    def driver_connection(self) -> Any: ...

    def deliver(self, limit: int, again: timedelta) -> Sequence[str]:
        """The effects that are due and were not delivered, or not within `again`; they are marked as delivered now."""
        ...


class Queue(Protocol):
    """What this executor asks of the store."""

    async def transact(self, work: Callable[[Ledger], T]) -> T: ...

    async def due(self, limit: int) -> list[str]: ...

    async def next_due(self) -> timedelta | None: ...


class Procrastinate:
    """Delivers effects of one PostgreSQL database to this process, `slots` at a time, beside other processes.

    `conninfo` is libpq's; connections are made when `run` begins, so that whoever only enqueues has none of its own.
    """

    def __init__(
        self,
        queue: Queue,
        conninfo: str,
        *,
        slots: int = 8,
        sweep: timedelta = SWEEP,
        again: timedelta = AGAIN,
        pause: timedelta = timedelta(seconds=1),
    ) -> None:
        self._queue = queue
        self._conninfo = conninfo
        self._slots = slots
        self._sweep = sweep
        self._again = again
        self._pause = pause  # how long to leave a database alone that did not answer
        self._later = asyncio.Event()
        self._job = _a_task(App(connector=SyncPsycopgConnector()), _nothing)

    def enqueue(self, ledger: Ledger, effect: str, delay: timedelta) -> None:
        """A job in the caller's transaction, where it is due now; else it is the sweep's to deliver when it is."""
        if delay > timedelta():
            ledger.after_commit(self._later.set)
            return
        assert isinstance(ledger, Joined)
        self._job.configure(connection=ledger.driver_connection).defer(effect=effect)

    async def run(self, perform: Perform, *, until_idle: bool = False) -> None:
        """Deliver until cancelled; with `until_idle`, perform what is due here and now, until nothing is."""
        if until_idle:
            await self._drain(perform)
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep_on())
            group.create_task(self._work_on(perform))

    # --- working ----------------------------------------------------------------------------------------------------

    async def _work_on(self, perform: Perform) -> None:
        """A worker of procrastinate's, and another one where the database went away under it."""
        while True:
            try:
                await self._work(perform)
            except _AWAY as error:
                log.warning("store_unavailable", extra={"why": str(error)})
            await asyncio.sleep(self._pause.total_seconds())

    async def _work(self, perform: Perform) -> None:
        connector = PsycopgConnector(
            conninfo=self._conninfo, min_size=1, max_size=3, timeout=10, kwargs={"options": KEPT_ALIVE}
        )
        app = App(connector=connector)
        _a_task(app, lambda effect: self._performed(perform, effect))
        async with app.open_async(), _meanwhile(_bury(app)):
            await app.run_worker_async(
                queues=[QUEUE],
                concurrency=self._slots,
                delete_jobs="always",
                install_signal_handlers=False,
                shutdown_graceful_timeout=0.01,  # what is under way ends with us: the ledger has it
                stalled_worker_timeout=_STALE_SECONDS,
            )

    async def _performed(self, perform: Perform, effect: str) -> None:
        try:
            async with self._alone_with(effect) as ours:
                if ours:
                    await perform(effect)
        except _AWAY as error:  # the effect stays owed: its lease runs out, or it was never taken
            log.warning("store_unavailable", extra={"effect": effect, "why": str(error)})
            await asyncio.sleep(self._pause.total_seconds())

    @asynccontextmanager
    async def _alone_with(self, effect: str) -> AsyncIterator[bool]:
        """Whether nobody else deploys or rolls back, not even a worker that sleeps over its lease.

        One lock for all of it: who asks for an older commit has to know that a newer one was asked for.
        """
        if not any(f":{kind}:" in effect for kind in _ONE_AT_A_TIME):
            yield True
            return
        async with alone_on_server(self._conninfo, _PRODUCTION, _WAITS_FOR_ITS_TURN) as ours:
            yield ours

    # --- delivering -------------------------------------------------------------------------------------------------

    async def _sweep_on(self) -> None:
        """Deliver what came due, and what was delivered to somebody who died."""
        while True:
            try:
                await self._deliver()
                wait = min(await self._queue.next_due() or self._sweep, self._sweep)
            except _AWAY as error:
                log.warning("store_unavailable", extra={"why": str(error)})
                wait = self._pause
            self._later.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait.total_seconds(), 0.05)):
                    await self._later.wait()

    async def _deliver(self) -> None:
        def deliver(ledger: Ledger) -> int:
            assert isinstance(ledger, Joined)
            effects = ledger.deliver(_AT_ONCE, self._again)
            if effects:
                jobs: list[JSONDict] = [{"effect": effect} for effect in effects]
                self._job.configure(connection=ledger.driver_connection).batch_defer(*jobs)
            return len(effects)

        while await self._queue.transact(deliver) == _AT_ONCE:
            continue

    async def _drain(self, perform: Perform) -> None:
        while effects := await self._queue.due(self._slots):
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


@asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have this done beside the body, as long as that takes. It may fail: it is tidying up."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _nothing(effect: str) -> None:
    raise AssertionError(f"{effect} is performed by the worker's own app")
