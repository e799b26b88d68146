"""Puts the commands into a bot, ours or somebody's own, and takes them out again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import discord
from discord import app_commands

from kintsugi.bot.asking import Asking
from kintsugi.bot.buttons import Buttons, taps_of
from kintsugi.bot.channel import DiscordChannel
from kintsugi.bot.debug import Debug
from kintsugi.bot.deploy import Deploy, deploy_taps
from kintsugi.bot.gate import Access, Gate
from kintsugi.bot.names import Names, NameTaken
from kintsugi.bot.needs import BotNeeds
from kintsugi.bot.registration import Registration, Tree
from kintsugi.bot.taps import listening
from kintsugi.bot.tree import Answers
from kintsugi.telemetry.interactions import on_event
from kintsugi.workflow.asking import Requests, Role
from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.production import Production
from kintsugi.workflow.questions import Questions


@dataclass(frozen=True, slots=True)
class Deploys:
    """What `/deploy` works on, and who may: an allowlist of its own. `gate`: another than that list's ordinary one."""

    production: Production
    access: Access
    gate: Gate | None = None


@dataclass(frozen=True, slots=True)
class Attached:
    """What `put_in` put in."""

    registration: Registration
    channel: DiscordChannel | None
    _take_out: Callable[[], None]

    async def go_online(self) -> None:
        """The bot is logged in: have Discord list the commands, and speak. Raises as `Registration.put`."""
        await self.registration.put()
        if self.channel:
            self.channel.online()

    async def close(self, *, for_good: bool = False) -> None:
        """Take the commands and buttons out of the bot; `for_good`, out of Discord's list too."""
        self._take_out()
        if self.channel:
            await self.channel.close()
        if for_good:
            await self.registration.take_back()


def put_in(
    tree: Tree,
    parts: BotNeeds,
    access: Access,
    *,
    gate: Gate | None = None,
    channel: DiscordChannel | None = None,
    deploys: Deploys | None = None,
) -> Attached:
    """Add `/debug`, `/deploy` and the buttons to a bot, whether it is logged in or not: all of it, or nothing.

    The commands go into the allowed guilds or, where none is named, everywhere. Discord is told by `go_online`.
    Raises NameTaken.
    """
    lists = {Role.DEBUG: access} | ({Role.DEPLOY: deploys.access} if deploys else {})
    requests = _requests(parts, deploys)
    answers = Answers(gate or Gate(access), parts.clock, parts.names, lists)
    asking = Asking(parts, answers, requests)
    taps = taps_of(Buttons(parts, answers, asking, channel))
    groups: tuple[app_commands.Group, ...] = (Debug(parts, answers, asking),)
    if deploys:
        deploy_answers = Answers(deploys.gate or Gate(deploys.access), parts.clock, parts.names, lists)
        deploy = Deploy(parts, deploy_answers, Asking(parts, deploy_answers, requests), deploys.production)
        groups, taps = (*groups, deploy), (*taps, *deploy_taps(deploy))
    guilds = tuple(sorted(access.guilds))
    with ExitStack() as undo:
        for guild in guilds or (None,):
            for group in groups:
                _add(tree, group, guild, parts.names, undo)
        on_event(tree.client, "interaction", listening(taps), undo)
        return Attached(Registration(tree, groups, guilds, parts.names), channel, undo.pop_all().close)


def _requests(parts: BotNeeds, deploys: Deploys | None) -> Requests:
    def production() -> Production:
        if deploys is None:
            raise Refusal("Nothing is deployed from here.")
        return deploys.production

    questions = Questions(parts.store, parts.clock, production, parts.about.environment)
    return Requests(parts.store, parts.clock, parts.fire, parts.rules, questions)


async def attach(
    tree: Tree,
    parts: BotNeeds,
    access: Access,
    *,
    gate: Gate | None = None,
    channel: DiscordChannel | None = None,
    deploys: Deploys | None = None,
) -> Attached:
    """`put_in`, and Discord is told at once: so the bot is logged in. Raises as they do."""
    attached = put_in(tree, parts, access, gate=gate, channel=channel, deploys=deploys)
    try:
        await attached.go_online()
    except BaseException:
        await attached.close()
        raise
    return attached


def _add(tree: Tree, group: app_commands.Group, guild: int | None, names: Names, undo: ExitStack) -> None:
    scope = discord.Object(guild) if guild else None
    taken = f"This bot has a command /{group.name} already. Set {names.setting(group.name)} to another name."
    if scope and tree.get_command(group.name):  # copied to the guild, it would take the place of ours
        raise NameTaken(taken)
    try:
        tree.add_command(group, guild=scope)
    except app_commands.CommandAlreadyRegistered:
        raise NameTaken(taken) from None
    except app_commands.CommandLimitReached:
        raise NameTaken("This bot has 100 commands already, as many as Discord takes: there is no room.") from None
    undo.callback(_remove, tree, group, scope)


def _remove(tree: Tree, group: app_commands.Group, scope: discord.Object | None) -> None:
    """Unless somebody put another command in its place."""
    if tree.get_command(group.name, guild=scope) is group:
        tree.remove_command(group.name, guild=scope)
