"""Failures that are told at once: how many of them open an incident, and which wait for each other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random

import pytest

from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.capture.quota import Listed
from kintsugi.persistence.database import Database
from kintsugi.web.openings import Openings
from kintsugi.web.reading import Failed
from kintsugi.web.reported import Reported
from kintsugi.web.reports import Taken
from kintsugi.web.sentry import Project
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.ports import Receipt
from kintsugi.workflow.triggers import Captured, Noted
from tests.world.make import a_payload, an_incident
from tests.world.migrated import migrate
from tests.world.world import World, a_world

HANGS_SECONDS = 60


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


@dataclass
class Door:
    """What is told goes to the engine, once so many wait there as should; `away`: how many find no store."""

    world: World
    at_once: int = 1
    away: int = 0
    inside: int = 0
    most: int = 0
    order: Random = field(default_factory=Random)

    def reported(self) -> Reported:
        intake = Intake(fire=self.fire, clock=self.world.clock, program=Program())
        return Reported(self.world.store, self.world.clock, intake, self.world.host)

    async def fire(self, trigger: Captured | Noted) -> Receipt:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            while self.most < self.at_once:
                await asyncio.sleep(0)
            if self.away:
                self.away -= 1
                raise StoreUnavailable("away")
            for _ in range(self.order.randrange(20)):
                await asyncio.sleep(0)
            return await self.world.engine.fire(trigger)
        finally:
            self.inside -= 1


def a_failure(number: int, failure: int) -> Failed:
    """Of `failure`s with an odd number all differ in words alone."""
    payload = a_payload(f"v2:{failure:016x}", f"Error{failure}: it failed")
    about = payload.incident.model_copy(update={"kin": "words" if failure % 2 else ""})
    return Failed(f"{number:032x}", payload.model_copy(update={"incident": about}))


async def told(reported: Reported, project: Project, failures: list[Failed], peer: str = "") -> list[Taken]:
    async with asyncio.timeout(HANGS_SECONDS):
        return await asyncio.gather(*[reported.take("42", project, each, peer) for each in failures])


async def test_different_failures_are_opened_at_once(world: World):
    door = Door(world, at_once=5)

    taken = await told(door.reported(), Project("k"), [a_failure(at, 2 * at) for at in range(5)])

    assert taken == [Taken.STORED] * 5
    assert door.most == 5


@pytest.mark.parametrize(
    ("project", "peer", "opens"),
    [
        (Project("k", a_day=3), "", 3),
        (Project("k", a_day=12, public=True), "192.0.2.6", 3),
        (Project("k", a_day=0), "", 0),
    ],
)
async def test_at_once_no_more_are_opened_than_a_day_or_a_peer_may(
    world: World, project: Project, peer: str, opens: int
):
    taken = await told(Door(world).reported(), project, [a_failure(at, 2 * at) for at in range(9)], peer)

    assert Counter(taken) == Counter({Taken.STORED: opens, Taken.LIMITED: 9 - opens})
    assert len(await world.store.incidents()) == opens


async def test_one_that_came_to_nothing_leaves_its_place_to_another(world: World):
    door = Door(world, away=1)
    reported, project = door.reported(), Project("k", a_day=2)
    asked = [reported.take("42", project, a_failure(at, 2 * at), "") for at in range(4)]

    async with asyncio.timeout(HANGS_SECONDS):
        taken = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(each) for each in taken].count(StoreUnavailable) == 1
    assert taken.count(Taken.STORED) == 2
    assert taken.count(Taken.LIMITED) == 1


async def test_what_is_opened_while_the_day_is_read_from_the_store_counts(world: World):
    slow = SlowStore(world.store)
    openings, project = Openings(slow, world.clock), Project("k", a_day=1)
    slow.goes_on.set()
    await openings.today("42")
    world.clock.passes(minutes=2)
    slow.goes_on.clear()

    reading = asyncio.create_task(openings.today("42"))
    await slow.has_read.wait()
    openings.opened("42", project, an_incident(opened_at=world.clock.now()), "")
    slow.goes_on.set()

    assert len((await reading).incidents) == 1
    assert openings.is_enough("42", project, "")


class SlowStore:
    """Answers what was read before it was told to go on."""

    def __init__(self, store: Listed) -> None:
        self._store, self.has_read, self.goes_on = store, asyncio.Event(), asyncio.Event()

    async def incidents(self, *, limit: int) -> list[Incident]:
        found = await self._store.incidents(limit=limit)
        self.has_read.set()
        await self.goes_on.wait()
        return found


@pytest.mark.parametrize("seed", range(8))
async def test_what_is_told_at_once_comes_to_what_it_comes_to_in_turn(world: World, seed: int):
    """Each failure counts on its own incident; of a kin, as many open as may, and the rest count on the newest."""
    random = Random(seed)
    failures = [a_failure(at, random.randrange(18)) for at in range(40)]
    project = Project("k", a_day=random.choice([4, 8, 40]))

    taken = await told(Door(world, order=random).reported(), project, failures)

    found = await world.store.incidents()
    of_kin = [each for each in found if each.kin]
    assert len({each.fingerprint for each in found}) == len(found) <= project.a_day
    assert len(of_kin) <= project.a_kin
    assert sum(each.count for each in found) == taken.count(Taken.STORED)
    if len(found) < project.a_day:
        assert Taken.LIMITED not in taken
