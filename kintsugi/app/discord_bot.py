"""The bot in Discord on the configured database: the ready-made one, and what every bot's commands work on."""

from __future__ import annotations

import asyncio
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
from kintsugi.bot import About, Access, Attached, BotNeeds, Deploys, DiscordChannel, Names, Probe, put_in
from kintsugi.bot.address import point_at
from kintsugi.bot.presence import REFUSED, Tell, logged_in
from kintsugi.bot.status import Probes
from kintsugi.telemetry import Telemetry
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.errors import SettingsError, StepFailed
from kintsugi.workflow.times import roughly

_MEND = {4004: "Its token is no longer good: make a new one, set KINTSUGI_DISCORD_TOKEN and start again."}
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
        await put_into(self.tree, parts, self._bootstrap, self.channel).go_online()


async def run_bot(client: Client, settings: DiscordSettings, tell: Tell) -> None:
    """Be in Discord until cancelled. `tell` hears when it has to wait for it.

    Raises SettingsError where Discord refuses the token or the intents, StepFailed where it ends the connection for
    good.
    """
    async with client:
        await _logged_in(client, settings, tell)
        try:
            await client.connect()
        except discord.PrivilegedIntentsRequired as error:
            raise SettingsError(_NO_INTENTS) from error
        except discord.ConnectionClosed as error:
            mend = _MEND.get(error.code, "")
            raise StepFailed(f"Discord ended the connection for good ({error.code}). {mend}".strip()) from error


@asynccontextmanager
async def announcer(
    desk: Desk, bootstrap: Bootstrap, tell: Tell
) -> AsyncIterator[tuple[discord.Client, DiscordChannel | None]]:
    """A client and its channel that log in and do not connect: for whoever tells, and does not hear.

    Whoever tells before that is done waits for it. `tell` hears when it takes long. Raises SettingsError in a group.
    """
    settings = bootstrap.settings.discord
    point_at(settings.api_base, settings.gateway_url)
    async with discord.Client(intents=discord.Intents.none(), max_messages=None) as client:
        channel = channel_of(client, desk, bootstrap)

        async def go_online() -> None:
            await _logged_in(client, settings, tell)
            if channel:
                channel.online()

        async with asyncio.TaskGroup() as group:
            going = group.create_task(go_online())
            yield client, channel
            going.cancel()
        if channel:
            await channel.close()


async def _logged_in(client: discord.Client, settings: DiscordSettings, tell: Tell) -> None:
    assert settings.token
    try:
        await logged_in(client, settings.token.get_secret_value(), tell)
    except discord.LoginFailure as error:
        raise SettingsError(REFUSED) from error


def a_client(desk: Desk, bootstrap: Bootstrap, logs: Telemetry) -> Client:
    """The ready-made bot, not yet logged in."""
    point_at(bootstrap.settings.discord.api_base, bootstrap.settings.discord.gateway_url)
    return Client(desk, bootstrap, logs)


def channel_of(client: discord.Client, desk: Desk, bootstrap: Bootstrap) -> DiscordChannel | None:
    """Where incidents are shown; None where that is not configured."""
    channel = bootstrap.settings.discord.channel
    if channel is None:
        return None
    alone, debug = bootstrap.database.one_process, bootstrap.settings.discord.debug_command
    return DiscordChannel(client, channel, owed=desk.store.owed, alone=alone, debug=debug)


def access_of(settings: DiscordSettings) -> Access:
    return Access(settings.admin_roles, settings.admin_users, settings.guilds)


def deploy_access_of(settings: DiscordSettings) -> Access:
    """Who may deploy: those named for it, else the admins."""
    roles, users = settings.deploy_roles, settings.deploy_users
    return Access(roles, users, settings.guilds) if roles or users else access_of(settings)


def put_into(
    tree: app_commands.CommandTree[Any], parts: BotNeeds, bootstrap: Bootstrap, channel: DiscordChannel | None
) -> Attached:
    """The commands in this tree, and nothing said to Discord yet. Raises NameTaken."""
    settings = bootstrap.settings.discord
    deploys = Deploys(bootstrap.production(), deploy_access_of(settings))
    return put_in(tree, parts, access_of(settings), channel=channel, deploys=deploys)


async def missing(desk: Desk, bootstrap: Bootstrap) -> tuple[str, ...]:
    """A sentence for each thing without which an incident rests, as far as this process can know."""
    lines = []
    if not bootstrap.settings.discord.has_admins:
        ways = "KINTSUGI_DISCORD_ADMIN_ROLES or KINTSUGI_DISCORD_ADMIN_USERS"
        lines.append(f"Nobody may use the commands: set {ways}.")
    if not await desk.executor.attended():
        lines.append("No worker is running on this database: start one with `kintsugi run --only worker`.")
    for each in (bootstrap.model, bootstrap.code_host):
        if each.missing:
            lines.append(
                f"No {each.name} is set here ({each.missing.set}): unless the worker has one, {each.missing.meanwhile}."
            )
    return tuple(lines)


def parts_of(
    desk: Desk,
    bootstrap: Bootstrap,
    logs: Telemetry,
    channel: DiscordChannel | None = None,
    looked: Looked = lambda: None,
) -> BotNeeds:
    settings, intake = bootstrap.settings, bootstrap.intake(desk)

    async def open_issue(summary: str, *, key: str, actor: str, dry_run: bool) -> Receipt:
        log = logs.recent()
        return await intake.read("\n".join(log), key=key, actor=actor, summary=summary, log=log, dry_run=dry_run)

    return BotNeeds(
        store=desk.store,
        clock=desk.clock,
        fire=desk.engine.fire,
        open_issue=open_issue,
        recent=logs.recent,
        probes=Probes(_probes(desk, bootstrap)),
        about=About(settings.program.env_name, bootstrap.build or "", desk.clock.now(), lambda: logs.dropped, looked),
        token=channel.token if channel else None,
        two_persons=settings.discord.two_persons,
        names=Names(settings.discord.debug_command, settings.discord.deploy_command),
        missing=lambda: missing(desk, bootstrap),
    )


def _probes(desk: Desk, bootstrap: Bootstrap) -> dict[str, Probe]:
    async def database() -> str:
        await desk.store.next_due()
        return "answers"

    async def effects() -> str:
        figures = await desk.store.figures()
        late = f", the oldest due for {roughly(figures.late())}" if figures.late() else ""
        says = f"{figures.owed} owed{late}, {figures.stuck} stuck"
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
