"""`kintsugi run`: the service."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import discord
from aiohttp.web import Application
from rich.console import Console

from kintsugi import telemetry
from kintsugi.app.bootstrap import Bootstrap, Kintsugi
from kintsugi.app.deployers import railway_door
from kintsugi.app.desk import Desk, opened, prepare
from kintsugi.app.discord_bot import Bots, Client, Looked, access_of, announcer, run_bot
from kintsugi.app.ending import until_told
from kintsugi.app.links import KeyFile, link
from kintsugi.app.patience import Preparing
from kintsugi.app.settings import DiscordSettings, MetricsSettings, WebSettings, revealed
from kintsugi.app.watching import health_and_metrics, metrics
from kintsugi.bot import DiscordChannel
from kintsugi.commands.outcome import UsageError
from kintsugi.executors.turns import by_turns
from kintsugi.integrations.terminal import Terminal
from kintsugi.persistence.leases import Leases
from kintsugi.persistence.process_counts import counting
from kintsugi.persistence.retention import keep_pruning
from kintsugi.web.login import Links
from kintsugi.web.metrics import Readers
from kintsugi.web.pages import PageNeeds, Pages
from kintsugi.web.server import Server, ServerNeeds, serve
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


async def run(only: str, drain: bool, read: Callable[[], Bootstrap] = Bootstrap.read) -> None:
    """Perform what is owed until SIGTERM or Ctrl-C, or with `drain` until nothing is due."""
    wanted = _wanted(only)
    bootstrap = read()
    console = Console(stderr=True)
    if "worker" in wanted:
        bootstrap.check_repository()
    for line in left_out(bootstrap, wanted):
        console.print(line, style="yellow", highlight=False)
    if wanted == ("discord",) and bootstrap.discord.missing:
        raise UsageError("Discord is not configured: set KINTSUGI_DISCORD_TOKEN.")
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    logs = bootstrap.logs("WARNING" if sys.stderr.isatty() else "INFO")
    try:
        await until_told(_work(bootstrap, Output(console, logs), wanted, drain))
    finally:
        logs.close()


async def _work(bootstrap: Bootstrap, output: Output, wanted: tuple[str, ...], drain: bool) -> None:
    database = bootstrap.database.named(f"kintsugi {','.join(wanted)}")
    preparing = Preparing(partial(prepare, database), partial(_tell, output.console))
    await (preparing.look() if drain else preparing.begin())
    async with opened(database, at_once=bootstrap.at_once) as desk, AsyncExitStack() as stack:
        bot = (
            _bot(bootstrap.bots(desk, output.logs))
            if "discord" in wanted and not (bootstrap.discord.missing or drain)
            else None
        )
        client, channel = await _voice(desk, bootstrap, output, bot=bot, stack=stack, wanted=wanted)
        bootstrap.tell_alerts(output.logs, desk, client)
        await stack.enter_async_context(counting(desk.store, output.logs.outcomes))
        kintsugi = bootstrap.worker(desk, channel or Terminal(Console())) if "worker" in wanted else None
        _tell(output.console, "Working. Ctrl-C stops; nothing is lost by it.")
        if drain and kintsugi:
            await kintsugi.drain()
        else:
            await _together(desk, bootstrap, output, preparing, kintsugi=kintsugi, bot=bot, wanted=wanted)


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


def _bot(bots: Bots) -> Bot:
    if bots.one_process:
        client = bots.client()
        return Bot(lambda: client, by_turns=False)
    return Bot(bots.client, by_turns=True)


async def _voice(
    desk: Desk, bootstrap: Bootstrap, output: Output, *, bot: Bot | None, stack: AsyncExitStack, wanted: tuple[str, ...]
) -> tuple[discord.Client | None, DiscordChannel | None]:
    """Who speaks in Discord here: the bot, if it is there as long as we are; else a client that is not connected."""
    if bot and not bot.by_turns:
        client = bot.client()
        return client, client.channel
    settings = bootstrap.settings
    told_there = settings.discord.channel or settings.alerts.channel
    if settings.discord.token and told_there and (bot or "worker" in wanted):
        return await stack.enter_async_context(
            announcer(desk, settings.discord, bootstrap.database.one_process, partial(_tell, output.console))
        )
    return None, None


async def _together(
    desk: Desk,
    bootstrap: Bootstrap,
    output: Output,
    preparing: Preparing,
    *,
    kintsugi: Kintsugi | None,
    bot: Bot | None,
    wanted: tuple[str, ...],
) -> None:
    """The parts in one group: where one dies, all end. A service that is away is no death: its part waits for it."""
    settings = bootstrap.settings
    async with asyncio.TaskGroup() as group:
        group.create_task(preparing.run())
        if kintsugi:
            group.create_task(preparing.then(kintsugi.work))
            if not (keep := settings.keep.keep).everything:
                group.create_task(preparing.then(partial(keep_pruning, desk.store, desk.clock, keep)))
        if bot:
            bot.looked = lambda: kintsugi.looked_at if kintsugi else None
            group.create_task(_be_the_bot(desk, settings.discord, output.console, bot, alone=wanted == ("discord",)))
        doors = _doors(desk, bootstrap, preparing, kintsugi)
        readers = Readers(
            web_token=revealed(settings.web.token),
            metrics_token=revealed(settings.metrics.token),
            loopback=settings.metrics.loopback,
        )
        figures = metrics(desk, output.logs, doors, kintsugi, build=bootstrap.build, readers=readers)
        tell = partial(_tell_address, output.console)
        if "web" in wanted:
            application = Server(doors).application()
            figures.add_to(application)
            group.create_task(_serve_pages(desk, bootstrap, output.console, application))
        elif settings.metrics.bind:
            application = health_and_metrics(doors, figures)
            group.create_task(_listen(application, settings.metrics.bind, tell, "METRICS_BIND"))


async def _be_the_bot(desk: Desk, settings: DiscordSettings, console: Console, bot: Bot, *, alone: bool) -> None:
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


async def _serve_pages(desk: Desk, bootstrap: Bootstrap, console: Console, application: Application) -> None:
    """Where nobody could log in otherwise, with a link that works once, and a key for `kintsugi login` to make more."""
    settings, key = bootstrap.settings, secrets.token_bytes(32)
    by_link = not _has_login(settings.web, settings.discord)
    _pages(desk, bootstrap, Links(key) if by_link else None).add_to(application)
    with ExitStack() as stack:

        def started(address: str) -> None:
            _tell_address(console, address)
            if by_link:
                reached = settings.web.url or address
                stack.enter_context(KeyFile(bootstrap.database, settings.web.bind).lies(key, reached))
                _tell(console, f"Log in, once, within ten minutes: {link(key, reached)}")

        await _listen(application, settings.web.bind, started, "WEB_BIND")


async def _listen(application: Application, bind: str, started: Callable[[str], None], setting: str) -> None:
    """Raises UsageError where nothing can listen there: a port that is taken, a host that is not ours."""
    host, _, port = bind.rpartition(":")
    try:
        await serve(application, host, int(port), started)
    except (OSError, OverflowError) as error:
        raise UsageError(f"KINTSUGI_{setting}: nothing can listen at {bind}: {error}. Name another.") from error


def _doors(desk: Desk, bootstrap: Bootstrap, preparing: Preparing, kintsugi: Kintsugi | None) -> ServerNeeds:
    writes = Leases(desk.store)

    async def ready() -> str | None:
        """Asked by anybody: the database's own words, which name hosts and users, stay in the log."""
        if not preparing.done:
            return "The database is unavailable."
        file = bootstrap.database.file
        if file and not file.exists():
            return "The database's file is gone."
        try:
            async with asyncio.timeout(_READY_WITHIN):
                await writes.probe()
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("not_ready", extra={"why": str(error) or "no answer"})
            return "Nothing can be written to the database."
        if kintsugi and not desk.executor.delivers:
            return "Nothing is delivered: the worker of this process does not work yet, or not now."
        return None

    async def hint(key: str, incident: int) -> bool:
        fresh = await desk.store.hint(key, incident)
        if fresh and kintsugi:  # else the worker's own process finds it
            kintsugi.hinted()
        return fresh

    settings = bootstrap.settings
    deploy_secret = revealed(settings.deploy.webhook_secret)
    return ServerNeeds(
        clock=desk.clock,
        fire=desk.engine.fire,
        hint=hint,
        ready=ready,
        github_repository=settings.github.repo or "",
        github_secrets=settings.github.webhook_secrets,
        railway=railway_door(settings.railway),
        deploy_secrets=(deploy_secret,) if deploy_secret else (),
        reports=bootstrap.reported(desk),
        look_at_deployments=partial(look_at_deployments, desk.store, desk.engine.hasten),
    )


