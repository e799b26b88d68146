"""The application that people agree with at Discord, made from the settings."""

from __future__ import annotations

from kintsugi.app.settings import Settings, SettingsError
from kintsugi.integrations.discord_oauth import DiscordOAuth
from kintsugi.web.discord import BACK

_NEEDS = (
    "KINTSUGI_DISCORD_CLIENT_ID needs KINTSUGI_DISCORD_CLIENT_SECRET, KINTSUGI_WEB_URL and KINTSUGI_DISCORD_GUILDS."
)


def discord_oauth(settings: Settings) -> DiscordOAuth | None:
    """The application that people agree with. Raises SettingsError."""
    id, secret = settings.discord_client_id, settings.discord_client_secret
    if id is None and secret is None:
        return None
    if not (id and secret and settings.web_url and settings.discord_guilds):
        raise SettingsError(_NEEDS)
    redirect, guilds = settings.web_url.rstrip("/") + BACK, tuple(sorted(settings.discord_guilds))
    return DiscordOAuth(id, secret.get_secret_value(), redirect, guilds, settings.discord_api_base)
