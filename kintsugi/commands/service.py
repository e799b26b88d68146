"""`kintsugi run`: the service."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import discord
from aiohttp.web import Application
from rich.console import Console

from kintsugi import telemetry
from kintsugi.app.alerts import connect, installed
from kintsugi.app.bootstrap import Kintsugi, production
from kintsugi.app.counting import counting
from kintsugi.app.deploys import deploys, railway_door
from kintsugi.app.desk import Desk, opened, prepared_url
from kintsugi.app.discord_bot import Client, Looked, a_client, access_of, announcer, run_bot
from kintsugi.app.discord_login import discord_login
from kintsugi.app.ending import until_told
from kintsugi.app.patience import Preparing
from kintsugi.app.reports import reports
from kintsugi.app.retention import keep_of, keep_pruning
from kintsugi.app.settings import Settings, read_settings
from kintsugi.app.turns import by_turns
from kintsugi.app.watching import health_and_metrics, metrics
from kintsugi.bot import DiscordChannel
from kintsugi.commands.outcome import UsageError
from kintsugi.integrations.git import Git, GitError
from kintsugi.integrations.terminal import Terminal
from kintsugi.persistence.database import named, parse_url, sqlite_file
from kintsugi.persistence.leases import Leases
from kintsugi.telemetry.redact import remember
from kintsugi.web.login import is_loopback
from kintsugi.web.pages import Behind, Pages
from kintsugi.web.server import Doors, Server, serve
from kintsugi.workflow.errors import StepFailed, StoreUnavailable
from kintsugi.workflow.reconcile import look_at_deployments

log = logging.getLogger("kintsugi.service")

_TALKATIVE = ("alembic", "httpx", "httpx2", "procrastinate", "psycopg", "transitions")
_READY_WITHIN = 5.0  # seconds
_PARTS = ("discord", "web", "worker")
GATEWAY = "discord"  # the lease's name


@dataclass(frozen=True, slots=True)
class Output:
    """Where people and machines read what goes on."""

    console: Console
    logs: telemetry.Telemetry


async def run(only: str, drain: bool) -> None:
    """Perform what is owed until SIGTERM or Ctrl-C, or with `drain` until nothing is due."""
    wanted = _wanted(only)
    settings = read_settings()
    console = Console(stderr=True)
    if "worker" in wanted:
        _check_repository(settings)
    for line in left_out(settings, wanted):
        console.print(line, style="yellow", highlight=False)
    if wanted == ("discord",) and settings.discord_token is None:
        raise UsageError("Discord is not configured: set KINTSUGI_DISCORD_TOKEN.")
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    logs = installed(settings, "WARNING" if sys.stderr.isatty() else "INFO")
    try:
        await until_told(_work(settings, Output(console, logs), wanted, drain))
    finally:
        logs.close()


async def _work(settings: Settings, output: Output, wanted: tuple[str, ...], drain: bool) -> None:
    remember(settings.secrets())
    url = named(parse_url(settings.database_url), f"kintsugi {','.join(wanted)}")
    preparing = Preparing(partial(prepared_url, settings), partial(_tell, output.console))
    await (preparing.look() if drain else preparing.begin())
    async with opened(url, at_once=settings.at_once) as desk, AsyncExitStack() as stack:
        bot = _bot(desk, settings, output) if _has_bot(settings, wanted) and not drain else None
        client, channel = await _voice(desk, settings, output, bot=bot, opened=stack, wanted=wanted)
        connect(output.logs, settings, desk, client)
        await stack.enter_async_context(counting(desk, output.logs.outcomes))
        kintsugi = production(desk, settings, channel or Terminal(Console())) if "worker" in wanted else None
        _tell(output.console, "Working. Ctrl-C stops; nothing is lost by it.")
        if drain and kintsugi:
            await kintsugi.drain()
        else:
            await _together(desk, settings, output, preparing, kintsugi=kintsugi, bot=bot, wanted=wanted)


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

    def _looked(self) -> datetime | None:
        return self.looked()


def _bot(desk: Desk, settings: Settings, output: Output) -> Bot:
    one_process = sqlite_file(parse_url(settings.database_url)) is not None
    if one_process:
        client = a_client(desk, settings, output.logs)
        return Bot(lambda: client, by_turns=False)
    return Bot(partial(a_client, desk, settings, output.logs), by_turns=True)


async def _voice(
    desk: Desk, settings: Settings, output: Output, *, bot: Bot | None, opened: AsyncExitStack, wanted: tuple[str, ...]
) -> tuple[discord.Client | None, DiscordChannel | None]:
    """Who speaks in Discord here: the bot, if it is there as long as we are; else a client that is not connected."""
    if bot and not bot.by_turns:
        client = bot.client()
        return client, client.channel
    told_there = settings.discord_channel or settings.alert_channel
    if settings.discord_token and told_there and (bot or "worker" in wanted):
        return await opened.enter_async_context(announcer(desk, settings, partial(_tell, output.console)))
    return None, None


def _has_bot(settings: Settings, wanted: tuple[str, ...]) -> bool:
    return "discord" in wanted and settings.discord_token is not None


async def _together(
    desk: Desk,
    settings: Settings,
    output: Output,
    preparing: Preparing,
    *,
    kintsugi: Kintsugi | None,
    bot: Bot | None,
    wanted: tuple[str, ...],
) -> None:
    """The parts in one group: where one dies, all end. A service that is away is no death: its part waits for it."""
    async with asyncio.TaskGroup() as group:
        group.create_task(preparing.run())
        if kintsugi:
            group.create_task(preparing.then(kintsugi.work))
            if not (keep := keep_of(settings)).everything:
                group.create_task(preparing.then(partial(keep_pruning, desk, keep)))
        if bot:
            bot.looked = lambda: kintsugi.looked_at if kintsugi else None
            group.create_task(_be_the_bot(desk, settings, output.console, bot, alone=wanted == ("discord",)))
        doors = _doors(desk, settings, preparing, kintsugi)
        figures = metrics(desk, settings, output.logs, doors, kintsugi)
        tell = partial(_tell_address, output.console)
        if "web" in wanted:
            application = Server(doors).application()
            figures.add_to(application)
            if _has_pages(settings):
                _pages(desk, settings).add_to(application)
            group.create_task(_listen(application, settings.web_bind, tell, "WEB_BIND"))
        elif settings.metrics_bind:
            application = health_and_metrics(doors, figures)
            group.create_task(_listen(application, settings.metrics_bind, tell, "METRICS_BIND"))


async def _be_the_bot(desk: Desk, settings: Settings, console: Console, bot: Bot, *, alone: bool) -> None:
    """Connected as long as we live; or, where there are several processes, while it is our turn.

    Raises StepFailed where Discord wants no more of us and there is nothing else to do.
    """
    tell = partial(_tell, console)

    async def be_there() -> None:
        await run_bot(bot.client(), settings, tell)

    try:
        if bot.by_turns:
            says = "Another process is connected to Discord; this one takes over when it ends."
            await by_turns(Leases(desk.store), GATEWAY, be_there, lambda: tell(says))
        else:
            await be_there()
    except StepFailed as over:
        if alone:
            raise
        tell(f"{over} The rest of the service runs.")
        log.warning("discord_over", extra={"why": str(over)})


async def _listen(application: Application, bind: str, started: Callable[[str], None], setting: str) -> None:
    """Raises UsageError where nothing can listen there: a port that is taken, a host that is not ours."""
    host, _, port = bind.rpartition(":")
    try:
        await serve(application, host, int(port), started)
    except (OSError, OverflowError) as error:
        raise UsageError(f"KINTSUGI_{setting}: nothing can listen at {bind}: {error}. Name another.") from error


def _doors(desk: Desk, settings: Settings, preparing: Preparing, kintsugi: Kintsugi | None) -> Doors:
    async def ready() -> str | None:
        """Asked by anybody: the database's own words, which name hosts and users, stay in the log."""
        file = sqlite_file(parse_url(settings.database_url))
        if not preparing.done:
            return "The database is unavailable."
        if file and not file.exists():
            return "The database's file is gone."
        try:
            async with asyncio.timeout(_READY_WITHIN):
                await desk.store.next_due()
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("not_ready", extra={"why": str(error) or "no answer"})
            return "The database is unavailable."
        if kintsugi and not desk.executor.delivers:
            return "Nothing is delivered: the worker of this process does not work yet, or not now."
        return None

    async def hint(key: str, incident: int) -> bool:
        fresh = await desk.store.hint(key, incident)
        if fresh and kintsugi:  # else the worker's own process finds it
            kintsugi.hinted()
        return fresh

    return Doors(
        clock=desk.clock,
        fire=desk.engine.fire,
        hint=hint,
        ready=ready,
        github_repository=settings.github_repo or "",
        github_secrets=settings.webhook_secrets(),
        railway=railway_door(settings),
        deploy_secrets=(settings.deploy_webhook_secret.get_secret_value(),) if settings.deploy_webhook_secret else (),
        reports=reports(desk, settings) if settings.sentry_projects else None,
        look_at_deployments=partial(look_at_deployments, desk.store, desk.engine.hasten),
    )


