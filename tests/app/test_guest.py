"""In somebody's own bot: its commands stay as they are, ours come and go, whatever the order of things."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from kintsugi.app.settings import read_settings
from kintsugi.bot.address import point_at
from kintsugi.discord import into
from kintsugi.workflow.errors import SettingsError
from tests.world import discord as stand_in
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import ADMIN_ROLE, ALICE, GUILD
from tests.world.patience import PATIENCE

OWN = ["buy", "deals", "help", "price", "stock"]
OURS = ["debug", "deploy"]
SCOPE = discord.Object(GUILD)

Step = Callable[["Shop"], Awaitable[object]]


class Shop(commands.Bot):
    """A bot as it comes from a template, with five commands of its own. `steps` are its `setup_hook`."""

    def __init__(self, *steps: Step, own: tuple[str, ...] = tuple(OWN)) -> None:
        super().__init__("!", intents=discord.Intents(guilds=True))
        self.steps = steps
        for name in own:
            self.tree.add_command(app_commands.Command(name=name, description="Its own.", callback=_sold))

    async def setup_hook(self) -> None:
        for step in self.steps:
            await step(self)


async def _sold(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("sold")


async def loads(bot: commands.Bot) -> None:
    await bot.load_extension("kintsugi.discord")


async def syncs(bot: commands.Bot) -> None:
    await bot.tree.sync()


async def copies_and_syncs(bot: commands.Bot) -> None:
    bot.tree.copy_global_to(guild=SCOPE)
    await bot.tree.sync(guild=SCOPE)


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As they are in somebody's environment, and in a folder of its own."""
    for name in [name for name in os.environ if name.startswith("KINTSUGI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KINTSUGI_DISCORD_ADMIN_ROLES", str(ADMIN_ROLE))
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
async def at() -> AsyncIterator[DiscordStandIn]:
    async with stand_in.serving() as at:
        point_at(at.api, at.gateway)
        yield at


@asynccontextmanager
async def online(at: DiscordStandIn, bot: discord.Client) -> AsyncIterator[None]:
    at.ready.clear()
    running = asyncio.create_task(bot.start(stand_in.TOKEN))
    ready = asyncio.create_task(at.ready.wait())
    try:
        await asyncio.wait({running, ready}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        yield
    finally:
        ready.cancel()
        await bot.close()
        await asyncio.gather(running, return_exceptions=True)


async def ran_before(at: DiscordStandIn, *steps: Step) -> None:
    """The bot as it was before anybody thought of Kintsugi."""
    async with online(at, Shop(*steps)):
        pass


def calls(at: DiscordStandIn, method: str) -> list[str]:
    return [call for call in at.weather.calls if call.startswith(method) and call.endswith("/commands")]


# --- its commands and ours --------------------------------------------------------------------------------------


@pytest.mark.parametrize("guild", [None, GUILD], ids=["everywhere", "in one server"])
@pytest.mark.parametrize(
    "steps",
    [(loads,), (loads, syncs), (syncs, loads), (loads, copies_and_syncs), (copies_and_syncs, loads)],
    ids=["no sync", "before its sync", "after its sync", "before it copies", "after it copied"],
)
async def test_the_five_of_the_bot_are_there_before_and_after(
    at: DiscordStandIn, settings: pytest.MonkeyPatch, steps: tuple[Step, ...], guild: int | None
):
    if guild:
        settings.setenv("KINTSUGI_DISCORD_GUILDS", str(guild))
    copies = copies_and_syncs in steps
    scope = GUILD if copies else None
    await ran_before(at, copies_and_syncs if copies else syncs)
    before, own_syncs = at.registered.ids(scope), len(calls(at, "PUT"))
    assert sorted(before) == OWN

    bot = Shop(*steps)
    async with online(at, bot):
        answer = await at.slash("/debug incidents", ALICE)
        assert before.items() <= at.registered.ids(scope).items()
        assert set(OURS) <= set(at.registered.names(guild))
        own_syncs += len(set(steps) - {loads})

        await (copies_and_syncs if copies else syncs)(bot)  # as its owner may, at any time

        assert before.items() <= at.registered.ids(scope).items()
        assert set(OURS) <= set(at.registered.names(guild))
    assert answer.says == "No incidents."
    assert len(calls(at, "PUT")) == own_syncs + 1  # the bot's own, and none of ours


async def test_loaded_before_the_login_it_waits_for_it(at: DiscordStandIn):
    await ran_before(at, syncs)
    bot = Shop()
    async with bot:
        await loads(bot)
        assert calls(at, "POST") == []
        async with online(at, bot):
            await at.registered.has(*OURS)
            answer = await at.slash("/debug incidents", ALICE)

    assert answer.says == "No incidents."
    assert at.registered.names() == sorted(OWN + OURS)


async def test_a_restart_sends_nothing_that_discord_has_already(at: DiscordStandIn):
    await ran_before(at, syncs, loads)
    ids, created, sent = at.registered.ids(), at.registered.created, len(calls(at, "POST"))

    await ran_before(at, loads)

    assert at.registered.ids() == ids
    assert at.registered.created == created
    assert len(calls(at, "POST")) == sent == 2


async def test_what_changed_is_sent_and_keeps_its_id(at: DiscordStandIn):
    await ran_before(at, loads)
    ids = at.registered.ids()
    older = next(each for each in at.registered.listed[None] if each["name"] == "debug")
    older["options"] = [each for each in older["options"] if each["name"] != "logs"]  # as a version without it

    await ran_before(at, loads)

    assert "logs" in [each["name"] for each in at.commands[0]["options"]]
    assert at.registered.ids() == ids


async def test_unloaded_ours_are_gone_and_its_own_are_not(at: DiscordStandIn, tmp_path: Path):
    await ran_before(at, syncs)
    before, handlers, bot = at.registered.ids(), list(logging.getLogger().handlers), Shop(loads)
    async with online(at, bot):
        await bot.unload_extension("kintsugi.discord")

        assert at.registered.ids() == before
        assert sorted(command.name for command in bot.tree.get_commands()) == OWN
        assert opened_in(tmp_path) == []
        assert logging.getLogger().handlers == handlers
        assert not any(bot.extra_events.values())
        await loads(bot)
        assert (await at.slash("/debug incidents", ALICE)).says == "No incidents."


async def test_at_the_bots_end_discord_keeps_the_commands_and_the_bot_keeps_nothing(at: DiscordStandIn, tmp_path: Path):
    bot = Shop(loads)
    async with online(at, bot):
        pass

    assert at.registered.names() == OURS
    assert bot.tree.get_commands() != []
    assert sorted(command.name for command in bot.tree.get_commands()) == OWN
    assert opened_in(tmp_path) == []


async def test_what_attaching_gives_need_not_be_kept(at: DiscordStandIn):
    import gc

    async def attaches(bot: commands.Bot) -> None:
        await into(bot, bot.tree)

    async with online(at, Shop(attaches)):
        gc.collect()
        opened = await at.slash("/debug open-issue", ALICE, summary="Checkout answers 500")
        status = await at.slash("/debug status", ALICE)

    assert opened.says.startswith("**INC-1** is captured")
    for what in ("No worker is running", "No model is set here", "No repository is set here"):
        assert what in opened.says
        assert what in status.everything


async def test_a_plain_client_with_a_tree_is_a_bot_too(at: DiscordStandIn, tmp_path: Path):
    client = discord.Client(intents=discord.Intents(guilds=True))
    tree = app_commands.CommandTree(client)
    heard: list[str] = []

    @client.event
    async def on_interaction(interaction: discord.Interaction) -> None:
        heard.append(str(interaction.type))

    await into(client, tree)
    async with online(at, client):
        await at.registered.has(*OURS)
        answer = await at.slash("/debug incidents", ALICE)

    assert answer.says == "No incidents."
    assert heard == ["InteractionType.application_command"]
    assert opened_in(tmp_path) == []


async def test_the_names_can_be_set_and_the_sentences_follow(at: DiscordStandIn, settings: pytest.MonkeyPatch):
    settings.setenv("KINTSUGI_DISCORD_DEBUG_COMMAND", "incidents-of-ours")
    settings.setenv("KINTSUGI_DISCORD_DEPLOY_COMMAND", "ship")
    bot = Shop(loads, own=("debug", "deploy"))
    async with online(at, bot):
        await bot.tree.sync()
        opened = await at.slash("/incidents-of-ours open-issue", ALICE, summary="Checkout answers 500")

    assert at.registered.names() == ["debug", "deploy", "incidents-of-ours", "ship"]
    assert "/incidents-of-ours incident id:1" in opened.says


async def test_another_name_takes_the_place_of_the_one_before(at: DiscordStandIn, settings: pytest.MonkeyPatch):
    await ran_before(at, syncs, loads)
    settings.setenv("KINTSUGI_DISCORD_DEBUG_COMMAND", "kintsugi")

    await ran_before(at, loads)

    assert at.registered.names() == sorted([*OWN, "deploy", "kintsugi"])


@pytest.mark.parametrize("name", ["Debug", "de bug", "/debug", "", "x" * 33, "deploy"])
def test_a_name_that_discord_would_refuse_is_refused_first(settings: pytest.MonkeyPatch, name: str):
    settings.setenv("KINTSUGI_DISCORD_DEBUG_COMMAND", name)
    if not name:  # not configured
        assert read_settings().discord.debug_command == "debug"
        return
    with pytest.raises(SettingsError, match="KINTSUGI_DISCORD_(DEBUG|DEPLOY)_COMMAND: should"):
        read_settings()


# --- wholly or not at all ---------------------------------------------------------------------------------------


def opened_in(folder: Path) -> list[str]:
    """The files below this folder that this process has open."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [path for link in links if (path := str(link.readlink())).startswith(str(folder))]


def a_folder_in_the_way(tmp_path: Path, settings: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").mkdir()
    settings.setenv("KINTSUGI_DATABASE_URL", "sqlite:///taken")


def no_database_at_all(tmp_path: Path, settings: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.db").write_text("These are my notes, and no database. " * 50)
    settings.setenv("KINTSUGI_DATABASE_URL", "sqlite:///notes.db")


def nobody_serves_it(tmp_path: Path, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("KINTSUGI_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")


def anothers_tables(tmp_path: Path, settings: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE incident (id INTEGER)")
    connection.close()
    settings.setenv("KINTSUGI_DATABASE_URL", "sqlite:///shop.db")


def a_wrong_setting(tmp_path: Path, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("KINTSUGI_TELEMETRY", "loud")


def bad_rules(tmp_path: Path, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("KINTSUGI_ALERT_RULES", "nowhere.toml")


def an_unsigned_webhook(tmp_path: Path, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("KINTSUGI_ALERT_WEBHOOK_URL", "https://hooks.example/x")


def anothers_server(tmp_path: Path, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("KINTSUGI_DISCORD_GUILDS", f"{GUILD}, 99999")


def nothing_is_wrong(tmp_path: Path, settings: pytest.MonkeyPatch) -> None:
    """But for the bot."""


@pytest.mark.parametrize(
    ("breaks", "own", "says"),
    [
        (a_folder_in_the_way, OWN, r"The database could not be opened: .*KINTSUGI_DATABASE_URL is sqlite:///taken\."),
        (no_database_at_all, OWN, r"The database could not be opened: file is not a database"),
        (nobody_serves_it, OWN, r"The database could not be opened: connection .*postgresql://nobody@127"),
        (anothers_tables, OWN, r"The database has tables that are not ours: `incident`\."),
        (a_wrong_setting, OWN, r"KINTSUGI_TELEMETRY: should be 'ring', 'json' or 'off'"),
        (bad_rules, OWN, r"KINTSUGI_ALERT_RULES: .*nowhere\.toml"),
        (an_unsigned_webhook, OWN, r"KINTSUGI_ALERT_WEBHOOK_SECRET: set it"),
        (anothers_server, OWN, r"Discord does not let this bot have commands in a server of KINTSUGI_DISCORD_GUILDS"),
        (nothing_is_wrong, ["debug"], r"has a command /debug already\. Set KINTSUGI_DISCORD_DEBUG_COMMAND to another"),
        (nothing_is_wrong, ["deploy"], r"has a command /deploy already\. Set KINTSUGI_DISCORD_DEPLOY_COMMAND to"),
        (nothing_is_wrong, [f"own{i}" for i in range(99)], r"This bot has 100 commands already"),
    ],
)
async def test_what_cannot_be_is_one_sentence_and_leaves_nothing(
    at: DiscordStandIn,
    settings: pytest.MonkeyPatch,
    tmp_path: Path,
    breaks: Callable[[Path, pytest.MonkeyPatch], None],
    own: list[str],
    says: str,
):
    breaks(tmp_path, settings)
    bot, found = Shop(own=tuple(own)), []

    async def tries(bot: commands.Bot) -> None:
        with pytest.raises(commands.ExtensionFailed, match=rf"CannotAttach: .*{says}") as refused:
            await loads(bot)
        found.append(str(refused.value.original))

    bot.steps = (tries,)
    before = vars(bot).copy(), vars(bot.tree).copy(), list(logging.getLogger().handlers)
    async with online(at, bot):
        pass

    assert len(found[0].splitlines()) == 1
    assert sorted(command.name for command in bot.tree.get_commands()) == sorted(own)
    assert bot.tree.get_commands(guild=SCOPE) == []
    assert vars(bot).keys() == before[0].keys()
    assert vars(bot.tree).keys() == before[1].keys()
    assert logging.getLogger().handlers == before[2]
    assert logging.Logger.callHandlers.__module__ == "logging"
    assert not any(bot.extra_events.values())
    assert opened_in(tmp_path) == []
    assert set(at.registered.names()) | set(at.registered.names(GUILD)) == set()
