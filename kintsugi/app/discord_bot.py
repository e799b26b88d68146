"""The bot in Discord on the configured database: the ready-made one, and what every bot's commands work on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import discord
from discord import app_commands

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.connectors import OFF, OK, Connector
from kintsugi.app.desk import Desk
from kintsugi.app.settings import DiscordSettings
from kintsugi.bot import About, Access, Attached, Deploys, DiscordChannel, Parts, Probe, attach
from kintsugi.bot.address import point_at
from kintsugi.bot.status import Probes
from kintsugi.telemetry import Telemetry
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.errors import SettingsError, StepFailed
from kintsugi.workflow.times import roughly

_REFUSED = "KINTSUGI_DISCORD_TOKEN: Discord refuses it. Make a new one and set it."
_NO_INTENTS = "Discord refuses the bot an intent: switch it on in the developer portal, under Bot."

_TOO_LATE = timedelta(minutes=10)  # for an effect to be due and not begun

Looked = Callable[[], datetime | None]


class Client(discord.Client):
    """The ready-made bot: it needs no privileged intent, and reads no message but its own."""

    def __init__(self, desk: Desk, bootstrap: Bootstrap, logs: Telemetry) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True), allowed_mentions=discord.AllowedMentions.none(), max_messages=None
        )
        self.tree = app_commands.CommandTree(self)
        self.channel = channel_of(self, desk, bootstrap)
        self.looked: Looked = lambda: None  # when the worker beside it last looked at the world
        self._desk, self._bootstrap, self._logs = desk, bootstrap, logs
        logs.watch(self)

    def _looked(self) -> datetime | None:
        return self.looked()

    async def setup_hook(self) -> None:
        parts = parts_of(self._desk, self._bootstrap, self._logs, self.channel, self._looked)
        await attached(self.tree, parts, self._bootstrap, self.channel)


async def run_bot(client: Client, bootstrap: Bootstrap) -> None:
    """Be in Discord until cancelled. Raises SettingsError where Discord refuses the token or the intents."""
    assert bootstrap.settings.discord.token
    async with client:
        try:
            await client.start(bootstrap.settings.discord.token.get_secret_value())
        except discord.LoginFailure as error:
            raise SettingsError(_REFUSED) from error
        except discord.PrivilegedIntentsRequired as error:
            raise SettingsError(_NO_INTENTS) from error


@asynccontextmanager
async def announcer(desk: Desk, bootstrap: Bootstrap) -> AsyncIterator[tuple[discord.Client, DiscordChannel | None]]:
    """A client and its channel that are logged in and not connected: for whoever tells, and does not hear.

    Raises SettingsError.
    """
    assert bootstrap.settings.discord.token
    point_at(bootstrap.settings.discord.api_base, bootstrap.settings.discord.gateway_url)
    async with discord.Client(intents=discord.Intents.none(), max_messages=None) as client:
        channel = channel_of(client, desk, bootstrap)
        try:
            await client.login(bootstrap.settings.discord.token.get_secret_value())
        except discord.LoginFailure as error:
            raise SettingsError(_REFUSED) from error
        if channel is None:
            yield client, None
            return
        channel.online()
        yield client, channel
        await channel.close()


def a_client(desk: Desk, bootstrap: Bootstrap, logs: Telemetry) -> Client:
    """The ready-made bot, not yet logged in."""
    point_at(bootstrap.settings.discord.api_base, bootstrap.settings.discord.gateway_url)
    return Client(desk, bootstrap, logs)


def channel_of(client: discord.Client, desk: Desk, bootstrap: Bootstrap) -> DiscordChannel | None:
    """Where incidents are shown; None where that is not configured."""
    channel = bootstrap.settings.discord.channel
    if channel is None:
        return None
    return DiscordChannel(client, channel, debts=desk.store.debts, alone=bootstrap.database.one_process)


def access_of(settings: DiscordSettings) -> Access:
    return Access(settings.admin_roles, settings.admin_users, settings.guilds)


def deploy_access_of(settings: DiscordSettings) -> Access:
    """Who may deploy: those named for it, else the admins."""
    roles, users = settings.deploy_roles, settings.deploy_users
    return Access(roles, users, settings.guilds) if roles or users else access_of(settings)


async def attached(
    tree: app_commands.CommandTree[discord.Client], parts: Parts, bootstrap: Bootstrap, channel: DiscordChannel | None
) -> Attached:
    settings = bootstrap.settings.discord
    deploys = Deploys(bootstrap.production(), deploy_access_of(settings))
    return await attach(tree, parts, access_of(settings), channel=channel, deploys=deploys)


def parts_of(
    desk: Desk,
    bootstrap: Bootstrap,
    logs: Telemetry,
    channel: DiscordChannel | None = None,
    looked: Looked = lambda: None,
) -> Parts:
    settings, intake = bootstrap.settings, bootstrap.intake(desk)

    async def open_issue(summary: str, *, key: str, actor: str, dry_run: bool) -> Receipt:
        log = logs.recent()
        return await intake.read("\n".join(log), key=key, actor=actor, summary=summary, log=log, dry_run=dry_run)

    return Parts(
        store=desk.store,
        clock=desk.clock,
        fire=desk.engine.fire,
        open_issue=open_issue,
        recent=logs.recent,
        probes=Probes(_probes(desk, bootstrap)),
        about=About(settings.program.env_name, bootstrap.build or "", desk.clock.now(), lambda: logs.dropped, looked),
        token=channel.token if channel else None,
        two_persons=settings.discord.two_persons,
    )


def _probes(desk: Desk, bootstrap: Bootstrap) -> dict[str, Probe]:
    async def database() -> str:
        await desk.store.next_due()
        return "answers"

    async def effects() -> str:
        figures = await desk.store.figures()
        late = f", the oldest due for {roughly(figures.late())}" if figures.late() else ""
        says = f"{figures.debts} owed{late}, {figures.stuck} stuck"
        if figures.late() > _TOO_LATE:
            raise StepFailed(f"{says}: is a worker running?")
        return says

    services = {each.name: _as_probe(each) for each in bootstrap.connectors}
    return {"database": database, "effects": effects, **services}


def _as_probe(connector: Connector[Any]) -> Probe:
    """The doctor's look at a service."""

    async def probe() -> str | None:
        finding = await connector.look()
        if finding.how == OFF:
            return None
        if finding.how == OK:
            return finding.says
        raise StepFailed(finding.says)

    return probe
