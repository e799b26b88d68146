"""`/deploy …`: what runs, the newest commit into production, and the way back. Parse, act, reply."""

from __future__ import annotations

import re

import discord
from discord import app_commands

from kintsugi.bot import card, replies
from kintsugi.bot.asking import Asking, incident_number
from kintsugi.bot.needs import BotNeeds
from kintsugi.bot.offers import offered
from kintsugi.bot.replies import Reply
from kintsugi.bot.taps import Tap
from kintsugi.bot.tree import Answers
from kintsugi.telemetry import bind
from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import command_of
from kintsugi.workflow.errors import BadInput
from kintsugi.workflow.production import Production
from kintsugi.workflow.questions import before_a_deploy

Interaction = discord.Interaction[discord.Client]


class Deploy(app_commands.Group):
    """The commands. They have an allowlist of their own."""

    def __init__(self, parts: BotNeeds, answers: Answers, asking: Asking, production: Production) -> None:
        super().__init__(name=parts.names.deploy, description="What runs in production.", guild_only=True)
        self._parts, self._answers, self._asking, self._production = parts, answers, asking, production

    @app_commands.command(name="latest")
    async def latest(self, interaction: Interaction) -> None:
        """Deploy the newest commit of the branch, unless it runs already; after a second tap."""
        await self._answers.answer(interaction, self._deploy_latest)

    async def _deploy_latest(self) -> Reply:
        plan = await self._production.plan()
        if plan.stands:
            return replies.deployment(plan.commit, plan.stands, asked=False)
        question = before_a_deploy(plan, self._parts.about.environment, self._parts.clock.now())
        return card.asked_again(question, f"kintsugi:deploy:{plan.commit}")

    async def _ask_for(self, commit: str) -> Reply:
        """Told twice, it deploys once; the second is told about the first."""
        rollout, asked = await self._production.deploy(commit, _unheard)
        return replies.deployment(commit, rollout, asked=asked)

    async def tapped(self, interaction: Interaction, commit: str) -> None:
        """The second tap: exactly this commit, if it is the newest still."""
        await self._answers.answer(interaction, lambda: self._ask_for(commit))

    @app_commands.command(name="status")
    async def status(self, interaction: Interaction) -> None:
        """Whether the newest commit of the branch runs, and what is new in it."""

        async def work() -> Reply:
            plan = await self._production.plan()
            if plan.stands:
                return replies.deployment(plan.commit, plan.stands, asked=False)
            return replies.not_deployed(plan)

        await self._answers.answer(interaction, work)

    @app_commands.command(name="rollback")
    @app_commands.describe(incident="its number, such as 7")
    async def rollback(self, interaction: Interaction, incident: str) -> None:
        """Bring back what ran before an incident's fix."""

        async def work() -> Reply:
            return await self._asking.request(interaction, incident_number(incident), t.RollbackRequested)

        await self._answers.answer(interaction, work)

    @rollback.autocomplete("incident")
    async def _deployed(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        if not self._answers.may(interaction):
            return []
        found = await self._parts.store.incidents(limit=100)
        return offered(self._asking.open_for(interaction, t.RollbackRequested, found), typed)

    async def stopped(self, interaction: Interaction, incident: int) -> None:
        """The button on a card: asks whether to bring back what ran before."""
        bind(incident_id=incident)
        await self._answers.answer(
            interaction, lambda: self._asking.request(interaction, incident, t.RollbackRequested)
        )

    async def sure(self, interaction: Interaction, name: str, incident: int, answer: str) -> None:
        """The last button, under the question that `answer` is of."""
        bind(incident_id=incident)
        kind = command_of(name)
        if kind is None:
            raise BadInput("This button belongs to another version. Use the commands.")
        await self._answers.answer(
            interaction, lambda: self._asking.request(interaction, incident, kind, answer=answer)
        )


def _unheard(words: str) -> None:
    """Nobody is told on the way: the answer says how it ended."""


def deploy_taps(deploy: Deploy) -> tuple[Tap, ...]:
    """The buttons under a plan and on a card."""

    async def go(interaction: Interaction, found: re.Match[str]) -> None:
        await deploy.tapped(interaction, found["commit"])

    async def way_back(interaction: Interaction, found: re.Match[str]) -> None:
        await deploy.stopped(interaction, int(found["id"]))

    async def sure(interaction: Interaction, found: re.Match[str]) -> None:
        await deploy.sure(interaction, found["name"], int(found["id"]), found["answer"])

    return (
        Tap(r"kintsugi:sure:(?P<name>[a-z]+):(?P<id>\d{1,18}):(?P<answer>[0-9a-f]{16})", sure),
        Tap(r"kintsugi:deploy:(?P<commit>[0-9a-f]{40,64})", go),
        Tap(r"kintsugi:way-back:(?P<id>\d{1,18})", way_back),
    )
