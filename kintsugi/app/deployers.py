"""What puts a commit into production, made from the settings: Railway, a webhook, or a command on this machine."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from kintsugi.app.settings import DeploySettings, RailwaySettings, on_railway, revealed
from kintsugi.executors.lock import alone_with
from kintsugi.integrations.clock import SystemClock
from kintsugi.integrations.one_deployer import Alone
from kintsugi.integrations.program import Running
from kintsugi.persistence.database import Database
from kintsugi.telemetry.redact import redact
from kintsugi.web.railway import RailwayDoor
from kintsugi.workflow.errors import SettingsError

if TYPE_CHECKING:  # a client is loaded where it is made
    from kintsugi.integrations.local_command import LocalCommand
    from kintsugi.integrations.railway import Railway
    from kintsugi.integrations.webhook_deploy import WebhookDeploy


def railway_deployer(settings: RailwaySettings, branch: str, running: Running) -> Railway:
    """Raises SettingsError."""
    from kintsugi.integrations.railway import Railway, RailwayTarget
    from kintsugi.integrations.railway_api import RailwayAccess, RailwayApi

    ids = (*_here(settings), settings.service_id)
    if not all(ids):
        raise SettingsError(
            "KINTSUGI_RAILWAY_TOKEN needs KINTSUGI_RAILWAY_PROJECT_ID, _ENVIRONMENT_ID and _SERVICE_ID."
        )
    project, environment, service = (str(id) for id in ids)
    access = RailwayAccess(revealed(settings.token), settings.url)
    target = RailwayTarget(project, environment, service, branch, running, can_ask=running.can_ask)
    return Railway(RailwayApi(access), target, redact)


def _here(settings: RailwaySettings) -> tuple[str, str]:
    """Project and environment: those that are set, else the ones that this process runs in."""
    project = settings.project_id or on_railway("RAILWAY_PROJECT_ID")
    return project, settings.environment_id or on_railway("RAILWAY_ENVIRONMENT_ID")


def webhook_deployer(settings: DeploySettings, running: Running) -> WebhookDeploy:
    """Raises SettingsError."""
    from kintsugi.integrations.webhook_deploy import WebhookDeploy, WebhookSettings

    assert settings.webhook_url
    if settings.webhook_secret is None:
        raise SettingsError("KINTSUGI_DEPLOY_WEBHOOK_URL needs KINTSUGI_DEPLOY_WEBHOOK_SECRET, which signs it.")
    asked = WebhookSettings(settings.webhook_url, revealed(settings.webhook_secret), running, can_ask=running.can_ask)
    return WebhookDeploy(asked, SystemClock(), redact)


def command_deployer(settings: DeploySettings, running: Running) -> LocalCommand:
    from kintsugi.integrations.local_command import LocalCommand, LocalCommandSettings

    asked = LocalCommandSettings(
        settings.command, settings.folder, lambda: running.program_url, named=settings.env, requests=running.requests
    )
    return LocalCommand(asked, redact)


def alone_on(database: Database) -> Alone:
    """One lock for all that share the database: beside SQLite's file, or in PostgreSQL."""
    if file := database.file:
        return partial(alone_with, file.with_name(f"{file.name}.deploy.lock"))
    from kintsugi.executors.server_lock import alone_on_server  # loads psycopg, which SQLite has no use for

    return partial(alone_on_server, database.past_poolers().conninfo, "kintsugi: who asks the deployer", timedelta())


def is_railways(service_id: str | None) -> bool:
    """Whether this very process is the service that is deployed."""
    return bool(service_id) and os.environ.get("RAILWAY_SERVICE_ID") == service_id


def railway_door(settings: RailwaySettings) -> RailwayDoor:
    """Who may knock at /webhooks/railway, and what about."""
    project, environment = _here(settings)
    return RailwayDoor(
        revealed(settings.webhook_secret),
        project,
        environment,
        settings.service_id or "",
    )
