"""`kintsugi run`: the service."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from aiohttp.web import Application
from rich.console import Console

from kintsugi import telemetry
from kintsugi.app.bootstrap import Bootstrap, Kintsugi
from kintsugi.app.deployers import railway_door
from kintsugi.app.desk import Desk, opened, prepare
from kintsugi.app.ending import until_told
from kintsugi.app.links import KeyFile, link
from kintsugi.app.names import misspelt
from kintsugi.app.patience import Preparing
from kintsugi.app.reports import watch
from kintsugi.app.settings import DiscordSettings, GitHubSettings, MetricsSettings, WebSettings, revealed
from kintsugi.app.watching import health_and_metrics, metrics
from kintsugi.commands.outcome import UsageError
from kintsugi.integrations.github.oidc import IssuerKeys, issuer_of
from kintsugi.integrations.terminal import PlainConsole, Terminal
from kintsugi.persistence.leases import Leases
from kintsugi.persistence.process_counts import counting
from kintsugi.persistence.retention import keep_pruning
from kintsugi.persistence.scheduled import ScheduledJobs
from kintsugi.persistence.sessions import SqlSessions
from kintsugi.web.agents import AgentDoor
from kintsugi.web.ci_proof import ProofDoor
from kintsugi.web.login import Links
from kintsugi.web.metrics import Readers
from kintsugi.web.needs import PageNeeds
from kintsugi.web.pages import Pages
from kintsugi.web.server import CannotListen, Server, ServerNeeds, serve
from kintsugi.workflow.asking import EVERYTHING, Role
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.reconcile import look_at_deployments

if TYPE_CHECKING:
    from kintsugi.bot.caller import Caller
    from kintsugi.commands.in_discord import Bot

log = logging.getLogger("kintsugi.service")

_TALKATIVE = ("alembic", "httpx", "httpx2", "mcp", "procrastinate", "psycopg", "transitions")
_READY_WITHIN = 5.0  # seconds
_PARTS = ("discord", "web", "worker")


@dataclass(frozen=True, slots=True)
class Output:
    """Where people and machines read what goes on."""

    console: Console
    logs: telemetry.Telemetry


async def run(only: str, drain: bool, read: Callable[[], Bootstrap] = Bootstrap.read) -> None:
    """Perform what is owed until SIGTERM or Ctrl-C, or with `drain` until nothing is due."""
    wanted = _wanted(only)
    bootstrap = read()
    console = PlainConsole(stderr=True)
    if "worker" in wanted:
        bootstrap.check_repository()
    for line in (*(wrong.says for wrong in misspelt()), *left_out(bootstrap, wanted)):
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
        bot = client = channel = None
        if not bootstrap.discord.missing:
            from kintsugi.commands import in_discord  # noqa: PLC0415  # discord.py is loaded where it is used

            if "discord" in wanted and not drain:
                bot = in_discord.bot_of(bootstrap.bots(desk, output.logs))
            if bot or "worker" in wanted:
                voice = in_discord.voice(desk, bootstrap, bot, partial(_tell, output.console))
                client, channel = await stack.enter_async_context(voice)
        bootstrap.tell_alerts(output.logs, desk, client)
        await stack.enter_async_context(counting(desk.store, output.logs.outcomes))
        kintsugi = bootstrap.worker(desk, channel or Terminal(PlainConsole())) if "worker" in wanted else None
        begun = "Working." if preparing.done else "Waiting for the database."
        _tell(output.console, f"{begun} Ctrl-C stops; nothing is lost by it.")
        if drain and kintsugi:
            await kintsugi.drain()
        else:
            caller = in_discord.caller_of(desk, bootstrap.settings.discord, channel) if kintsugi and channel else None
            await _together(
                desk, bootstrap, output, preparing, kintsugi=kintsugi, bot=bot, caller=caller, wanted=wanted
            )


async def _together(
    desk: Desk,
    bootstrap: Bootstrap,
    output: Output,
    preparing: Preparing,
    *,
    kintsugi: Kintsugi | None,
    bot: Bot | None,
    caller: Caller | None,
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
        if caller:
            group.create_task(preparing.then(caller.run))
        if bot:
            bot.looked = lambda: kintsugi.looked_at if kintsugi else None
            tell = partial(_tell, output.console)
            group.create_task(bot.be_there(desk, settings.discord, tell, alone=wanted == ("discord",)))
        doors = _doors(desk, bootstrap, preparing, kintsugi)
        readers = Readers(
            web_token=revealed(settings.web.token),
            metrics_token=revealed(settings.metrics.token),
            loopback=settings.metrics.loopback,
        )
        figures = metrics(desk, output.logs, doors, kintsugi, build=bootstrap.build, readers=readers)
        told = partial(_tell_address, output.console)
        if "web" in wanted:
            application = Server(doors).application()
            figures.add_to(application)
            if token := revealed(settings.agents.token):
                _agents(desk, bootstrap, token).add_to(application)
            group.create_task(_serve_pages(desk, bootstrap, output.console, application))
            if doors.reports and (watching := watch(doors.reports, ScheduledJobs(desk.store))):
                group.create_task(preparing.then(watching.run))
        elif settings.metrics.bind:
            application = health_and_metrics(doors, figures)
            group.create_task(_listen(application, settings.metrics.bind, told, "METRICS_BIND"))


def _agents(desk: Desk, bootstrap: Bootstrap, token: str) -> AgentDoor:
    """Other people's agents, over HTTP."""
    from kintsugi.agents.calls import AgentCalls  # noqa: PLC0415  # as above
    from kintsugi.agents.protocol import over_http  # noqa: PLC0415  # its library is loaded where it is wanted

    return AgentDoor(token, partial(over_http, AgentCalls(bootstrap.agents(desk))))


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
                _tell(console, f"Log in (works once, within ten minutes): {link(key, reached)}")

        await _listen(application, settings.web.bind, started, "WEB_BIND")


