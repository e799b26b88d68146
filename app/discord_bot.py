"""The commands in Discord on the configured database: in a bot of ours, or in somebody's own discord.py bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import discord
from discord import app_commands

import telemetry
from app.commands.common import a_desk
from app.commands.doctor import OFF, OK, Finding, check_deployer, check_github, check_model
from app.commands.outcome import UsageError
from app.desk import Desk
from app.settings import Settings, read_settings
from bot import About, Access, Attached, Parts, Probe, attach
from bot.address import point_at
from bot.status import Probes
from capture.build import build_payload
from telemetry import Telemetry
from workflow.errors import StepFailed
from workflow.payload import Payload


class Client(discord.Client):
    """The ready-made bot: it needs no privileged intent, and reads no message."""

    def __init__(self, parts: Parts, access: Access, logs: Telemetry) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True), allowed_mentions=discord.AllowedMentions.none(), max_messages=None
        )
        self.tree = app_commands.CommandTree(self)
        self._parts, self._access = parts, access
        logs.watch(self)

    async def setup_hook(self) -> None:
        await attach(self.tree, self._parts, self._access)


async def run_bot(desk: Desk, settings: Settings, logs: Telemetry) -> None:
    """Be in Discord until cancelled. Raises UsageError where Discord refuses the token."""
    assert settings.discord_token
    point_at(settings.discord_api_base, settings.discord_gateway_url)
    async with Client(_parts(desk, settings, logs), access_of(settings), logs) as client:
        try:
            await client.start(settings.discord_token.get_secret_value())
        except discord.LoginFailure as error:
            raise UsageError("KINTSUGI_DISCORD_TOKEN: Discord refuses it. Make a new one and set it.") from error


@dataclass(frozen=True, slots=True)
class InYourBot:
    """What was opened for somebody's own bot."""

    attached: Attached
    _opened: AsyncExitStack

    async def close(self) -> None:
        """Leave nothing behind: no command in the tree, no open database, no log handler."""
        await self.attached.close()
        await self._opened.aclose()


async def into(
    bot: discord.Client, tree: app_commands.CommandTree[discord.Client], settings: Settings | None = None
) -> InYourBot:
    """Put the commands into your bot, in its `setup_hook`. A worker beside it performs what incidents owe."""
    settings = settings or read_settings()
    async with AsyncExitStack() as opening:
        logs = telemetry.install(bot, build=settings.build_sha)
        opening.callback(logs.close)
        desk = await opening.enter_async_context(a_desk(settings))
        attached = await attach(tree, _parts(desk, settings, logs), access_of(settings))
        return InYourBot(attached, opening.pop_all())


def access_of(settings: Settings) -> Access:
    return Access(settings.discord_admin_roles, settings.discord_admin_users, settings.discord_guilds)


def _parts(desk: Desk, settings: Settings, logs: Telemetry) -> Parts:
    def report(summary: str, actor: str) -> Payload:
        return build_payload(
            "\n".join(logs.recent()),
            root=_folder(settings),
            summary=summary,
            opened_by=actor,
            build_sha=settings.build_sha,
            environment=settings.env_name,
            now=desk.clock.now(),
        )

    return Parts(
        store=desk.store,
        clock=desk.clock,
        fire=desk.engine.fire,
        report=report,
        recent=logs.recent,
        probes=Probes(_probes(desk, settings)),
        about=About(settings.env_name, settings.build_sha or "", desk.clock.now(), lambda: logs.dropped),
        dry_run=settings.dry_run,
        rounds_allowed=settings.rounds,
    )


def _folder(settings: Settings) -> Path | None:
    return settings.repo


def _probes(desk: Desk, settings: Settings) -> dict[str, Probe]:
    async def database() -> str:
        await desk.store.next_due()
        return "answers"

    return {
        "database": database,
        "model": _as_probe(check_model, settings),
        "GitHub": _as_probe(check_github, settings),
        "deployer": _as_probe(check_deployer, settings),
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
