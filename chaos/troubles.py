"""What a database can do wrong, each with what is promised meanwhile and the safeguard whose absence must show."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx
import psycopg

from chaos.databases import Server
from chaos.driver import Run
from chaos.pooler import Pooler, can_have_a_pooler
from chaos.staged import NO_DEADLINES, NO_RULE, NO_WRITE, OWN_CLOCK
from kintsugi.persistence.database import Database
from tests.world.proxy import Way
from tests.world.service import Service

_GRACE = 20.0  # seconds, after which nobody may say that he is ready
_AN_HOUR = 3600
_MOVES_CLOCKS = Path(__file__).parents[1] / ".ci" / "moved_clock"


@dataclass
class Stage:
    """What the trouble is made with, and what was seen."""

    folder: Path
    server: Server
    database: Database  # at the server itself
    way: Way
    run: Run
    web: Service
    workers: list[Service]
    stack: AsyncExitStack
    pooler: Pooler | None = None
    pace: float = 1.0  # seconds between two crashes
    taken: int = 0  # crashes that were answered with 200
    refused: int = 0  # answers that said to come again
    faults: list[str] = field(default_factory=list)

    @property
    def services(self) -> tuple[Service, ...]:
        return (self.web, *self.workers)

    async def administers(self, *statements: str) -> None:
        """As a superuser, in another database."""
        async with await psycopg.AsyncConnection.connect(self.elsewhere, autocommit=True) as connection:
            for statement in statements:
                await connection.execute(statement.encode())

    @property
    def elsewhere(self) -> str:
        return Database(self.database.url.set(database="postgres"), None).conninfo

    @property
    def name(self) -> str:
        return self.database.url.database or ""

    def cuts(self) -> str:
        return f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'"


async def read_only(stage: Stage, seconds: float) -> None:
    alter = f'ALTER DATABASE "{stage.name}" SET default_transaction_read_only'
    await stage.administers(f"{alter} = on", stage.cuts())
    await _nobody_is_ready_for(stage, seconds)
    await stage.administers(f"{alter} = off", stage.cuts())


async def vanishes(stage: Stage, seconds: float) -> None:
    """Packets of every connection vanish; new ones work."""
    stage.way.falls_silent()
    await asyncio.sleep(seconds)


async def stalls(stage: Stage, seconds: float) -> None:
    """Every process of the server stops, and goes on."""
    pids = list(_processes(stage.server.process))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    await _nobody_is_ready_for(stage, seconds)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def has_no_connections(stage: Stage, seconds: float) -> None:
    """Another program takes every connection that there is, ours as well, and each that comes free."""
    theirs, ends = list[psycopg.AsyncConnection](), time.monotonic() + seconds
    async with await psycopg.AsyncConnection.connect(stage.elsewhere, autocommit=True) as first:
        while time.monotonic() < ends:
            await first.execute(stage.cuts().encode())
            with suppress(psycopg.OperationalError):
                while True:
                    theirs.append(await psycopg.AsyncConnection.connect(stage.elsewhere))
            await asyncio.sleep(0.2)
    for each in theirs:
        await each.close()


async def is_impatient(stage: Stage, seconds: float) -> None:
    """An administrator's statement_timeout that nothing can meet."""
    await stage.administers(f'ALTER DATABASE "{stage.name}" SET statement_timeout = 1', stage.cuts())
    await asyncio.sleep(seconds)
    await stage.administers(f'ALTER DATABASE "{stage.name}" RESET ALL', stage.cuts())


async def is_locked(stage: Stage, seconds: float) -> None:
    async with await psycopg.AsyncConnection.connect(stage.database.conninfo) as somebody:
        await somebody.execute("LOCK TABLE incident")
        await asyncio.sleep(seconds)
        await somebody.rollback()


async def is_full(stage: Stage, seconds: float) -> None:
    """The disk that the server lies on: nothing more can be written to it."""
    filler = stage.server.folder.parent / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    await asyncio.sleep(seconds)
    filler.unlink()
    await stage.server.lives_again()


async def breaks_off(stage: Stage, seconds: float) -> None:
    await stage.server.breaks_off()
    await asyncio.sleep(seconds)


