"""A team's history moved from SQLite to PostgreSQL: whole or not at all, and it goes on there."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from kintsugi.executors.lock import only_one
from kintsugi.persistence.database import Database, DatabaseError, connect
from kintsugi.persistence.migrations import upgrade
from kintsugi.persistence.tables import PAYLOAD, IncidentRow
from kintsugi.persistence.transfer import copy
from kintsugi.workflow.incident import Turn
from kintsugi.workflow.states import State
from tests.world import terminal
from tests.world.clock import ManualClock
from tests.world.make import a_diagnosis
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE
from tests.world.terminal import StartedInLoop
from tests.world.world import World, a_world

ROOT = Path(__file__).parents[2]


async def a_history(world: World) -> None:
    """One incident healed, one that waits for its confirmation, one whose diagnosis is under way."""
    world.analyst.answers_first(a_diagnosis(talk=(Turn(ours=True, text="Warum? ü"),)))
    await world.crashes("v1:0000000000000001")
    await world.settles()
    await world.confirms(1)
    await world.settles()
    await world.merges(1)
    await world.settles()
    await world.crashes("v1:0000000000000002")
    await world.settles()
    await world.crashes("v1:0000000000000003")


@pytest.fixture
async def source(sqlite_url: Database) -> Database:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        await a_history(world)
        await world.store.transact(lambda ledger: ledger.claim("3:diagnose:1", timedelta(hours=1)))
    return sqlite_url


@contextmanager
def connected(url: Database) -> Iterator[Connection]:
    engine = connect(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def nothing(table: str, rows: int) -> None:
    return None


async def test_everything_is_there_and_goes_on(source: Database, postgres_url: Database):
    copied = copy(source, postgres_url, nothing)

    assert {name: content.rows for name, content in copied.items() if name in ("incident", "payload", "talk")} == {
        "incident": 3,
        "payload": 3,
        "talk": 1,
    }
    async with a_world(source) as before, a_world(postgres_url) as after:
        for number in (1, 2, 3):
            assert await after.store.incident(number) == await before.store.incident(number)
            assert await after.store.history(number) == await before.store.history(number)
            assert await after.store.payload(number) == await before.store.payload(number)
        assert [found.id for found in await after.store.incidents(words="keyerror")] == [3, 2, 1]
        assert await after.crashes("v1:0000000000000004", key="another") == 4
        after.clock.meets_the_machine()  # the copy is due by the database's clock
        await after.settles()
        assert (await after.store.incident(3)).state is State.AWAITING_CONFIRM


async def test_a_target_that_holds_something_is_refused(source: Database, postgres_url: Database):
    copy(source, postgres_url, nothing)

    with pytest.raises(DatabaseError, match="The target is in use: 3 rows in its table `incident`"):
        copy(source, postgres_url, nothing)


async def test_what_cannot_be_written_leaves_nothing_behind(source: Database, postgres_url: Database):
    with connected(source) as connection:  # no engine writes this letter, and no PostgreSQL takes it
        connection.execute(insert(IncidentRow).values(id=9, state="captured", fingerprint="\0", open_fingerprint=None,
            has_open_pull_request=False, opened_at=ManualClock().now(), updated_at=ManualClock().now(), facts="{}"))  # fmt: skip

    with pytest.raises(DatabaseError, match="The copy was given up: .* Nothing was changed"):
        copy(source, postgres_url, nothing)

    with connected(postgres_url) as connection:
        assert connection.execute(PAYLOAD.select()).all() == []


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("sqlite:///none.db", "postgresql://localhost/x", "There is no database at none.db"),
        ("sqlite:///old.db", "postgresql://localhost/x", "is not at this version's tables. Run `kintsugi db upgrade`"),
        ("sqlite:///old.db", "sqlite:///new.db", "A copy goes from SQLite to PostgreSQL"),
        ("postgresql://localhost/x", "postgresql://localhost/y", "A copy goes from SQLite to PostgreSQL"),
    ],
)
async def test_other_troubles_get_a_sentence(tmp_path: Path, source: str, target: str, says: str):
    (tmp_path / "old.db").touch()

    status, said = await copies(tmp_path, source, target)

    assert status != 0
    assert says in said


async def test_while_the_service_runs_nothing_is_copied(source: Database, postgres_url: Database, tmp_path: Path):
    with only_one(Path(f"{source.file}.lock")):
        status, said = await copies(tmp_path, source.address, postgres_url.address)

    assert status != 0
    assert "works on this database. Stop it first" in said


async def test_a_copy_that_is_killed_is_made_again(source: Database, postgres_url: Database, tmp_path: Path):
    upgrade(postgres_url)
    waits = (
        "SELECT 1 FROM pg_locks JOIN pg_database ON oid = database WHERE NOT granted AND datname = current_database()"
    )
    with connected(postgres_url) as holder:
        holder.exec_driver_sql("LOCK TABLE transition")
        process = await a_copy(tmp_path, source.address, postgres_url.address)
        async with asyncio.timeout(PATIENCE):
            while not holder.exec_driver_sql(waits).all():
                await asyncio.sleep(0.05)  # it has written incidents, and waits for the history
        process.send_signal(signal.SIGKILL)
        await process.wait()

    status, said = await copies(tmp_path, source.address, postgres_url.address)

    assert status == 0, said
    assert "each table read back and compared" in said


async def copies(folder: Path, source: str, target: str) -> tuple[int | None, str]:
    process = await a_copy(folder, source, target)
    said, _ = await process.communicate()
    return process.returncode, " ".join(said.decode().split())


async def a_copy(folder: Path, source: str, target: str) -> StartedInLoop:
    return await terminal.start_in_loop(
        ["db", "copy", source, target],
        folder,
        os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "400"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
