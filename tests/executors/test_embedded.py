"""The embedded executor on a real SQLite file: wake-ups, timers, leases, one process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from kintsugi.executors.embedded import Embedded
from kintsugi.executors.lock import is_held, only_one
from kintsugi.integrations.clock import SystemClock
from kintsugi.persistence.database import Database
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow import triggers as t
from kintsugi.workflow.engine import Engine
from kintsugi.workflow.ports import Claim
from kintsugi.workflow.retry import Again
from kintsugi.workflow.states import Effect, State
from tests.persistence.test_full_disk import no_more_room, room_again
from tests.world.make import a_payload, a_trigger
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE


class Running:
    """An engine whose effects do what the test says."""

    def __init__(self, url: Database, folder: Path, lease: timedelta = timedelta(seconds=60)) -> None:
        self.store = SqlStore(url, SystemClock())
        self.lock = folder / "kintsugi.db.lock"
        self.embedded = Embedded(self.store, self.lock, slots=4)
        self.engine = Engine(self.store, self.embedded, SystemClock(), redact=str, lease=lease)
        self.performed: list[str] = []
        self.performers = dict.fromkeys(Effect, self._perform)

    async def crashes(self, number: int = 1) -> None:
        now = SystemClock().now()
        payload = a_payload(f"v1:{number:016x}")
        await self.engine.fire(t.Captured(incident=0, key=f"test:{number}", at=now, payload=payload))

    async def run(self, *, until_idle: bool = True) -> None:
        await self.embedded.run(lambda effect: self.engine.run_effect(effect, self.performers), until_idle=until_idle)

    async def _perform(self, claim: object) -> None:
        self.performed.append(claim.id)  # type: ignore[attr-defined]


@pytest.fixture
async def running(sqlite_url: Database, tmp_path: Path) -> AsyncIterator[Running]:
    migrate(sqlite_url)
    running = Running(sqlite_url, tmp_path)
    yield running
    await running.store.close()


async def until(condition: object) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.005)


async def test_what_is_due_is_performed_once_until_nothing_is(running: Running):
    for number in range(1, 21):
        await running.crashes(number)

    await running.run()

    assert len(running.performed) == len(set(running.performed)) == 40


async def test_a_commit_wakes_a_sleeping_loop(running: Running):
    service = asyncio.create_task(running.run(until_idle=False))
    await until(lambda: is_held(running.lock))
    await asyncio.sleep(0.1)

    await running.crashes()

    await until(lambda: len(running.performed) == 2)
    assert running.embedded.delivers
    service.cancel()
    await asyncio.gather(service, return_exceptions=True)
    assert not running.embedded.delivers


async def test_what_is_due_later_is_a_timer(running: Running):
    moments: list[float] = []

    async def later(claim: object) -> object:
        moments.append(time.monotonic())
        return Again(timedelta(seconds=0.3)) if len(moments) == 1 else None

    running.performers[Effect.DIAGNOSE] = later  # type: ignore[assignment]
    service = asyncio.create_task(running.run(until_idle=False))
    await running.crashes()

    await until(lambda: len(moments) == 2)
    assert moments[1] - moments[0] >= 0.3
    service.cancel()


async def test_what_a_dead_predecessor_left_running_is_taken_over_at_once(running: Running):
    await running.crashes()
    left = await running.store.transact(lambda ledger: ledger.claim("1:diagnose:1", timedelta(seconds=60)))

    await running.run()

    assert left is not None
    assert "1:diagnose:1" in running.performed


async def test_what_another_process_wrote_is_noticed(running: Running, sqlite_url: Database):
    service = asyncio.create_task(running.run(until_idle=False))
    await until(lambda: is_held(running.lock))
    other = Running(sqlite_url, Path())

    await other.crashes()

    await until(lambda: len(running.performed) == 2)
    service.cancel()
    await other.store.close()


async def test_one_slow_effect_does_not_hold_up_the_others(running: Running):
    released = asyncio.Event()

    async def slow(claim: object) -> None:
        await released.wait()

    running.performers[Effect.DIAGNOSE] = slow  # type: ignore[assignment]
    await running.crashes()
    service = asyncio.create_task(running.run())

    await until(lambda: running.performed == ["1:announce:1"])
    released.set()
    await service


async def test_a_slow_kind_does_not_hold_up_the_others_however_much_of_it_is_due(running: Running):
    released = asyncio.Event()

    async def slow(claim: Claim) -> None:
        await released.wait()
        running.performed.append(claim.id)

    running.performers[Effect.DIAGNOSE] = slow
    for number in range(1, 31):
        await running.crashes(number)
    service = asyncio.create_task(running.run())

    await until(lambda: len(running.performed) == 30)
    assert all(":announce:" in each for each in running.performed)
    released.set()
    await service
    assert len(set(running.performed)) == len(running.performed) == 60


async def test_work_goes_on_when_a_full_disk_has_room_again(sqlite_url: Database, tmp_path: Path):
    migrate(sqlite_url)
    running = Running(sqlite_url, tmp_path, lease=timedelta(seconds=1))

    async def reads(claim: Claim) -> t.Trigger:
        running.performed.append(claim.id)
        why = "It is said at length. " * 5_000
        key = f"{claim.id}:{claim.attempt}"
        found: t.Trigger = a_trigger(t.DiagnosedWithoutPatch, incident=claim.incident.id, key=key, why=why)
        return found

    running.performers[Effect.DIAGNOSE] = reads
    await running.crashes()
    await running.store.transact(no_more_room)
    service = asyncio.create_task(running.run())
    await until(lambda: "1:diagnose:1" in running.performed)
    await asyncio.sleep(0.3)
    while_full = await running.store.incident(1)

    await running.store.transact(room_again)
    await service

    assert while_full.state is State.CAPTURED
    assert (await running.store.incident(1)).state is State.NEEDS_HUMAN
    assert {owes.status for owes in await running.store.owed(1)} <= {"done", "cancelled"}
    await running.store.close()


async def test_a_second_process_on_the_same_database_is_refused(running: Running):
    program = "import sys; from pathlib import Path; from kintsugi.executors.lock import only_one\nwith only_one(Path(sys.argv[1])): pass"

    with only_one(running.lock):
        done = subprocess.run(
            [sys.executable, "-c", program, str(running.lock)], capture_output=True, text=True, check=False
        )

    assert done.returncode == 1
    assert "Another Kintsugi (process " in done.stderr


def test_the_lock_is_free_when_its_holder_was_killed(tmp_path: Path):
    lock = tmp_path / "x.lock"
    program = (
        "import sys, time; from pathlib import Path; from kintsugi.executors.lock import only_one\n"
        "with only_one(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, str(lock)], stdout=subprocess.PIPE)
    assert holder.stdout
    holder.stdout.readline()
    held = is_held(lock)
    holder.kill()
    holder.wait()
    holder.stdout.close()

    assert held
    with only_one(lock):
        pass
