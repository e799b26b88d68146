"""Failures that are counted together come to what each alone would have come to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from kintsugi.persistence.database import Database, DatabaseAway
from kintsugi.persistence.ledger import SqlLedger
from kintsugi.persistence.migrations import upgrade
from kintsugi.persistence.tables import INBOX, INCIDENT, SIGHTING, TRANSITION
from kintsugi.workflow import triggers as t
from kintsugi.workflow.captures import Captures
from kintsugi.workflow.counting import Counting
from kintsugi.workflow.incident import Cure
from kintsugi.workflow.ports import Ledger, Outcome, Reading, Receipt
from kintsugi.workflow.quiet import Wish
from kintsugi.workflow.states import State
from tests.world.make import HEAD, MERGE, a_payload
from tests.world.world import World, a_world

OPEN, HEARSAY, DEPLOYED, QUIET, CANCELLED, OLD, UNKNOWN = (f"v2:{number:016x}" for number in range(7))
NAMES = (OPEN, HEARSAY, DEPLOYED, QUIET, CANCELLED, OLD, UNKNOWN)

Count = Callable[[Ledger, Sequence[t.Captured]], list[Receipt | None]]


class _Seen(Exception):
    """What came of it; the transaction is rolled back."""


def seen(world: World, key: str, name: str = OPEN, **changes: Any) -> t.Captured:
    given = {"incident": 0, "at": world.clock.now(), "actor": "sentry:shop", "payload": a_payload(name)}
    return t.Captured(key=key, **given | changes)


async def of_each_kind(world: World) -> None:
    """An incident for each way in which a failure is counted."""
    deployed = await world.crashes(DEPLOYED)
    await world.settles()
    await world.confirms(deployed)
    await world.settles()
    await world.merges(deployed)
    world.monitor.answers_first(*[Reading(Cure(0, 1, "Unproven."), "")] * 9)
    await world.settles()
    assert await world.state(deployed) is State.DEPLOYED
    await world.crashes(OPEN, key="known")
    await world.crashes(HEARSAY, believed=False)
    await world.fires(t.Ignored, await world.crashes(QUIET), wish=Wish(more=2))
    await world.fires(t.Cancelled, await world.crashes(CANCELLED))
    await world.crashes("v1:00000000000000aa")


def a_batch(world: World, seed: int) -> list[t.Captured]:
    chance = random.Random(seed)

    def one(number: int) -> t.Captured:
        payload = a_payload(name := chance.choice(NAMES))
        if name == OLD:
            about = payload.incident.model_copy(update={"earlier": ("v1:00000000000000aa",)})
            payload = payload.model_copy(update={"incident": about})
        build = payload.build.model_copy(update={"sha": chance.choice([HEAD, MERGE, None])})
        return seen(
            world,
            chance.choice(["known", f"twice {name}", f"key {number}", f"key {number}"]),
            payload=payload.model_copy(update={"build": build}),
            believed=chance.random() < 0.5,
            opens=chance.random() < 0.8,
            who=chance.choice(["", "one", "another"]),
        )

    return [one(number) for number in range(12)]


async def what_came_of_it(world: World, count: Count, batch: Sequence[t.Captured]) -> tuple[list[object], ...]:
    """Of counting them: what is answered, and all that stands in the tables then. Nothing of it is kept."""

    def work(ledger: Ledger) -> None:
        assert isinstance(ledger, SqlLedger)
        receipts = count(ledger, batch)
        said = [receipt and (receipt.outcome, receipt.incident.id, receipt.says) for receipt in receipts]
        tables = [
            sorted(map(repr, ledger.connection.execute(select(*(each for each in table.c if each.name != "at")))))
            for table in (INCIDENT, INBOX, SIGHTING, TRANSITION)
        ]
        raise _Seen(said, *tables)

    with pytest.raises(_Seen) as caught:
        await world.store.transact(work)
    return caught.value.args


async def test_a_batch_comes_to_what_each_alone_comes_to(world: World):
    await of_each_kind(world)
    captures = Captures(world.engine, world.deliveries)  # type: ignore[arg-type]  # of which one verb is needed

    def one_by_one(ledger: Ledger, batch: Sequence[t.Captured]) -> list[Receipt | None]:
        return [captures.count_known(ledger, each) for each in batch]

    for batch in (a_batch(world, seed) for seed in range(15)):
        said, *tables = await what_came_of_it(world, captures.count_each, batch)
        said_alone, *tables_alone = await what_came_of_it(world, one_by_one, batch)
        assert tables == tables_alone
        assert said.count(None) == said_alone.count(None)


async def test_those_that_come_at_once_are_all_counted_and_a_key_once(world: World):
    await world.crashes(OPEN)

    receipts = await asyncio.gather(
        *[world.engine.count(seen(world, f"key {number % 90}", who=str(number))) for number in range(100)]
    )

    outcomes = [receipt.outcome for receipt in receipts if receipt]
    assert (outcomes.count(Outcome.COUNTED), outcomes.count(Outcome.DUPLICATE)) == (90, 10)
    assert (await world.incident()).count == 91
    assert (await world.store.sightings(1, world.clock.now())).users == 90


async def test_what_is_not_open_has_to_be_told_whole_and_the_others_are_counted(world: World):
    await world.crashes(OPEN)

    known, unknown = await asyncio.gather(
        world.engine.count(seen(world, "a")), world.engine.count(seen(world, "b", UNKNOWN))
    )

    assert known
    assert (known.outcome, unknown) == (Outcome.COUNTED, None)


async def test_one_that_cannot_be_written_fails_alone(world: World):
    await world.crashes(OPEN)
    bad = seen(world, "b", actor="\ud800")  # which no database takes

    found = await asyncio.gather(
        *[world.engine.count(each) for each in (seen(world, "a"), bad, seen(world, "c"))], return_exceptions=True
    )

    assert [isinstance(each, Receipt) for each in found] == [True, False, True]
    assert isinstance(found[1], UnicodeEncodeError)
    assert (await world.incident()).count == 3


@dataclass
class Tried:
    """The store's transactions, counted."""

    world: World
    times: int = 0

    def __call__(self, work: Callable[[Ledger], list[Receipt | None]]) -> Awaitable[list[Receipt | None]]:
        self.times += 1
        return self.world.store.transact(work)


