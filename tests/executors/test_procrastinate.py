"""The distributed executor on a real PostgreSQL: wake-ups in the same commit, several processes, lost leases."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from procrastinate.schema import SchemaManager
from sqlalchemy import text

from kintsugi.executors.procrastinate import Procrastinate
from kintsugi.integrations.clock import SystemClock
from kintsugi.persistence.database import Database
from kintsugi.persistence.ledger import SqlLedger
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow import triggers as t
from kintsugi.workflow.engine import Engine
from kintsugi.workflow.ports import Claim, Ledger
from kintsugi.workflow.retry import Again
from kintsugi.workflow.states import Effect, State
from tests.world import terminal
from tests.world.make import a_payload
from tests.world.patience import PATIENCE
from tests.world.terminal import StartedInLoop

ROOT = Path(__file__).parents[2]
ENOUGH = timedelta(seconds=60)


class Worker:
    """An engine whose effects do what the test says, on a store of its own, as in a process of its own."""

    def __init__(self, url: Database, lease: timedelta = ENOUGH) -> None:
        self.url = url.address
        self.store = SqlStore(url, SystemClock())
        self.executor = Procrastinate(
            self.store, self.url, slots=4, sweep=timedelta(seconds=0.2), pause=timedelta(seconds=0.2)
        )
        self.engine = Engine(self.store, self.executor, SystemClock(), redact=str, lease=lease)
        self.performed: list[str] = []
        self.performers = dict.fromkeys(Effect, self._perform)

    async def crashes(self, number: int = 1) -> None:
        now = SystemClock().now()
        payload = a_payload(f"v1:{number:016x}")
        await self.engine.fire(t.Captured(incident=0, key=f"test:{number}", at=now, payload=payload))

    async def run(self, *, until_idle: bool = False) -> None:
        await self.executor.run(self.perform, until_idle=until_idle)

    async def perform(self, effect: str) -> None:
        await self.engine.run_effect(effect, self.performers)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError), "it ended before it was told to"

    async def executes(self, statement: str) -> list[tuple[object, ...]]:
        def execute(ledger: Ledger) -> list[tuple[object, ...]]:
            assert isinstance(ledger, SqlLedger)
            return [tuple(row) for row in ledger.connection.execute(text(statement))]

        return await self.store.transact(execute)

    async def _perform(self, claim: Claim) -> None:
        self.performed.append(claim.id)


@pytest.fixture
async def worker(postgres_url: Database) -> AsyncIterator[Worker]:
    worker = Worker(postgres_url)
    yield worker
    await worker.store.close()


class TellsTwice:
    """The same ledger; what it answers to be due is delivered as well before the answer is there."""

    def __init__(self, store: SqlStore, url: str) -> None:
        self.transact, self.next_due, self._due = store.transact, store.next_due, store.due
        self.is_away = store.is_away
        self.executor = Procrastinate(self, url, slots=2)

    async def due(self, limit: int, without: Collection[str] = (), *, kind: str = "") -> list[str]:
        found = await self._due(limit, without, kind=kind)

        def deliver(ledger: Ledger) -> None:
            for effect in found:
                self.executor.enqueue(ledger, effect, timedelta())

        await self.transact(deliver)
        await asyncio.sleep(0.01)
        return found


class Heard(logging.Handler):
    """What procrastinate says of jobs that failed: it goes on with the next."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.faults: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.faults.append(record.getMessage())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


async def test_what_a_commit_owes_is_performed(worker: Worker):
    async with worker.working():
        await worker.crashes()
        await until(lambda: len(worker.performed) == 2)

    assert sorted(worker.performed) == ["1:announce:1", "1:diagnose:1"]


async def test_the_wake_up_is_in_the_same_transaction(worker: Worker):
    def fails(ledger: Ledger) -> None:
        worker.executor.enqueue(ledger, "1:diagnose:1", timedelta())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await worker.store.transact(fails)
    await worker.crashes()

    assert await worker.executes("SELECT count(*) FROM procrastinate_jobs") == [(2,)]


async def test_several_workers_share_what_is_owed_and_nothing_is_done_twice(worker: Worker, postgres_url: Database):
    other = Worker(postgres_url)
    for number in range(1, 41):
        await worker.crashes(number)

    async with worker.working(), other.working():
        await until(lambda: len(worker.performed) + len(other.performed) >= 80)
        # One that is stopped before its result is kept hands the effect back, and the other would perform it again.
        while await worker.executes("SELECT 1 FROM effect WHERE status IN ('pending', 'running')"):
            await asyncio.sleep(0.005)
    await other.store.close()

    assert set(Counter(worker.performed + other.performed).values()) == {1}


