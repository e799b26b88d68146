"""The extension for somebody's own discord.py bot: `await bot.load_extension("kintsugi.discord")`.

It may be loaded by any library's bot, and by any discord.py. So it looks before it imports what needs the right one;
and `setup` is a plain function, as disnake, nextcord and py-cord call it and await nothing: what it refuses is raised
at the call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import TYPE_CHECKING, Any

from kintsugi.app.host import CannotAttach, look_at, missing_package

if TYPE_CHECKING:
    import discord
    from discord import app_commands

    from kintsugi.app.bootstrap import Bootstrap
    from kintsugi.app.guest import InYourBot

__all__ = ["CannotAttach", "into", "setup", "teardown"]


def setup(bot: discord.Client) -> Awaitable[object]:
    """For `await bot.load_extension("kintsugi.discord")`. Raises CannotAttach."""
    return into(bot, getattr(bot, "tree", None))


def teardown(bot: discord.Client) -> Awaitable[None]:
    """For `unload_extension`: nothing is left, in the bot or in Discord's list of its commands."""
    attached: InYourBot | None = getattr(bot, "__kintsugi__", None)
    return attached.close(for_good=True) if attached else _Nothing()


def into(
    bot: discord.Client,
    tree: app_commands.CommandTree[Any] | None,
    bootstrap: Bootstrap | None = None,
) -> Awaitable[InYourBot]:
    """Put the commands into your bot, logged in or not; await it. What it gives need not be kept.

    `close()` of that takes them out again, as the bot's own end does. A worker beside it performs what incidents owe.
    Raises CannotAttach, with nothing left behind.
    """
    look_at(bot, tree)
    assert tree
    try:
        from kintsugi.app import guest  # noqa: PLC0415  # needs discord.py, and what `kintsugi[bot]` installs
    except ImportError as error:
        raise CannotAttach(missing_package(error)) from error
    return guest.into(bot, tree, bootstrap)


class _Nothing(Awaitable[None]):
    """Done before it began. (A coroutine that nobody awaits would be complained about.)"""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield
