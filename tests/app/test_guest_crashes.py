"""A crash in somebody's own bot opens an incident by itself, whichever way it comes out, and says who was hit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import discord
import pytest
from discord.ext import commands

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.settings import AlertSettings, CodeSettings, DatabaseSettings, DiscordSettings, ProgramSettings, Settings
from kintsugi.bot.address import point_at
from kintsugi.discord import into
from kintsugi.persistence.database import Database
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow.incident import Incident
from tests.world import discord as stand_in
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import ALICE, CHANNEL, GUILD
from tests.world.failing_bots import OF_A_CLIENT, WAYS, Bot, PlainClient, provoke
from tests.world.patience import PATIENCE

ROOT = Path(__file__).parents[2]
BUILD = "c0ffee0" + "0" * 33


def settings(folder: Path, **program: str) -> Settings:
    return Settings(
        database=DatabaseSettings(url=Database.at(folder / "kintsugi.db")),
        discord=DiscordSettings(admin_users=frozenset({ALICE.id}), guilds=frozenset({GUILD})),
        code=CodeSettings(repo=ROOT),
        program=ProgramSettings(build_sha=BUILD, **program),  # type: ignore[arg-type]
    )


class House:
    """A bot with Kintsugi in it, in a Discord."""

    def __init__(self, at: DiscordStandIn, store: SqlStore, bot: Bot | PlainClient) -> None:
        self.at, self.store, self.bot = at, store, bot

    async def until(self, met: Callable[[list[Incident]], bool]) -> list[Incident]:
        async with asyncio.timeout(PATIENCE):
            while not met(found := await self.store.incidents()):
                await asyncio.sleep(0.02)
        return found

    async def counts(self, intent: str, succeeded: int, failed: int) -> None:
        outcomes = self.bot.__kintsugi__.logs.outcomes  # type: ignore[union-attr]
        async with asyncio.timeout(PATIENCE):
            while outcomes.of(intent)[2:] != (succeeded, failed):
                await asyncio.sleep(0.02)


@asynccontextmanager
async def a_house(bot: Bot | PlainClient, settings: Settings) -> AsyncIterator[House]:
    own = bot.setup_hook

    async def setup_hook() -> None:
        await into(bot, bot.tree, Bootstrap(settings))
        await own()

    bot.setup_hook = setup_hook  # type: ignore[method-assign]  # discord.py's own way in
    async with stand_in.serving() as at:
        point_at(at.api, at.gateway)
        running = asyncio.create_task(bot.start(stand_in.TOKEN))
        try:
            await asyncio.wait_for(at.ready.wait(), PATIENCE)
            held = bot.__kintsugi__  # type: ignore[union-attr]
            yield House(at, held._desk.store, bot)
        finally:
            await bot.close()
            await asyncio.gather(running, return_exceptions=True)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("kind", [Bot, PlainClient])
async def test_each_of_the_ways_opens_one_incident_and_the_fixed_build_is_counted_clean(
    tmp_path: Path, kind: type[Bot | PlainClient]
):
    bot = kind()
    ways = tuple(WAYS) if kind is Bot else OF_A_CLIENT

    async with a_house(bot, settings(tmp_path)) as house:
        for number, way in enumerate(ways, 1):
            await provoke(house.at, way)
            await house.until(lambda found, met=number: len(found) >= met)
        incidents = await house.store.incidents()
        payloads = [await house.store.payload(each.id) for each in reversed(incidents)]
        bot.shop.broken = False
        for way in ways:
            await provoke(house.at, way)
            await house.counts(WAYS[way][0], 1, 1)
        assert len(await house.store.incidents()) == len(ways)

    for way, payload in zip(ways, payloads, strict=True):
        intent, passed = WAYS[way]
        frame = payload.exception and payload.exception.innermost
        assert payload.incident.summary.startswith(f"KeyError: '{way}' in tests/world/failing_bots.py:")
        assert payload.incident.opened_by == f"program:{passed}"
        assert frame and frame.function == "fail" and frame.in_project
        assert frame.variables["way"] == f"'{way}'"
        somebody = (None, None) if way == "loop" else (str(ALICE.id), str(CHANNEL))
        assert (payload.request.user, payload.request.channel) == somebody
        assert payload.request.intent == intent
        assert payload.build.sha == BUILD
