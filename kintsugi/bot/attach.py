"""Puts the commands into a bot, ours or somebody's own, and takes them out again."""

from __future__ import annotations

from dataclasses import dataclass

import discord
from discord import app_commands

from kintsugi.bot.buttons import Buttons, Tap, tap_kinds
from kintsugi.bot.channel import DiscordChannel
from kintsugi.bot.debug import Debug
from kintsugi.bot.deploy import Deploy, deploy_taps
from kintsugi.bot.gate import Access, Gate
from kintsugi.bot.needs import BotNeeds
from kintsugi.bot.tree import Answers
from kintsugi.workflow.production import Production


@dataclass(frozen=True, slots=True)
class Deploys:
    """What `/deploy` works on, and who may: an allowlist of its own."""

    production: Production
    access: Access


@dataclass(frozen=True, slots=True)
class Attached:
    """What `attach` put in."""

    tree: app_commands.CommandTree[discord.Client]
    groups: tuple[app_commands.Group, ...]
    guilds: tuple[discord.Object, ...]
    taps: tuple[Tap, ...]
    channel: DiscordChannel | None

    async def close(self, *, sync: bool = False) -> None:
        """Take the commands and buttons out of the bot; with `sync`, the commands out of Discord too."""
        self.tree.client.remove_dynamic_items(*self.taps)
        if self.channel:
            await self.channel.close()
        for guild in self.guilds or (None,):
            for group in self.groups:
                self.tree.remove_command(group.name, guild=guild)
            if sync:
                await self.tree.sync(guild=guild)


async def attach(
    tree: app_commands.CommandTree[discord.Client],
    parts: BotNeeds,
    access: Access,
    *,
    gate: Gate | None = None,
    channel: DiscordChannel | None = None,
    deploys: Deploys | None = None,
    sync: bool = True,
) -> Attached:
    """Add `/debug`, `/deploy` and the buttons to a bot that is logged in, so call it in `setup_hook`.

    The commands go into the allowed guilds or, where none is named, everywhere; with `sync` Discord is told at once.
    Raises CommandAlreadyRegistered where the bot has such commands of its own.
    """
    answers = Answers(gate or Gate(access), parts.clock)
    taps = tap_kinds(Buttons(parts, answers, channel))
    groups: list[app_commands.Group] = [Debug(parts, answers)]
    if deploys:
        deploy = Deploy(parts, Answers(Gate(deploys.access), parts.clock), deploys.production)
        groups.append(deploy)
        taps = (*taps, *deploy_taps(deploy))
    guilds = tuple(discord.Object(id) for id in sorted(access.guilds))
    await _put_in(tree, groups, guilds, sync)
    tree.client.add_dynamic_items(*taps)
    if channel:
        channel.online()
    return Attached(tree, tuple(groups), guilds, taps, channel)


async def _put_in(
    tree: app_commands.CommandTree[discord.Client],
    groups: list[app_commands.Group],
    guilds: tuple[discord.Object, ...],
    sync: bool,
) -> None:
    for guild in guilds or (None,):
        for group in groups:
            tree.add_command(group, guild=guild)
        if sync:
            await tree.sync(guild=guild)
