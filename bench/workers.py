"""One, two, four and eight workers on one PostgreSQL, near and far, with steps that take no time and steps of 200 ms.

    python -m bench.workers [effects]

Each worker is a process of its own with four slots of a kind, as `kintsugi run --only worker` has. All are up before
they are let loose; what is counted ends when nothing is owed. A proxy on loopback holds up each piece on its way to
the database. Beside a pace stand the connections and the share of all processors that the workers took: where that is
nearly all, more workers cannot help on this machine.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.engine import EFFECTS, a_database, captured, runner
from bench.lists import a_server
from bench.peers import at_once
from kintsugi.app.desk import opened
from kintsugi.persistence.database import Database
from kintsugi.workflow.ports import Claim
from tests.world.proxy import a_way

WORKERS = (1, 2, 4, 8)
FAR = (0.0, 0.001, 0.02)  # seconds there and back
STEPS = (0.0, 0.2)  # seconds
AT_TWO, FROM_TWO_TO_FOUR = 1.6, 1.0  # the goals: with steps of 200 ms, with steps that take no time
_OWED = "SELECT count(*) FROM effect WHERE status IN ('pending', 'running')"
_CONNECTIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kintsugi' AND datname = current_database()"
)


@dataclass(frozen=True)
class Pace:
    """`cpu`: the share that the workers took of all processors. `connections`: the most that were open at once."""

    effects: float  # a second
    cpu: float
    connections: int


async def main(effects: int) -> None:
    with tempfile.TemporaryDirectory() as folder, a_server(Path(folder)) as server:
        for step in STEPS:
            for far in FAR:
                print(
                    f"workers: steps of {step * 1000:.0f} ms, {far * 1000:.0f} ms away, {effects} effects", flush=True
                )
                one = two = 0.0
                for workers in WORKERS:
                    pace = await a_pace(a_database("postgresql", Path(folder), server), workers, far, step, effects)
                    one, two = one or pace.effects, pace.effects if workers == 2 else two
                    print(
                        f"  {workers} workers   {pace.effects:8.1f} effects/s   to one {pace.effects / one:5.2f}   "
                        f"processors {pace.cpu:4.0%}   {pace.connections:3} connections   "
                        f"{_goal(workers, step, pace.effects, two)}",
                        flush=True,
                    )


def _goal(workers: int, step: float, pace: float, two: float) -> str:
    if workers == 2 and step:
        return f"goal {AT_TWO} to one"
    if workers == 4 and not step:
        return f"to two {pace / two:.2f}, goal {FROM_TWO_TO_FOUR}"
    return ""


async def a_pace(database: Database, workers: int, far: float, step: float, effects: int) -> Pace:
    async with opened(database) as desk:
        await at_once(lambda number: desk.engine.fire(captured(number)), effects // EFFECTS)
    async with AsyncExitStack() as stack:
        reached = database
        if far:
            way, reached = await stack.enter_async_context(a_way(database))
            way.seconds = far
        processes = [await stack.enter_async_context(_a_worker(reached, step)) for _ in range(workers)]
        watching = await psycopg.AsyncConnection.connect(database.conninfo, autocommit=True)
        await stack.enter_async_context(watching)
        before, began, most = _cpu(processes), time.monotonic(), 0
        for process in processes:
            assert process.stdin
            process.stdin.write(b"go\n")
        while await _count(watching, _OWED):
            most = max(most, await _count(watching, _CONNECTIONS))
            await asyncio.sleep(0.05)
        took = time.monotonic() - began
        return Pace(effects / took, (_cpu(processes) - before) / took / (os.cpu_count() or 1), most)


async def _count(connection: psycopg.AsyncConnection, query: str) -> int:
    row = await (await connection.execute(query.encode())).fetchone()
    return int(row[0]) if row else 0


def _cpu(processes: list[asyncio.subprocess.Process]) -> float:
    """Seconds that they used until now."""
    ticks = os.sysconf("SC_CLK_TCK")
    fields = [Path(f"/proc/{each.pid}/stat").read_text().rpartition(") ")[2].split() for each in processes]
    return sum(int(each[11]) + int(each[12]) for each in fields) / ticks


@asynccontextmanager
async def _a_worker(database: Database, step: float) -> AsyncIterator[asyncio.subprocess.Process]:
    """It has read everything and says so; it begins when it is told."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.workers", "works", database.address, str(step)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert process.stdout
    line = await asyncio.wait_for(process.stdout.readline(), 120)
    assert line == b"ready\n", line
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def works(database: Database, step: float) -> None:
    async def perform(claim: Claim) -> None:
        if step:
            await asyncio.sleep(step)

    async with opened(database) as desk:
        await desk.store.next_due()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await desk.executor.run(runner(desk.engine, perform))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["works", address, step]:
            asyncio.run(works(Database.parse(address), float(step)))
        case numbers:
            asyncio.run(main(int(numbers[0]) if numbers else 800))
