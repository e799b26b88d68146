"""Every history is chained: what was there before the chain, what older code writes beside it, and by two at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import alembic.command
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kintsugi.persistence import migrations
from kintsugi.persistence.database import Database, connect
from kintsugi.persistence.transfer import copy
from kintsugi.receipt.checking import Verdict, check
from kintsugi.receipt.envelope import sealed
from kintsugi.receipt.statement import statement_of
from kintsugi.workflow import triggers as t
from kintsugi.workflow.ports import Outcome
from tests.persistence.test_move import connected, nothing
from tests.persistence.test_rolling import old_code, runs_on
from tests.world.make import an_ask
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE
from tests.world.world import World, a_world

ROOT = Path(__file__).parents[2]


async def receipt_of(url: Database, incident: int = 1) -> bytes:
    async with a_world(url) as world:
        return sealed(statement_of(await world.store.chain(incident)), None)


async def verdict_on(url: Database, incident: int = 1) -> Verdict:
    return check(await receipt_of(url, incident), None)


async def heals(world: World) -> None:
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()


async def test_a_copy_has_the_same_receipts(sqlite_url: Database, postgres_url: Database):
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        await world.crashes()
        await world.settles()
        await heals(world)
    before = await receipt_of(sqlite_url)

    copy(sqlite_url, postgres_url, nothing)

    assert await receipt_of(postgres_url) == before
    assert check(before, None).holds


async def test_the_migration_chains_what_is_there_and_says_so(database_url: Database):
    async with a_world(database_url) as world:
        await world.crashes()
        await world.settles()
        await world.crashes("v1:0000000000000002")
    _moves_to(database_url, "0015")

    migrations.upgrade(database_url)

    verdict = await verdict_on(database_url)
    assert verdict.faults == ()
    assert "Rows 1 to 4 were chained on " in verdict.says[1]
    assert (await verdict_on(database_url, 2)).says[1].startswith("Row 1 was chained on ")
    async with a_world(database_url) as world:
        await world.fires(t.Cancelled, key="later")
    verdict = await verdict_on(database_url)
    assert verdict.faults == ()
    assert verdict.says[0].startswith("INC-1: 5 rows")
    assert "Rows 1 to 4 were chained on " in verdict.says[1]


async def test_what_was_chained_late_is_found_changed_row_by_row(database_url: Database):
    async with a_world(database_url) as world:
        await world.crashes()
        await world.settles()
    _moves_to(database_url, "0015")
    migrations.upgrade(database_url)
    with connected(database_url) as connection:
        if database_url.file:
            connection.execute(text("DROP TRIGGER transition_no_update"))
        else:
            connection.execute(text("ALTER TABLE transition DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE transition SET says = 'another' WHERE seq = 2"))

    assert (await verdict_on(database_url)).faults == (
        "row 2: it was changed: it has not the hash that is carried of it.",
    )


async def test_a_row_can_be_chained_once_and_nothing_else_of_it_changed(database_url: Database):
    async with a_world(database_url) as world:
        await world.crashes()
    forge = "INSERT INTO transition (incident_id, seq, trigger, source, dest, actor, at, says, attempts, seconds, usd) " \
        "VALUES (1, 2, 'Sent', 'captured', 'captured', 'x', '2026-01-01 00:00:00', '', 0, 0, 0)"  # fmt: skip
    with connected(database_url) as connection:
        connection.execute(text(forge))

    for statement in (
        "UPDATE transition SET says = 'y' WHERE seq = 2",
        "UPDATE transition SET says = 'y', holds = '{}' WHERE seq = 2",
        "UPDATE transition SET holds = '{}' WHERE seq = 1",
        "UPDATE transition SET holds = NULL WHERE seq = 1",
        "UPDATE transition SET previous = 'x' WHERE seq = 2",
        "DELETE FROM transition WHERE seq = 2",
    ):
        with pytest.raises(DBAPIError, match="history is append-only"), connected(database_url) as connection:
            connection.execute(text(statement))
    with connected(database_url) as connection:
        assert connection.execute(text("UPDATE transition SET holds = '{}' WHERE seq = 2")).rowcount == 1


_BROUGHT_CHAINS = "0016"  # the revision
_OLD = """
await world.crashes()
await world.settles()
await world.confirms()
"""


async def test_what_older_code_wrote_beside_is_chained_by_the_next_move(database_url: Database, tmp_path: Path):
    runs_on(database_url, old_code(tmp_path, _BROUGHT_CHAINS), _OLD)

    async with a_world(database_url) as world:
        assert await world.passed() == [
            "captured",
            "diagnosed",
            "awaiting_confirm",
            "awaiting_confirm",
            "confirmed",
        ]
        await world.settles()
        await world.merges()
        await world.settles()

    verdict = await verdict_on(database_url)
    assert verdict.faults == ()
    assert verdict.says[1].startswith("Rows 1 to 5 were chained on ")


async def test_a_receipt_chains_what_older_code_wrote_last(database_url: Database, tmp_path: Path):
    runs_on(database_url, old_code(tmp_path, _BROUGHT_CHAINS), _OLD)

    verdict = await verdict_on(database_url)

    assert verdict.faults == ()
    assert verdict.says[1].startswith("Rows 1 to 5 were chained on ")
    assert await receipt_of(database_url) == await receipt_of(database_url)


async def test_two_processes_that_move_one_incident_make_one_chain(postgres_url: Database):
    async with a_world(postgres_url) as one, a_world(postgres_url) as other:
        await one.crashes()
        await one.settles()
        asked = [
            world.fires(t.ConfirmationAsked, key=f"{name}:{at}", ask=an_ask())
            for at in range(20)
            for name, world in (("one", one), ("other", other))
        ]
        answers = await asyncio.gather(*asked)

    assert all(answer.outcome is Outcome.APPLIED for answer in answers)
    verdict = await verdict_on(postgres_url)
    assert verdict.faults == ()
    assert verdict.says[0].startswith("INC-1: 44 rows")


async def test_a_migration_that_is_killed_is_made_again(postgres_url: Database):
    async with a_world(postgres_url) as world:
        await world.crashes()
        await world.settles()
    _moves_to(postgres_url, "0015")
    with connected(postgres_url) as holder:
        holder.exec_driver_sql("LOCK TABLE payload")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kintsugi", "db", "upgrade"),
            env=os.environ | {"KINTSUGI_DATABASE_URL": postgres_url.address, "PYTHONPATH": str(ROOT)},
        )
        async with asyncio.timeout(PATIENCE):
            while not holder.exec_driver_sql("SELECT 1 FROM pg_locks WHERE NOT granted").all():
                await asyncio.sleep(0.05)  # it has made the columns, and waits for what was captured
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert not migrations.is_current(postgres_url)

    migrations.upgrade(postgres_url)

    assert (await verdict_on(postgres_url)).faults == ()


def _moves_to(url: Database, revision: str) -> None:
    config, engine = migrations.alembic_config(), connect(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.downgrade(config, revision)
    engine.dispose()
