"""A disk that is full: SQLite says so for real, because the file may not grow. Nothing is half written."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from kintsugi.persistence.database import Database, DatabaseError
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow import triggers as t
from tests.world.clock import ManualClock
from tests.world.make import a_payload
from tests.world.migrated import migrate
from tests.world.world import World


async def test_what_does_not_fit_is_refused_whole_and_what_was_there_stays(sqlite_url: Database):
    migrate(sqlite_url)
    store = SqlStore(sqlite_url, ManualClock())
    world = World(store, ManualClock())
    await world.crashes()
    await store.transact(no_more_room)
    large = a_payload("v1:00000000000000bb").model_copy(update={"log": ("x" * 1000,) * 500})

    with pytest.raises(DatabaseError, match=r"full.*Nothing was changed"):
        await world.fires(t.Captured, incident=0, payload=large, key="large")
    before = [incident.id for incident in await store.incidents()]
    await store.transact(room_again)
    after = await world.fires(t.Captured, incident=0, payload=large, key="large")

    assert before == [1]
    assert after.incident.id == 2
    await store.close()


def no_more_room(ledger: object) -> None:
    pages = ledger.connection.execute(text("PRAGMA page_count")).scalar()  # type: ignore[attr-defined]
    ledger.connection.execute(text(f"PRAGMA max_page_count = {pages}"))  # type: ignore[attr-defined]


def room_again(ledger: object) -> None:
    ledger.connection.execute(text("PRAGMA max_page_count = 1000000"))  # type: ignore[attr-defined]
