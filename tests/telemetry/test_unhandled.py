"""Every exception that nobody handled passes one place, once, whichever way it left the bot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import discord
import pytest

from kintsugi.bot.address import point_at
from kintsugi.telemetry.handler import Seen
from tests.world import discord as stand_in
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import ALICE, CHANNEL
from tests.world.failing_bots import OF_A_CLIENT, WAYS, Bot, PlainClient, provoke
from tests.world.patience import PATIENCE


class Ear:
    """Hears which failures pass."""

    least_level = logging.DEBUG

    def __init__(self) -> None:
        self.passed: list[Seen] = []

    def see(self, seen: Seen) -> None:
        if seen.way:
            self.passed.append(seen)

    def close(self) -> None:
        """Nothing is waiting."""


@asynccontextmanager
async def online(bot: discord.Client) -> AsyncIterator[DiscordStandIn]:
    async with stand_in.serving() as at:
        point_at(at.api, at.gateway)
        running = asyncio.create_task(bot.start(stand_in.TOKEN))
        await asyncio.wait_for(at.ready.wait(), PATIENCE)
        yield at
        await bot.close()
        await running


async def until(met) -> None:
    async with asyncio.timeout(PATIENCE):
        while not met():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", [Bot, PlainClient])
async def test_each_way_to_fail_passes_once_bound_and_counted(installed, kind: type[Bot | PlainClient]):
    bot, ear = kind(), Ear()
    installed.telemetry.watch(bot)
    installed.telemetry.listen(ear)
    outcomes = installed.telemetry.outcomes
    ways = tuple(WAYS) if kind is Bot else OF_A_CLIENT

    async with online(bot) as at:
        for number, way in enumerate(ways, 1):
            await provoke(at, way)
            await until(lambda met=number: len(ear.passed) >= met)
        bot.shop.broken = False
        for way in ways:
            await provoke(at, way)
        await until(lambda: all(outcomes.of(WAYS[way][0]).succeeded for way in ways))

    assert [seen.way for seen in ear.passed] == [WAYS[way][1] for way in ways]
    assert [str(seen.error) for seen in ear.passed] == [f"'{way}'" for way in ways]
    for way, seen in zip(ways, ear.passed, strict=True):
        assert seen.context.intent == WAYS[way][0]
        assert seen.error_id
        somebody = (None, None) if way == "loop" else (str(ALICE.id), str(CHANNEL))
        assert (seen.context.user, seen.context.channel) == somebody
        assert outcomes.of(WAYS[way][0])[2:] == (1, 1), way
