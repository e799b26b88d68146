"""What was captured of ended incidents is pruned by age and by room; the history stays, and nothing breaks by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, select, text

from kintsugi.persistence.codec import incident_to_json
from kintsugi.persistence.database import Database
from kintsugi.persistence.keep import Keep
from kintsugi.persistence.ledger import SqlLedger
from kintsugi.persistence.retention import Pruned, Pruner
from kintsugi.persistence.tables import INCIDENT, PAYLOAD
from kintsugi.workflow import triggers as t
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Ledger
from kintsugi.workflow.states import State
from tests.world.make import NOON, an_evidence, an_incident
from tests.world.world import World, a_world

SINCE = Keep(time=timedelta(days=30))


@pytest.fixture
async def world(database_url: Database) -> AsyncIterator[World]:
    async with a_world(database_url) as world:
        yield world


async def pruned(world: World, keep: Keep, **given: Any) -> Pruned:
    return await Pruner(world.store, keep, world.clock.now(), **given).run()


async def three(world: World) -> None:
    """One ended long ago, one is open and as old, one ended of late."""
    for number in range(3):
        await world.crashes(f"v1:{number:016x}")
    await world.fires(t.Cancelled, 1)
    world.clock.passes(days=31)
    await world.fires(t.Cancelled, 3)


async def is_whole(world: World, incident: int) -> bool:
    return (await world.store.payload(incident)).exception is not None


async def test_what_ended_long_ago_is_pruned_and_nothing_else(world: World):
    await three(world)
    history = await world.store.history(1)

    found = await pruned(world, SINCE)

    assert found.incidents == 1
    assert found.bytes > 500
    assert [await is_whole(world, number) for number in (1, 2, 3)] == [False, True, True]
    assert await world.store.history(1) == history
    assert (await world.incident(1)).pruned == (
        f"What was captured was pruned on {world.clock.now():%Y-%m-%d}; the history, the cause and the patch are kept."
    )
    assert (await world.incident(2)).pruned == ""


async def test_the_outline_of_what_was_captured_stays_and_holds_nothing_that_was_said(world: World):
    await three(world)
    before = await world.store.payload(1)

    await pruned(world, SINCE)

    outline = await world.store.payload(1)
    assert outline == Payload(
        incident=before.incident, occurred=before.occurred, build=before.build, repository=before.repository
    )
    assert "WELCOME5" not in outline.model_dump_json()


async def test_pruning_again_finds_nothing_more(world: World):
    await three(world)

    found = [await pruned(world, SINCE) for _ in range(2)]

    assert [each.incidents for each in found] == [1, 0]


async def test_a_dry_run_counts_the_same_and_prunes_nothing(world: World):
    await three(world)
    for keep in (SINCE, Keep(bytes=1), Keep(timedelta(days=30), 1)):
        counted = await pruned(world, keep, dry_run=True)

        assert [await is_whole(world, number) for number in (1, 2, 3)] == [True, True, True]
        assert counted.incidents == (1 if keep is SINCE else 2)
    assert await pruned(world, keep) == counted


async def test_where_it_takes_too_much_room_the_oldest_end_goes_first_and_no_open_one(world: World):
    for number in range(6):
        await world.crashes(f"v1:{number:016x}")
        if number != 0:
            await world.fires(t.Cancelled, number + 1)
    size = (await pruned(world, Keep(bytes=1), dry_run=True)).bytes // 5

    found = await pruned(world, Keep(bytes=3 * size + size // 2))

    assert found.incidents == 3
    assert [await is_whole(world, number) for number in range(1, 7)] == [True, False, False, False, True, True]


async def test_what_was_captured_before_bytes_were_counted_is_measured(world: World, database_url: Database):
    await three(world)
    counted = await pruned(world, SINCE, dry_run=True)
    engine = create_engine(database_url.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE payload SET bytes = 0"))
    engine.dispose()

    assert await pruned(world, SINCE, dry_run=True) == counted


async def test_it_goes_on_through_many_pages(world: World):
    await world.crashes()
    await world.fires(t.Cancelled, 1)
    await world.store.transact(thousands)
    world.clock.passes(days=31)

    assert (await pruned(world, SINCE)).incidents == 600
    assert (await world.incident(600)).pruned_at == world.clock.now()


def thousands(ledger: Ledger) -> None:
    """600 like the first incident."""
    assert isinstance(ledger, SqlLedger)
    first = ledger.incident(1)
    assert first
    for table, key in ((INCIDENT, "id"), (PAYLOAD, "incident_id")):
        row = ledger.connection.execute(select(table)).mappings().one()
        rows = [dict(row) | {key: number} for number in range(2, 601)]
        if table is INCIDENT:
            rows = [each | {"facts": incident_to_json(first.but(id=each["id"]))} for each in rows]
        ledger.connection.execute(insert(table), rows)


async def test_two_who_prune_at_once_prune_each_once(world: World):
    await three(world)
    pruner = Pruner(world.store, SINCE, world.clock.now())
    page = await world.store.read_aside(pruner_page())
    old = [each for each in page if each.incident == 1]

    first, second = await pruner._all_of(old), await pruner._all_of(old)

    assert (first.incidents, second.incidents) == (1, 0)


async def test_what_is_taken_up_again_between_the_look_and_the_pruning_is_kept(world: World):
    await to_abandoned(world)
    world.clock.passes(days=31)
    pruner = Pruner(world.store, SINCE, world.clock.now())
    page = await world.store.read_aside(pruner_page())
    await world.fires(t.PullRequestReopened, 1, number=41)

    assert (await pruner._all_of(page)).incidents == 0
    assert await is_whole(world, 1)


async def test_a_pruned_incident_that_is_taken_up_again_says_what_is_missing(world: World):
    await to_abandoned(world)
    await world.passes(days=31)
    await pruned(world, SINCE)
    number = world.host.opened[1].number
    asked = len(world.analyst.asked)

    await world.fires(t.PullRequestReopened, 1, number=number)
    await world.fires(t.ChangesRequested, 1, head=(await world.incident()).pull_request.head, review="no")
    await world.settles()

    found = await world.incident()
    assert found.state is State.NEEDS_HUMAN
    assert found.says.startswith("Nothing to diagnose from. What was captured was pruned on 20")
    assert len(world.analyst.asked) == asked


async def test_a_pruned_incident_that_is_merged_is_deployed_and_watched(world: World):
    await to_abandoned(world)
    await world.passes(days=31)
    await pruned(world, SINCE)

    await world.fires(t.PullRequestReopened, 1, number=world.host.opened[1].number)
    await world.merges()
    await world.settles()

    assert await world.state() in (State.DEPLOYED, State.HEALED)


def test_what_programs_printed_goes_and_the_verdict_stays():
    incident = an_incident(State.HEALED, evidence=an_evidence(), feedback="the end of a run")

    kept = incident.without_outputs(NOON)

    assert kept.evidence is not None
    assert kept.evidence.says == "red to green"
    assert [run.output for run in (kept.evidence.red, kept.evidence.green) if run] == ["(pruned on 2026-11-23)"] * 2
    assert kept.feedback == ""


async def to_abandoned(world: World) -> None:
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.fires(t.PullRequestClosed, 1, number=world.host.opened[1].number)
    assert await world.state() is State.ABANDONED


def pruner_page() -> Any:
    from kintsugi.persistence.retention import _page_after

    return _page_after(0)