def _has_login(web: WebSettings, discord: DiscordSettings) -> bool:
    """Whether one is set up; without, people log in by links."""
    return web.token is not None or discord.client_id is not None


def _pages(desk: Desk, bootstrap: Bootstrap, links: Links | None) -> Pages:
    settings = bootstrap.settings
    return Pages(
        PageNeeds(
            clock=desk.clock,
            store=desk.store,
            fire=desk.engine.fire,
            token=revealed(settings.web.token),
            environment=settings.program.env_name,
            discord=bootstrap.login(desk, access_of(settings.discord)),
            links=links,
        )
    )


def _tell_address(console: Console, address: str) -> None:
    _tell(console, f"Listening at {address}")


def _tell(console: Console, sentence: str) -> None:
    console.print(sentence, style="dim", highlight=False, markup=False, soft_wrap=True)


def left_out(bootstrap: Bootstrap, wanted: tuple[str, ...]) -> list[str]:
    """What will not be there, and the setting that would bring it."""
    settings = bootstrap.settings
    lines = _left_out_of_discord(bootstrap) if "discord" in wanted else []
    if "web" in wanted:
        lines += _left_out_of_web(settings.web, settings.metrics, settings.discord)
    if "web" in wanted and not settings.github.webhook_secrets:
        lines.append("Left out: GitHub's webhooks (set KINTSUGI_GITHUB_WEBHOOK_SECRET); merges are noticed by looking.")
    if "web" in wanted and not settings.sentry.projects:
        lines.append("Left out: reports of Sentry's SDKs (set KINTSUGI_SENTRY_PROJECTS).")
    return lines + [each.missing.line for each in bootstrap.connectors if each.missing]


