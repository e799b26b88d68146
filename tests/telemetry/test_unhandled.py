"""Every exception that nobody handled passes one place, once, whichever way it left the bot."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from kintsugi.bot.address import point_at
from kintsugi.telemetry import bind, install
from kintsugi.telemetry.context import bind_run
from kintsugi.telemetry.events import about
from kintsugi.telemetry.handler import Seen
from kintsugi.telemetry.runs import Run
from kintsugi.telemetry.started import Started
from kintsugi.telemetry.unhandled import is_refusal, leaves, mark_of, root_of
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


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (Bot, logging.INFO),
        (PlainClient, logging.INFO),
        pytest.param(Bot, logging.CRITICAL, id="hides discord.py's log"),
    ],
)
async def test_each_way_to_fail_passes_once_bound_and_counted(
    installed, request: pytest.FixtureRequest, kind: type[Bot | PlainClient], level: int
):
    bot, ear, discords = kind(), Ear(), logging.getLogger("discord")
    request.addfinalizer(partial(discords.setLevel, discords.level))
    discords.setLevel(level)
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


class Strict(Bot):
    """Admits nobody to its commands; its error handlers raise again what they do not know."""

    def __init__(self) -> None:
        super().__init__()
        self.raised: list[str] = []
        self.add_check(lambda _: False)
        self.tree.error(self.on_tree_error)

        @self.tree.command(description="For nobody")
        @app_commands.check(lambda _: False)
        async def closed(interaction: discord.Interaction) -> None: ...

    async def on_command_error(self, ctx: commands.Context[Bot], error: commands.CommandError, /) -> None:
        self.raised.append(type(error).__name__)
        raise error

    async def on_tree_error(self, interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        self.raised.append(type(error).__name__)
        raise error


async def test_a_refusal_that_a_bots_error_handler_raises_again_is_no_failure():
    telemetry = install(stream=io.StringIO(), mode="ring")
    bot, ear, console = Strict(), Ear(), logging.StreamHandler(io.StringIO())
    telemetry.watch(bot)
    telemetry.listen(ear)
    logging.getLogger("kintsugi.telemetry").addHandler(console)

    async with online(bot) as at:
        await at.says("!nothing-like-it")
        await at.says("!prefix 3")
        await at.sends("/closed")
        await at.says("!listener")
        await until(lambda: bool(ear.passed) and len(bot.raised) == 5)
    logging.getLogger("kintsugi.telemetry").removeHandler(console)
    telemetry.close()

    assert sorted(bot.raised) == ["CheckFailure"] * 3 + ["CommandNotFound"] * 2  # of an interaction it is asked twice
    assert [seen.way for seen in ear.passed] == ["listener"]
    assert console.stream.getvalue() == ""


@pytest.mark.parametrize(
    ("kind", "is_one"),
    [
        (app_commands.CheckFailure, True),
        (commands.CommandNotFound, True),
        (app_commands.MissingApplicationID, False),
        (KeyError, False),
    ],
)
def test_what_a_user_may_not_is_a_refusal_and_what_stops_the_bot_is_none(kind: type[Exception], is_one: bool):
    assert is_refusal(kind("x")) is is_one


@pytest.mark.parametrize("library", ["discord", "nextcord", "disnake", "lightbulb"])
def test_what_a_librarys_exception_was_made_of_is_the_failure(library: str):
    made = type("CommandInvocationError", (Exception,), {"__module__": f"{library}.errors", "original": KeyError("x")})

    assert str(root_of(made("An error occurred during command 'dice' invocation"))) == "'x'"


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


class Refused(Exception):
    """Of the program's own."""


@pytest.mark.parametrize("kind", [Refused, ValueError])
def test_a_failure_of_a_run_travels_to_another_process_as_it_was(installed, kind: type[Exception]):
    with bind(intent="pay"):
        bind_run(Run(installed.telemetry.outcomes, "pay"))
        leaves(error := kind("no money"), "background task")

    arrived = pickle.loads(pickle.dumps(error))

    assert (type(arrived), arrived.args) == (kind, ("no money",))
    assert mark_of(error).way == "background task"
    assert not mark_of(arrived).way
    assert kind is not Refused or not vars(error)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python 3.13 starts no thread twice: run this on 3.11 or 3.12")
def test_a_thread_that_could_not_be_started_at_first_does_its_work(installed):
    done = threading.Event()

    def work() -> None:
        done.set()

    thread = threading.Thread(target=work)
    before = threading.stack_size(1 << 46)  # more than there is
    try:
        with pytest.raises(RuntimeError):
            thread.start()
    finally:
        threading.stack_size(before)
    thread.start()
    thread.join(PATIENCE)

    assert done.is_set()


async def test_what_a_bot_tells_its_own_listeners_is_not_looked_into():
    class Order:
        @property
        def message(self) -> str:
            raise RuntimeError("asks the database")

    assert about("paid", (Order(),)) == {"intent": "paid", "user": None, "channel": None, "entities": None}


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
