"""What puts a commit into production, made from the settings: Railway, a webhook, or a command on this machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from kintsugi.app.clock import SystemClock
from kintsugi.app.one_deployer import Alone, alone_with
from kintsugi.app.settings import DeploySettings, RailwaySettings, revealed
from kintsugi.integrations.git import Git
from kintsugi.integrations.local_command import LocalCommand, LocalCommandSettings
from kintsugi.integrations.program import commit_at
from kintsugi.integrations.railway import Railway, RailwayTarget
from kintsugi.integrations.railway_api import RailwayAccess, RailwayApi
from kintsugi.integrations.webhook_deploy import WebhookDeploy, WebhookSettings
from kintsugi.persistence.database import Database
from kintsugi.telemetry.redact import redact
from kintsugi.web.railway import RailwayDoor
from kintsugi.workflow.errors import SettingsError
from kintsugi.workflow.production import Changes

_MOST_CHANGES = 20  # titles of commits in one deployment that are shown

Running = Callable[[], Awaitable[str]]
"""Asks which commit runs."""


def railway_deployer(settings: RailwaySettings, branch: str, running: Running) -> Railway:
    """Raises SettingsError."""
    ids = (settings.project_id, settings.environment_id, settings.service_id)
    if not all(ids):
        raise SettingsError(
            "KINTSUGI_RAILWAY_TOKEN needs KINTSUGI_RAILWAY_PROJECT_ID, _ENVIRONMENT_ID and _SERVICE_ID."
        )
    project, environment, service = (str(id) for id in ids)
    access = RailwayAccess(revealed(settings.token), settings.url)
    return Railway(RailwayApi(access), RailwayTarget(project, environment, service, branch, running), redact)


def webhook_deployer(settings: DeploySettings, running: Running) -> WebhookDeploy:
    """Raises SettingsError."""
    assert settings.webhook_url
    if settings.webhook_secret is None:
        raise SettingsError("KINTSUGI_DEPLOY_WEBHOOK_URL needs KINTSUGI_DEPLOY_WEBHOOK_SECRET, which signs it.")
    asked = WebhookSettings(settings.webhook_url, revealed(settings.webhook_secret), running)
    return WebhookDeploy(asked, SystemClock(), redact)


def command_deployer(settings: DeploySettings, program_url: str) -> LocalCommand:
    url = program_url.rstrip("/")
    return LocalCommand(LocalCommandSettings(settings.command, settings.folder, lambda: url), redact)


def alone_on(database: Database) -> Alone:
    """One lock for all that share the database: beside SQLite's file, or in PostgreSQL."""
    if file := database.file:
        return partial(alone_with, file.with_name(f"{file.name}.deploy.lock"))
    from kintsugi.executors.server_lock import alone_on_server  # noqa: PLC0415  # loads psycopg, which SQLite has no use for

    return partial(alone_on_server, database.address, "kintsugi: who asks the deployer", timedelta())


def changes_in(git: Git) -> Changes:
    """What is new between two commits of this repository."""

    async def changes(old: str, new: str) -> tuple[str, ...]:
        return await asyncio.to_thread(git.titles, old, new, _MOST_CHANGES)

    return changes


async def no_changes(old: str, new: str) -> tuple[str, ...]:
    """Where no repository is at hand, nothing is known of what is new."""
    return ()


def running_of(program_url: str | None, own: str) -> Running:
    """How it is known what runs: the program says it by its address, or we are the program, at commit `own`."""
    url = (program_url or "").rstrip("/")

    async def running() -> str:
        return await commit_at(url) if url else own

    return running


def is_railways(service_id: str | None) -> bool:
    """Whether this very process is the service that is deployed."""
    return bool(service_id) and os.environ.get("RAILWAY_SERVICE_ID") == service_id


def railway_door(settings: RailwaySettings) -> RailwayDoor:
    """Who may knock at /webhooks/railway, and what about."""
    return RailwayDoor(
        revealed(settings.webhook_secret),
        settings.project_id or "",
        settings.environment_id or "",
        settings.service_id or "",
    )
