"""The engine beside its database and its peers, on SQLite and on PostgreSQL, as ratios of one run; and latencies.

    python -m bench.engine [incidents]

An incident owes two effects at once, so the whole way (captured, delivered, performed, its result applied) is five
commits for two effects: 2.5 each. They are compared with the database's own one-row commits on one connection, with
DBOS workflows of three steps, and with bare jobs of procrastinate's (three commits each).

On SQLite commits that wait together go in one; they are counted as they are asked for, so that the share flatters. On
PostgreSQL the job's own two (fetched, finished) come on top and are not counted. PostgreSQL is a server of this bench's
own, or KINTSUGI_TEST_POSTGRES; its own processor time is in no figure.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import text

from bench.lists import a_server
from bench.peers import at_once, jobs_per_second, one_row_commits, workflows_per_second
from kintsugi.app.desk import Desk, opened
from kintsugi.persistence.database import Database, connect
from kintsugi.persistence.migrations import upgrade
from kintsugi.workflow import triggers as t
from kintsugi.workflow.engine import Engine
from kintsugi.workflow.payload import About, Occurred, Payload
from kintsugi.workflow.ports import Claim
from kintsugi.workflow.states import Effect

ROUNDS = 3
EFFECTS = 2  # that a captured incident owes
COMMITS = 2.5  # of an effect
SHARES = {"sqlite": 0.1, "postgresql": 0.3}

Perform = Callable[[Claim], Awaitable[None]]


async def main(incidents: int) -> None:
    with tempfile.TemporaryDirectory() as folder, a_server(Path(folder)) as server:
        idle = {
            name: await idle_cpu(a_database(name, Path(folder), server)) for name in SHARES
        }  # before any peer's threads
        for name in SHARES:
            print(f"engine: {name}, {incidents} incidents, {EFFECTS} effects each; medians of {ROUNDS} rounds")
            rounds = [await one_round(name, Path(folder), server, incidents) for _ in range(ROUNDS)]
            tell(name, {what: statistics.median(found[what] for found in rounds) for what in rounds[0]})
            print(f"  idle CPU                             {idle[name]:10.2%}   target 1 %", flush=True)


def tell(name: str, found: dict[str, float]) -> None:
    print(f"  one-row commits/s (the floor)        {found['floor']:10,.0f}")
    print(f"  effects/s, the whole way             {found['effects']:10,.0f}")
    print(f"  share of the floor, commits:commits  {found['share']:10.3f}   target {SHARES[name]}")
    print(f"  DBOS workflows/s, three steps        {found['workflows']:10,.0f}")
    print(f"  effects to DBOS workflows            {found['to_dbos']:10.2f}   target 2.0")
    if "jobs" in found:
        print(f"  bare procrastinate jobs/s            {found['jobs']:10,.0f}")
        print(f"  effects to bare jobs                 {found['to_jobs']:10.2f}")
    print(f"  the hash of a row, of a move's time   {found['chain']:10.1%}")
    print(f"  commit to start of the effect, p50   {found['p50']:10.1f} ms   target 10")
    print(f"  commit to start of the effect, p99   {found['p99']:10.1f} ms   target 50")


async def one_round(name: str, folder: Path, server: Database, incidents: int) -> dict[str, float]:
    """Each on a database of its own, one after the other."""

    def fresh() -> Database:
        return a_database(name, folder, server)

    floor = raw_commits(fresh()) if name == "sqlite" else one_row_commits(fresh(), 3000)
    effects = await effects_per_second(fresh(), incidents)
    workflows = await workflows_per_second(fresh(), EFFECTS * incidents)
    waits = await latencies(fresh())
    found = {
        "floor": floor,
        "effects": effects,
        "share": COMMITS * effects / floor,
        "workflows": workflows,
        "to_dbos": effects / workflows,
        "chain": await share_of_the_chain(fresh()),
        "p50": 1000 * statistics.median(waits),
        "p99": 1000 * statistics.quantiles(waits, n=100)[98],
    }
    if name == "postgresql":
        jobs = await jobs_per_second(fresh(), EFFECTS * incidents)
        found |= {"jobs": jobs, "to_jobs": effects / jobs}
    return found


def a_database(name: str, folder: Path, server: Database) -> Database:
    """A fresh one with our tables."""
    database = f"bench_{uuid.uuid4().hex[:12]}"
    if name == "sqlite":
        url = Database.parse(f"sqlite:///{folder / database}.db")
    else:
        with psycopg.connect(server.address, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        url = Database(server.url.set(database=database), None)
    upgrade(url)
    return url


def raw_commits(url: Database, count: int = 3000) -> float:
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, note TEXT)"))
    raw = engine.raw_connection()
    started = time.perf_counter()
    for number in range(count):
        raw.execute("BEGIN IMMEDIATE")
        raw.execute("INSERT INTO t (note) VALUES (?)", (str(number),))
        raw.execute("COMMIT")
    took = time.perf_counter() - started
    raw.close()
    engine.dispose()
    return count / took


async def effects_per_second(url: Database, incidents: int) -> float:
    """Incidents captured 16 at once beside the worker, until the result of each effect is committed."""
    async with opened(url) as desk:
        done, all_done = 0, asyncio.Event()

        async def run(effect: str) -> None:
            nonlocal done
            performed = 0

            async def perform(claim: Claim) -> None:
                nonlocal performed
                performed += 1

            await runner(desk.engine, perform)(effect)
            done += performed  # what is delivered twice finds nothing to do the second time
            if done == EFFECTS * incidents:
                all_done.set()

        async with serving(desk, run):
            started = time.perf_counter()
            await at_once(lambda number: desk.engine.fire(captured(number)), incidents)
            await all_done.wait()
            took = time.perf_counter() - started
        assert not await desk.store.due(1), "it was counted, and is still due"
        return EFFECTS * incidents / took


async def share_of_the_chain(url: Database, count: int = 300) -> float:
    """What hashing its row takes of the time of a move, one after the other."""
    async with opened(url) as desk:
        started = time.perf_counter()
        for number in range(count):
            await desk.engine.fire(captured(number))
        moves = time.perf_counter() - started
        row = (await desk.store.chain(1)).rows[0]
    started = time.perf_counter()
    for _ in range(count):
        _ = row.sha
    return (time.perf_counter() - started) / moves


async def latencies(url: Database, count: int = 200) -> list[float]:
    """From the moment `fire` returned to the start of the effect it owed."""
    starts: dict[int, float] = {}

    async def perform(claim: Claim) -> None:
        starts.setdefault(claim.incident.id, time.perf_counter())

    async with opened(url) as desk, serving(desk, runner(desk.engine, perform)):
        waits = []
        for number in range(count):
            receipt = await desk.engine.fire(captured(number))
            committed = time.perf_counter()
            while receipt.incident.id not in starts:  # an event would be one more thing measured
                await asyncio.sleep(0.0005)
            waits.append(max(starts[receipt.incident.id] - committed, 0.0))
        return waits


async def idle_cpu(url: Database, seconds: float = 5.0) -> float:
    async with opened(url) as desk, serving(desk, runner(desk.engine, nothing)):
        before = time.process_time()
        await asyncio.sleep(seconds)
        return (time.process_time() - before) / seconds


@asynccontextmanager
async def serving(desk: Desk, run: Callable[[str], Awaitable[None]]) -> AsyncIterator[None]:
    """A worker beside the body. It has begun to listen when the body begins."""
    service = asyncio.create_task(desk.executor.run(run))
    await asyncio.sleep(0.5)
    try:
        yield
    finally:
        service.cancel()
        await asyncio.gather(service, return_exceptions=True)


def runner(engine: Engine, perform: Perform) -> Callable[[str], Awaitable[None]]:
    performers = dict.fromkeys(Effect, perform)
    return lambda effect: engine.run_effect(effect, performers)


async def nothing(claim: Claim) -> None: ...


def captured(number: int) -> t.Captured:
    now = datetime.now(UTC)
    about = About(fingerprint=f"v1:{number:016x}", summary="bench", opened_by="bench")
    payload = Payload(incident=about, occurred=Occurred(first=now, last=now))
    return t.Captured(key=f"bench:{number}", at=now, payload=payload)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
