"""Wiring. `Kintsugi` is handed its parts; `Bootstrap` makes the real ones, each from the settings of its own room."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kintsugi.app import alerts, connectors
from kintsugi.app.ancestry import Ancestry
from kintsugi.app.code_hosts import check_repository
from kintsugi.app.connectors import Connector
from kintsugi.app.deployers import alone_on, is_railways
from kintsugi.app.desk import Desk, opened, prepare
from kintsugi.app.ending import watched
from kintsugi.app.places import Places
from kintsugi.app.settings import Settings, read_settings, revealed
from kintsugi.capture.crashes import Crashes
from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.executors.attempts import Attempts
from kintsugi.integrations import authorities
from kintsugi.integrations.git import Git, GitError
from kintsugi.integrations.one_deployer import OneDeployer
from kintsugi.integrations.own_requests import OwnRequests
from kintsugi.integrations.program import Running
from kintsugi.integrations.unconfigured import NoChecker, NoCodeHost, NoCommits, NoDeployer, NoMonitor, Silence
from kintsugi.persistence.database import Database
from kintsugi.telemetry import Telemetry
from kintsugi.telemetry.build import running_build, running_source
from kintsugi.telemetry.installation import Mode
from kintsugi.telemetry.redact import hide_personal, redact, remember
from kintsugi.workflow.asking import Requests, Rules
from kintsugi.workflow.by_hand import ByHand, Pulls
from kintsugi.workflow.effects import EffectNeeds, performers
from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.incident import Budget
from kintsugi.workflow.ports import Analyst, Case, Channel, Checker, CodeHost, Deployer, Monitor
from kintsugi.workflow.production import Commits, Production
from kintsugi.workflow.questions import Questions
from kintsugi.workflow.reconcile import Reconciler

# What talks to a service is loaded where it is made: most commands only read and move.
if TYPE_CHECKING:
    import discord

    from kintsugi.agents.calls import AgentNeeds
    from kintsugi.app.discord_bot import Bots
    from kintsugi.app.discord_login import DiscordLogin
    from kintsugi.app.replays import ReplayNeeds
    from kintsugi.integrations.model.looking import LookPort
    from kintsugi.integrations.workbench import Workbench
    from kintsugi.web.reports import Reports

_EVERY, _NEARBY_EVERY = timedelta(minutes=3), timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What touches the world."""

    analyst: Analyst
    checker: Checker
    code_host: CodeHost
    deployer: Deployer
    monitor: Monitor
    channel: Channel
    commits: Commits = field(default_factory=NoCommits)
    pulls: Pulls | None = None  # where people open pull requests by hand
    nearby: bool = False  # the code host is a folder of this machine, and nobody tells of a merge there


class Kintsugi:
    """A desk, and hands: performs what incidents owe."""

    def __init__(
        self,
        desk: Desk,
        parts: Ports,
        *,
        budget: Budget | None = None,
        confirm_within: timedelta = timedelta(hours=24),
        look_again: timedelta = timedelta(seconds=15),
    ) -> None:
        self._desk = desk
        fire, clock = desk.engine.fire, desk.clock
        self._by_hand = ByHand(desk.store, parts.pulls, clock, fire) if parts.pulls else None
        self._reconciler = Reconciler(desk.store, parts.code_host, clock, fire, self._by_hand, nearby=parts.nearby)
        self._looks_every = _NEARBY_EVERY if parts.nearby else _EVERY
        self.attempts = Attempts()
        tools = EffectNeeds(
            store=desk.store,
            clock=desk.clock,
            fire=desk.engine.fire,
            check=desk.engine.check,
            budget=budget or Budget(),
            confirm_within=confirm_within,
            look_again=look_again,
            analyst=parts.analyst,
            checker=parts.checker,
            code_host=parts.code_host,
            deployer=parts.deployer,
            monitor=parts.monitor,
            channel=parts.channel,
        )
        self._performers = self.attempts.counted(performers(tools))

    async def work(self) -> None:
        """Perform what is due, and look at the world now and then, until cancelled."""
        executor = self._desk.executor
        with watched(lambda: executor.turns):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._reconciler.run(self._looks_every))
                group.create_task(executor.run(self._perform))

    @property
    def looked_at(self) -> datetime | None:
        """When every open pull request was last compared with the code host's own answer."""
        return self._reconciler.last

    def hinted(self) -> None:
        """A hint was stored, that something changed about an incident's pull request: look now."""
        self._reconciler.hinted()

    async def drain(self) -> None:
        """Look at the world once, perform what is due, and end."""
        await self._reconciler.once()
        await self._desk.executor.run(self._perform, until_idle=True)
        if self._by_hand and await self._by_hand.settled():
            await self._by_hand.look()

    async def _perform(self, effect: str) -> None:
        await self._desk.engine.run_effect(effect, self._performers)