async def test_what_is_due_later_is_no_job_until_it_is_due(worker: Worker):
    tries: list[int] = []

    async def later(claim: Claim) -> object:
        tries.append(claim.epoch)
        return Again(timedelta(seconds=0.5)) if len(tries) == 1 else None

    worker.performers[Effect.DIAGNOSE] = later  # type: ignore[assignment]
    async with worker.working():
        await worker.crashes()
        await until(lambda: len(tries) == 1)
        waiting = await worker.executes("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
        await until(lambda: len(tries) == 2)

    assert waiting == [(0,)]


async def test_what_a_dead_worker_was_at_is_performed_when_its_lease_is_over(worker: Worker):
    await worker.crashes()
    await worker.store.transact(lambda ledger: ledger.claim("1:diagnose:1", timedelta(seconds=1)))

    async with worker.working():
        await until(lambda: "1:diagnose:1" in worker.performed)


async def test_what_a_worker_was_at_when_it_was_told_to_end_another_begins_at_once(
    worker: Worker, postgres_url: Database
):
    begun, other = asyncio.Event(), Worker(postgres_url)

    async def endless(claim: Claim) -> None:
        begun.set()
        await asyncio.Event().wait()

    worker.performers[Effect.DIAGNOSE] = endless
    await worker.crashes()
    async with worker.working():
        await begun.wait()
    async with other.working():  # its lease would have lasted a minute
        await until(lambda: "1:diagnose:1" in other.performed)
    await other.store.close()


async def test_a_slow_kind_does_not_hold_up_the_others(worker: Worker):
    released = asyncio.Event()

    async def slow(claim: Claim) -> None:
        await released.wait()
        worker.performed.append(claim.id)

    worker.performers[Effect.DIAGNOSE] = slow
    for number in range(1, 31):
        await worker.crashes(number)
    async with worker.working():
        for number in range(31, 61):
            await worker.crashes(number)
        await until(lambda: len(worker.performed) == 60)
        all_quick = {claim.split(":")[1] for claim in worker.performed}
        released.set()
        await until(lambda: len(worker.performed) == 120)

    assert all_quick == {"announce"}
    assert set(Counter(worker.performed).values()) == {1}


async def test_what_finds_no_room_here_is_begun_by_another_worker_that_has_some(worker: Worker, postgres_url: Database):
    other, held = Worker(postgres_url), asyncio.Event()

    async def stuck(claim: Claim) -> None:
        await held.wait()

    worker.performers[Effect.DIAGNOSE] = stuck
    async with worker.working(), other.working():
        for number in range(1, 21):
            await worker.crashes(number)
        await until(lambda: sum(":diagnose:" in each for each in other.performed) == 16)  # the others: four are ours
    await other.store.close()


async def test_what_is_delivered_while_it_is_looked_for_is_taken_once(worker: Worker):
    for number in range(1, 61):
        await worker.crashes(number)
    worker.executor, heard = TellsTwice(worker.store, worker.url).executor, Heard()
    logging.getLogger("procrastinate").addHandler(heard)
    async with worker.working():
        await until(lambda: len(worker.performed) == 120)
        async with asyncio.timeout(PATIENCE):
            while await worker.executes("SELECT count(*) FROM procrastinate_jobs") != [(0,)]:
                await asyncio.sleep(0.01)
    logging.getLogger("procrastinate").removeHandler(heard)

    assert set(Counter(worker.performed).values()) == {1}
    assert heard.faults == []


async def test_what_has_room_here_begins_without_a_job(worker: Worker):
    async with worker.working():
        await worker.crashes()
        await until(lambda: len(worker.performed) == 2)

    assert await worker.executes("SELECT is_called FROM procrastinate_jobs_id_seq") == [(False,)]


async def test_what_waits_for_a_slot_of_a_worker_that_ends_is_handed_to_others(worker: Worker, postgres_url: Database):
    other, begun = Worker(postgres_url), asyncio.Event()

    async def endless(claim: Claim) -> None:
        begun.set()
        await asyncio.Event().wait()

    worker.performers[Effect.DIAGNOSE] = endless
    async with worker.working():
        for number in range(1, 9):
            await worker.crashes(number)
        await begun.wait()
    async with other.working():
        await until(lambda: sum(":diagnose:" in each for each in other.performed) == 8)
    await other.store.close()


async def test_what_a_lost_delivery_was_of_is_begun_all_the_same(worker: Worker):
    await worker.crashes()
    await worker.executes("DELETE FROM procrastinate_jobs RETURNING id")

    async with worker.working():
        await until(lambda: len(worker.performed) == 2)


async def test_jobs_of_workers_that_died_are_taken_away(worker: Worker):
    await worker.crashes()
    await worker.executes("UPDATE procrastinate_jobs SET status = 'doing' RETURNING id")

    async with worker.working():
        async with asyncio.timeout(PATIENCE):
            while await worker.executes("SELECT count(*) FROM procrastinate_jobs") != [(0,)]:
                await asyncio.sleep(0.05)


async def test_a_deployment_is_left_alone_while_somebody_asleep_is_at_it(worker: Worker):
    performed: list[str] = []

    async def perform(effect: str) -> None:
        performed.append(effect)

    async with await psycopg.AsyncConnection.connect(worker.url, autocommit=True) as sleeper:
        await sleeper.execute("SELECT pg_advisory_lock(hashtextextended('kintsugi: what runs in production', 0))")
        await worker.executor._performed(perform, "2:deploy:7")
        await worker.executor._performed(perform, "1:watch:8")
    await worker.executor._performed(perform, "1:deploy:7")

    assert performed == ["1:watch:8", "1:deploy:7"]


async def test_a_database_that_goes_away_and_comes_back_is_worked_on_again(worker: Worker):
    away = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with worker.working():
        await worker.crashes(1)
        await until(lambda: len(worker.performed) == 2)
        await until(lambda: worker.executor.delivers)
        async with await psycopg.AsyncConnection.connect(worker.url, autocommit=True) as admin:
            await admin.execute(away)
        await worker.crashes(2)
        await until(lambda: len(worker.performed) == 4)
        await until(lambda: worker.executor.delivers)

    assert not worker.executor.delivers


async def test_work_ends_before_a_lease_that_nobody_could_renew(postgres_url: Database):
    worker = Worker(postgres_url, lease=timedelta(seconds=1.5))
    ended = asyncio.Event()

    async def endless(claim: Claim) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    worker.performers[Effect.DIAGNOSE] = endless
    await worker.crashes()
    task = asyncio.create_task(worker.perform("1:diagnose:1"))
    async with asyncio.timeout(PATIENCE), await psycopg.AsyncConnection.connect(worker.url) as other:
        while await worker.executes("SELECT status FROM effect WHERE kind = 'diagnose'") != [("running",)]:
            await asyncio.sleep(0.01)
        await other.execute("LOCK TABLE effect")  # nobody gets to the ledger now
        await ended.wait()
        await other.rollback()

    await task
    await worker.store.close()


async def test_what_no_worker_can_begin_says_why(worker: Worker):
    """The lock around deployments has a connection of its own, which need not work where the others do."""
    await worker.crashes()
    await worker.executes("UPDATE effect SET kind = 'deploy', id = '1:deploy:1' WHERE kind = 'diagnose' RETURNING id")
    nowhere = Procrastinate(worker.store, "postgresql://127.0.0.1:1/nowhere", sweep=timedelta(seconds=0.1))
    task = asyncio.create_task(nowhere.run(worker.perform))

    async with asyncio.timeout(30):
        while not (found := await worker.executes("SELECT error FROM effect WHERE id = '1:deploy:1' AND error <> ''")):
            await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert "No worker can begin it: The lock's connection cannot be made" in str(found[0][0])


async def test_drained_it_performs_what_is_due_and_ends(worker: Worker):
    for number in range(1, 11):
        await worker.crashes(number)

    await worker.run(until_idle=True)

    assert len(worker.performed) == len(set(worker.performed)) == 20


def test_the_schema_is_the_one_that_the_migration_was_made_for():
    """A release that changes it needs a revision of ours, which runs the files that came after this one."""
    newest = max(path.name for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"))

    assert newest == "03.04.00_50_post_add_retry_failed_job_procedure.sql"


async def test_three_processes_one_of_them_killed_bring_every_incident_on(postgres_url: Database, tmp_path: Path):
    worker = Worker(postgres_url)
    for number in range(1, 31):
        await worker.crashes(number)
    processes = [await a_process(worker.url, tmp_path) for _ in range(3)]

    async with asyncio.timeout(PATIENCE):
        while await worker.executes("SELECT 1 FROM effect WHERE status = 'done' LIMIT 1") == []:
            await asyncio.sleep(0.05)
        processes[0].kill()
        await worker.executes(
            "UPDATE effect SET due = now() WHERE status = 'running' RETURNING id"
        )  # the lease ran out
        open_still = f"SELECT 1 FROM incident WHERE state <> '{State.NEEDS_HUMAN}' LIMIT 1"  # no key: no patch
        while await worker.executes(open_still) or await worker.executes(
            "SELECT 1 FROM effect WHERE status IN ('pending', 'running') LIMIT 1"
        ):
            await asyncio.sleep(0.1)
    for process in processes[1:]:
        process.terminate()
    ended = [await process.wait() for process in processes]
    histories = await worker.executes("SELECT count(*) FROM transition GROUP BY incident_id")
    await worker.store.close()

    assert set(histories) == {(2,)}
    assert ended[1:] == [0, 0]


async def a_process(url: str, folder: Path) -> StartedInLoop:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    env = {**kept, "KINTSUGI_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    return await terminal.start_in_loop(["run", "--only", "worker"], folder, env, stderr=asyncio.subprocess.DEVNULL)
