"""What puts a commit into production, made from the settings: Railway, a webhook, or a command on this machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from kintsugi.app.clock import SystemClock
from kintsugi.app.one_deployer import Alone, OneDeployer, alone_with
from kintsugi.app.settings import Settings, SettingsError
from kintsugi.app.unconfigured import NoDeployer
from kintsugi.integrations.git import Git
from kintsugi.integrations.local_command import LocalCommand, LocalCommandSettings
from kintsugi.integrations.program import commit_at
from kintsugi.integrations.railway import Railway, RailwaySettings
from kintsugi.integrations.railway_api import RailwayAccess, RailwayApi
from kintsugi.integrations.webhook_deploy import WebhookDeploy, WebhookSettings
from kintsugi.persistence.database import libpq_url, parse_url, sqlite_file
from kintsugi.telemetry.redact import redact
from kintsugi.web.railway import RailwayDoor
from kintsugi.workflow.ports import Deployer
from kintsugi.workflow.production import Changes

_MOST_CHANGES = 20  # titles of commits in one deployment that are shown


def deployer_of(settings: Settings) -> Deployer:
    """The one that is configured, asked by one process at a time. Raises SettingsError."""
    return OneDeployer(bare_deployer(settings), _alone(settings))


def deploys(settings: Settings) -> bool:
    """Whether anything is configured that deploys. Raises SettingsError."""
    return not isinstance(bare_deployer(settings), NoDeployer)


def bare_deployer(settings: Settings) -> Deployer:
    """The one that is configured, for any number to ask at once. Raises SettingsError."""
    if settings.railway_token:
        return _railway(settings)
    if settings.deploy_webhook_url:
        return _webhook(settings, settings.deploy_webhook_url)
    if settings.deploy_command and settings.program_url:
        program_url = settings.program_url.rstrip("/")
        command = LocalCommandSettings(settings.deploy_command, settings.deploy_folder, lambda: program_url)
        return LocalCommand(command, redact)
    return NoDeployer()


def _alone(settings: Settings) -> Alone:
    """One lock for all that share the database: beside SQLite's file, or in PostgreSQL."""
    url = parse_url(settings.database_url)
    if file := sqlite_file(url):
        return partial(alone_with, file.with_name(f"{file.name}.deploy.lock"))
    from kintsugi.executors.server_lock import alone_on_server  # noqa: PLC0415  # loads psycopg, which SQLite has no use for

    return partial(alone_on_server, libpq_url(url), "kintsugi: who asks the deployer", timedelta())


def changes_in(git: Git) -> Changes:
    """What is new between two commits of this repository."""

    async def changes(old: str, new: str) -> tuple[str, ...]:
        return await asyncio.to_thread(git.titles, old, new, _MOST_CHANGES)

    return changes


async def no_changes(old: str, new: str) -> tuple[str, ...]:
    """Where no repository is at hand, nothing is known of what is new."""
    return ()


def running_of(settings: Settings) -> Callable[[], Awaitable[str]]:
    """How it is known what runs: the program says it by its address, or we are the program."""
    url = (settings.program_url or "").rstrip("/")
    own = _own_commit(settings)

    async def running() -> str:
        return await commit_at(url) if url else own

    return running


def _can_ask(settings: Settings) -> bool:
    """Whether anybody can be asked what runs: the program by its address, or we are the program."""
    return bool(settings.program_url or _own_commit(settings))


def railway_door(settings: Settings) -> RailwayDoor:
    """Who may knock at /webhooks/railway, and what about."""
    secret = settings.railway_webhook_secret
    return RailwayDoor(
        secret.get_secret_value() if secret else "",
        settings.railway_project_id or "",
        settings.railway_environment_id or "",
        settings.railway_service_id or "",
    )


def _railway(settings: Settings) -> Railway:
    ids = (settings.railway_project_id, settings.railway_environment_id, settings.railway_service_id)
    if not all(ids):
        raise SettingsError(
            "KINTSUGI_RAILWAY_TOKEN needs KINTSUGI_RAILWAY_PROJECT_ID, _ENVIRONMENT_ID and _SERVICE_ID."
        )
    project, environment, service = (str(id) for id in ids)
    assert settings.railway_token
    access = RailwayAccess(settings.railway_token.get_secret_value(), settings.railway_url)
    where = RailwaySettings(
        project, environment, service, settings.branch, running_of(settings), can_ask=_can_ask(settings)
    )
    return Railway(RailwayApi(access), where, redact)


def _webhook(settings: Settings, url: str) -> WebhookDeploy:
    if settings.deploy_webhook_secret is None:
        raise SettingsError("KINTSUGI_DEPLOY_WEBHOOK_URL needs KINTSUGI_DEPLOY_WEBHOOK_SECRET, which signs it.")
    secret = settings.deploy_webhook_secret.get_secret_value()
    return WebhookDeploy(
        WebhookSettings(url, secret, running_of(settings), can_ask=_can_ask(settings)), SystemClock(), redact
    )


def _own_commit(settings: Settings) -> str:
    """The commit that this very process was built from, where it is the service that is deployed; else ""."""
    if settings.railway_service_id and os.environ.get("RAILWAY_SERVICE_ID") == settings.railway_service_id:
        return settings.build() or ""
    return ""
