"""Railway's deliveries, and those of a service that deploys for us: hints, from those who know the secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from kintsugi.persistence.database import Database
from kintsugi.web.railway import RailwayDoor
from kintsugi.workflow.states import State
from tests.world.deliveries import RAILWAY_SECRET, Door, a_door, signed
from tests.world.make import MERGE
from tests.world.migrated import migrate
from tests.world.world import World, a_world

EXAMPLE: dict[str, Any] = {
    "type": "Deployment.failed",
    "details": {"status": "SUCCESS", "commitHash": "..."},
    "resource": {
        "project": {"id": "<project id>"},
        "environment": {"id": "<environment id>"},
        "service": {"id": "<service id>"},
    },
}


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


@pytest.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with a_door(world) as door:
        yield door


async def under_way(world: World) -> None:
    """A deployment that takes a while; the next look is in some seconds."""
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    world.deployer.answers_first(None)
    await world.settles()


async def test_a_hint_has_the_deployment_looked_at_now(world: World, door: Door):
    await under_way(world)
    world.deployer.runs = MERGE
    await world.settles()
    before = await world.state()

    status, says = await door.posts(f"/webhooks/railway/{RAILWAY_SECRET}", EXAMPLE)
    await world.settles()

    assert before is State.MERGED
    assert (status, says) == (202, "The deployments under way are looked at.")
    assert await world.state() is State.HEALED


async def test_what_it_says_is_not_believed(world: World, door: Door):
    await under_way(world)

    await door.posts(f"/webhooks/railway/{RAILWAY_SECRET}", EXAMPLE | {"details": {"status": "SUCCESS"}})
    await world.settles()

    assert await world.state() is State.MERGED


async def test_a_wrong_secret_opens_nothing(door: Door):
    guesses = ["guessed", "%00", "ä", RAILWAY_SECRET + "x", RAILWAY_SECRET[:-1]]

    statuses = [(await door.posts(f"/webhooks/railway/{guess}", EXAMPLE))[0] for guess in guesses]

    assert statuses == [401] * len(guesses)


def test_where_no_secret_is_set_nobody_gets_in():
    assert not RailwayDoor().knows("")


OTHERS: list[Any] = [
    {"resource": {**EXAMPLE["resource"], "project": {"id": "another"}}},
    {"resource": {**EXAMPLE["resource"], "environment": {"id": "another"}}},
    {"resource": {**EXAMPLE["resource"], "service": {"id": "another"}}},
    {"resource": None},
    {"resource": {"project": "<project id>"}},
    {"type": "VolumeAlert.triggered"},
    {"type": None},
]


@pytest.mark.parametrize("changes", OTHERS, ids=str)
async def test_what_is_about_something_else_is_known_and_ignored(door: Door, changes: dict[str, Any]):
    status, says = await door.posts(f"/webhooks/railway/{RAILWAY_SECRET}", EXAMPLE | changes)

    assert status == 200
    assert says


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"\xff", b"[" * 100_000])
async def test_what_is_no_delivery_is_ignored(door: Door, body: bytes):
    status, _ = await door.posts(f"/webhooks/railway/{RAILWAY_SECRET}", body)

    assert status == 200


async def test_whoever_deploys_for_us_may_hint_with_a_signature(world: World, door: Door):
    await under_way(world)
    world.deployer.runs = MERGE
    body = b"{}"

    unsigned, _ = await door.posts("/webhooks/deploy", body)
    status, _ = await door.posts("/webhooks/deploy", body, {"X-Kintsugi-Signature-256": signed(body, door.secrets[0])})
    await world.settles()

    assert (unsigned, status) == (401, 202)
    assert await world.state() is State.HEALED
