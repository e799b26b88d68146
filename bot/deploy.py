"""`/deploy …`: what runs, the newest commit into production, and the way back. Parse, act by the ports, reply."""

from __future__ import annotations

import asyncio

import discord
from discord import app_commands

from bot import replies
from bot.moves import Moves, incident_number
from bot.offers import offered
from bot.parts import Parts
from bot.replies import Reply
from bot.tree import Answers
from workflow import triggers as t
from workflow.incident import Deployment
from workflow.ports import CodeHost, Deployer, Rollout
from workflow.words import State

Interaction = discord.Interaction[discord.Client]

_CAN_ROLL_BACK = frozenset({State.DEPLOYED, State.RECURRED, State.STUCK})


class Deploy(app_commands.Group):
    """The commands. They have an allowlist of their own."""

    def __init__(self, parts: Parts, answers: Answers, code_host: CodeHost, deployer: Deployer) -> None:
        super().__init__(name="deploy", description="What runs in production.", guild_only=True)
        self._parts, self._answers = parts, answers
        self._code_host, self._deployer = code_host, deployer
        self._moves = Moves(parts, answers)
        self._one_at_a_time = asyncio.Lock()

    @app_commands.command(name="latest")
    async def latest(self, interaction: Interaction) -> None:
        """Deploy the newest commit of the branch, unless it runs already."""
        await self._answers.answer(interaction, self._deploy_latest)

    async def _deploy_latest(self) -> Reply:
        """Look first, then ask: told twice, it deploys once."""
        async with self._one_at_a_time:
            commit = await self._code_host.head()
            found = await self._deployer.find(commit)
            if found and found.done is not False:
                return replies.deployment(commit, found, asked=False)
            return replies.deployment(commit, await self._deployer.deploy(commit, _unheard), asked=True)

    @app_commands.command(name="status")
    async def status(self, interaction: Interaction) -> None:
        """Whether the newest commit of the branch runs."""

        async def work() -> Reply:
            commit = await self._code_host.head()
            found = await self._deployer.find(commit)
            return replies.deployment(commit, found or _NOT_THERE, asked=False)

        await self._answers.answer(interaction, work)

    @app_commands.command(name="rollback")
    @app_commands.describe(incident="its number, such as 7")
    async def rollback(self, interaction: Interaction, incident: str) -> None:
        """Bring back what ran before an incident's fix."""

        async def work() -> Reply:
            return await self._moves.move(interaction, incident_number(incident), t.RollbackRequested)

        await self._answers.answer(interaction, work)

    @rollback.autocomplete("incident")
    async def _deployed(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        if not self._answers.may(interaction):
            return []
        found = await self._parts.store.incidents(limit=100)
        return offered([each for each in found if each.state in _CAN_ROLL_BACK and each.deployment], typed)


_NOT_THERE = Rollout(Deployment("", ""), False, "It was not deployed.")


def _unheard(words: str) -> None:
    """Nobody is told on the way: the answer says how it ended."""
