"""`python -m chaos.misbehaves`: what a database can do wrong, done to it while a web server and two workers are on it.

A program crashes all the while and reports each crash until it is taken. In the end every crash that was taken has one
incident with its whole history, nothing is owed, everybody is ready, and everybody ends when told to. The rows go into
docs/running.md, between its two marks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

from chaos.databases import Server, a_server
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from tests.world.proxy import Way, a_way
from tests.world.reports import KEY, an_envelope, an_event
from tests.world.service import Service, a_service

PAGE = Path(__file__).parents[1] / "docs" / "running.md"
_BEGINS, _ENDS = "<!-- misbehaves: begins -->", "<!-- misbehaves: ends -->"
_PACE = 0.25  # seconds between two crashes
_CALM = 3.0
_GRACE = 20.0  # seconds, after which nobody may say that he is ready
_LONGEST = 300.0  # for all to be diagnosed once the trouble is over
_HEADERS = {"X-Sentry-Auth": f"Sentry sentry_key={KEY}"}


@dataclass
class Stage:
    """What the trouble is made with, and what was seen."""

    server: Server
    database: Database
    way: Way
    web: Service
    workers: list[Service]
    taken: int = 0  # crashes that were answered with 200
    refused: int = 0  # answers that told to come again
    faults: list[str] = field(default_factory=list)

    async def administers(self, *statements: str) -> None:
        """As a superuser, in another database."""
        there = Database(self.database.url.set(database="postgres"), None)
        async with await psycopg.AsyncConnection.connect(there.conninfo, autocommit=True) as connection:
            for statement in statements:
                await connection.execute(statement.encode())

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
    pids = list(_processes(stage.server._server.get_pid()))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    await _nobody_is_ready_for(stage, seconds)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def has_no_connections(stage: Stage, seconds: float) -> None:
    """Another program takes every connection that there is, ours as well, and each that comes free."""
    there, theirs = Database(stage.database.url.set(database="postgres"), None), list[psycopg.AsyncConnection]()
    ends = time.monotonic() + seconds
    async with await psycopg.AsyncConnection.connect(there.conninfo, autocommit=True) as first:
        while time.monotonic() < ends:
            await first.execute(stage.cuts().encode())
            with suppress(psycopg.OperationalError):
                while True:
                    theirs.append(await psycopg.AsyncConnection.connect(there.conninfo))
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


async def breaks_off(stage: Stage, seconds: float) -> None:
    await stage.server.breaks_off()
    await asyncio.sleep(seconds)


async def worker_sleeps(stage: Stage, seconds: float) -> None:
    sleeper = stage.workers[0].process
    sleeper.send_signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    sleeper.send_signal(signal.SIGCONT)


@dataclass(frozen=True)
class Trouble:
    name: str
    promise: str
    make: Callable[[Stage, float], Awaitable[None]]
    seconds: float


TROUBLES = (
    Trouble("read-only for {} s", "503 for all that is to be kept; nobody is ready", read_only, 8),
    Trouble("read-only for {} s", "the same, for as long as it takes", read_only, 60),
    Trouble("its packets vanish, new connections work", "15 s, then on new connections", vanishes, 30),
    Trouble("stopped for {} s", "503 after 15 s; on with it when it goes on", stalls, 75),
    Trouble("no connection left for {} s", "503; on with it when there are some", has_no_connections, 30),
    Trouble("statement_timeout of 1 ms for {} s", "503; no step counts as failed by it", is_impatient, 10),
    Trouble("a table locked for {} s", "503 after 15 s; nobody waits at the lock for longer", is_locked, 60),
    Trouble("broken off, as by kill -9", "503 for a moment", breaks_off, 5),
    Trouble("a worker stopped for {} s and continued", "others take over", worker_sleeps, 180),
)


async def tried(trouble: Trouble, server: Server) -> tuple[str, bool]:
    """The row of one trouble, and whether what was promised was seen."""
    database = Database.parse(server.database())
    upgrade(database)
    async with _a_stage(server, database) as stage:
        program = asyncio.create_task(_crashes(stage))
        await asyncio.sleep(_CALM)
        await trouble.make(stage, trouble.seconds)
        over = time.monotonic()
        await asyncio.sleep(_CALM)
        program.cancel()
        await asyncio.gather(program, return_exceptions=True)
        await _comes_right(stage)
        took = time.monotonic() - over
        ended = await _ends(stage)
    says = "; ".join(stage.faults) or f"{stage.taken} of {stage.taken} crashes, each once"
    name = trouble.name.format(f"{trouble.seconds:.0f}")
    row = f"| {name} | {trouble.promise} | {says}; {stage.refused} times 503; right again after {took:.0f} s; {ended} |"
    return row, not stage.faults


@asynccontextmanager
async def _a_stage(server: Server, database: Database) -> AsyncIterator[Stage]:
    reached = Database(database.url, None)
    async with AsyncExitStack() as stack:
        way, url = await stack.enter_async_context(a_way(reached))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kintsugi-chaos-")))
        settings = {
            "KINTSUGI_DATABASE_URL": url.address,
            "KINTSUGI_SENTRY_PROJECTS": json.dumps({"42": {"key": KEY, "a_day": 100_000}}),
            "KINTSUGI_METRICS_TOKEN": secrets.token_hex(16),
        }
        web = await stack.enter_async_context(a_service(folder, "--only", "web", **settings))
        workers = [
            await stack.enter_async_context(
                a_service(folder, "--only", "worker", KINTSUGI_METRICS_BIND=f"127.0.0.1:{_free_port()}", **settings)
            )
            for _ in range(2)
        ]
        for each in (web, *workers):
            await each.becomes("/readyz", 200)
        yield Stage(server, database, way, web, workers)


async def _crashes(stage: Stage) -> None:
    """Each crash is reported until it is taken, as whoever must not lose one does."""
    url = f"{await stage.web.address()}/api/42/envelope/"
    number = 0
    while True:
        number += 1
        body = an_envelope(an_event(f"{number:x}", f"Crash{number}"))
        while (status := await _posted(stage, url, body)) != 200:
            stage.refused += 1
            if status != 503:
                stage.faults.append(f"answered {status}")
            await asyncio.sleep(_PACE)
        stage.taken += 1
        await asyncio.sleep(_PACE)


async def _posted(stage: Stage, url: str, body: bytes) -> int:
    try:
        return (await stage.web.http.post(url, content=body, headers=_HEADERS, timeout=60)).status_code
    except httpx.HTTPError as error:
        stage.faults.append(type(error).__name__)
        return 0


async def _nobody_is_ready_for(stage: Stage, seconds: float) -> None:
    """While nothing can be written, nobody may say for longer than the grace that it can."""
    ends, began = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < ends:
        for each in (stage.web, *stage.workers):
            with suppress(httpx.HTTPError):
                ready = await each.http.get(f"{await each.address()}/readyz")
                if ready.status_code == 200 and time.monotonic() - began > _GRACE:
                    stage.faults.append("ready, and it was not")
        await asyncio.sleep(0.5)


async def _comes_right(stage: Stage) -> None:
    """Every crash that was taken has its one incident and its whole history, nothing is owed, everybody is ready."""
    owed = "SELECT count(*) FROM effect WHERE status IN ('pending', 'running')"
    counts = "SELECT count(*), count(DISTINCT fingerprint), count(*) FILTER (WHERE state = 'needs_human') FROM incident"
    steps = "SELECT count(*) FROM (SELECT 1 FROM transition GROUP BY incident_id HAVING count(*) <> 2) AS others"
    began = time.monotonic()
    async with await psycopg.AsyncConnection.connect(stage.database.conninfo, autocommit=True) as connection:

        async def asks(query: str) -> tuple[int, ...]:
            row = await (await connection.execute(query.encode())).fetchone()
            return tuple(row or ())

        while (await asks(owed))[0] and time.monotonic() - began < _LONGEST:
            await asyncio.sleep(0.5)
        incidents, distinct, diagnosed = await asks(counts)
        (odd,) = await asks(steps)
    if incidents < stage.taken or diagnosed < incidents or odd:
        stage.faults.append(f"lost: {stage.taken} taken, {incidents} incidents, {diagnosed} diagnosed, {odd} odd")
    if incidents != distinct:
        stage.faults.append(f"doubled: {incidents - distinct}")
    for each in (stage.web, *stage.workers):
        await each.becomes("/readyz", 200)


async def _ends(stage: Stage) -> str:
    """Told to end, how long each took at the most."""
    began = time.monotonic()
    statuses = await asyncio.gather(*(each.is_told_to_end() for each in (stage.web, *stage.workers)))
    if any(statuses):
        stage.faults.append(f"ended with {statuses}")
    return f"ended in {time.monotonic() - began:.0f} s"


def _processes(postmaster: int) -> Iterator[int]:
    yield postmaster
    for task in Path(f"/proc/{postmaster}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def _all(names: list[str], server: Server) -> bool:
    rows, good = [], True
    for trouble in TROUBLES:
        if names and trouble.make.__name__ not in names:
            continue
        row, kept = await tried(trouble, server)
        print(time.strftime("%H:%M:%S"), row, flush=True)
        rows.append(row)
        good = good and kept
    _write(rows)
    return good


def _write(rows: list[str]) -> None:
    """Into the page, each in the place of the one that the same trouble had."""
    before, _, rest = PAGE.read_text().partition(_BEGINS)
    told, _, after = rest.partition(_ENDS)
    known = {row.split("|")[1]: row for row in told.strip().splitlines()[2:]} | {row.split("|")[1]: row for row in rows}
    table = "\n".join(["| the database is | promised | seen |", "|---|---|---|", *known.values()])
    PAGE.write_text(f"{before}{_BEGINS}\n\n{table}\n\n{_ENDS}{after}")


def main() -> int:
    """0 where all that was promised was seen."""
    parser = argparse.ArgumentParser(prog="python -m chaos.misbehaves", description=__doc__)
    parser.add_argument("only", nargs="*", help="the functions of some troubles; none: all")
    only = parser.parse_args().only
    with tempfile.TemporaryDirectory(prefix="kintsugi-pg-") as folder, a_server(Path(folder)) as server:
        return 0 if asyncio.run(_all(only, server)) else 1


if __name__ == "__main__":
    sys.exit(main())
