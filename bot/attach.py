"""Puts the commands into a bot, ours or somebody's own, and takes them out again."""

from __future__ import annotations

from dataclasses import dataclass

import discord
from discord import app_commands

from bot.debug import Debug
from bot.gate import Access, Gate
from bot.parts import Parts
from bot.tree import Answers


@dataclass(frozen=True, slots=True)
class Attached:
    """What `attach` put in."""

    tree: app_commands.CommandTree[discord.Client]
    group: Debug
    guilds: tuple[discord.Object, ...]

    async def close(self, *, sync: bool = False) -> None:
        """Take the commands out of the tree; with `sync`, out of Discord too."""
        for guild in self.guilds or (None,):
            self.tree.remove_command(self.group.name, guild=guild)
            if sync:
                await self.tree.sync(guild=guild)


async def attach(
    tree: app_commands.CommandTree[discord.Client],
    parts: Parts,
    access: Access,
    *,
    gate: Gate | None = None,
    sync: bool = True,
) -> Attached:
    """Add `/debug` to `tree`, for the allowed guilds or, where none is named, everywhere.

    With `sync` Discord is told at once, so call it in `setup_hook`. Raises CommandAlreadyRegistered where the bot has
    a `/debug` of its own.
    """
    group = Debug(parts, Answers(gate or Gate(access), parts.clock))
    guilds = tuple(discord.Object(id) for id in sorted(access.guilds))
    for guild in guilds or (None,):
        tree.add_command(group, guild=guild)
        if sync:
            await tree.sync(guild=guild)
    return Attached(tree, group, guilds)
