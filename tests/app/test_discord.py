"""The commands as they are started: `kintsugi run --only discord`, and inside somebody's own bot."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import discord
import pytest
from discord.ext import commands

from kintsugi.app.alerts import connect, installed
from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.guest import InYourBot
from kintsugi.app.settings import AlertSettings, DatabaseSettings, DiscordSettings, Settings
from kintsugi.bot.address import point_at
from kintsugi.discord import into
from kintsugi.persistence.database import Database
from kintsugi.workflow.errors import SettingsError
from tests.world import discord as stand_in
from tests.world import terminal
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import ADMIN_ROLE, ALICE, CHANNEL, GUILD, MALLORY
from tests.world.patience import PATIENCE
from tests.world.terminal import StartedInLoop

ROOT = Path(__file__).parents[2]
_AUDIOOP = "ignore:'audioop' is deprecated:DeprecationWarning"  # discord.py 2.7 imports it on Python below 3.13


def environment(at: DiscordStandIn, token: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "KINTSUGI_DISCORD_TOKEN": token,
        "KINTSUGI_DISCORD_ADMIN_ROLES": f"17, {ADMIN_ROLE}",
        "KINTSUGI_DISCORD_GUILDS": str(GUILD),
        "KINTSUGI_DISCORD_API_BASE": at.api,
        "KINTSUGI_DISCORD_GATEWAY_URL": at.gateway,
    }


async def start(folder: Path, at: DiscordStandIn, token: str = stand_in.TOKEN) -> StartedInLoop:
    return await terminal.start_in_loop(["run", "--only", "discord"], folder, environment(at, token))


async def test_the_bot_answers_until_it_is_told_to_stop(tmp_path: Path):
    async with stand_in.serving() as at:
        process = await start(tmp_path, at)
        try:
            await asyncio.wait_for(at.ready.wait(), PATIENCE)
            opened = await at.slash("/debug open-issue", ALICE, summary="Checkout answers 500")
            refused = await at.slash("/debug incidents", MALLORY)
            status = await at.slash("/debug status", ALICE)
        finally:
            process.send_signal(signal.SIGTERM)
            _, rest = await asyncio.wait_for(process.communicate(), PATIENCE)

    assert opened.says.startswith("**INC-1** is captured: Checkout answers 500")
    assert refused.says.startswith("You may not do this here.")
    assert "✅ **database** answers" in status.everything
    assert "✅ **effects** 2 owed" in status.everything
    assert process.returncode == 0, rest


async def test_a_token_that_discord_refuses_is_named(tmp_path: Path):
    async with stand_in.serving() as at:
        process = await start(tmp_path, at, "another")
        _, said = await asyncio.wait_for(process.communicate(), PATIENCE)

    assert process.returncode == 2
    assert said.decode().endswith("KINTSUGI_DISCORD_TOKEN: Discord refuses it. Make a new one and set it.\n")


async def test_an_intent_that_discord_refuses_is_named(tmp_path: Path):
    async with stand_in.serving() as at:
        at.refuses = 4014
        process = await start(tmp_path, at)
        _, said = await asyncio.wait_for(process.communicate(), PATIENCE)

    assert process.returncode == 2
    assert said.decode().endswith(
        "Discord refuses the bot an intent: switch it on in the developer portal, under Bot.\n"
    )


class Shop(commands.Bot):
    """Somebody's own bot, with a command of its own."""

    def __init__(self, bootstrap: Bootstrap) -> None:
        super().__init__("!", intents=discord.Intents(guilds=True))
        self.bootstrap = bootstrap
        self.kintsugi: InYourBot | None = None

    async def setup_hook(self) -> None:
        @self.tree.command(name="price", guild=discord.Object(GUILD))
        async def price(interaction: discord.Interaction) -> None:
            """What it costs."""

        self.kintsugi = await into(self, self.tree, self.bootstrap)