class Bootstrap:
    """Makes what a process consists of. It alone sees the whole of the settings. Its methods raise SettingsError."""

    def __init__(self, settings: Settings) -> None:
        remember(settings.secrets())
        hide_personal(settings.program.redact_pii)
        authorities.trust(settings.network.ca_file)
        self.settings = settings
        program = settings.program
        self.database: Database = settings.database.database
        self.at_once = settings.incidents.at_once
        self.telemetry = program.telemetry
        self.build = program.build_sha or running_build()
        self._own_requests = OwnRequests()
        self.code_host = connectors.code_host(settings.github, settings.code, self.incident_url)
        self.model = connectors.model(settings.model, self.database.folder / "model-servers.json")
        self.deployer = connectors.deployer(settings.deploy, settings.railway, settings.code.branch, self._running())
        self.sheet = connectors.sheet(settings.sheet)
        self.discord = connectors.discord_account(settings.discord)
        self.connectors: list[Connector[Any]] = [self.code_host, self.model, self.deployer, self.sheet]

    @classmethod
    def read(cls) -> Bootstrap:
        """Of the environment and `.env`."""
        return cls(read_settings())

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """A desk on the configured database. Raises DatabaseError."""
        prepare(self.database)
        async with opened(self.database, at_once=self.settings.incidents.at_once) as desk:
            yield desk

    def logs(self, level: str = "INFO", bot: discord.Client | None = None, mode: Mode = "json") -> Telemetry:
        """The logging of this process, from now on."""
        program = self.settings.program
        stream = sys.stdout if program.log_stream == "stdout" else None
        return alerts.installed(
            self.settings.alerts, self.build, level, bot, mode, stream=stream, direct=program.log_direct
        )

    def tell_alerts(
        self, logs: Telemetry, desk: Desk, client: discord.Client | None, *, but_crashes: bool = False
    ) -> None:
        """From now on alerts are told to whom the settings name; `client` is whoever can post to Discord."""
        alerts.connect(logs, self.settings.alerts, self.intake(desk), client, but_crashes=but_crashes)

    def hear_crashes(self, logs: Telemetry, desk: Desk) -> Crashes | None:
        """From now on a crash of the program that this runs in opens an incident; None where that is switched off.

        To be called in the program's event loop.
        """
        program = self.settings.program
        if program.capture == "off" or program.telemetry == "off":
            return None
        intake = self.intake(desk) if self.settings.code.repo else self.intake(desk, running_source())
        return Crashes(intake, desk.store, desk.clock, logs, logged=program.capture == "logged")

    def intake(self, desk: Desk, source: Path | None = None, *, dry_run: bool = False) -> Intake:
        """Where failures become incidents. `source`: where the program's code is, if it is not the configured place."""
        incidents, program = self.settings.incidents, self.settings.program
        return Intake(
            fire=desk.engine.fire,
            clock=desk.clock,
            program=Program(
                source=source or self.settings.code.repo,
                build=program.build_sha or (source and _checked_out(source)) or self.build or _checked_out(Path()),
                environment=program.env_name,
            ),
            dry_run=dry_run or incidents.dry_run,
            rounds=incidents.rounds,
            contains=Ancestry(lambda: self.ports(Silence()).code_host).contains,
            count=desk.engine.count,
        )

    def worker(self, desk: Desk, channel: Channel) -> Kintsugi:
        """The hands on this desk, with the real parts as far as they are configured."""
        self._own_requests.kept_by(desk.store.keep_runs)
        return Kintsugi(
            desk,
            self.ports(channel),
            budget=self.settings.model.budget,
            confirm_within=timedelta(hours=self.settings.incidents.confirm_hours),
        )

    def ports(self, channel: Channel) -> Ports:
        """What touches the world; what is not configured says so when it is needed."""
        from kintsugi.integrations.github.fresh import FreshAnalyst, FreshChecker
        from kintsugi.integrations.http_replay import HttpReplay
        from kintsugi.integrations.local_git import CommitsOf

        program_url = self.settings.program.program_url
        hosted = None if self.code_host.missing else self.code_host.make()
        git = hosted.git if hosted else None
        bench = self._workbench(git) if git else None
        analyst: Analyst = self._analyst(git, bench)
        checker: Checker = bench or NoChecker()
        if hosted and self.settings.github.repo:
            analyst, checker = FreshAnalyst(analyst, hosted.host), FreshChecker(checker, hosted.host)
        return Ports(
            analyst=analyst,
            checker=checker,
            code_host=hosted.host if hosted else NoCodeHost(),
            deployer=OneDeployer(self.bare_deployer(), alone_on(self.database)),
            monitor=HttpReplay(lambda: program_url, self._own_requests) if program_url else NoMonitor(),
            channel=channel,
            commits=CommitsOf(git) if git else NoCommits(),
            pulls=hosted.pulls if hosted else None,
            nearby=not self.settings.github.repo,
        )

    def bare_deployer(self) -> Deployer:
        """The deployer that is configured, for any number to ask at once."""
        return NoDeployer() if self.deployer.missing else self.deployer.make()

    def production(self) -> Production:
        """What runs, and how it is changed by hand."""
        ports = self.ports(Silence())
        return Production(ports.code_host, ports.deployer, ports.commits)

    def bots(self, desk: Desk, logs: Telemetry) -> Bots:
        """What is in Discord from this process."""
        from kintsugi.app.discord_bot import Bots

        self._own_requests.kept_by(desk.store.keep_runs)
        return Bots(
            settings=self.settings.discord,
            desk=desk,
            logs=logs,
            intake=self.intake(desk),
            one_process=self.database.one_process,
            environment=self.settings.program.env_name,
            build=self.build,
            connectors=self.connectors,
            rests_without=(self.model, self.code_host),
            production=self.production,
            pages=self.incident_url,
            places=self.places(),
        )

    def places(self, source: Path | None = None) -> Places:
        """Where reports in words may lie, in the code of the build that runs. `source` as in `intake`."""
        return Places(lambda: source or self._repository(), lambda: self.build)

    def _repository(self) -> Path | None:
        return None if self.code_host.missing else self.code_host.make().git.directory

    def reported(self, desk: Desk) -> Reports | None:
        """The door for Sentry's SDKs; None where none of them is listened to."""
        if not self.settings.sentry.projects:
            return None
        from kintsugi.app.reports import reports  # the web's packages are no guest's
        from kintsugi.persistence.scheduled import ScheduledJobs
        from kintsugi.web.reported import Reported

        host, intake = self.ports(Silence()).code_host, self.intake(desk)
        reported = Reported(desk.store, desk.clock, intake, host, ScheduledJobs(desk.store))
        return reports(self.settings.sentry, reported, intake.program, self.settings.secrets())

    def replays(self, desk: Desk, model: str = "") -> ReplayNeeds:
        """Old incidents asked about again: of this model, else of the configured one. Raises Refusal without one."""
        from kintsugi.app.replays import ReplayNeeds
        from kintsugi.integrations.model.analyst import ModelAnalyst

        if self.model.missing or self.code_host.missing:
            raise Refusal("A replay needs the model and the repository: set KINTSUGI_LLM_* and KINTSUGI_REPO.")
        git = self.code_host.make().git
        other = self.settings.model.model_copy(update={"model": model} if model else {})
        asked = connectors.model(other, self.database.folder / "model-servers.json").make()
        return ReplayNeeds(
            store=desk.store,
            analyst=ModelAnalyst(asked, code_context(git.directory), redact),
            checker_at=self._workbench(git).at,
            budget=other.budget,
        )

    def agents(self, desk: Desk) -> AgentNeeds:
        """What other people's agents may touch at this desk."""
        from kintsugi.agents.calls import AgentNeeds
        from kintsugi.repair.replies import read_reply
        from kintsugi.workflow.proposals import Proposals

        hosted = None if self.code_host.missing else self.code_host.make()
        return AgentNeeds(
            store=desk.store,
            clock=desk.clock,
            proposals=Proposals(desk.store, desk.clock, desk.engine.fire, read_reply),
            checker=self.ports(Silence()).checker,
            context=code_context(hosted.git.directory if hosted else None),
            link=self.incident_url,
        )

    @property
    def rules(self) -> Rules:
        return Rules(self.settings.discord.two_persons)

    def requests(self, desk: Desk) -> Requests:
        """The door for what humans ask for."""
        return Requests(desk.store, desk.clock, desk.engine.fire, self.rules, self.questions(desk))

    def questions(self, desk: Desk) -> Questions:
        """What is asked before production changes."""
        return Questions(desk.store, desk.clock, self.production, self.settings.program.env_name)

    def login(self) -> DiscordLogin | None:
        """How those who may use the bot log in to the pages with Discord; None where that is not configured."""
        from kintsugi.app.discord_oauth import discord_oauth  # as above

        application = discord_oauth(self.settings.discord, self.settings.web.url)
        if application is None:
            return None
        from kintsugi.app.discord_bot import lists_of
        from kintsugi.app.discord_login import DiscordLogin

        return DiscordLogin(application, lists_of(self.settings.discord))

    def check_repository(self) -> None:
        """With GitHub it is our own copy, made where it is missing."""
        if self.settings.code.repo and not self.settings.github.repo:
            check_repository(self.settings.code.repo)

    def _analyst(self, git: Git | None, bench: Workbench | None) -> Analyst:
        from kintsugi.integrations.model.analyst import ModelAnalyst
        from kintsugi.integrations.model.offline import OfflineAnalyst

        if self.settings.analyst.command:
            return self._agent(git)
        if self.model.missing:
            return OfflineAnalyst(git)
        tools = looking_at(git, self.settings.code.branch, bench) if git and bench else None
        tools = tools if self.settings.analyst.tools else None
        return ModelAnalyst(self.model.make(), code_context(git.directory if git else None), redact, tools)

    def _agent(self, git: Git | None) -> Analyst:
        from kintsugi.integrations.agent.analyst import AgentAnalyst, AgentSettings
        from kintsugi.integrations.model.address import address_of

        agent, model, code = self.settings.analyst, self.settings.model, self.settings.code
        key = revealed(model.api_key)
        asked = AgentSettings(
            command=agent.command,
            python=code.test_python or Path(sys.executable),
            seconds=agent.seconds,
            memory_mb=agent.memory_mb,
            mounts=agent.mounts,
            variables={name: os.environ[name] for name in agent.env if name in os.environ},
            model=model.name,
            address=address_of(model.base_url, model.name, key) if model.is_set else None,
            key=key,
        )
        return AgentAnalyst(asked, git, code.branch, redact)

    def _workbench(self, git: Git) -> Workbench:
        from kintsugi.integrations.workbench import Workbench
        from kintsugi.repair.proof import ProofSettings

        code = self.settings.code
        proof = ProofSettings(
            test_command=code.test_command or None,
            seconds=code.test_seconds,
            memory_mb=code.test_memory_mb,
            mounts=code.test_mounts,
            variables=code.test_env,
            services=code.test_services,
            dependencies=(code.test_dependencies or git.directory).absolute(),
        )
        if code.test_python:
            proof = replace(proof, python=code.test_python)
        return Workbench(git, code.branch, proof, redact)

    @property
    def incident_url(self) -> str:
        """Where people read about an incident, with {} for its number; "" where there are no pages."""
        url = self.settings.web.url
        return f"{url.rstrip('/')}/incidents/{{}}" if url else ""

    def _running(self) -> Running:
        own = self.build or "" if is_railways(self.settings.railway.service_id) else ""
        return Running((self.settings.program.program_url or "").rstrip("/"), own, self._own_requests)


def looking_at(git: Git, branch: str, bench: Workbench) -> Callable[[Case], LookPort]:
    """What a model may look at the program with, for each case."""
    from kintsugi.integrations.look_tools import LookTools

    return lambda case: LookTools(git, branch, bench, case, redact)


def code_context(repository: Path | None) -> Callable[[Case, int], str]:
    """What the analyst is shown of the code: of the build that failed, else as it is now."""
    from kintsugi.repair.context import build_context

    def context(case: Case, tokens: int) -> str:
        if repository is None:
            return "(no code is at hand)"
        return build_context(case.told, repository, tokens=tokens).text

    return context


def _checked_out(folder: Path) -> str | None:
    """The commit of the work tree that `folder` lies in; None where it is in none."""
    git = Git(folder)
    try:
        return git.resolve("HEAD") if git.read("rev-parse", "--is-inside-work-tree") == "true" else None
    except (GitError, OSError):
        return None
