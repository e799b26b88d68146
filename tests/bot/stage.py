"""Discord, a world, and a bot with its channel that can be ended and started again, as a process would be."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import discord
from discord import app_commands

from kintsugi import telemetry
from kintsugi.app.discord_bot import InWords
from kintsugi.app.places import Places
from kintsugi.bot import About, Access, Attached, BotNeeds, Deploys, DiscordChannel, attach
from kintsugi.bot.address import point_at
from kintsugi.bot.gate import Gate
from kintsugi.bot.status import Probes
from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.persistence.database import Database
from kintsugi.workflow.asking import Rules
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.production import Production
from kintsugi.workflow.rates import Rate
from kintsugi.workflow.states import Effect
from tests.world import discord as stand_in
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import ADMIN_ROLE, CHANNEL, GUILD
from tests.world.ports import Heard, ScriptedCommits
from tests.world.world import World, a_world

ADMINS = Access(roles=frozenset({ADMIN_ROLE}), guilds=frozenset({GUILD}))


class Both:
    """The Channel port to Discord, and what was said to it."""

    def __init__(self, heard: Heard, channel: DiscordChannel) -> None:
        self.heard, self.channel, self.tokens = heard, channel, heard.tokens

    async def announce(self, incident: Incident) -> None:
        await self.channel.announce(incident)
        await self.heard.announce(incident)

    async def ask(self, incident: Incident, token: str) -> None:
        await self.channel.ask(incident, token)
        await self.heard.ask(incident, token)

    def progress(self, incident: Incident, step: Effect, words: str) -> None:
        self.channel.progress(incident, step, words)
        self.heard.progress(incident, step, words)


class Stage:
    def __init__(self, discord_: DiscordStandIn, world: World, logs: telemetry.Telemetry) -> None:
        self.discord, self.world, self.logs = discord_, world, logs
        self.heard = world.channel
        self.two_persons = False
        self.environment = "test"
        self.deploys = ADMINS
        self.rate = Rate(8, 20)  # of a user's commands
        self.channel: DiscordChannel | None = None
        self.client: discord.Client | None = None
        self.attached: Attached | None = None
        self._running: asyncio.Task[None]

    @property
    def card(self) -> dict[str, Any]:
        """The only card there is."""
        (card,) = self.discord.channels.cards
        return card

    def parts(self, channel: DiscordChannel) -> BotNeeds:
        intake = Intake(fire=self.world.engine.fire, clock=self.world.clock, program=Program())
        return BotNeeds(
            store=self.world.store,
            clock=self.world.clock,
            fire=self.world.engine.fire,
            reporting=InWords(intake, self.logs, Places(lambda: None, lambda: None)),
            recent=self.logs.recent,
            probes=Probes({}, fresh=0),
            about=About(self.environment, "c0ffee0", self.world.clock.now()),
            token=channel.token,
            rules=Rules(self.two_persons),
        )

    def gate(self, access: Access) -> Gate:
        return Gate(access, per_user=self.rate, per_guild=self.rate)

    async def starts(self, **options: Any) -> None:
        """A bot, as `kintsugi run` makes it."""
        point_at(self.discord.api, self.discord.gateway)
        client = discord.Client(intents=discord.Intents(guilds=True), max_messages=None, **options)
        tree = app_commands.CommandTree(client)
        channel = DiscordChannel(client, CHANNEL, owed=self.world.store.owed, pause=timedelta())
        deploys = Deploys(
            Production(self.world.host, self.world.deployer, ScriptedCommits()), self.deploys, self.gate(self.deploys)
        )

        async def set_up() -> None:
            self.attached = await attach(
                tree, self.parts(channel), ADMINS, gate=self.gate(ADMINS), channel=channel, deploys=deploys
            )

        client.setup_hook = set_up  # type: ignore[method-assign]  # discord.py's own way in
        self.client, self.channel = client, channel
        self.world.channel = Both(self.heard, channel)  # type: ignore[assignment]
        self.discord.ready.clear()
        self._running = asyncio.create_task(client.start(stand_in.TOKEN))
        ready = asyncio.create_task(self.discord.ready.wait())
        await asyncio.wait({self._running, ready}, return_when=asyncio.FIRST_COMPLETED)
        assert ready.done(), self._running.exception()

    async def ends(self) -> None:
        """The bot is gone, and with it all it knew."""
        if self.client is None or self.channel is None:
            return
        await self.channel.close()
        await self.client.close()
        await asyncio.gather(self._running, return_exceptions=True)
        self.client = None

    async def restarts(self) -> None:
        await self.ends()
        await self.starts()


@asynccontextmanager
async def a_stage(url: Database) -> AsyncIterator[Stage]:
    logs = telemetry.install(stream=io.StringIO())
    try:
        async with stand_in.serving() as discord_, a_world(url) as world:
            stage = Stage(discord_, world, logs)
            try:
                yield stage
            finally:
                await stage.ends()
    finally:
        logs.close()