async def test_in_your_own_bot_the_commands_come_and_go(tmp_path: Path):
    settings = Settings(
        database=DatabaseSettings(url=Database.at(tmp_path / "kintsugi.db")),
        discord=DiscordSettings(admin_users=frozenset({ALICE.id}), guilds=frozenset({GUILD})),
    )
    async with stand_in.serving() as at:
        point_at(at.api, at.gateway)
        bot = Shop(Bootstrap(settings))
        running = asyncio.create_task(bot.start(stand_in.TOKEN))
        try:
            seen = await at.slash("/debug incidents", ALICE)
            assert at.registered.names(GUILD) == ["debug", "deploy"]  # the bot's own is its own to register
            assert bot.kintsugi
            await bot.kintsugi.close()
            left = [command.name for command in bot.tree.get_commands(guild=discord.Object(GUILD))]
        finally:
            await bot.close()
            await asyncio.gather(running, return_exceptions=True)

    assert seen.says == "No incidents."
    assert left == ["price"]


async def test_an_alert_of_your_bot_is_posted_and_opens_an_incident_once(tmp_path: Path):
    (tmp_path / "rules.toml").write_text('[[rule]]\nname = "payments"\nsummary = "Payments fail"\ntext = "gateway"\n')
    settings = Settings(
        database=DatabaseSettings(url=Database.at(tmp_path / "kintsugi.db")),
        discord=DiscordSettings(admin_users=frozenset({ALICE.id}), guilds=frozenset({GUILD})),
        alerts=AlertSettings(rules=tmp_path / "rules.toml", channel=CHANNEL, incidents=True),
    )
    async with stand_in.serving() as at:
        point_at(at.api, at.gateway)
        bot = Shop(Bootstrap(settings))
        running = asyncio.create_task(bot.start(stand_in.TOKEN))
        try:
            await asyncio.wait_for(at.ready.wait(), PATIENCE)
            for _ in range(5):
                logging.getLogger("shop").error("gateway down", exc_info=TimeoutError("no answer in 5 s"))
            async with asyncio.timeout(PATIENCE):
                while "INC-1" not in (seen := await at.slash("/debug incidents", ALICE)).says or not at.channels.cards:
                    await asyncio.sleep(3)  # the gate admits eight in twenty seconds
        finally:
            await bot.close()
            await asyncio.gather(running, return_exceptions=True)
            assert bot.kintsugi
            await bot.kintsugi.close()

    (posted,) = at.channels.cards
    assert "**Payments fail**" in posted["content"]
    assert "INC-2" not in seen.says
    assert "Payments fail" in seen.says


def test_a_bad_rules_file_and_an_unsigned_webhook_are_named(tmp_path: Path):
    (tmp_path / "rules.toml").write_text("[[rule]]\nthreshold = 3\n")
    with pytest.raises(SettingsError, match="KINTSUGI_ALERT_RULES: .*a rule has no name"):
        installed(AlertSettings(rules=tmp_path / "rules.toml"), None)
    logs = installed(AlertSettings(), None)
    with pytest.raises(SettingsError, match="KINTSUGI_ALERT_WEBHOOK_SECRET"):
        connect(logs, AlertSettings(webhook_url="https://hooks.example/x"), None, None)  # type: ignore[arg-type]  # no intake is needed for it
    logs.close()


class Extended(commands.Bot):
    """Another one, with the three lines of the documents."""

    async def setup_hook(self) -> None:
        await self.load_extension("kintsugi.discord")


async def test_as_an_extension_it_ends_with_the_bot(tmp_path: Path):
    script = "import asyncio, sys; from tests.app.test_discord import extended; asyncio.run(extended(*sys.argv[1:]))"
    async with stand_in.serving() as at:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-W", _AUDIOOP, "-c", script, at.api, at.gateway),
            cwd=tmp_path,
            env=environment(at, stand_in.TOKEN),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        ended = asyncio.create_task(process.communicate())
        ready = asyncio.create_task(at.ready.wait())
        await asyncio.wait({ended, ready}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        assert not ended.done(), ended.result()
        seen = await at.slash("/debug incidents", ALICE)
        printed, said = await ended

    assert seen.says == "No incidents."
    assert printed.decode() == "left: []\n", said


async def extended(api: str, gateway: str) -> None:
    """The extended bot, until it has answered once."""
    point_at(api, gateway)
    bot = Extended("!", intents=discord.Intents(guilds=True))
    answered = asyncio.Event()

    async def on_app_command_completion(*_: object) -> None:
        answered.set()

    bot.add_listener(on_app_command_completion)
    running = asyncio.create_task(bot.start(stand_in.TOKEN))
    await asyncio.wait_for(answered.wait(), PATIENCE)
    await bot.close()
    await running
    print("left:", bot.tree.get_commands(guild=discord.Object(GUILD)))
