"""Our commands at Discord, one by one: those of the bot we are in are its own, and stay as they are.

Discord's bulk call (`PUT`, which is discord.py's `tree.sync()`) deletes whatever is not named in it. A single `POST`
creates a command, or overwrites the one of its name; 200 creations a day are allowed, and overwriting is not counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import discord
from discord import app_commands

from kintsugi.bot.names import Names, NameTaken

log = logging.getLogger("kintsugi.bot")

Tree = app_commands.CommandTree[discord.Client]

DISCORD_ERRORS = (discord.HTTPException, aiohttp.ClientError, OSError)  # a TimeoutError is an OSError
PATIENCE = 60.0  # seconds; discord.py itself would wait for as long as Discord says, which can be a day
_CHAT_INPUT = 1
_OF_GLOBAL_ONES = ("dm_permission", "contexts", "integration_types")  # a guild's command has none of these
_MARKS = ({"open-issue", "confirm-fix"}, {"latest", "rollback", "status"})  # commands that only ours have together


@dataclass(slots=True)
class Registration:
    """Our groups in each scope: the guilds that are named, else the global one."""

    tree: Tree
    groups: tuple[app_commands.Group, ...]
    guilds: tuple[int, ...]
    names: Names

    async def put(self) -> None:
        """Have Discord list them. What it lists already is not sent again.

        Raises NameTaken, and what `why_not_listed` explains.
        """
        made: list[tuple[int | None, Mapping[str, Any]]] = []
        try:
            async with asyncio.timeout(PATIENCE):
                for guild in self.guilds or (None,):
                    await self._put_into(guild, made)
        except BaseException:
            with suppress(*DISCORD_ERRORS):
                for guild, command in made:
                    await self._delete(guild, command)
            raise

    async def take_back(self) -> None:
        """Have Discord list them no more. What cannot be taken back is logged, as nobody waits for it."""
        try:
            async with asyncio.timeout(PATIENCE):
                for guild in self.guilds or (None,):
                    for found in await self._listed(guild):
                        if any(_is_ours(found, group) and found["name"] == group.name for group in self.groups):
                            await self._delete(guild, found)
        except DISCORD_ERRORS as error:
            log.warning("commands_not_removed", extra={"why": str(error) or type(error).__name__})

    async def _put_into(self, guild: int | None, made: list[tuple[int | None, Mapping[str, Any]]]) -> None:
        listed = await self._listed(guild)
        by_name = {str(each["name"]): each for each in listed}
        for group in self.groups:
            there = by_name.get(group.name)
            if there and not _is_ours(there, group):
                raise NameTaken(self._taken(group))
        for group in self.groups:
            there, wanted = by_name.get(group.name), _as_sent(self.tree, group, guild)
            if there is None:
                made.append((guild, await self._send(guild, wanted)))
            elif not _says(there, wanted):
                await self._send(guild, wanted)
        for left in self._under_other_names(listed):
            await self._delete(guild, left)

    def _taken(self, group: app_commands.Group) -> str:
        return (
            f"Discord lists a command /{group.name} of this bot that is not Kintsugi's. If the bot has it no more, run "
            f"its tree.sync() once; else set {self.names.setting(group.name)} to another name."
        )

    def _under_other_names(self, listed: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """What an earlier setting of the names has left: unmistakably ours, in words and in commands."""
        ours = {group.name for group in self.groups}
        return [
            each
            for each in listed
            if each["name"] not in ours
            and any(_is_ours(each, group) and each["description"] == group.description for group in self.groups)
        ]

    # --- the calls ----------------------------------------------------------------------------------------------

    @property
    def _application(self) -> int:
        id = self.tree.client.application_id
        assert id is not None, "the bot is not logged in"
        return id

    async def _listed(self, guild: int | None) -> list[Mapping[str, Any]]:
        """The chat input commands that Discord lists in this scope."""
        http = self.tree.client.http
        asked: Awaitable[Any] = (
            http.get_guild_commands(self._application, guild) if guild else http.get_global_commands(self._application)
        )
        return [each for each in cast("list[Mapping[str, Any]]", await asked) if each.get("type", 1) == _CHAT_INPUT]

    async def _send(self, guild: int | None, command: dict[str, Any]) -> Mapping[str, Any]:
        http = self.tree.client.http
        if guild:
            return await http.upsert_guild_command(self._application, guild, command)
        return await http.upsert_global_command(self._application, cast(Any, command))

    async def _delete(self, guild: int | None, command: Mapping[str, Any]) -> None:
        http, id = self.tree.client.http, int(command["id"])
        with suppress(discord.NotFound):  # somebody else was faster
            if guild:
                await http.delete_guild_command(self._application, guild, id)
            else:
                await http.delete_global_command(self._application, id)


def _as_sent(tree: Tree, group: app_commands.Group, guild: int | None) -> dict[str, Any]:
    """A group as discord.py's sync would send it, without what is left to Discord."""
    needs_tree = discord.version_info[:2] >= (2, 4)
    command = group.to_dict(tree) if needs_tree else group.to_dict()  # type: ignore[call-arg]  # as it was in 2.3
    left_to_discord = _OF_GLOBAL_ONES if guild else [name for name in _OF_GLOBAL_ONES if command.get(name) is None]
    return {name: value for name, value in command.items() if name not in left_to_discord}


def _is_ours(listed: Mapping[str, Any], group: app_commands.Group) -> bool:
    """Whether this is the group, of this version or another: by commands that only ours has together."""
    inner = {str(each["name"]) for each in listed.get("options") or () if each["type"] == _CHAT_INPUT}
    own = {command.name for command in group.commands}
    return any(marks <= own and marks <= inner for marks in _MARKS)


def _says(listed: object, wanted: object) -> bool:
    """Whether what Discord lists says all that is wanted. It adds what it knows, and leaves out what is usual."""
    if isinstance(wanted, Mapping):
        known = listed if isinstance(listed, Mapping) else {}
        return all(_says(known.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        many = listed if isinstance(listed, Sequence) else ()
        return len(many) == len(wanted) and all(map(_says, many, wanted))
    if not wanted and not listed:
        return True
    return str(listed) == str(wanted)


def why_not_listed(error: Exception) -> str:
    """One of DISCORD_ERRORS as a sentence."""
    match error:
        case discord.Forbidden() | discord.HTTPException(code=50001):
            return (
                "Discord does not let this bot have commands in a server of KINTSUGI_DISCORD_GUILDS: it is not there, "
                "or was invited without the scope applications.commands. Invite it with that scope, or take the server "
                "out."
            )
        case discord.HTTPException(code=30032):
            return "This bot has as many commands as Discord takes (100). Take some away."
        case discord.HTTPException(code=30034):
            return "This bot has created the 200 commands that Discord takes in a day. Try again tomorrow."
        case discord.HTTPException():
            return f"Discord did not take the commands: it answered {error.status} ({error.code}): {error.text[:200]}"
        case TimeoutError():
            return (
                f"Discord did not take the commands within {PATIENCE:g} s: its limits may be used up. Try again later."
            )
        case _:
            return f"Discord cannot be reached ({type(error).__name__}). Try again later."
