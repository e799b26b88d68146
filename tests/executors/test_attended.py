"""Whether somebody performs what is owed, as whoever only asks can know it."""

from __future__ import annotations

import asyncio

from kintsugi.app.desk import a_desk_on
from kintsugi.persistence.database import Database
from tests.world.patience import PATIENCE


async def test_a_worker_is_seen_by_others_while_it_runs(database_url: Database):
    asks, works = a_desk_on(database_url), a_desk_on(database_url)
    try:
        before = await asks.executor.attended()
        working = asyncio.create_task(works.executor.run(nothing))
        async with asyncio.timeout(PATIENCE):
            while not await asks.executor.attended():
                await asyncio.sleep(0.05)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        after = await asks.executor.attended()
    finally:
        await asks.store.close()
        await works.store.close()

    assert (before, after) == (False, False)


async def nothing(effect: str) -> None:
    """There is nothing due."""
