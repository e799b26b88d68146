"""What of the service is in Discord: the bot, and who speaks there."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import discord

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.desk import Desk
from kintsugi.app.discord_bot import Bots, Client, Looked, announcer, caller_of, run_bot
from kintsugi.app.settings import DiscordSettings
from kintsugi.bot import DiscordChannel
from kintsugi.bot.presence import Tell
from kintsugi.executors.turns import by_turns
from kintsugi.persistence.leases import Leases
from kintsugi.workflow.errors import StepFailed

log = logging.getLogger("kintsugi.service")

__all__ = ["Bot", "bot_of", "caller_of", "voice"]

GATEWAY = "discord"  # the lease's name


@dataclass
class Bot:
    """The bot of this process: one client, or where processes take turns, another one each turn."""

    make: Callable[[], Client]
    by_turns: bool
    looked: Looked = lambda: None

    def client(self) -> Client:
        client = self.make()
        client.looked = self._looked
        return client

    async def be_there(self, desk: Desk, settings: DiscordSettings, tell: Tell, *, alone: bool) -> None:
        """Connected as long as we live; or, where there are several processes, while it is our turn.

        Raises StepFailed where Discord wants no more of us and there is nothing else to do.
        """

        async def connected() -> None:
            await run_bot(self.client(), settings, tell)

        try:
            if self.by_turns:
                says = "Another process is connected to Discord; this one takes over when it ends."
                await by_turns(Leases(desk.store), GATEWAY, connected, lambda: tell(says))
            else:
                await connected()
        except StepFailed as over:
            if alone:
                raise
            tell(f"{over} The rest of the service runs.")
            log.warning("discord_stopped", extra={"why": str(over)})

    def _looked(self) -> datetime | None:
        return self.looked()


def bot_of(bots: Bots) -> Bot:
    if bots.one_process:
        client = bots.client()
        return Bot(lambda: client, by_turns=False)
    return Bot(bots.client, by_turns=True)


@asynccontextmanager
async def voice(
    desk: Desk, bootstrap: Bootstrap, bot: Bot | None, tell: Tell
) -> AsyncIterator[tuple[discord.Client | None, DiscordChannel | None]]:
    """Who speaks in Discord here: the bot, if it is there as long as we are; else a client that is not connected."""
    settings = bootstrap.settings
    if bot and not bot.by_turns:
        client = bot.client()
        yield client, client.channel
    elif settings.discord.channel or settings.alerts.channel:
        async with announcer(
            desk, settings.discord, bootstrap.database.one_process, tell, bootstrap.incident_url
        ) as speaking:
            yield speaking
    else:
        yield None, None