async def is_promoted(stage: Stage, seconds: float) -> None:
    """The first server dies; a standby answers in its place, which is read-only until it is promoted."""
    (folder := stage.folder / "second").mkdir()
    standby = stage.stack.enter_context(stage.server.standby(folder))
    await stage.administers("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
    await _follows(stage)
    await stage.server.dies()
    stage.way.leads_to(standby.socket)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(standby.promote)
    stage.database = Database(stage.database.url.update_query_dict({"host": str(standby.folder)}), None)


async def pooler_breaks_off(stage: Stage, seconds: float) -> None:
    assert stage.pooler
    await stage.pooler.dies()
    await asyncio.sleep(seconds)
    await stage.pooler.starts()


async def clock_is_off(stage: Stage, seconds: float) -> None:
    """It is from the start that of one worker."""
    await asyncio.sleep(seconds)


async def worker_sleeps(stage: Stage, seconds: float) -> None:
    sleeper = stage.workers[0].process
    sleeper.send_signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    sleeper.send_signal(signal.SIGCONT)


@dataclass(frozen=True)
class Trouble:
    """`control`: the safeguard without which the same trouble must be found to do harm; "" for none.

    `pooler` is the mode of the one in between. `missing` names what the machine must have.
    """

    name: str
    promise: str
    make: Callable[[Stage, float], Awaitable[None]]
    seconds: float
    control: str = ""
    pooler: str = ""
    small_disk: bool = False
    clock: int = 0  # seconds by which that of one worker is ahead
    missing: Callable[[], str] = lambda: ""

    @property
    def title(self) -> str:
        return self.name.format(f"{self.seconds:.0f}")


def _no_pooler() -> str:
    return "" if can_have_a_pooler() else "pgbouncer"


def _no_mounts() -> str:
    return "" if os.geteuid() == 0 and shutil.which("mount") else "root, who can mount a small disk"


def _no_compiler() -> str:
    return "" if moved_clock(_AN_HOUR) else "C compiler"


TROUBLES = (
    Trouble("read-only for {} s", "503 for all that is to be kept; nobody is ready", read_only, 8, NO_RULE),
    Trouble("read-only for {} s", "the same, for as long as it takes", read_only, 600, NO_WRITE),
    Trouble("its packets vanish, new connections work", "15 s, then on new connections", vanishes, 30, NO_DEADLINES),
    Trouble("stopped for {} s", "503 after 15 s; on with it when it goes on", stalls, 75, NO_RULE),
    Trouble("no connection left for {} s", "503; on with it when there are some", has_no_connections, 30, NO_RULE),
    Trouble("statement_timeout of 1 ms for {} s", "503; no step counts as failed by it", is_impatient, 10, NO_RULE),
    Trouble("a table locked for {} s", "503 after 15 s; nobody waits longer for it", is_locked, 60, NO_DEADLINES),
    Trouble(
        "on a full disk for {} s",
        "503; on with it when there is room",
        is_full,
        15,
        NO_RULE,
        small_disk=True,
        missing=_no_mounts,
    ),
    Trouble("broken off, as by kill -9", "503 for a moment", breaks_off, 5),
    Trouble(
        "gone, its standby read-only for {} s, then promoted",
        "503 until then; what was taken is there, as the standby was synchronous",
        is_promoted,
        10,
        NO_RULE,
    ),
    Trouble(
        "behind PgBouncer in session mode, gone for {} s",
        "503 meanwhile",
        pooler_breaks_off,
        5,
        pooler="session",
        missing=_no_pooler,
    ),
    Trouble(
        "behind PgBouncer in transaction mode, gone for {} s",
        "503 meanwhile; work begins within 2 s",
        pooler_breaks_off,
        5,
        pooler="transaction",
        missing=_no_pooler,
    ),
    Trouble(
        "fine; a worker's clock is an hour ahead",
        "the database's clock decides",
        clock_is_off,
        20,
        OWN_CLOCK,
        clock=_AN_HOUR,
        missing=_no_compiler,
    ),
    Trouble("fine; a worker stopped for {} s and continued", "others take over", worker_sleeps, 180),
)


@cache
def moved_clock(seconds: int) -> dict[str, str]:
    """The environment in which a process is so far ahead; empty where that cannot be had."""
    words = subprocess.run(["bash", _MOVES_CLOCKS], check=True, capture_output=True, text=True).stdout.split()
    given = dict(word.split("=", 1) for word in words if "=" in word and not word.startswith("TZ="))
    return given | {"MOVED_CLOCK": str(seconds)} if given else {}


async def _follows(stage: Stage) -> None:
    """Until the standby has all that there is, and each commit waits for it."""
    async with await psycopg.AsyncConnection.connect(stage.elsewhere, autocommit=True) as connection:
        async with asyncio.timeout(30):
            while True:
                row = await (await connection.execute("SELECT sync_state FROM pg_stat_replication")).fetchone()
                if row and row[0] == "sync":
                    return
                await asyncio.sleep(0.1)


async def _nobody_is_ready_for(stage: Stage, seconds: float) -> None:
    """While nothing can be written, nobody may say for longer than the grace that it can."""
    ends, began = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < ends:
        for each in stage.services:
            with suppress(httpx.HTTPError):
                ready = await each.http.get(f"{await each.address()}/readyz")
                if ready.status_code == 200 and time.monotonic() - began > _GRACE:
                    stage.faults.append("ready, and it was not")
        await asyncio.sleep(0.5)


def _processes(postmaster: int) -> Iterator[int]:
    yield postmaster
    for task in Path(f"/proc/{postmaster}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())
