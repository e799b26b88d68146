"""`/debug …`: parse, fire, reply. Each command defers, goes through the gate, and is answered in one place."""

from __future__ import annotations

from typing import Literal

import discord
from discord import app_commands

from kintsugi.bot import replies
from kintsugi.bot.asking import Asking, incident_number
from kintsugi.bot.moves import moves
from kintsugi.bot.needs import BotNeeds, Offer
from kintsugi.bot.offers import LONGEST_CHOICE, choices, offered, offered_tokens
from kintsugi.bot.replies import Reply
from kintsugi.bot.tree import Answers
from kintsugi.workflow.states import State

Interaction = discord.Interaction[discord.Client]
Level = Literal["debug", "info", "warning", "error", "critical"]
Lines = app_commands.Range[int, 1, 2000]
Summary = app_commands.Range[str, 1, 300]
Short = app_commands.Range[str, 1, 60]
Place = app_commands.Range[str, 1, 300]

_PAGE = 20
_STATES = [app_commands.Choice(name=state.words, value=state.value) for state in State]


class Debug(app_commands.Group):
    """The commands."""

    def __init__(self, parts: BotNeeds, answers: Answers, asking: Asking) -> None:
        super().__init__(name=parts.names.debug, description="Incidents: look at them, and move them.", guild_only=True)
        self._parts, self._answers, self._asking = parts, answers, asking
        for command in moves(parts, answers, asking):
            self.add_command(command)

    @app_commands.command(name="logs")
    @app_commands.describe(
        lines="how many", level="of this level or above", contains="with this text", format="of the file"
    )
    async def logs(
        self,
        interaction: Interaction,
        lines: Lines = 200,
        level: Level | None = None,
        contains: str | None = None,
        format: Literal["text", "json"] = "text",
    ) -> None:
        """The recent log lines: the newest here, all of them in a file."""

        async def work() -> Reply:
            return replies.logs(self._parts.recent(lines, level, contains), as_json=format == "json")

        await self._answers.answer(interaction, work)

    @app_commands.command(name="status")
    async def status(self, interaction: Interaction) -> None:
        """Whether everything Kintsugi depends on answers, and how fast."""

        async def work() -> Reply:
            parts = self._parts
            found, missing = await parts.probes.ask(), await parts.missing()
            return replies.status(parts.about, found, parts.clock.now(), missing)

        await self._answers.answer(interaction, work)

    @app_commands.command(name="open-issue")
    @app_commands.describe(
        summary="what is wrong, and what you expected",
        about="is it about one of these failures? Nothing: it is about none",
        place="where it lies, if you know: one of these, or path:function",
        dry_run="keep it, and ask no model",
    )
    async def open_issue(
        self, interaction: Interaction, summary: Summary, about: Short = "", place: Place = "", dry_run: bool = False
    ) -> None:
        """Report what is wrong: your words, or a failure of the recent log that you choose."""

        async def work() -> Reply:
            key, _, actor = self._answers.common(interaction)
            reporting = self._parts.reporting
            receipt = await reporting.open(summary, key=key, actor=actor, dry_run=dry_run, about=about, place=place)
            places = () if about or place else await reporting.places(summary)
            opened = replies.opened(receipt, self._parts.names.debug, await self._parts.missing())
            return opened if about else replies.in_words(opened, places, len(await reporting.failures()))

        await self._answers.answer(interaction, work)

    @open_issue.autocomplete("about")
    async def _failures(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """The failures of the recent log; nothing for a stranger."""
        if not self._answers.may(interaction):
            return []
        return choices(await self._parts.reporting.failures(), typed)

    @open_issue.autocomplete("place")
    async def _places(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Where the words that were typed so far may lie; nothing for a stranger."""
        if not self._answers.may(interaction):
            return []
        words = f"{interaction.namespace.summary or ''} {typed}".strip()
        found = await self._parts.reporting.places(words, most=10) if words else ()
        return choices([Offer(place, place) for place in found if len(place) <= LONGEST_CHOICE], "")

    @app_commands.command(name="confirm-fix")
    @app_commands.describe(token="as it was shown with the patch")  # noqa: S106  # a description
    async def confirm_fix(self, interaction: Interaction, token: str) -> None:
        """Approve the patch that was shown with this token."""

        async def work() -> Reply:
            return await self._asking.confirm(interaction, token)

        await self._answers.answer(interaction, work)

    @confirm_fix.autocomplete("token")
    async def _tokens(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """The open confirmations that this user may give."""
        if not self._answers.may(interaction):
            return []
        return offered_tokens(await self._asking.open_to(interaction), typed)

    @app_commands.command(name="incident")
    @app_commands.describe(id="its number, such as 7")
    async def incident(self, interaction: Interaction, id: str) -> None:
        """One incident: who, what, when, from where to where."""

        async def work() -> Reply:
            store = self._parts.store
            found = await store.incident(incident_number(id))
            return replies.incident(found, await store.history(found.id), await store.owed(found.id))

        await self._answers.answer(interaction, work)

    @app_commands.command(name="incidents")
    @app_commands.describe(state="only those in this state", before="older than this number: the next page")
    @app_commands.choices(state=_STATES)
    async def incidents(
        self,
        interaction: Interaction,
        state: str | None = None,
        before: app_commands.Range[int, 1] | None = None,
    ) -> None:
        """The incidents, newest first."""

        async def work() -> Reply:
            wanted = State(state) if state else None
            found = await self._parts.store.incidents(wanted, limit=_PAGE, before=before)
            return replies.incidents(found, _PAGE, wanted, before)

        await self._answers.answer(interaction, work)

    @incident.autocomplete("id")
    async def _open(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """The open incidents whose number, state or summary holds what was typed; nothing for a stranger."""
        if not self._answers.may(interaction):
            return []
        return offered([each for each in await self._parts.store.incidents(limit=100) if not each.ended], typed)