def _has_pages(settings: Settings) -> bool:
    """Without a login they are for this machine alone."""
    return settings.web_token is not None or settings.discord_client_id is not None or is_loopback(settings.web_bind)


def _pages(desk: Desk, settings: Settings) -> Pages:
    token = settings.web_token.get_secret_value() if settings.web_token else ""
    return Pages(
        Behind(
            clock=desk.clock,
            store=desk.store,
            fire=desk.engine.fire,
            token=token,
            environment=settings.env_name,
            discord=discord_login(desk, settings, access_of(settings)),
        )
    )


def _tell_address(console: Console, address: str) -> None:
    _tell(console, f"Listening at {address}")


def _tell(console: Console, sentence: str) -> None:
    console.print(sentence, style="dim", highlight=False, markup=False, soft_wrap=True)


def left_out(settings: Settings, wanted: tuple[str, ...]) -> list[str]:
    """What will not be there, and the setting that would bring it."""
    lines = []
    if "discord" in wanted:
        lines += _left_out_of_discord(settings)
    if "web" in wanted and not settings.webhook_secrets():
        lines.append("Left out: GitHub's webhooks (set KINTSUGI_GITHUB_WEBHOOK_SECRET); merges are noticed by looking.")
    if "web" in wanted and not settings.sentry_projects:
        lines.append("Left out: reports of Sentry's SDKs (set KINTSUGI_SENTRY_PROJECTS).")
    if "web" in wanted and not _has_pages(settings):
        lines.append("Left out: the pages (set KINTSUGI_WEB_TOKEN; without one they are for 127.0.0.1 alone).")
    readable = settings.metrics_token or settings.web_token or is_loopback(settings.web_bind)
    if "web" in wanted and not readable:
        lines.append("Left out: /metrics, but for 127.0.0.1 (set KINTSUGI_METRICS_TOKEN).")
    if "web" in wanted and settings.discord_client_id and not _has_list(settings):
        ways = "KINTSUGI_DISCORD_ADMIN_ROLES or KINTSUGI_DISCORD_ADMIN_USERS"
        lines.append(f"Nobody may log in with Discord: set {ways}.")
    if settings.llm_api_key is None:
        lines.append("Left out: the model (set KINTSUGI_LLM_API_KEY); failures are read, no patches are proposed.")
    if settings.repo is None and settings.github_repo is None:
        lines.append("Left out: checking patches and pull requests (set KINTSUGI_GITHUB_REPO, or KINTSUGI_REPO).")
    if not deploys(settings):
        ways = "KINTSUGI_RAILWAY_TOKEN, KINTSUGI_DEPLOY_WEBHOOK_URL, or KINTSUGI_DEPLOY_COMMAND and _PROGRAM_URL"
        lines.append(f"Left out: deploying (set {ways}).")
    return lines


