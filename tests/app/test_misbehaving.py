"""`kintsugi run` on a database that answers wrongly or falls silent: it says so, waits, goes on, and ends when told to."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from kintsugi.persistence.database import Database
from tests.app.test_away import REPORTS, diagnosed
from tests.world.proxy import Way, a_way
from tests.world.reports import KEY, an_envelope, an_event
from tests.world.service import ROOT, Service, a_service

HEADERS = {"X-Sentry-Auth": f"Sentry sentry_key={KEY}"}
_IN_TIME = 60.0  # seconds, for what takes 15: the machine may have much else to do


async def reports(service: Service, id: str, kind: str) -> tuple[int, str]:
    """A crash comes in: the status, and when to come again."""
    url = f"{await service.address()}/api/42/envelope/"
    answer = await service.http.post(url, content=an_envelope(an_event(id, kind)), headers=HEADERS, timeout=_IN_TIME)
    return answer.status_code, answer.headers.get("Retry-After", "")


@asynccontextmanager
async def at_work(folder: Path, database: Database) -> AsyncIterator[tuple[Way, Service]]:
    """Web and worker, ready, that reach the database by a way of ours."""
    async with (
        a_way(database) as (way, url),
        a_service(folder, KINTSUGI_DATABASE_URL=url.address, **REPORTS) as service,
    ):
        await service.becomes("/readyz", 200)
        yield way, service


async def administers(database: Database, *statements: str) -> None:
    server = Database(database.url.set(database="postgres"), None)
    async with await psycopg.AsyncConnection.connect(server.conninfo, autocommit=True) as connection:
        for statement in statements:
            await connection.execute(statement.encode())


async def becomes_read_only(database: Database, *, yes: bool) -> None:
    name = database.url.database
    await administers(
        database,
        f'ALTER DATABASE "{name}" SET default_transaction_read_only = {"on" if yes else "off"}',
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )


async def test_a_database_that_was_read_only_for_a_while_is_worked_on_again(tmp_path: Path, postgres_url: Database):
    async with at_work(tmp_path, postgres_url) as (_, service):
        await becomes_read_only(postgres_url, yes=True)
        away = await service.becomes("/readyz", 503)
        refused = await reports(service, "1", "KeyError")
        await asyncio.sleep(8)  # a failover takes so long; the worker has then failed in each of its loops
        await becomes_read_only(postgres_url, yes=False)
        await service.becomes("/readyz", 200)
        taken = await reports(service, "1", "KeyError")
        await diagnosed(service)
        began = time.monotonic()
        ended = await service.is_told_to_end()

    assert away.json()["says"] == "Nothing can be written to the database."
    assert (refused, taken[0], ended) == ((503, "5"), 200, 0)
    assert time.monotonic() - began < _IN_TIME


async def test_a_way_that_falls_silent_costs_seconds(tmp_path: Path, postgres_url: Database):
    async with at_work(tmp_path, postgres_url) as (way, service):
        way.falls_silent()
        statuses = [(await reports(service, "1", "KeyError"))[0]]
        while statuses[-1] != 200 and len(statuses) < 10:
            statuses.append((await reports(service, "1", "KeyError"))[0])
        await diagnosed(service)
        await service.becomes("/readyz", 200)
        ended = await service.is_told_to_end()

    assert statuses[-1] == 200
    assert set(statuses[:-1]) <= {503}
    assert ended == 0


async def test_a_server_that_says_nothing_any_more_holds_nobody_up(tmp_path: Path, postgres_url: Database):
    async with at_work(tmp_path, postgres_url) as (way, service):
        way.falls_silent(to_new=True)
        await service.becomes("/readyz", 503)
        alive = await service.becomes("/healthz", 200)
        began = time.monotonic()
        ended = await service.is_told_to_end()

    assert (alive.status_code, ended) == (200, 0)
    assert time.monotonic() - began < _IN_TIME


async def test_a_table_that_somebody_locks_is_waited_for(tmp_path: Path, postgres_url: Database):
    counts = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database"
        " WHERE NOT granted AND datname = current_database()"
    )
    async with at_work(tmp_path, postgres_url) as (_, service):
        async with await psycopg.AsyncConnection.connect(postgres_url.conninfo) as somebody:
            await somebody.execute("LOCK TABLE incident")
            status, retry = await reports(service, "1", "KeyError")
            waiting = await (await somebody.execute(counts)).fetchone()
            await somebody.rollback()
        taken = await reports(service, "1", "KeyError")
        await diagnosed(service)
        ended = await service.is_told_to_end()

    assert (status, retry) == (503, "5")
    assert waiting is not None
    assert waiting[0] <= 8, "those that were given up wait no longer at the server"
    assert (taken[0], ended) == (200, 0)


@pytest.mark.parametrize("limit", ["statement_timeout = '1ms'", "idle_in_transaction_session_timeout = '1ms'"])
async def test_an_administrators_limits_are_no_fault_of_ours(tmp_path: Path, postgres_url: Database, limit: str):
    name = postgres_url.url.database
    ends = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    async with at_work(tmp_path, postgres_url) as (_, service):
        await administers(postgres_url, f'ALTER DATABASE "{name}" SET {limit}', ends)
        for number in range(5):
            status, _ = await reports(service, f"a{number}", "KeyError")
            assert status in (200, 503)
        await administers(postgres_url, f'ALTER DATABASE "{name}" RESET ALL', ends)
        await service.becomes("/readyz", 200)
        taken = await reports(service, "1", "KeyError")
        await diagnosed(service)
        ended = await service.is_told_to_end()

    assert (taken[0], ended) == (200, 0)


async def test_who_is_who_is_told_to_the_server(tmp_path: Path, postgres_url: Database):
    query = (
        "SELECT DISTINCT application_name FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with (
        at_work(tmp_path, postgres_url),
        await psycopg.AsyncConnection.connect(postgres_url.conninfo) as somebody,
    ):
        names = {row[0] for row in await (await somebody.execute(query)).fetchall()}

    assert names == {"kintsugi discord,web,worker"}


def an_hour_from_here(folder: Path) -> dict[str, str]:
    """The environment of a process whose clock is an hour before ours, which may be moved itself."""
    library = folder / "moved_clock.so"
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no other clock for a process: install a C compiler")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, ROOT / ".ci" / "moved_clock.c"], check=True)
    return {"LD_PRELOAD": str(library), "MOVED_CLOCK": str(int(os.environ.get("MOVED_CLOCK", "0")) + 3600)}


async def test_a_host_an_hour_off_goes_by_the_databases_clock(tmp_path: Path, postgres_url: Database):
    an_hour = an_hour_from_here(tmp_path)
    async with a_service(tmp_path, KINTSUGI_DATABASE_URL=postgres_url.address, **an_hour, **REPORTS) as service:
        said = await service.says("clock_skew")
        await service.becomes("/readyz", 200)
        await reports(service, "1", "KeyError")
        await diagnosed(service)
        await service.is_told_to_end()
    async with await psycopg.AsyncConnection.connect(postgres_url.conninfo) as somebody:
        found = await somebody.execute("SELECT abs(extract(epoch FROM now() - opened_at)) FROM incident")
        (seconds,) = (await found.fetchone()) or (None,)

    assert "+3600 s off" in said.string
    assert seconds is not None
    assert seconds < 600