def _left_out_of_web(web: WebSettings, metrics: MetricsSettings, discord: DiscordSettings) -> list[str]:
    lines = []
    if not _has_login(web, discord):
        lines.append("Left out: a login of one's own (set KINTSUGI_WEB_TOKEN); `kintsugi login` prints links instead.")
    if not (metrics.token or web.token or metrics.loopback):
        lines.append("Left out: /metrics (set KINTSUGI_METRICS_TOKEN).")
    if discord.client_id and not discord.has_admins:
        ways = "KINTSUGI_DISCORD_ADMIN_ROLES or KINTSUGI_DISCORD_ADMIN_USERS"
        lines.append(f"Nobody may log in with Discord: set {ways}.")
    return lines


def _left_out_of_discord(bootstrap: Bootstrap) -> list[str]:
    settings = bootstrap.settings.discord
    if bootstrap.discord.missing:
        return [bootstrap.discord.missing.line]
    if not settings.has_admins:
        return ["Nobody may use Discord's commands: set KINTSUGI_DISCORD_ADMIN_ROLES or KINTSUGI_DISCORD_ADMIN_USERS."]
    if settings.channel is None:
        return [
            "Left out: the incidents' cards in Discord (set KINTSUGI_DISCORD_CHANNEL); the terminal is the channel."
        ]
    return []


def _wanted(only: str) -> tuple[str, ...]:
    if not only:
        return _PARTS
    names = tuple(name.strip() for name in only.split(","))
    for name in names:
        if name not in _PARTS:
            raise UsageError(f"--only {name or only}: the parts are {', '.join(_PARTS)}.")
    return names
