"""From an interaction to its answer: defer, ask the gate, work, show. The one place where an exception becomes a
sentence, in whoever's bot the commands are."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import aiohttp
import discord

from kintsugi.bot.card import Post
from kintsugi.bot.gate import Access, Caller, Denied, Gate, roles_of
from kintsugi.bot.names import Names
from kintsugi.bot.replies import Reply, failed
from kintsugi.telemetry import bind
from kintsugi.telemetry.interactions import bind_interaction
from kintsugi.telemetry.lines import new_error_id
from kintsugi.workflow.asking import Asker, Role
from kintsugi.workflow.errors import BadInput, Conflict, Refusal, StepFailed, StoreUnavailable
from kintsugi.workflow.ports import Clock

log = logging.getLogger("kintsugi.bot")

Interaction = discord.Interaction[discord.Client]
Work = Callable[[], Awaitable[Reply]]

_ALREADY_ACKNOWLEDGED = 40060
_TRIES = 3  # to acknowledge, over connections that break


class Answers:
    """Answers interactions. `gate` is also asked by commands that guard something of their own."""

    def __init__(self, gate: Gate, clock: Clock, names: Names, lists: Mapping[Role, Access]) -> None:
        self.gate, self._clock, self._names, self._lists = gate, clock, names, lists

    async def answer(self, interaction: Interaction, work: Work) -> None:
        """Defer at once, for Discord waits 3 s only; then work, and show what came of it to the asker alone."""
        bind_interaction(interaction)
        if not await _deferred(interaction):
            return
        try:
            self.gate.admit(caller_of(interaction))
            reply = await work()
        except Exception as error:
            says, error_id = _explained(error)
            reply = failed(self._names.spoken(says), error_id)
        await _show(interaction, reply)

    def may(self, interaction: Interaction) -> bool:
        """Whether this user is shown anything at all, as completions are."""
        try:
            self.gate.look(caller_of(interaction))
        except Denied:
            return False
        return True

    def asker(self, interaction: Interaction) -> Asker:
        """Who asks, with everything that they may."""
        return Asker(actor_of(interaction), roles_of(caller_of(interaction), self._lists))

    def common(self, interaction: Interaction) -> tuple[str, datetime, str]:
        """A trigger's key, moment and actor."""
        return f"discord:{interaction.id}", self._clock.now(), actor_of(interaction)


def caller_of(interaction: Interaction) -> Caller:
    roles = interaction.user.roles if isinstance(interaction.user, discord.Member) else ()
    return Caller(interaction.user.id, interaction.guild_id, frozenset(role.id for role in roles))


def actor_of(interaction: Interaction) -> str:
    return actor(interaction.user.name, interaction.user.id)


def actor(name: str, id: int) -> str:
    """Who, by a name that can be read and an id that cannot be changed."""
    return f"discord:{name} ({id})"


async def _deferred(interaction: Interaction) -> bool:
    """False where Discord no longer knows the interaction: nobody waits for an answer, and nothing is done.

    discord.py tries again after a 5xx, but not after a connection that broke: whether Discord heard us, it then says.
    """
    for left in reversed(range(_TRIES)):
        try:
            await interaction.response.defer(ephemeral=True, thinking=True)
        except discord.HTTPException as error:
            if error.code == _ALREADY_ACKNOWLEDGED:  # by a first try whose answer was lost on its way back
                return True
            log.warning("interaction_expired", exc_info=error)
            return False
        except (aiohttp.ClientError, OSError) as error:
            if not left:
                log.warning("interaction_unanswered", exc_info=error)
                return False
        else:
            return True
    return False


def _explained(error: Exception) -> tuple[str, str]:
    """The sentence for an exception, and the error id that finds its line in the log."""
    error_id = new_error_id()
    with bind(error_id=error_id):
        match error:
            case Denied():
                log.warning("permission_denied", extra={"why": error.reason, "error_id": error_id})
                return str(error), error_id
            case Refusal() | BadInput():
                log.info("refused", extra={"why": str(error), "error_id": error_id})
                return str(error), error_id
            case StepFailed():
                log.warning("step_failed", extra={"why": str(error), "error_id": error_id})
                return str(error), error_id
            case StoreUnavailable():
                says = "The database cannot be used just now; nothing was changed. Try again in a moment."
            case Conflict():
                says = "Somebody else was faster. Look at the incident, and try again."
            case _:
                says = "Something went wrong on our side."
        log.error("command_failed", exc_info=error, extra={"error_id": error_id})
    return says, error_id


async def _show(interaction: Interaction, reply: Reply) -> None:
    try:
        await interaction.edit_original_response(
            content=reply.text,
            embeds=[reply.embed()] if reply.card else [],
            attachments=[reply.file()] if reply.attachment else [],
            view=reply.view() if isinstance(reply, Post) else None,
            allowed_mentions=discord.AllowedMentions.none(),
        )
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        log.warning("reply_failed", exc_info=error)
