"""Where Discord is. discord.py keeps it in two class attributes, for the whole process."""

from __future__ import annotations

import discord.gateway
import discord.http
import yarl


def point_at(api: str | None, gateway: str | None) -> None:
    """Have every client of this process use another API (`https://host/api/v10`) or gateway (`wss://host/`)."""
    if api:
        discord.http.Route.BASE = api.rstrip("/")
    if gateway:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