async def test_one_of_many_that_cannot_be_written_costs_the_others_few_transactions(world: World):
    await world.crashes(OPEN)
    tried = Tried(world)
    counting = Counting(tried, Captures(world.engine, world.deliveries).count_each)  # type: ignore[arg-type]
    batch = [seen(world, f"key {number}", actor="\ud800" if number == 40 else "test:bob") for number in range(64)]

    found = await asyncio.gather(*map(counting.count, batch), return_exceptions=True)

    assert [at for at, each in enumerate(found) if not isinstance(each, Receipt)] == [40]
    assert (await world.incident()).count == 64
    assert tried.times == 1 + 2 * 6  # 64 are halved six times


async def test_a_store_that_is_away_is_asked_once_for_all(sqlite_url: Database):
    upgrade(sqlite_url)
    async with a_world(sqlite_url) as world:
        tried = Tried(world)
        counting = Counting(tried, Captures(world.engine, world.deliveries).count_each)  # type: ignore[arg-type]
        await world.crashes(OPEN)
        assert sqlite_url.file
        sqlite_url.file.rename(sqlite_url.file.with_suffix(".moved"))

        found = await asyncio.gather(
            *[counting.count(seen(world, f"key {number}")) for number in range(64)], return_exceptions=True
        )

    assert {type(each) for each in found} == {DatabaseAway}
    assert tried.times == 1


async def test_whoever_goes_leaves_the_others_counted(world: World):
    await world.crashes(OPEN)
    goes, stays = (asyncio.create_task(world.engine.count(seen(world, key))) for key in ("goes", "stays"))
    await asyncio.sleep(0)

    goes.cancel()

    receipt = await stays
    assert receipt
    assert (receipt.outcome, receipt.incident.count) == (Outcome.COUNTED, 3)  # what was begun is committed
    with pytest.raises(asyncio.CancelledError):
        await goes


async def test_two_processes_that_count_the_same_failures_in_another_order_lose_none(postgres_url: Database):
    async with a_world(postgres_url) as one, a_world(postgres_url) as other:
        names = [f"v2:{number:016x}" for number in range(8)]
        for name in names:
            await one.crashes(name)

        await asyncio.gather(
            *[one.engine.count(seen(one, f"one {at}", name)) for at, name in enumerate(names * 5)],
            *[other.engine.count(seen(other, f"other {at}", name)) for at, name in enumerate(names[::-1] * 5)],
        )

        assert [each.count for each in await one.store.incidents()] == [11] * 8
