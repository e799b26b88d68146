"""Whom the service's alerts are told, made from the settings."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from kintsugi import telemetry
from kintsugi.app.settings import AlertSettings, revealed
from kintsugi.capture.alerts import Incidents
from kintsugi.capture.intake import Intake
from kintsugi.telemetry import Telemetry
from kintsugi.telemetry.alerts import BadRule, DiscordChannel, SignedWebhook
from kintsugi.telemetry.installation import Mode
from kintsugi.workflow.errors import SettingsError

if TYPE_CHECKING:
    import discord


def installed(
    settings: AlertSettings,
    build: str | None,
    level: str = "INFO",
    bot: discord.Client | None = None,
    mode: Mode = "json",
    *,
    stream: IO[str] | None = None,
    direct: bool = False,
) -> Telemetry:
    """The logging of this process. Raises SettingsError for a rules file that cannot be used."""
    try:
        return telemetry.install(
            bot, level=level, build=build, rules=settings.rules, mode=mode, stream=stream, direct=direct
        )
    except (BadRule, OSError) as error:
        raise SettingsError(f"KINTSUGI_ALERT_RULES: {error}") from error


def connect(
    logs: Telemetry,
    settings: AlertSettings,
    intake: Intake,
    client: discord.Client | None,
    *,
    but_crashes: bool = False,
) -> None:
    """Name the sinks `channel`, `webhook` and `incident`, as far as they are configured. Raises SettingsError.

    `but_crashes`: a crash opens its incident without a rule.
    """
    if settings.channel and client:
        logs.tell("channel", DiscordChannel(client, settings.channel))
    if settings.webhook_url:
        if settings.webhook_secret is None:
            raise SettingsError("KINTSUGI_ALERT_WEBHOOK_SECRET: set it, or nobody can tell our alerts from others'.")
        logs.tell("webhook", SignedWebhook(settings.webhook_url, revealed(settings.webhook_secret)))
    if settings.incidents:
        logs.tell("incident", Incidents(intake, logs, but_crashes=but_crashes))
