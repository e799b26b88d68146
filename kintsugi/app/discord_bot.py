"""The bot in Discord on the configured database: the ready-made one, and what every bot's commands work on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import discord
from discord import app_commands

from kintsugi.app.alerts import reported
from kintsugi.app.bootstrap import real_parts
from kintsugi.app.desk import Desk
from kintsugi.app.settings import Settings
from kintsugi.app.unconfigured import Silence
from kintsugi.bot import About, Access, Attached, Deploys, DiscordChannel, Parts, Probe, attach
from kintsugi.bot.address import point_at
from kintsugi.bot.presence import Tell, logged_in
from kintsugi.bot.status import Probes
from kintsugi.commands.doctor import OFF, OK, Finding, check_deployer, check_github, check_model, check_sheet
from kintsugi.commands.outcome import UsageError
from kintsugi.persistence.database import parse_url, sqlite_file
from kintsugi.telemetry import Telemetry
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.production import Production
from kintsugi.workflow.times import roughly

_REFUSED = "KINTSUGI_DISCORD_TOKEN: Discord refuses it. Make a new one and set it."
_MEND = {4004: "Its token is no longer good: make a new one, set KINTSUGI_DISCORD_TOKEN and start again."}
_NO_INTENTS = "Discord refuses the bot an intent: switch it on in the developer portal, under Bot."

_TOO_LATE = timedelta(minutes=10)  # for an effect to be due and not begun

Looked = Callable[[], datetime | None]


class Client(discord.Client):
    """The ready-made bot: it needs no privileged intent, and reads no message but its own."""

    def __init__(self, desk: Desk, settings: Settings, logs: Telemetry) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True), allowed_mentions=discord.AllowedMentions.none(), max_messages=None
        )
        self.tree = app_commands.CommandTree(self)
        self.channel = channel_of(self, desk, settings)
        self.looked: Looked = lambda: None  # when the worker beside it last looked at the world
        self._desk, self._settings, self._logs = desk, settings, logs
        logs.watch(self)

    def _looked(self) -> datetime | None:
        return self.looked()

    async def setup_hook(self) -> None:
        parts = parts_of(self._desk, self._settings, self._logs, self.channel, self._looked)
        await attached(self.tree, parts, self._settings, self.channel)


async def run_bot(client: Client, settings: Settings, tell: Tell) -> None:
    """Be in Discord until cancelled. `tell` hears when it has to wait for it.

    Raises UsageError where Discord refuses the token or the intents, StepFailed where it ends the connection for good.
    """
    async with client:
        await _logged_in(client, settings, tell)
        try:
            await client.connect()
        except discord.PrivilegedIntentsRequired as error:
            raise UsageError(_NO_INTENTS) from error
        except discord.ConnectionClosed as error:
            mend = _MEND.get(error.code, "")
            raise StepFailed(f"Discord ended the connection for good ({error.code}). {mend}".strip()) from error


@asynccontextmanager
async def announcer(
    desk: Desk, settings: Settings, tell: Tell
) -> AsyncIterator[tuple[discord.Client, DiscordChannel | None]]:
    """A client and its channel that log in and do not connect: for whoever tells, and does not hear.

    Whoever tells before that is done waits for it. `tell` hears when it takes long. Raises UsageError in a group.
    """
    point_at(settings.discord_api_base, settings.discord_gateway_url)
    async with discord.Client(intents=discord.Intents.none(), max_messages=None) as client:
        channel = channel_of(client, desk, settings)

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


async def _logged_in(client: discord.Client, settings: Settings, tell: Tell) -> None:
    assert settings.discord_token
    try:
        await logged_in(client, settings.discord_token.get_secret_value(), tell)
    except discord.LoginFailure as error:
        raise UsageError(_REFUSED) from error


def a_client(desk: Desk, settings: Settings, logs: Telemetry) -> Client:
    """The ready-made bot, not yet logged in."""
    point_at(settings.discord_api_base, settings.discord_gateway_url)
    return Client(desk, settings, logs)


def channel_of(client: discord.Client, desk: Desk, settings: Settings) -> DiscordChannel | None:
    """Where incidents are shown; None where that is not configured."""
    if settings.discord_channel is None:
        return None
    alone = sqlite_file(parse_url(settings.database_url)) is not None
    return DiscordChannel(client, settings.discord_channel, debts=desk.store.debts, alone=alone)


def access_of(settings: Settings) -> Access:
    return Access(settings.discord_admin_roles, settings.discord_admin_users, settings.discord_guilds)


def deploy_access_of(settings: Settings) -> Access:
    """Who may deploy: those named for it, else the admins."""
    roles, users = settings.discord_deploy_roles, settings.discord_deploy_users
    return Access(roles, users, settings.discord_guilds) if roles or users else access_of(settings)


async def attached(
    tree: app_commands.CommandTree[discord.Client], parts: Parts, settings: Settings, channel: DiscordChannel | None
) -> Attached:
    world = real_parts(settings, channel or Silence())
    deploys = Deploys(Production(world.code_host, world.deployer, world.changes), deploy_access_of(settings))
    return await attach(tree, parts, access_of(settings), channel=channel, deploys=deploys)


def parts_of(
    desk: Desk,
    settings: Settings,
    logs: Telemetry,
    channel: DiscordChannel | None = None,
    looked: Looked = lambda: None,
) -> Parts:
    def report(summary: str, actor: str) -> Payload:
        return reported("\n".join(logs.recent()), desk, settings, logs, summary=summary, actor=actor)

    return Parts(
        store=desk.store,
        clock=desk.clock,
        fire=desk.engine.fire,
        report=report,
        recent=logs.recent,
        probes=Probes(_probes(desk, settings)),
        about=About(settings.env_name, settings.build() or "", desk.clock.now(), lambda: logs.dropped, looked),
        token=channel.token if channel else None,
        two_persons=settings.discord_two_persons,
        dry_run=settings.dry_run,
        rounds_allowed=settings.rounds,
    )


def _probes(desk: Desk, settings: Settings) -> dict[str, Probe]:
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

    return {
        "database": database,
        "effects": effects,
        "model": _as_probe(check_model, settings),
        "GitHub": _as_probe(check_github, settings),
        "deployer": _as_probe(check_deployer, settings),
        "sheet": _as_probe(check_sheet, settings),
    }


def _as_probe(check: Callable[[Settings], Awaitable[Finding]], settings: Settings) -> Probe:
    """One of the doctor's looks."""

    async def probe() -> str | None:
        finding = await check(settings)
        if finding.how == OFF:
            return None
        if finding.how == OK:
            return finding.says
        raise StepFailed(finding.says)

    return probe
