"""Whose bot this is, and whether the extension can be in it. Needs no Discord library: it may be run under any.

Four of them call `setup(bot)` of an extension, and two bring a folder `discord` of their own beside discord.py's. Where
the extension cannot work, one sentence says why and names the way in that does, before an import fails with a riddle.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

LOWEST = (2, 3)  # of discord.py

_LIBRARIES = {"disnake": "disnake", "nextcord": "nextcord", "interactions": "interactions.py", "hikari": "hikari"}
_SHARE_A_FOLDER = ("discord.py", "py-cord", "nextcord", "discord.py-self")
_INSTEAD = "Call kintsugi.install() at the start of the program in its place (docs/telemetry.md)."


class CannotAttach(Exception):
    """Kintsugi was not added to this bot, and nothing of it is left there; the message says why and what to do."""


def look_at(bot: object, tree: object) -> None:
    """Whether the commands can be in this bot, with this command tree. Raises CannotAttach."""
    library = library_of(bot)
    if library.startswith("py-cord") and (mixed := mixed_up()):
        raise CannotAttach(f"{mixed} For py-cord: {_INSTEAD}")
    if library != "discord.py":
        raise CannotAttach(
            f"This bot runs on {library}; the extension kintsugi.discord is for discord.py {_number(LOWEST)} or newer. "
            f"{_INSTEAD}"
        )
    discord = sys.modules["discord"]
    if tuple(discord.version_info[:2]) < LOWEST:
        raise CannotAttach(
            f"discord.py {discord.__version__} is too old for the extension kintsugi.discord, which needs "
            f"{_number(LOWEST)} or newer. Upgrade it, or: {_INSTEAD}"
        )
    _look_at_tree(bot, tree)


def library_of(bot: object) -> str:
    """The Discord library that a bot is made with, as people know it."""
    for each in type(bot).__mro__:
        root = each.__module__.partition(".")[0]
        if root in _LIBRARIES:
            return _LIBRARIES[root]
        if root == "discord":
            return _whose_discord()
    return f"{type(bot).__module__.partition('.')[0]} ({type(bot).__name__})"


def mixed_up() -> str:
    """A sentence where several distributions have written into one folder `discord`, else nothing."""
    found = [f"{name} {number}" for name in _SHARE_A_FOLDER if (number := _version(name))]
    if len(found) < 2:
        return ""
    return (
        f"{' and '.join(found)} are installed into one folder, `discord`, and overwrite each other's files. Uninstall "
        "all of them, then install the one that this bot is made with."
    )


def missing_package(error: ImportError) -> str:
    """What to do where the commands cannot be imported."""
    root = (error.name or "").partition(".")[0]
    if root == "fcntl":
        return f"Kintsugi's commands run on Linux and macOS. {_INSTEAD}"
    if root == "discord" and (mixed := mixed_up()):
        return mixed
    return f"A package is missing or too old: {error}. Run: pip install 'kintsugi[bot]'"


def _whose_discord() -> str:
    discord = sys.modules["discord"]
    title = str(getattr(discord, "__title__", "discord"))
    if title == "pycord":
        return f"py-cord {discord.__version__}"
    if title != "discord" and "discord.py" not in title:
        return title
    if "discord.py-self" in title:
        return "discord.py-self"
    try:
        import_module("discord.app_commands")
    except ImportError:
        if tuple(discord.version_info[:1]) >= LOWEST[:1]:  # a discord.py 2 has it
            raise CannotAttach(
                mixed_up() or f"discord.py {discord.__version__} is not whole: install it anew."
            ) from None
    return "discord.py"


def _look_at_tree(bot: Any, tree: Any) -> None:
    kind = import_module("discord.app_commands").CommandTree
    if not isinstance(tree, kind):
        raise CannotAttach(
            "This client has no command tree. Make one, `tree = discord.app_commands.CommandTree(client)`, and call "
            "`await kintsugi.discord.into(client, tree)`."
        )
    if tree.client is not bot:
        raise CannotAttach("This command tree belongs to another bot. Hand in the bot's own.")


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _number(parts: tuple[int, ...]) -> str:
    return ".".join(map(str, parts))
