"""The bot in Discord on the configured database: the ready-made one, and what every bot's commands work on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import discord
from discord import app_commands

from kintsugi.app.connectors import OFF, OK, Connector, LeftOut
from kintsugi.app.desk import Desk
from kintsugi.app.places import Places
from kintsugi.app.settings import DiscordSettings
from kintsugi.bot import About, Access, Attached, BotNeeds, Deploys, DiscordChannel, Names, Offer, Probe, put_in
from kintsugi.bot.address import point_at
from kintsugi.bot.caller import Caller
from kintsugi.bot.presence import REFUSED, Tell, logged_in
from kintsugi.bot.status import Probes
from kintsugi.capture.intake import Intake
from kintsugi.capture.recent import recent_failures
from kintsugi.telemetry import Telemetry
from kintsugi.workflow.asking import Role, Rules
from kintsugi.workflow.errors import SettingsError, StepFailed
from kintsugi.workflow.ports import Receipt
from kintsugi.workflow.production import Production
from kintsugi.workflow.times import roughly

_MEND = {4004: "Its token is no longer good: make a new one, set KINTSUGI_DISCORD_TOKEN and start again."}
_NO_INTENTS = "Discord refuses the bot an intent: switch it on in the developer portal, under Bot."

_TOO_LATE = timedelta(minutes=10)  # for an effect to be due and not begun

Looked = Callable[[], datetime | None]


class Client(discord.Client):
    """The ready-made bot: it needs no privileged intent, and reads no message but its own."""

    def __init__(self, bots: Bots) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True), allowed_mentions=discord.AllowedMentions.none(), max_messages=None
        )
        self.tree = app_commands.CommandTree(self)
        self.channel = bots.channel(self)
        self.looked: Looked = lambda: None  # when the worker beside it last looked at the world
        self._bots = bots
        bots.logs.watch(self)

    def _looked(self) -> datetime | None:
        return self.looked()

    async def setup_hook(self) -> None:
        needs = self._bots.needs(self.channel, self._looked)
        await self._bots.put_into(self.tree, needs, self.channel).go_online()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bots:
    """Makes what is in Discord: the ready-made bot, a client that only tells, the commands for any bot."""

    settings: DiscordSettings
    desk: Desk
    logs: Telemetry
    intake: Intake
    one_process: bool
    environment: str
    build: str | None
    connectors: Sequence[Connector[Any]]
    rests_without: Sequence[Connector[Any]]  # without which an incident rests
    production: Callable[[], Production]
    pages: str  # an address with {} for an incident's number
    places: Places

    def client(self) -> Client:
        """The ready-made bot, not yet logged in."""
        point_at(self.settings.api_base, self.settings.gateway_url)
        return Client(self)

    def channel(self, client: discord.Client) -> DiscordChannel | None:
        """Where incidents are shown; None where that is not configured."""
        return channel_of(client, self.desk, self.settings, self.one_process, self.pages)

    def put_into(
        self, tree: app_commands.CommandTree[Any], needs: BotNeeds, channel: DiscordChannel | None
    ) -> Attached:
        """The commands in this tree, and nothing said to Discord yet. Raises NameTaken."""
        deploys = Deploys(self.production(), deploy_access_of(self.settings))
        return put_in(tree, needs, access_of(self.settings), channel=channel, deploys=deploys)

    def needs(self, channel: DiscordChannel | None, looked: Looked = lambda: None) -> BotNeeds:
        """What the commands are handed."""
        now, settings = self.desk.clock.now(), self.settings
        return BotNeeds(
            store=self.desk.store,
            clock=self.desk.clock,
            fire=self.desk.engine.fire,
            reporting=InWords(self.intake, self.logs, self.places),
            recent=self.logs.recent,
            probes=Probes(_probes(self.desk, self.connectors)),
            about=About(self.environment, self.build or "", now, lambda: self.logs.dropped, looked),
            token=channel.token if channel else None,
            rules=Rules(settings.two_persons),
            names=Names(settings.debug_command, settings.deploy_command),
            missing=self._missing,
        )

    async def _missing(self) -> tuple[str, ...]:
        """A sentence for each thing without which an incident rests, as far as this process can know."""
        lines = []
        if not self.settings.has_admins:
            ways = "KINTSUGI_DISCORD_ADMIN_ROLES or KINTSUGI_DISCORD_ADMIN_USERS"
            lines.append(f"Nobody may use the commands: set {ways}.")
        if not await self.desk.executor.attended():
            lines.append("No worker is running on this database: start one with `kintsugi run --only worker`.")
        lines += [_rests(each.name, each.missing) for each in self.rests_without if each.missing]
        return tuple(lines)


@dataclass(frozen=True, slots=True)
class InWords:
    """What a person reports in Discord, beside this process's log."""

    intake: Intake
    logs: Telemetry
    found: Places

    async def open(
        self, words: str, *, key: str, actor: str, dry_run: bool = False, about: str = "", place: str = ""
    ) -> Receipt:
        log = self.logs.recent()
        return await self.intake.told(words, key=key, actor=actor, log=log, about=about, place=place, dry_run=dry_run)

    async def failures(self) -> list[Offer]:
        found = await asyncio.to_thread(recent_failures, self.logs.recent())
        return [Offer(each.id, each.summary) for each in found]

    async def places(self, words: str, most: int = 3) -> list[str]:
        return await self.found.likely(words, most=most)


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
    desk: Desk, settings: DiscordSettings, one_process: bool, tell: Tell, pages: str = ""
) -> AsyncIterator[tuple[discord.Client, DiscordChannel | None]]:
    """A client and its channel that log in and do not connect: for whoever tells, and does not hear.

    Whoever tells before that is done waits for it. `tell` hears when it takes long. Raises SettingsError in a group.
    """
    point_at(settings.api_base, settings.gateway_url)
    async with discord.Client(intents=discord.Intents.none(), max_messages=None) as client:
        channel = channel_of(client, desk, settings, one_process, pages)

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


def channel_of(
    client: discord.Client, desk: Desk, settings: DiscordSettings, one_process: bool, pages: str = ""
) -> DiscordChannel | None:
    """Where incidents are shown; None where that is not configured."""
    if settings.channel is None:
        return None
    return DiscordChannel(
        client, settings.channel, owed=desk.store.owed, alone=one_process, debug=settings.debug_command, pages=pages
    )


async def _logged_in(client: discord.Client, settings: DiscordSettings, tell: Tell) -> None:
    assert settings.token
    try:
        await logged_in(client, settings.token.get_secret_value(), tell)
    except discord.LoginFailure as error:
        raise SettingsError(REFUSED) from error


def caller_of(desk: Desk, settings: DiscordSettings, channel: DiscordChannel) -> Caller | None:
    """Who calls people about incidents; None where nobody is to be called."""
    if not settings.ping:
        return None
    is_user, id = settings.ping.startswith("user:"), int(settings.ping.rpartition(":")[2])
    post = partial(channel.call, user=id) if is_user else partial(channel.call, role=id)
    whom = f"the user {id}" if is_user else f"the role {id}"
    return Caller(desk.store, desk.clock, desk.engine.fire, settings.calling, whom=whom, post=post)


def access_of(settings: DiscordSettings) -> Access:
    return Access(settings.admin_roles, settings.admin_users, settings.guilds)


def lists_of(settings: DiscordSettings) -> dict[Role, Access]:
    """Who may what."""
    return {Role.DEBUG: access_of(settings), Role.DEPLOY: deploy_access_of(settings)}


def deploy_access_of(settings: DiscordSettings) -> Access:
    """Who may deploy: those named for it, else the admins."""
    roles, users = settings.deploy_roles, settings.deploy_users
    return Access(roles, users, settings.guilds) if roles or users else access_of(settings)


def _rests(name: str, missing: LeftOut) -> str:
    return f"No {name} is set here ({missing.set}): unless the worker has one, {missing.meanwhile}."


def _probes(desk: Desk, connectors: Sequence[Connector[Any]]) -> dict[str, Probe]:
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

    services = {each.name: _as_probe(each) for each in connectors}
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
