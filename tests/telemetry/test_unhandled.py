"""Every exception that nobody handled passes one place, once, whichever way it left the bot."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import discord
import pytest

from kintsugi.bot.address import point_at
from kintsugi.telemetry import install
from kintsugi.telemetry.handler import Seen
from kintsugi.telemetry.started import Started
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


@pytest.mark.parametrize(
    ("logger", "template", "way"),
    [
        ("celery.app.trace", "Task %(name)s[%(id)s] %(description)s: %(exc)s", "job"),
        ("gunicorn.error", "Error handling request %s", "request"),
        ("uvicorn.error", "Exception in ASGI application\n", "request"),
        ("aiohttp.server", "Error handling request from %s", "request"),
        ("discord.ext.commands.bot", "Ignoring exception in command %s", "command"),
        ("discord.client", "Attempting a reconnect in %.2fs", ""),
        ("discord.ext.tasks", "Handling exception in internal background task %s. Retrying in %.2fs", ""),
        ("shop", "Ignoring exception in %s", ""),
    ],
)
def test_a_librarys_last_word_of_an_exception_is_known(installed, logger: str, template: str, way: str):
    ear = Ear()
    installed.telemetry.listen(ear)
    record = logging.LogRecord(logger, logging.ERROR, "", 0, template, None, (KeyError, KeyError("x"), None))

    logging.getLogger(logger).handle(record)

    assert [seen.way for seen in ear.passed] == ([way] if way else [])


async def test_a_held_task_that_nobody_awaits_is_a_failure_and_one_that_somebody_does_is_none():
    telemetry = install(stream=io.StringIO(), mode="ring")
    ear, started = Ear(), Started(telemetry.outcomes, unawaited_after=0.01)
    telemetry.listen(ear)

    async def fails(name: str) -> None:
        raise KeyError(name)

    held = asyncio.create_task(fails("held"))
    with pytest.raises(KeyError):
        await asyncio.create_task(fails("awaited"))
    await until(lambda: bool(ear.passed))
    started.close()
    telemetry.close()

    assert held.done()
    assert [(seen.way, str(seen.error), seen.context.intent) for seen in ear.passed] == [
        ("background task", "'held'", f"{FAILS} (task)")
    ]
    assert telemetry.outcomes.of(f"{FAILS} (task)").failed >= 1


FAILS = "fails"
