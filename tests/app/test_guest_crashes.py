"""A crash in somebody's own bot opens an incident by itself, whichever way it comes out, and says who was hit."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from discord.ext import commands

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.desk import opened
from kintsugi.app.settings import (
    AlertSettings,
    CodeSettings,
    DatabaseSettings,
    DiscordSettings,
    ProgramSettings,
    Settings,
)
from kintsugi.bot.address import point_at
from kintsugi.discord import into
from kintsugi.persistence.database import Database
from kintsugi.persistence.store import SqlStore
from kintsugi.telemetry import Telemetry
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

    def __init__(self, at: DiscordStandIn, store: SqlStore, logs: Telemetry) -> None:
        self.at, self.store, self.logs = at, store, logs

    async def until(self, met: Callable[[list[Incident]], bool]) -> list[Incident]:
        async with asyncio.timeout(PATIENCE):
            while not met(found := await self.store.incidents()):
                await asyncio.sleep(0.02)
        return found

    async def counts(self, intent: str, succeeded: int, failed: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.logs.outcomes.of(intent)[2:] != (succeeded, failed):
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
            yield House(at, held._desk.store, held.logs)
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


async def incidents_in(folder: Path) -> list[Incident]:
    async with opened(Database.at(folder / "kintsugi.db")) as desk:
        return await desk.store.incidents()


HANDLED = ("logged", "in words", "handed over", "printed", "printed in words", "its traceback printed")
log = logging.getLogger("shop")


class Careful(Bot):
    """Handles what fails, and keeps a word of it; in one way or another, or several."""

    def __init__(self) -> None:
        super().__init__()

        @self.command()
        async def careful(ctx: commands.Context[Bot], *, ways: str) -> None:
            for way in ways.split(", "):
                try:
                    self.shop.fail(way)
                except KeyError as error:
                    keeps_a_word(way, error)

        @self.command()
        async def marker(ctx: commands.Context[Bot]) -> None:
            raise LookupError("marker")


def keeps_a_word(way: str, error: KeyError) -> None:
    match way:
        case "logged":
            log.exception("no bill")
        case "in words":
            log.error(f"no bill: {error}")  # as many do
        case "handed over":
            log.error("no bill: %s", error)
        case "printed":
            print(error)
        case "printed in words":
            print(f"no bill: {error}")
        case "its traceback printed":
            traceback.print_exc()
        case "several times":
            print(error)
            traceback.print_exc()
            log.exception("no bill")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_what_the_bot_handled_opens_nothing_and_is_kept_with_its_traceback(tmp_path: Path):
    bot = Careful()

    async with a_house(bot, settings(tmp_path)) as house:
        await house.at.says(f"!careful {', '.join(HANDLED)}")
        await house.at.says("!marker")
        [marker] = await house.until(bool)
        lines = [json.loads(line) for line in house.logs.recent(500, "WARNING")]

    assert marker.summary.startswith("LookupError: marker")
    for way in HANDLED:
        assert any(f"KeyError: '{way}'" in (line["exception"] or "") and line["intent"] == "careful" for line in lines)


async def test_one_setting_makes_incidents_of_what_it_handled_and_each_is_one(tmp_path: Path):
    bot = Careful()

    async with a_house(bot, settings(tmp_path, capture="logged")) as house:
        await house.at.says(f"!careful {', '.join(HANDLED)}, several times")
        await house.at.says("!marker")
        marker, handled = await house.until(lambda found: len(found) > 1)

    assert (marker.count, handled.count) == (1, len(HANDLED) + 1)


async def test_switched_off_nothing_is_opened(tmp_path: Path):
    bot = Careful()

    async with a_house(bot, settings(tmp_path, capture="off")) as house:
        await house.at.says("!marker")
        await house.counts("marker", 0, 1)

    assert await incidents_in(tmp_path) == []


async def test_a_rule_makes_an_incident_of_what_was_handled(tmp_path: Path):
    (tmp_path / "rules.toml").write_text('[[rule]]\nname = "bills"\nsummary = "No bills"\ntext = "no bill"\n')
    bot = Careful()
    rules = AlertSettings(rules=tmp_path / "rules.toml", incidents=True)

    async with a_house(bot, settings(tmp_path).model_copy(update={"alerts": rules})) as house:
        await house.at.says("!careful logged")
        [found] = await house.until(bool)

    assert (found.summary, found.opened_by) == ("No bills", "alert:bills")


async def test_a_storm_of_one_failure_is_one_incident_that_counts_all_of_it(tmp_path: Path):
    bot = Careful()

    async with a_house(bot, settings(tmp_path)) as house:
        for _ in range(30):
            await house.at.says("!marker")
        [found] = await house.until(lambda found: bool(found) and found[0].count == 30)

    assert found.summary.startswith("LookupError: marker")


async def test_an_exception_that_ends_the_bot_is_an_incident_before_its_database_closes(tmp_path: Path):
    bot = Careful()

    async def lives() -> None:
        async with bot:
            await bot.login(stand_in.TOKEN)
            await into(bot, bot.tree, Bootstrap(settings(tmp_path)))
            raise ConnectionError("the bank is closed")

    async with stand_in.serving() as at:
        point_at(at.api, at.gateway)
        with pytest.raises(ConnectionError):
            await lives()

    [found] = await incidents_in(tmp_path)
    assert (found.summary.partition(" in ")[0], found.opened_by) == (
        "ConnectionError: the bank is closed",
        "program:end of the program",
    )
