"""Wiring. `Kintsugi` is handed its parts; `production()` makes the real ones from the settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from kintsugi.app.attempts import Attempts
from kintsugi.app.deploys import changes_in, deployer_of, no_changes
from kintsugi.app.desk import Desk
from kintsugi.app.github import FreshAnalyst, FreshChecker, github_parts
from kintsugi.app.settings import Settings
from kintsugi.app.unconfigured import NoChecker, NoCodeHost, NoMonitor
from kintsugi.integrations.git import Git
from kintsugi.integrations.http_replay import HttpReplay
from kintsugi.integrations.local_git import LocalGit
from kintsugi.integrations.offline_analyst import OfflineAnalyst
from kintsugi.integrations.workbench import Workbench
from kintsugi.repair.context import build_context
from kintsugi.repair.proof import ProofSettings
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.effects import Tools, performers
from kintsugi.workflow.incident import Budget
from kintsugi.workflow.ports import Analyst, Case, Channel, Checker, CodeHost, Deployer, Monitor
from kintsugi.workflow.production import Changes
from kintsugi.workflow.reconcile import Reconciler

if TYPE_CHECKING:
    from kintsugi.integrations.openai_model import ModelSettings

RECONCILE_EVERY = timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What touches the world."""

    analyst: Analyst
    checker: Checker
    code_host: CodeHost
    deployer: Deployer
    monitor: Monitor
    channel: Channel
    changes: Changes = no_changes


class Kintsugi:
    """A desk, and hands: performs what incidents owe."""

    def __init__(
        self,
        desk: Desk,
        parts: Parts,
        *,
        budget: Budget | None = None,
        confirm_within: timedelta = timedelta(hours=24),
        look_again: timedelta = timedelta(seconds=15),
    ) -> None:
        self._desk = desk
        self._reconciler = Reconciler(desk.store, parts.code_host, desk.clock, desk.engine.fire)
        self.attempts = Attempts()
        tools = Tools(
            store=desk.store,
            clock=desk.clock,
            fire=desk.engine.fire,
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
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reconciler.run(RECONCILE_EVERY))
            group.create_task(self._desk.executor.run(self._perform))

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

    async def _perform(self, effect: str) -> None:
        await self._desk.engine.run_effect(effect, self._performers)


def production(desk: Desk, settings: Settings, channel: Channel) -> Kintsugi:
    """The real parts on this desk, as far as they are configured."""
    return Kintsugi(
        desk,
        real_parts(settings, channel),
        budget=Budget(
            settings.llm_budget_usd,
            settings.llm_budget_day_usd,
            settings.llm_budget_tokens,
            settings.llm_budget_day_tokens,
        ),
        confirm_within=timedelta(hours=settings.confirm_hours),
    )


def real_parts(settings: Settings, channel: Channel) -> Parts:
    """What touches the world, made from the settings; what is not configured says so when it is needed."""
    github = github_parts(settings)
    git = github.git if github else Git(settings.repo) if settings.repo else None
    checker: Checker = Workbench(git, settings.branch, _proof(settings), redact) if git else NoChecker()
    code_host: CodeHost = LocalGit(git, settings.branch) if git else NoCodeHost()
    analyst = _analyst(settings, git)
    if github:
        code_host = github.host
        analyst, checker = FreshAnalyst(analyst, code_host), FreshChecker(checker, code_host)
    return Parts(
        analyst=analyst,
        checker=checker,
        code_host=code_host,
        deployer=deployer_of(settings),
        monitor=HttpReplay(lambda: settings.program_url or "") if settings.program_url else NoMonitor(),
        channel=channel,
        changes=changes_in(git) if git else no_changes,
    )


def _analyst(settings: Settings, git: Git | None) -> Analyst:
    if settings.llm_api_key is None:
        return OfflineAnalyst(git)
    from kintsugi.integrations.openai_analyst import OpenAIAnalyst  # noqa: PLC0415  # takes half a second, as the SDK does
    from kintsugi.integrations.openai_model import Model  # noqa: PLC0415

    return OpenAIAnalyst(Model(model_settings(settings)), code_context(git.directory if git else None), redact)


def model_settings(settings: Settings) -> ModelSettings:
    """The model that is configured; there must be a key."""
    from kintsugi.integrations.openai_model import ModelSettings  # noqa: PLC0415  # as above

    assert settings.llm_api_key
    return ModelSettings(
        model=settings.llm_model,
        api_key=settings.llm_api_key.get_secret_value(),
        base_url=settings.llm_base_url,
        api=settings.llm_api,
        price=settings.llm_prices.get(settings.llm_model),
        deadline=timedelta(seconds=settings.llm_seconds),
    )


def code_context(repository: Path | None) -> Callable[[Case], str]:
    """What the analyst is shown of the code: of the build that failed, else as it is now."""

    def context(case: Case) -> str:
        if repository is None or case.payload.exception is None:
            return "(no code is at hand)"
        return build_context(case.payload, repository).text

    return context


def _proof(settings: Settings) -> ProofSettings:
    command = settings.test_command or None
    if settings.test_python:
        return ProofSettings(test_command=command, python=settings.test_python)
    return ProofSettings(test_command=command)
