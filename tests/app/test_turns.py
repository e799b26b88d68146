"""What one process at a time does, by a lease in a real PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from kintsugi.executors.turns import by_turns
from kintsugi.integrations.clock import SystemClock
from kintsugi.persistence.database import Database
from kintsugi.persistence.leases import Leases
from kintsugi.persistence.store import SqlStore
from tests.app.test_discord import environment
from tests.world import discord as stand_in
from tests.world import terminal
from tests.world.discord_shapes import ALICE
from tests.world.patience import PATIENCE
from tests.world.terminal import StartedInLoop

SHORT = timedelta(seconds=1.5)


class Process:
    """One that would do the work."""

    def __init__(self, store: SqlStore) -> None:
        self.leases = Leases(store)
        self.began, self.ended, self.waited = asyncio.Event(), asyncio.Event(), 0

    async def work(self) -> None:
        self.ended.clear()
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()

    def waits(self) -> None:
        self.waited += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(by_turns(self.leases, "test", self.work, self.waits, length=SHORT))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def processes(postgres_url: Database) -> AsyncIterator[tuple[Process, Process]]:
    stores = [SqlStore(postgres_url, SystemClock()) for _ in range(2)]
    yield Process(stores[0]), Process(stores[1])
    for store in stores:
        await store.close()


async def test_the_second_waits_until_the_first_gives_up(processes: tuple[Process, Process]):
    first, second = processes
    async with asyncio.timeout(PATIENCE), second_after(first, second):
        await asyncio.sleep(2 * SHORT.total_seconds())
        assert not second.began.is_set()
        assert second.waited == 1


@asynccontextmanager
async def second_after(first: Process, second: Process) -> AsyncIterator[None]:
    """The first works, the second waits; after the body the first ends, and the second works."""
    async with asyncio.TaskGroup() as group:
        working = group.create_task(by_turns(first.leases, "test", first.work, first.waits, length=SHORT))
        await first.began.wait()
        async with second.running():
            while not second.waited:
                await asyncio.sleep(0.01)
            yield
            working.cancel()
            await second.began.wait()


async def test_one_that_is_cut_off_from_the_database_stops_before_another_begins(
    processes: tuple[Process, Process], postgres_url: Database
):
    first, second = processes
    address = postgres_url.address
    async with asyncio.timeout(PATIENCE), first.running():
        await first.began.wait()
        async with await psycopg.AsyncConnection.connect(address) as cut:
            await cut.execute("LOCK TABLE lease")  # its word no longer arrives
            await first.ended.wait()
            asked = await cut.execute("SELECT until > clock_timestamp() FROM lease")
            assert await asked.fetchone() == (True,)
            first.began.clear()
            await cut.rollback()
        async with second.running():
            await asyncio.wait(
                {asyncio.ensure_future(each.began.wait()) for each in processes}, return_when=asyncio.FIRST_COMPLETED
            )


async def test_work_that_fails_lets_its_failure_be_known_and_the_lease_go(processes: tuple[Process, Process]):
    async def fails() -> None:
        raise RuntimeError("no token")

    with pytest.raises(RuntimeError, match="no token"):
        await by_turns(processes[0].leases, "test", fails, processes[0].waits, length=SHORT)

    assert await processes[0].leases.holder("test") is None


async def test_a_bot_is_taken_over_from_a_process_that_was_killed(postgres_url: Database, tmp_path: Path):
    address = postgres_url.address
    async with stand_in.serving() as at, asyncio.timeout(PATIENCE):
        settings = environment(at, stand_in.TOKEN) | {"KINTSUGI_DATABASE_URL": address}
        first = await a_bot(tmp_path, settings)
        await at.ready.wait()
        at.ready.clear()
        second = await a_bot(tmp_path, settings)
        assert second.stderr
        async for line in second.stderr:
            if b"Another process is connected to Discord" in line:
                break
        connected_early = at.ready.is_set()
        first.kill()
        await first.communicate()
        await at.ready.wait()
        answered = await at.slash("/debug incidents", ALICE)
        second.send_signal(signal.SIGTERM)
        _, rest = await second.communicate()

    assert not connected_early
    assert "No incident" in answered.says
    assert second.returncode == 0, rest


async def a_bot(folder: Path, settings: dict[str, str]) -> StartedInLoop:
    return await terminal.start_in_loop(["run", "--only", "discord"], folder, settings)
