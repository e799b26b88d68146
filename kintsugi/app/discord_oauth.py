"""The application that people agree with at Discord, made from the settings."""

from __future__ import annotations

from kintsugi.app.settings import DiscordSettings
from kintsugi.integrations.discord_oauth import DiscordOAuth
from kintsugi.web.discord import BACK
from kintsugi.workflow.errors import SettingsError

_NEEDS = (
    "KINTSUGI_DISCORD_CLIENT_ID needs KINTSUGI_DISCORD_CLIENT_SECRET, KINTSUGI_WEB_URL and KINTSUGI_DISCORD_GUILDS."
)


def discord_oauth(settings: DiscordSettings, web_url: str | None) -> DiscordOAuth | None:
    """The application that people agree with. Raises SettingsError."""
    id, secret = settings.client_id, settings.client_secret
    if id is None and secret is None:
        return None
    if not (id and secret and web_url and settings.guilds):
        raise SettingsError(_NEEDS)
    redirect, guilds = web_url.rstrip("/") + BACK, tuple(sorted(settings.guilds))
    return DiscordOAuth(id, secret.get_secret_value(), redirect, guilds, settings.api_base)
