"""The buttons under cards and questions. What each does is read from its custom id, so that they outlive restarts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import discord

from kintsugi.bot import card, replies
from kintsugi.bot.asking import Asking
from kintsugi.bot.card import Act
from kintsugi.bot.channel import DiscordChannel
from kintsugi.bot.gate import Denied
from kintsugi.bot.needs import BotNeeds
from kintsugi.bot.replies import Reply
from kintsugi.bot.taps import Tap
from kintsugi.bot.tree import Answers, Interaction, caller_of
from kintsugi.telemetry import bind
from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import BadInput
from kintsugi.workflow.incident import Incident


class Buttons:
    """What a tap sets off. Each goes the way of a command: defer, gate, work, answer."""

    def __init__(self, parts: BotNeeds, answers: Answers, asking: Asking, channel: DiscordChannel | None) -> None:
        self._parts, self._answers, self._asking, self._channel = parts, answers, asking, channel

    async def tapped(self, interaction: Interaction, act: str, incident: int) -> None:
        """A button that names an incident."""
        bind(incident_id=incident)
        if act in (Act.REJECT, Act.TOKEN):
            await self._ask_more(interaction, act, incident)
            return
        await self._answers.answer(interaction, lambda: self._do(interaction, act, incident))

    async def pushed(self, interaction: Interaction, token: str) -> None:
        """The last button under the patch that is to be pushed."""
        await self._answers.answer(interaction, lambda: self._asking.confirm(interaction, token))

    async def _do(self, interaction: Interaction, act: str, incident: int) -> Reply:
        if act == Act.RETRY:
            return await self._asking.request(interaction, incident, t.Retried)
        found = await self._parts.store.incident(incident)
        match act:
            case Act.CONFIRM:
                return await self._preview(interaction, found)
            case Act.DIFF:
                return card.diff(found)
            case Act.PROOF:
                return card.proof(found)
            case Act.HISTORY:
                store = self._parts.store
                return replies.incident(found, await store.history(incident), await store.owed(incident))
            case _:
                raise BadInput("This button is of another version. Use the commands.")

    async def _preview(self, interaction: Interaction, found: Incident) -> Reply:
        """Exactly what would be pushed, before it is."""
        self._asking.check(interaction, t.Confirmed, found)
        return card.preview(found, await self._channel.token(found) if self._channel else None)

    async def _ask_more(self, interaction: Interaction, act: str, incident: int) -> None:
        """A form has to be the first answer: the gate is looked through here, and asked when the form comes back."""
        try:
            self._answers.gate.look(caller_of(interaction))
        except Denied:
            await self._answers.answer(interaction, _nothing)  # the refusal, said and logged as always
            return
        form = _Reason(self._reject, incident) if act == Act.REJECT else _Token(self._typed, incident)
        await interaction.response.send_modal(form)

    async def _reject(self, interaction: Interaction, incident: int, why: str) -> None:
        await self._answers.answer(interaction, lambda: self._asking.request(interaction, incident, t.Rejected, why))

    async def _typed(self, interaction: Interaction, incident: int, token: str) -> None:
        bind(incident_id=incident)
        await self._answers.answer(interaction, lambda: self._asking.confirm(interaction, token))


Submitted = Callable[[Interaction, int, str], Awaitable[None]]


class _Reason(discord.ui.Modal, title="Reject this patch?"):
    why: discord.ui.TextInput[Any] = discord.ui.TextInput(
        label="Why? It goes into the history.",
        custom_id="why",
        required=False,
        max_length=300,
        style=discord.TextStyle.paragraph,
    )

    def __init__(self, submitted: Submitted, incident: int) -> None:
        super().__init__(custom_id=f"kintsugi:why:{incident}", timeout=900)
        self._submitted, self._incident = submitted, incident

    async def on_submit(self, interaction: Interaction) -> None:
        await self._submitted(interaction, self._incident, self.why.value)


class _Token(discord.ui.Modal, title="Confirm this patch"):
    token: discord.ui.TextInput[Any] = discord.ui.TextInput(
        label="The token, as it was shown", custom_id="token", max_length=60
    )

    def __init__(self, submitted: Submitted, incident: int) -> None:
        super().__init__(custom_id=f"kintsugi:typed:{incident}", timeout=900)
        self._submitted, self._incident = submitted, incident

    async def on_submit(self, interaction: Interaction) -> None:
        await self._submitted(interaction, self._incident, self.token.value)


async def _nothing() -> Reply:
    return Reply("-")


def taps_of(buttons: Buttons) -> tuple[Tap, ...]:
    """The buttons that name an incident, and the one that carries a token."""

    async def of_incident(interaction: Interaction, found: re.Match[str]) -> None:
        await buttons.tapped(interaction, found["act"], int(found["id"]))

    async def push(interaction: Interaction, found: re.Match[str]) -> None:
        await buttons.pushed(interaction, found["token"])

    return (
        Tap(r"kintsugi:(?P<act>(?!push:)[a-z]+):(?P<id>\d{1,18})", of_incident),
        Tap(r"kintsugi:push:(?P<token>\d{1,18}-[0-9a-f]+)", push),
    )
