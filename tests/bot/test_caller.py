"""Somebody is called: by severity and hour, once, again while nobody has it, and a storm is one message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kintsugi.bot.caller import Caller
from kintsugi.persistence.database import Database
from kintsugi.workflow import triggers as t
from kintsugi.workflow.calling import Calling, quiet_hours
from kintsugi.workflow.errors import Conflict, StepFailed
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.ports import Receipt
from kintsugi.workflow.severity import Severity
from tests.bot.stage import Stage, a_stage
from tests.world.make import a_payload
from tests.world.world import World, a_world


@pytest.fixture
async def world(database_url: Database) -> AsyncIterator[World]:
    async with a_world(database_url) as world:
        yield world


@pytest.fixture
async def stage(database_url: Database) -> AsyncIterator[Stage]:
    async with a_stage(database_url) as stage:
        await stage.starts()
        yield stage


class Called:
    """Who calls, and whom about: the names of each message."""

    def __init__(self, world: World, calling: Calling = Calling()) -> None:  # noqa: B008  # frozen
        self.messages: list[list[str]] = []
        self.fails = False
        self._caller = Caller(world.store, world.clock, world.engine.fire, calling, whom="the role 77", post=self._post)

    async def _post(self, incidents: Sequence[Incident]) -> None:
        if self.fails:
            raise StepFailed("Discord answered 500")
        self.messages.append([each.name for each in incidents])

    async def after(self, world: World, **time: float) -> list[list[str]]:
        """What was said by then, looking all the while as it does."""
        for _ in range(max(int(timedelta(**time) / timedelta(minutes=1)), 1)):
            await self._caller.round()
            world.clock.passes(minutes=1)
        return self.messages


async def crashes(world: World, number: int = 1, environment: str = "production", **changes: Any) -> int:
    payload = a_payload(f"v1:{number:016x}")
    build = payload.build.model_copy(update={"environment": environment})
    return await world.crashes(payload=payload.model_copy(update={"build": build}), **changes)


async def test_an_incident_calls_once_again_after_a_while_and_never_more(world: World):
    called = Called(world)
    await crashes(world)

    assert await called.after(world, minutes=14) == [["INC-1"]]
    assert await called.after(world, minutes=3) == [["INC-1"], ["INC-1"]]
    assert await called.after(world, hours=5) == [["INC-1"], ["INC-1"]]
    steps = [step.says for step in await world.store.history(1)]
    assert steps.count("Called the role 77.") == 2


@pytest.mark.parametrize("move", [t.Acknowledged, t.Assigned, t.Cancelled])
async def test_who_has_it_is_not_called_again(world: World, move: type[t.Command]):
    called = Called(world)
    await crashes(world)
    await called.after(world, minutes=1)

    await world.fires(move, **({"to": "test:bob"} if move is t.Assigned else {}))

    assert await called.after(world, hours=1) == [["INC-1"]]


async def test_whom_nobody_has_any_more_calls_again_as_far_as_it_may(world: World):
    called = Called(world)
    await crashes(world)
    await called.after(world, minutes=1)
    await world.fires(t.Acknowledged)
    await world.fires(t.Released)

    assert await called.after(world, hours=3) == [["INC-1"], ["INC-1"]]


async def test_a_storm_is_one_message(world: World):
    called = Called(world, Calling(again=None))
    await crashes(world, 1)
    await called.after(world, minutes=1)
    for number in range(2, 42):
        await crashes(world, number)

    said = await called.after(world, minutes=30)

    assert [len(message) for message in said] == [1, 40]


async def test_two_processes_call_once(world: World):
    first, second = Called(world), Called(world)
    await crashes(world)

    assert await first.after(world, minutes=1) + await second.after(world, minutes=1) == [["INC-1"]]


async def test_what_is_not_bad_enough_or_only_for_trying_calls_nobody(world: World):
    called = Called(world, Calling(least=Severity.HIGH))
    await crashes(world)
    assert await called.after(world, minutes=1) == []

    await world.fires(t.SeveritySet, level=Severity.CRITICAL)
    assert await called.after(world, minutes=1) == [["INC-1"]]

    tries = Called(world)
    await crashes(world, 2, environment="staging")
    await crashes(world, 3, dry_run=True)
    assert await tries.after(world, minutes=1) == []


async def test_the_worst_comes_first(world: World):
    called = Called(world)
    await crashes(world, 1)
    await crashes(world, 2)
    await world.fires(t.SeveritySet, 2, level=Severity.CRITICAL)

    assert await called.after(world, minutes=1) == [["INC-2", "INC-1"]]


async def test_in_quiet_hours_only_what_is_critical_calls_and_the_rest_when_they_end(world: World):
    now = world.clock.now()
    hours = quiet_hours(f"{now.hour}-{(now.hour + 2) % 24}")
    called = Called(world, Calling(quiet=hours, again=None))
    await crashes(world, 1)
    await crashes(world, 2)
    await world.fires(t.SeveritySet, 2, level=Severity.CRITICAL)

    assert await called.after(world, minutes=10) == [["INC-2"]]
    assert await called.after(world, hours=2) == [["INC-2"], ["INC-1"]]


async def test_what_was_open_long_before_calls_nobody(world: World):
    await crashes(world)
    world.clock.passes(days=2)

    assert await Called(world).after(world, minutes=1) == []


async def test_a_call_that_did_not_get_through_is_made_again_later(world: World):
    called = Called(world)
    called.fails = True
    await crashes(world)
    with pytest.raises(StepFailed):
        await called.after(world, minutes=1)
    called.fails = False

    assert await called.after(world, minutes=6) == [["INC-1"]]
    assert await called.after(world, minutes=30) == [["INC-1"]] * 2  # as often as where nothing failed


async def test_a_call_that_did_not_get_through_is_not_made_once_somebody_has_it(world: World):
    called = Called(world)
    called.fails = True
    await crashes(world)
    with pytest.raises(StepFailed):
        await called.after(world, minutes=1)
    called.fails = False
    await world.fires(t.Acknowledged)

    assert await called.after(world, minutes=30) == []


@pytest.mark.parametrize(
    ("typed", "at", "holds"),
    [
        ("22-07", "2026-11-23T23:00", True),
        ("22-07", "2026-11-23T06:59", True),
        ("22-07", "2026-11-23T07:00", False),
        ("9-17", "2026-11-23T12:00", True),
        ("9-17", "2026-11-23T08:59", False),
        ("22:30-06:45 Europe/Berlin", "2026-11-23T21:30", True),  # 22:30 there
        ("22:30-06:45 Europe/Berlin", "2026-07-23T20:29", False),
        ("22:30-06:45 Europe/Berlin", "2026-07-23T20:30", True),  # summer
    ],
)
def test_quiet_hours_are_those_of_their_zone(typed: str, at: str, holds: bool):
    assert quiet_hours(typed).hold(datetime.fromisoformat(at).replace(tzinfo=UTC)) is holds


@pytest.mark.parametrize("typed", ["night", "22", "25-99", "22-07 Mars/Base", "22-07 ../etc", "-"])
def test_what_are_no_hours_is_refused(typed: str):
    with pytest.raises(ValueError, match="should"):
        quiet_hours(typed)


async def test_only_whom_the_settings_name_is_mentioned(stage: Stage):
    await stage.world.crashes(payload=a_payload(summary="@everyone <@&1> is down"))
    assert stage.channel

    await stage.channel.call([await stage.world.incident()], role=77)

    (message,) = stage.discord.channels.cards
    assert message["content"].startswith("<@&77>\n**INC-1** low: ")
    assert "@everyone" not in message["content"]
    assert "<@&1>" not in message["content"]


async def test_one_that_somebody_else_moves_just_then_keeps_nobody_from_being_called_about_the_others(world: World):
    for number in (1, 2, 3):
        await crashes(world, number)
    told: list[str] = []

    async def fire(trigger: t.Trigger) -> Receipt:
        if trigger.incident == 2:
            raise Conflict("seq")
        return await world.engine.fire(trigger)

    async def post(incidents: Sequence[Incident]) -> None:
        told.extend(each.name for each in incidents)

    await Caller(world.store, world.clock, fire, Calling(), whom="the role 77", post=post).round()

    assert sorted(told) == ["INC-1", "INC-3"]
