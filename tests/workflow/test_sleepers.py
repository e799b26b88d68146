"""A worker that is stopped while it performs, and goes on when others have long done it: it says nothing that is old."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from kintsugi.persistence.database import Database
from kintsugi.workflow.effects import performers
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.states import Effect, State
from tests.world.ports import Heard
from tests.world.world import World, a_world


class Sleepy(Heard):
    """A channel whose worker is stopped, once, in the middle of saying something."""

    def __init__(self, said: list[tuple[int, State]], sleeps: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.said, self._sleeps, self._slept = said, sleeps, False

    async def announce(self, incident: Incident) -> None:
        if not self._slept:
            self._slept = True
            await self._sleeps()
        self.said.append((incident.seq, incident.state))


@pytest.fixture
async def world(database_url: Database) -> AsyncIterator[World]:
    async with a_world(database_url) as world:
        yield world


async def others_go_on(world: World) -> None:
    """Its lease runs out, and others bring the incident to where a human is asked."""
    world.clock.passes(minutes=3)
    await world.settles()


async def test_what_a_sleeper_said_over_newer_news_is_told_anew(world: World):
    said: list[tuple[int, State]] = []

    async def sleeps() -> None:
        await others_go_on(world)

    world.channel = Sleepy(said, _wakes_at_once)
    await world.crashes()
    sleeper = replace(world.tools(), channel=Sleepy(said, sleeps))
    await world.engine.run_effect("1:announce:1", performers(sleeper))
    over = said[-1]
    await world.settles()

    assert over == (1, State.CAPTURED), "it woke up in the middle of its sentence"
    assert said[-1][1] is State.AWAITING_CONFIRM
    assert await world.state() is State.AWAITING_CONFIRM


async def test_who_wakes_before_its_first_word_says_nothing(world: World):
    said: list[tuple[int, State]] = []
    await world.crashes()
    claims = performers(replace(world.tools(), channel=Sleepy(said, _wakes_at_once)))

    async def late(claim: object) -> object:
        await others_go_on(world)
        return await claims[Effect.ANNOUNCE](claim)  # type: ignore[arg-type]

    await world.engine.run_effect("1:announce:1", {Effect.ANNOUNCE: late})  # type: ignore[dict-item]

    assert said == []


async def _wakes_at_once() -> None:
    return None
