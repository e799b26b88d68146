"""Peers of the engine: the same number of durable steps as DBOS workflows and as bare jobs of procrastinate.

A step does nothing, so that what is timed is what a framework asks of its database. DBOS runs as it comes, without a
queue (on SQLite in a file with a write-ahead log, as ours): a workflow of three steps, 16 at once. A job of
procrastinate's is three commits: deferred, fetched, finished.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import psycopg
from dbos import DBOS, DBOSConfig
from procrastinate import App, PsycopgConnector

from kintsugi.persistence.database import Database

AT_ONCE = 16


@DBOS.step()
async def step() -> None: ...


@DBOS.workflow()
async def three_steps() -> None:
    for _ in range(3):
        await step()


async def workflows_per_second(url: Database, count: int) -> float:
    """DBOS workflows of three steps, from their start to their result."""
    return await asyncio.to_thread(lambda: asyncio.run(_workflows(url, count)))  # it ends its loop's threads


async def _workflows(url: Database, count: int) -> float:
    plain = url.address
    DBOS(config=DBOSConfig(name="bench", system_database_url=plain, log_level="ERROR", application_version="bench"))
    DBOS.launch()
    try:
        await three_steps()
        started = time.perf_counter()
        await at_once(lambda _: three_steps(), count)
        return count / (time.perf_counter() - started)
    finally:
        await asyncio.to_thread(DBOS.destroy)


async def jobs_per_second(url: Database, count: int) -> float:
    """Jobs of procrastinate's, deferred 16 at once beside the worker that runs them."""
    performed, all_done = 0, asyncio.Event()

    async def perform(number: int) -> None:
        nonlocal performed
        performed += 1
        if performed == count:
            all_done.set()

    app = App(connector=PsycopgConnector(conninfo=url.address, min_size=4, max_size=AT_ONCE))
    job = app.task(name="bench.job", queue="bench")(perform)
    async with app.open_async():
        worker = asyncio.create_task(
            app.run_worker_async(queues=["bench"], concurrency=8, install_signal_handlers=False, delete_jobs="always")
        )
        started = time.perf_counter()
        await at_once(lambda number: job.defer_async(number=number), count)
        await all_done.wait()
        took = time.perf_counter() - started
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    return count / took


def one_row_commits(url: Database, count: int) -> float:
    """What one connection of PostgreSQL commits in a second, one row each."""
    with psycopg.connect(url.address, autocommit=True) as connection:
        connection.execute("CREATE TABLE floor (id serial PRIMARY KEY, note text)")
        started = time.perf_counter()
        for number in range(count):
            connection.execute("INSERT INTO floor (note) VALUES (%s)", [str(number)])
        took = time.perf_counter() - started
        connection.execute("DROP TABLE floor")
    return count / took


async def at_once(call: Callable[[int], Awaitable[object]], count: int) -> None:
    """So many calls, 16 of them under way at any time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with places:
            await call(number)

    await asyncio.gather(*(one(number) for number in range(count)))
