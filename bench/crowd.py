"""A worker beside many open incidents, and a worker after one that was killed with a thousand effects in flight.

    python -m bench.crowd [waiting incidents] [effects in flight]

By default 100,000 incidents that wait for a human and 1,000 effects. Each worker is a process of its own. Beside the
figures of many stand those of ten incidents, and beside a recovery the same effects without a death: on PostgreSQL the
leases of the dead run out first (a minute), on SQLite the lock tells at once that they are dead. What was performed by
both workers is said: an effect that was in flight is begun again.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.engine import EFFECTS, SHARES, a_database, captured, nothing, runner, serving
from bench.lists import a_server, fill_postgres, fill_sqlite
from bench.peers import at_once
from kintsugi.app.desk import opened
from kintsugi.persistence.database import Database, connect
from kintsugi.workflow.ports import Claim

FEW, SECONDS = 10, 10.0
_TWO_DAYS = {
    "sqlite": "datetime('now', '+2 days')",
    "postgresql": "now() + interval '2 days'",
}
_WAITING = "UPDATE incident SET state = 'awaiting_confirm', facts = replace(facts, {old}, {new})"
_DEBTS = (
    "INSERT INTO effect (id, incident_id, kind, seq, status, epoch, attempts, due, created_at, error, usd, tokens) "
    "SELECT id || ':ask_confirmation:3', id, 'ask_confirmation', 3, 'pending', 1, 1, {due}, {due}, '', 0, 0 "
    "FROM incident"
)


async def main(waiting: int, in_flight: int) -> None:
    with tempfile.TemporaryDirectory() as folder, a_server(Path(folder)) as server:
        for name in SHARES:
            few, many = [
                await a_worker("waits", waiting_ones(name, Path(folder), server, each)) for each in (FEW, waiting)
            ]
            print(f"crowd: {name}, {waiting:,} incidents that wait for a human, beside {FEW}")
            told("memory of a worker at its peak, MB", many["mb"], few["mb"])
            told("processor time while nothing is due, %", many["cpu"], few["cpu"])
            incidents = in_flight // EFFECTS
            once = await recovered(a_database(name, Path(folder), server), incidents, killed=False)
            again = await recovered(a_database(name, Path(folder), server), incidents, killed=True)
            print(f"crowd: {name}, a worker killed with {in_flight:,} effects in flight, beside one that was not")
            told("until all of them are done, s", again, once)


def told(what: str, many: float, few: float) -> None:
    print(f"  {what:44}{many:10.2f}{few:10.2f}   ratio {many / few:8.2f}", flush=True)


# --- many that wait --------------------------------------------------------------------------------------------------


def waiting_ones(name: str, folder: Path, server: Database, many: int) -> Database:
    """A database with so many incidents that each owe the end of their confirmation's time, in two days."""
    url = a_database(name, folder, server)
    if name == "sqlite":
        fill_sqlite(str(url.file), many)
    else:
        fill_postgres(url, many)
    engine = connect(url)
    with engine.begin() as connection:
        for old in ("stuck", "healed", "rejected", "cancelled", "recurred"):
            connection.execute(
                text(_WAITING.format(old=":old", new=":new")), {"old": f'"{old}"', "new": '"awaiting_confirm"'}
            )
        connection.execute(text(_DEBTS.format(due=_TWO_DAYS[name])))
    engine.dispose()
    return url


async def waits(url: Database) -> dict[str, float]:
    """What this process takes while all of them wait."""
    async with opened(url) as desk, serving(desk, runner(desk.engine, nothing)):
        assert await desk.store.next_due(), "nothing waits"
        before = time.process_time()
        await asyncio.sleep(SECONDS)
        cpu = time.process_time() - before
    return {"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "cpu": 100 * cpu / SECONDS}


# --- a worker that is killed -----------------------------------------------------------------------------------------


async def recovered(url: Database, incidents: int, *, killed: bool) -> float:
    """Seconds until all is done, from the start of a worker; that of the second one, where the first is killed."""
    async with opened(url) as desk:
        await at_once(lambda number: desk.engine.fire(captured(number)), incidents)
    if killed:
        await died_at_it(url, EFFECTS * incidents)
    began = time.monotonic()
    found = await a_worker("finishes", url)
    assert found["left"] == 0, found
    return time.monotonic() - began


async def died_at_it(url: Database, effects: int) -> None:
    process = await started("hangs", url, str(effects))
    assert process.stdout
    line = await asyncio.wait_for(process.stdout.readline(), 300)
    assert line.strip() == b"all", line
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def hangs(url: Database, effects: int) -> dict[str, float]:
    """Begin all of them, say so, and come to no end."""
    begun, all_begun = 0, asyncio.Event()

    async def perform(claim: Claim) -> None:
        nonlocal begun
        begun += 1
        if begun == effects:
            all_begun.set()
        await asyncio.Event().wait()

    async with opened(url, at_once=effects) as desk, serving(desk, runner(desk.engine, perform)):
        await all_begun.wait()
        print("all", flush=True)
        await asyncio.Event().wait()
    return {}


async def finishes(url: Database) -> dict[str, float]:
    async with opened(url) as desk, serving(desk, runner(desk.engine, nothing)):
        while (figures := await desk.store.figures()).owed:  # what another process performs, too
            await asyncio.sleep(0.1)
    return {"left": figures.owed}


# --- workers ---------------------------------------------------------------------------------------------------------

WORKERS: dict[str, Callable[..., Awaitable[dict[str, float]]]] = {"waits": waits, "finishes": finishes}


async def a_worker(what: str, url: Database) -> dict[str, Any]:
    """What a process of its own found out."""
    process = await started(what, url)
    output, _ = await process.communicate()
    assert process.returncode == 0, output
    found: dict[str, Any] = json.loads(output)
    return found


async def started(what: str, url: Database, *words: str) -> asyncio.subprocess.Process:
    address = url.address
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.crowd", what, address, *words),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["hangs", address, effects]:
            asyncio.run(hangs(Database.parse(address), int(effects)))
        case [str(what), str(address)] if what in WORKERS:
            print(json.dumps(asyncio.run(WORKERS[what](Database.parse(address)))))  # type: ignore[arg-type]
        case numbers:
            given = [int(each) for each in numbers]
            asyncio.run(main(*(given + [100_000, 1_000][len(given) :])))
