"""A database that another program uses: what is theirs stays as it is, and what is in the way is named."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, inspect, text

from kintsugi.app.desk import opened
from kintsugi.integrations.clock import SystemClock
from kintsugi.persistence.database import Database, DatabaseError, connect
from kintsugi.persistence.leases import Leases
from kintsugi.persistence.migrations import NEWEST, is_current, upgrade
from kintsugi.workflow import triggers as t
from kintsugi.workflow.states import Effect
from tests.executors.test_procrastinate import until
from tests.world.make import a_payload

THEIRS = [
    "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)",
    "INSERT INTO alembic_version VALUES ('0004')",
    "CREATE TABLE incident (id INTEGER PRIMARY KEY, title TEXT)",
    "INSERT INTO incident VALUES (7, 'theirs')",
]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return Database.at(tmp_path / "theirs.db")
    url: Database = request.getfixturevalue("empty_postgres_url")
    return url


def executes(url: Database, *statements: str) -> None:
    engine = create_engine(url.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def tables(url: Database, schema: str | None = None) -> set[str]:
    engine = create_engine(url.url)
    found = set(inspect(engine).get_table_names(schema=schema))
    engine.dispose()
    return found


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        (THEIRS, "`alembic_version`, `incident`"),
        (THEIRS[:2], "`alembic_version`"),
        (THEIRS[2:], "`incident`"),
        (["CREATE TABLE lease (id INTEGER)"], "`lease`"),
        (["CREATE TABLE procrastinate_jobs (id INTEGER)"], "`procrastinate_jobs`"),
    ],
)
def test_what_is_in_the_way_is_named_and_left_as_it_was(empty_url: Database, theirs: list[str], named: str):
    executes(empty_url, *theirs)
    before = tables(empty_url)

    with pytest.raises(DatabaseError, match="tables that are not ours") as refused:
        upgrade(empty_url)
    with pytest.raises(DatabaseError, match="tables that are not ours"):
        is_current(empty_url)

    assert named in str(refused.value)
    assert "?schema=kintsugi" in str(refused.value)
    assert tables(empty_url) == before


def test_a_table_that_came_between_two_of_our_revisions_stops_the_upgrade_whole(empty_postgres_url: Database):
    from alembic.command import upgrade as to

    from kintsugi.persistence.migrations import alembic_config

    engine = connect(empty_postgres_url)
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        to(config, "0010")
    engine.dispose()
    executes(empty_postgres_url, "CREATE TABLE lease (ours BOOLEAN)")
    before = tables(empty_postgres_url)

    with pytest.raises(DatabaseError, match=r'things are in the way: relation "lease" already exists'):
        upgrade(empty_postgres_url)

    assert tables(empty_postgres_url) == before


async def test_in_a_schema_of_our_own_everything_works_beside_theirs(empty_postgres_url: Database):
    executes(empty_postgres_url, *THEIRS)
    before = tables(empty_postgres_url)
    url = Database.parse(f"{empty_postgres_url.address}&schema=kintsugi")

    first = await asyncio.to_thread(is_current, url)
    told = await asyncio.to_thread(upgrade, url)
    performed: list[str] = []

    async def perform(effect: str) -> None:
        async def nothing(claim: object) -> None:
            performed.append(effect)

        await desk.engine.run_effect(effect, dict.fromkeys(Effect, nothing))

    async with opened(url) as desk:
        work = asyncio.create_task(desk.executor.run(perform))
        await until(lambda: desk.executor.delivers)
        captured = t.Captured(incident=0, key="test:1", at=SystemClock().now(), payload=a_payload())
        await desk.engine.fire(captured)
        await until(lambda: len(performed) == 2)
        leased = await Leases(desk.store).take("discord", "us", timedelta(seconds=5))
        found = await desk.store.incidents(words="checkout")
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    assert (first, told, leased) == (False, (None, NEWEST), True)
    assert len(found) <= 1
    assert is_current(url)
    assert tables(empty_postgres_url) == before
    assert {"incident", "alembic_version", "procrastinate_jobs"} <= tables(empty_postgres_url, "kintsugi")


@pytest.mark.parametrize("schema", ['x"; DROP TABLE incident; --', "a-b", "x" * 64])
def test_a_schema_that_is_no_name_is_refused(schema: str):
    url = URL.create("postgresql", host="db.example", database="shop", query={"schema": schema})

    with pytest.raises(DatabaseError, match=r"\?schema=kintsugi"):
        Database.parse(url.render_as_string(hide_password=False))


def test_several_upgrades_at_once_are_one(empty_postgres_url: Database):
    with ThreadPoolExecutor(4) as at_once:
        told = list(at_once.map(upgrade, [empty_postgres_url] * 4))

    assert sorted(told, key=str) == sorted([(None, NEWEST), *[(NEWEST, NEWEST)] * 3], key=str)


def test_an_sqlite_file_of_another_program_is_left_as_it_was(tmp_path: Path):
    file = tmp_path / "theirs.db"
    with closing(sqlite3.connect(file)) as connection:
        for statement in THEIRS:
            connection.execute(statement)
        connection.commit()
    before = file.read_bytes()

    with pytest.raises(DatabaseError, match="not ours"):
        upgrade(Database.at(file))

    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT title FROM incident").fetchall() == [("theirs",)]
    assert len(file.read_bytes()) == len(before)
