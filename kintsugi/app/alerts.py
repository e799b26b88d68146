"""Whom the service's alerts are told, as it is configured; and incidents made of what was logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import discord
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from kintsugi import telemetry
from kintsugi.app.desk import Desk
from kintsugi.app.settings import Settings
from kintsugi.capture.build import build_payload
from kintsugi.commands.outcome import UsageError
from kintsugi.telemetry import Telemetry
from kintsugi.telemetry.alerts import Alert, BadRule, DiscordChannel, SignedWebhook
from kintsugi.telemetry.installation import Mode
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.triggers import Captured

log = logging.getLogger("kintsugi.telemetry.alerts")  # its own troubles set off no alert

Report = Callable[[str, str], Payload]

_MOST_WAITING = 100  # alerts, while the database is away: a payload may have a megabyte
_WAITS_SECONDS = 2 * 60 * 60


def installed(
    settings: Settings, level: str = "INFO", bot: discord.Client | None = None, mode: Mode = "json"
) -> Telemetry:
    """The logging of this process. Raises UsageError for a rules file that cannot be used."""
    try:
        return telemetry.install(bot, level=level, build=settings.build(), rules=settings.alert_rules, mode=mode)
    except (BadRule, OSError) as error:
        raise UsageError(f"KINTSUGI_ALERT_RULES: {error}") from error


def connect(logs: Telemetry, settings: Settings, desk: Desk, client: discord.Client | None) -> None:
    """Name the sinks `channel`, `webhook` and `incident`, as far as they are configured. Raises UsageError."""
    if settings.alert_channel and client:
        logs.tell("channel", DiscordChannel(client, settings.alert_channel))
    if settings.alert_webhook_url:
        if settings.alert_webhook_secret is None:
            raise UsageError("KINTSUGI_ALERT_WEBHOOK_SECRET: set it, or nobody can tell our alerts from others'.")
        secret = settings.alert_webhook_secret.get_secret_value()
        logs.tell("webhook", SignedWebhook(settings.alert_webhook_url, secret))
    if settings.alert_incidents:
        logs.tell("incident", Incidents(desk, settings, logs))


class Incidents:
    """A sink that makes an incident of an alert; of the same failure there is one at a time."""

    def __init__(self, desk: Desk, settings: Settings, logs: Telemetry) -> None:
        self._desk, self._settings, self._logs = desk, settings, logs
        self._loop = asyncio.get_running_loop()
        self._waiting = 0

    def __call__(self, alert: Alert) -> None:
        """On the alerts' thread. A line that is about an incident already makes none."""
        if alert.incident_id is None:
            asyncio.run_coroutine_threadsafe(self._open(alert), self._loop).add_done_callback(_reported)

    async def _open(self, alert: Alert) -> None:
        actor = f"alert:{alert.rule}"
        payload = await asyncio.to_thread(
            reported, alert.line, self._desk, self._settings, self._logs, summary=alert.summary, actor=actor
        )
        captured = Captured(
            key=f"{actor}:{alert.since}",
            at=self._desk.clock.now(),
            actor=actor,
            payload=payload,
            dry_run=self._settings.dry_run,
            rounds_allowed=self._settings.rounds,
        )
        if self._waiting >= _MOST_WAITING:
            raise StoreUnavailable(f"{_MOST_WAITING} alerts wait for the database already.")
        self._waiting += 1
        try:
            await self._fire(captured)
        finally:
            self._waiting -= 1

    async def _fire(self, captured: Captured) -> None:
        """As soon as the database takes it: a crash is worth most when that is away as well."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(StoreUnavailable),
            wait=wait_exponential(max=30),
            stop=stop_after_delay(_WAITS_SECONDS),
            reraise=True,
        ):
            with attempt:
                await self._desk.engine.fire(captured)


def _reported(opening: Future[Any]) -> None:
    error = None if opening.cancelled() else opening.exception()
    if error is not None:
        log.warning("an alert made no incident", exc_info=error)


def reported(source: str, desk: Desk, settings: Settings, logs: Telemetry, *, summary: str, actor: str) -> Payload:
    """What is known of the last failure in these lines, with the recent log. Blocks: it reads the project's code."""
    return build_payload(
        source,
        root=settings.repo,
        summary=summary,
        opened_by=actor,
        build_sha=settings.build(),
        environment=settings.env_name,
        now=desk.clock.now(),
        log=logs.recent(),
    )
