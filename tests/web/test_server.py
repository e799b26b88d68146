"""The intake as GitHub meets it: our server over loopback, in front of a real engine and database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from kintsugi.persistence.database import Database
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.states import State
from tests.world.deliveries import Door, a_door, a_merge, a_pull_request_event
from tests.world.patience import PATIENCE
from tests.world.world import World, a_world


@pytest.fixture
async def world(database_url: Database) -> AsyncIterator[World]:
    async with a_world(database_url) as world:
        world.host.name = "github:shop/checkout"
        yield world


@pytest.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with a_door(world) as door:
        yield door


async def opened(world: World) -> None:
    """An incident with an open pull request."""
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()


async def test_a_merge_is_on_disk_before_it_is_answered(world: World, door: Door):
    await opened(world)

    status, says = await door.delivers("pull_request", a_merge())

    assert (status, says) == (202, "Merged as beefca5ebe.")
    assert await world.state() is State.MERGED


async def test_a_redelivery_changes_nothing(world: World, door: Door):
    await opened(world)

    answers = [await door.delivers("pull_request", a_merge()) for _ in range(3)]

    assert [status for status, _ in answers] == [202, 200, 200]
    assert (await world.passed()).count("merged") == 1


async def test_ten_at_once_are_one(world: World, door: Door):
    await opened(world)

    answers = await asyncio.gather(*[door.delivers("pull_request", a_merge()) for _ in range(10)])

    assert sorted(status for status, _ in answers) == [200] * 9 + [202]


async def test_a_webhook_and_our_own_look_are_one(world: World, door: Door):
    await opened(world)
    world.host.merges(1)

    await world.reconciler.once()
    status, _ = await door.delivers("pull_request", a_merge())

    assert status == 200
    assert (await world.passed()).count("merged") == 1


async def test_a_merge_that_is_told_too_early_waits(world: World, door: Door):
    await world.crashes()
    await world.settles()
    await world.confirms()

    status, says = await door.delivers("pull_request", a_merge())
    await world.settles()

    assert (status, says) == (202, "INC-1 is confirmed: this waits until it fits.")
    assert "merged" in await world.passed()


async def test_a_merge_of_an_incident_that_is_not_there_is_answered_with_the_reason(door: Door):
    assert await door.delivers("pull_request", a_merge(99)) == (200, "There is no INC-99.")


async def test_a_merge_of_another_pull_request_is_answered_with_the_reason(world: World, door: Door):
    await opened(world)

    status, says = await door.delivers("pull_request", a_merge(number=77))

    assert status == 200
    assert "pull request #77 is not its own, which is #41" in says
    assert await world.state() is State.PR_OPENED


async def test_a_hint_is_on_disk_before_it_is_answered_and_followed_once(world: World, door: Door):
    await opened(world)
    await world.reconciler.once()
    world.host.merges(1)
    hint = a_pull_request_event("synchronize")

    first = await door.delivers("pull_request", hint, **{"X-GitHub-Delivery": "one"})
    again = await door.delivers("pull_request", hint, **{"X-GitHub-Delivery": "one"})
    stored = await world.store.hints()
    await world.reconciler.round(timedelta(hours=1))

    assert first == (202, "INC-1 is looked at.")
    assert again == (200, "Known already: INC-1 is looked at.")
    assert stored == {"github:delivery:one": 1}
    assert await world.state() is State.MERGED
    assert await world.store.hints() == {}


async def test_a_redelivery_of_a_hint_that_was_followed_changes_nothing(world: World, door: Door):
    await opened(world)
    hint = a_pull_request_event("synchronize")

    await door.delivers("pull_request", hint, **{"X-GitHub-Delivery": "one"})
    await world.reconciler.once()
    again = await door.delivers("pull_request", hint, **{"X-GitHub-Delivery": "one"})

    assert again == (200, "Known already: INC-1 is looked at.")
    assert await world.store.hints() == {}


async def test_a_hint_is_kept_while_the_code_host_cannot_be_asked(world: World, door: Door):
    await opened(world)
    world.host.merges(1)
    world.host.answers_first(StepFailed("GitHub cannot be reached."))
    await door.delivers("pull_request", a_pull_request_event("synchronize"))

    await world.reconciler.round(timedelta(hours=1))
    kept = await world.store.hints()
    await world.reconciler.round(timedelta(hours=1))

    assert len(kept) == 1
    assert await world.state() is State.MERGED
    assert await world.store.hints() == {}


async def test_a_hint_that_another_process_stored_is_followed(world: World, door: Door):
    await opened(world)
    worker = asyncio.create_task(world.reconciler.run(timedelta(hours=1), timedelta(seconds=0.01)))
    while world.reconciler.last is None:
        await asyncio.sleep(0.01)

    world.host.merges(1)
    await door.delivers("pull_request", a_pull_request_event("synchronize"))
    async with asyncio.timeout(PATIENCE):
        while await world.state() is not State.MERGED:
            await asyncio.sleep(0.01)

    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


async def test_closings_and_merges_in_any_order_come_to_the_same_end(world: World, door: Door):
    await opened(world)
    world.host.merges(1)
    late = a_pull_request_event("closed", closed_at="2026-11-20T00:00:00Z")

    await door.delivers("pull_request", a_merge())
    await door.delivers("pull_request", late)
    await world.settles()

    assert await world.state() is State.HEALED


async def test_what_a_lost_webhook_would_have_told_is_found(world: World, door: Door):
    await opened(world)

    world.host.closes(1)
    await world.reconciler.once()
    assert await world.state() is State.ABANDONED

    world.host.reopens(1)
    await world.reconciler.once()
    assert await world.state() is State.PR_OPENED


async def test_a_late_closing_after_a_reopening_is_mended_by_looking(world: World, door: Door):
    await opened(world)

    await door.delivers("pull_request", a_pull_request_event("closed"))
    assert await world.state() is State.ABANDONED
    await world.reconciler.once()

    assert await world.state() is State.PR_OPENED


@pytest.mark.parametrize(
    "given", [{"secret": "wrong"}, {"X-Hub-Signature-256": None}, {"X-Hub-Signature-256": "sha1=00"}]
)
async def test_an_unsigned_delivery_is_refused(world: World, door: Door, given: dict[str, str]):
    await opened(world)

    status, _ = await door.delivers("pull_request", a_merge(), **given)

    assert status == 401
    assert await world.state() is State.PR_OPENED


async def test_the_old_signature_alone_is_not_enough(door: Door):
    headers = {"X-Hub-Signature-256": None, "X-Hub-Signature": "sha1=00"}

    assert (await door.delivers("ping", {}, **headers))[0] == 401


async def test_a_secret_that_is_on_its_way_out_is_still_good(door: Door):
    assert await door.delivers("ping", {}, secret=door.secrets[1]) == (200, "pong")


async def test_a_truncated_delivery_is_refused(door: Door):
    whole = json.dumps(a_merge()).encode()

    assert (await door.delivers("pull_request", whole[:-20]))[0] == 400


async def test_a_wrong_content_type_is_refused(door: Door):
    assert (await door.delivers("ping", {}, **{"Content-Type": "text/xml"}))[0] == 400


async def test_25_megabytes_are_not_read(door: Door):
    assert (await door.delivers("push", b" " * 25 * 2**20))[0] == 413


async def test_a_large_body_that_does_not_tell_its_length_is_not_read_to_its_end(door: Door):
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 2**20

    headers = {"X-Hub-Signature-256": "sha256=00", "X-GitHub-Event": "push"}
    async with door.session.post(f"{door.url}/webhooks/github", data=endless(), headers=headers) as answer:
        assert answer.status == 413


async def test_health_is_told(door: Door):
    assert await door.gets("/healthz") == 200
    assert await door.gets("/readyz") == 200


async def test_a_push_of_somebody_elses_is_noticed_once(world: World, door: Door):
    await opened(world)
    world.host.pushes(1, "5" * 40)

    await world.reconciler.once()
    await world.reconciler.once()

    history = await world.store.history(1)
    assert [step.says for step in history if step.trigger == "BranchPushed"] == [
        "Somebody else pushed 5555555555 to its branch; nothing of theirs is overwritten."
    ]
    assert await world.state() is State.PR_OPENED
