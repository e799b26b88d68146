"""What telemetry counts is in the database, whatever becomes of the process."""

from __future__ import annotations

from kintsugi.app.desk import opened
from kintsugi.persistence.database import Database
from kintsugi.persistence.process_counts import Counting, counting
from kintsugi.telemetry import Outcomes
from kintsugi.workflow.cure import Runs
from tests.world.migrated import migrate


async def test_the_counts_of_every_process_are_kept_and_added_up(sqlite_url: Database):
    migrate(sqlite_url)
    first, second = Outcomes("c0ffee0"), Outcomes("c0ffee0")
    async with opened(sqlite_url) as desk:
        async with counting(desk.store, first), counting(desk.store, second):
            first.succeeded("/checkout")
            second.succeeded("/checkout")
            second.failed("/checkout")
            second.succeeded("/checkout", "0ld")
            second.succeeded("/else")

        kept = await desk.store.runs("/checkout", desk.clock.now().replace(year=2000))

    assert sorted(kept, key=lambda each: each.build) == [
        Runs("/checkout", "0ld", 1, 0),
        Runs("/checkout", "c0ffee0", 2, 1),
    ]


async def test_what_is_told_twice_counts_once(sqlite_url: Database):
    migrate(sqlite_url)
    outcomes = Outcomes("c0ffee0")
    async with opened(sqlite_url) as desk:
        process = Counting(desk.store, outcomes)
        outcomes.succeeded("/checkout")
        await process.keep()
        await process.keep()
        outcomes.succeeded("/checkout")
        await process.keep()

        kept = await desk.store.runs("/checkout", desk.clock.now().replace(year=2000))

    assert kept == [Runs("/checkout", "c0ffee0", 2, 0)]
