"""The extension for somebody's own discord.py bot: `await bot.load_extension("kintsugi.discord")`."""

from __future__ import annotations

import discord

from kintsugi.app.guest import InYourBot, into

__all__ = ["InYourBot", "into", "setup", "teardown"]

_EXTENSIONS: dict[int, InYourBot] = {}


async def setup(bot: discord.Client) -> None:
    """For `await bot.load_extension("kintsugi.discord")`."""
    _EXTENSIONS[id(bot)] = await into(bot, bot.tree)  # type: ignore[attr-defined]  # a commands.Bot has one


async def teardown(bot: discord.Client) -> None:
    """For `unload_extension`, which the bot's own end calls as well."""
    await _EXTENSIONS.pop(id(bot)).close()
