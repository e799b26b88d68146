"""The human moves, as commands and buttons make them: gate, trigger, sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from kintsugi.bot import card, replies
from kintsugi.bot.needs import BotNeeds
from kintsugi.bot.replies import Reply
from kintsugi.bot.tree import Answers, Interaction, caller_of
from kintsugi.telemetry import bind
from kintsugi.telemetry.plain import plain
from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import Requests, name_of, takes_of
from kintsugi.workflow.errors import BadInput, StepFailed
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.questions import Question
from kintsugi.workflow.states import State
from kintsugi.workflow.typed import given, number_of

_MOST_OFFERED = 25
_PATIENCE = 2.0  # seconds for what is offered while somebody types: Discord waits for three


class Asking:
    """Each answers with the incident's new state, or raises the refusal."""

    def __init__(self, parts: BotNeeds, answers: Answers, requests: Requests) -> None:
        self._parts, self._answers, self._requests = parts, answers, requests

    async def request(
        self, interaction: Interaction, incident: int, kind: type[t.Command], *, answer: str = "", **typed: str
    ) -> Reply:
        """What the table has; or the question to answer first. `answer`: to that question. Raises BadInput.

        `typed`: what came with it, by the names that `kintsugi.workflow.typed` knows.
        """
        key, at, actor = self._answers.common(interaction)
        fields = given(takes_of(name_of(kind)), lambda name: plain(typed.get(name, "")), at)
        return await self._asked(interaction, kind(incident=incident, key=key, at=at, actor=actor, **fields), answer)

    async def _asked(self, interaction: Interaction, command: t.Command, answer: str = "") -> Reply:
        came = await self._requests.ask(self._answers.asker(interaction), command, answer)
        if isinstance(came, Question):
            given = f":{came.given}" if came.given else ""
            sure = f"kintsugi:sure:{name_of(type(command))}:{command.incident}:{came.answer}{given}"
            return card.asked_again(came, sure)
        return replies.under_way(came, await self._parts.missing()) if answer else replies.moved(came)

    def check(self, interaction: Interaction, kind: type[t.Command], incident: Incident) -> None:
        """Raises the refusal where this user cannot ask for it now."""
        if no := self._requests.refusal(self._answers.asker(interaction), kind, incident):
            raise no

    def open_for(self, interaction: Interaction, kind: type[t.Command], found: Iterable[Incident]) -> list[Incident]:
        """Those for which this user can ask for it now."""
        asker = self._answers.asker(interaction)
        return [each for each in found if self._requests.refusal(asker, kind, each) is None]

    async def confirm(self, interaction: Interaction, token: str) -> Reply:
        """Approve the patch with this token. Wrong ones are counted, and too many lock out."""
        caller = caller_of(interaction)
        with self._answers.gate.counting_wrong_tokens(caller):
            return await self._confirm(interaction, token.strip())

    async def _confirm(self, interaction: Interaction, token: str) -> Reply:
        number, _, secret = token.partition("-")
        if not (number and secret):
            raise BadInput("This is not a token. Copy it whole, such as 7-0f3a…, from the request.")
        incident = incident_number(number)
        key, at, actor = self._answers.common(interaction)
        command = t.Confirmed(incident=incident, key=key, at=at, actor=actor, token=token)
        return await self._asked(interaction, command)

    async def open_to(self, interaction: Interaction) -> list[tuple[Incident, str]]:
        """The open confirmations that this user may give, each with its token."""
        if self._parts.token is None:
            return []
        waiting = await self._parts.store.incidents(State.AWAITING_CONFIRM, limit=_MOST_OFFERED)
        found = []
        with suppress(TimeoutError, StepFailed):
            async with asyncio.timeout(_PATIENCE):
                for each in self.open_for(interaction, t.Confirmed, waiting):
                    if token := await self._parts.token(each):
                        found.append((each, token))
        return found


def incident_number(text: str) -> int:
    """7, INC-7, inc-7 or #7, which from here on is on every log line. Raises BadInput."""
    number = number_of(plain(text))
    bind(incident_id=number)
    return number