async def _listen(application: Application, bind: str, started: Callable[[str], None], setting: str) -> None:
    host, _, port = bind.rpartition(":")
    try:
        await serve(application, host, int(port), started)
    except CannotListen as why:
        raise UsageError(f"KINTSUGI_{setting}: nothing can listen at {bind}: {why}. Name another.") from why


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
        proofs=_proof_door(settings.github),
        railway=railway_door(settings.railway),
        deploy_secrets=(deploy_secret,) if deploy_secret else (),
        reports=bootstrap.reported(desk),
        look_at_deployments=partial(look_at_deployments, desk.store, desk.engine.hasten),
    )


def _proof_door(settings: GitHubSettings) -> ProofDoor | None:
    if not (settings.repo and settings.proof_workflow):
        return None
    issuer = (settings.proof_issuer or issuer_of(settings.base_url)).rstrip("/")
    return ProofDoor(settings.repo, settings.proof_workflow, issuer, IssuerKeys(issuer))


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
            production=bootstrap.production,
            sessions=SqlSessions(desk.store),
            rules=bootstrap.rules,
            operator_may=_operator_may(settings.web, settings.discord),
            discord=bootstrap.login(),
            links=links,
        )
    )


def _operator_may(web: WebSettings, discord: DiscordSettings) -> frozenset[Role]:
    """Whoever has the token is on no list: where deploying has one of its own, it is not for them."""
    listed = discord.deploy_roles or discord.deploy_users
    return frozenset({Role.DEBUG}) if web.token and listed else EVERYTHING


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
        lines.append("Left out: GitHub's webhooks (set KINTSUGI_GITHUB_WEBHOOK_SECRET); merges are found by asking.")
    if "web" in wanted and not settings.sentry.projects:
        lines.append("Left out: reports of Sentry's SDKs (set KINTSUGI_SENTRY_PROJECTS).")
    return lines + [each.missing.line for each in bootstrap.connectors if each.missing]


def _left_out_of_web(web: WebSettings, metrics: MetricsSettings, discord: DiscordSettings) -> list[str]:
    lines = []
    if not _has_login(web, discord):
        lines.append("Left out: a login that stays (set KINTSUGI_WEB_TOKEN); `kintsugi login` prints links instead.")
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
        return ["Left out: the incidents' cards in Discord (set KINTSUGI_DISCORD_CHANNEL); the terminal shows them."]
    return []


def _wanted(only: str) -> tuple[str, ...]:
    if not only:
        return _PARTS
    names = tuple(name.strip() for name in only.split(","))
    for name in names:
        if name not in _PARTS:
            raise UsageError(f"--only {name or only}: the parts are {', '.join(_PARTS)}.")
    return names