def _left_out_of_discord(settings: Settings) -> list[str]:
    if settings.discord_token is None:
        return ["Left out: Discord (set KINTSUGI_DISCORD_TOKEN); the terminal is the channel."]
    if not _has_list(settings):
        return ["Nobody may use Discord's commands: set KINTSUGI_DISCORD_ADMIN_ROLES or KINTSUGI_DISCORD_ADMIN_USERS."]
    if settings.discord_channel is None:
        return [
            "Left out: the incidents' cards in Discord (set KINTSUGI_DISCORD_CHANNEL); the terminal is the channel."
        ]
    return []


def _has_list(settings: Settings) -> bool:
    return bool(settings.discord_admin_roles or settings.discord_admin_users)


def _check_repository(settings: Settings) -> None:
    """Raises UsageError for a KINTSUGI_REPO that is none; with GitHub it is our own copy, made where it is missing."""
    if settings.repo is None or settings.github_repo:
        return
    try:
        Git(settings.repo).check()
    except GitError as error:
        raise UsageError(f"KINTSUGI_REPO: {error} Set it to a bare git repository with the program's code.") from None


def _wanted(only: str) -> tuple[str, ...]:
    if not only:
        return _PARTS
    names = tuple(name.strip() for name in only.split(","))
    for name in names:
        if name not in _PARTS:
            raise UsageError(f"--only {name or only}: the parts are {', '.join(_PARTS)}.")
    return names
