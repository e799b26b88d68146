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
from kintsugi.workflow.asking import NAMES, command_of, is_for_debug, takes_of
from kintsugi.workflow.errors import BadInput
from kintsugi.workflow.incident import Incident


class Buttons:
    """What a tap sets off. Each goes the way of a command: defer, gate, work, answer."""

    def __init__(self, parts: BotNeeds, answers: Answers, asking: Asking, channel: DiscordChannel | None) -> None:
        self._parts, self._answers, self._asking, self._channel = parts, answers, asking, channel

    async def tapped(self, interaction: Interaction, act: str, incident: int) -> None:
        """A button that names an incident."""
        bind(incident_id=incident)
        if act in (Act.REJECT, Act.TOKEN, Act.HINT):
            await self._ask_more(interaction, act, incident)
            return
        await self._answers.answer(interaction, lambda: self._do(interaction, act, incident))

    async def sure(self, interaction: Interaction, name: str, incident: int, answer: str, given: str) -> None:
        """The last button, under a question that whoever may use `/debug` can answer."""
        bind(incident_id=incident)
        kind, typed = command_of(name), {takes_of(name).value: given}
        assert kind
        await self._answers.answer(
            interaction,
            lambda: self._asking.request(interaction, incident, kind, answer=answer, **typed),
        )

    async def pushed(self, interaction: Interaction, token: str) -> None:
        """The last button under the patch that is to be pushed."""
        await self._answers.answer(interaction, lambda: self._asking.confirm(interaction, token))

    async def _do(self, interaction: Interaction, act: str, incident: int) -> Reply:
        if kind := _AT_ONCE.get(act):
            return await self._asking.request(interaction, incident, kind)
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
                raise BadInput("This button belongs to another version. Use the commands.")

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
        forms = {Act.REJECT: _Reason(self._reject, incident), Act.HINT: _Hint(self._retry, incident)}
        await interaction.response.send_modal(forms.get(Act(act)) or _Token(self._typed, incident))

    async def _reject(self, interaction: Interaction, incident: int, why: str) -> None:
        await self._answers.answer(
            interaction, lambda: self._asking.request(interaction, incident, t.Rejected, why=why)
        )

    async def _retry(self, interaction: Interaction, incident: int, hint: str) -> None:
        await self._answers.answer(
            interaction, lambda: self._asking.request(interaction, incident, t.Retried, hint=hint)
        )

    async def _typed(self, interaction: Interaction, incident: int, token: str) -> None:
        bind(incident_id=incident)
        await self._answers.answer(interaction, lambda: self._asking.confirm(interaction, token))


_AT_ONCE: dict[str, type[t.Command]] = {Act.RETRY: t.Retried, Act.ACK: t.Acknowledged, Act.REOPEN: t.Reopened}
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


class _Hint(discord.ui.Modal, title="Ask the analyst once more"):
    hint: discord.ui.TextInput[Any] = discord.ui.TextInput(
        label="What should it know? You may leave it empty.",
        custom_id="hint",
        required=False,
        max_length=1000,
        style=discord.TextStyle.paragraph,
    )

    def __init__(self, submitted: Submitted, incident: int) -> None:
        super().__init__(custom_id=f"kintsugi:hint:{incident}", timeout=900)
        self._submitted, self._incident = submitted, incident

    async def on_submit(self, interaction: Interaction) -> None:
        await self._submitted(interaction, self._incident, self.hint.value)


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

    async def sure(interaction: Interaction, found: re.Match[str]) -> None:
        await buttons.sure(interaction, found["name"], int(found["id"]), found["answer"], found["given"] or "")

    own = "|".join(name for name in NAMES if is_for_debug(name))
    return (
        Tap(
            rf"kintsugi:sure:(?P<name>{own}):(?P<id>\d{{1,18}}):(?P<answer>[0-9a-f]{{16}})(?::(?P<given>[#\w]+))?",
            sure,
        ),
        Tap(r"kintsugi:(?P<act>(?!push:)[a-z]+):(?P<id>\d{1,18})", of_incident),
        Tap(r"kintsugi:push:(?P<token>\d{1,18}-[0-9a-f]+)", push),
    )
