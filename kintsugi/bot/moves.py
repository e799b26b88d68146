"""The human moves as commands of a group, one for each name in the table of `kintsugi/workflow/asking.py`.

What a command takes is the table's, and so are its words; how that is typed in Discord is one function a kind here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal

import discord
from discord import app_commands

from kintsugi.bot.asking import Asking, incident_number
from kintsugi.bot.needs import BotNeeds
from kintsugi.bot.offers import offered
from kintsugi.bot.replies import Reply
from kintsugi.bot.tree import Answers, actor
from kintsugi.workflow.asking import NAMES, Takes, command_of, says_of, takes_of

Interaction = discord.Interaction[discord.Client]
Long = app_commands.Range[str, 1, 1000]
Why = app_commands.Range[str, 1, 300]
Short = app_commands.Range[str, 1, 60]
Level = Literal["critical", "high", "medium", "low", "auto"]
Do = Callable[..., Awaitable[None]]  # interaction, id, and what is typed by its names
Callback = Callable[..., Coroutine[Any, Any, None]]

ELSEWHERE = frozenset({"confirm", "rollback"})
"""What has a command of its own: `/debug confirm-fix`, `/deploy rollback`."""


def moves(parts: BotNeeds, answers: Answers, asking: Asking) -> list[app_commands.Command[Any, ..., None]]:
    """The commands, in the table's order."""
    return [_command(name, parts, answers, asking) for name in NAMES if name not in ELSEWHERE]


def _command(name: str, parts: BotNeeds, answers: Answers, asking: Asking) -> app_commands.Command[Any, ..., None]:
    kind = command_of(name)
    assert kind

    async def do(interaction: Interaction, id: str, **typed: str) -> None:
        async def work() -> Reply:
            return await asking.request(interaction, incident_number(id), kind, **typed)

        await answers.answer(interaction, work)

    async def ids(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """The incidents for which this user can ask for it now; nothing for a stranger."""
        if not answers.may(interaction):
            return []
        return offered(asking.open_for(interaction, kind, await parts.store.incidents(limit=100)), typed)

    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=name, description=says_of(name)[:100], callback=_TYPED[takes_of(name)](do)
    )
    command.autocomplete("id")(ids)
    return command


def _nothing(do: Do) -> Callback:
    @app_commands.describe(id=_ID)
    async def callback(interaction: Interaction, id: str) -> None:
        await do(interaction, id)

    return callback


def _why(do: Do) -> Callback:
    @app_commands.describe(id=_ID, why="the reason, for the history")
    async def callback(interaction: Interaction, id: str, why: Why = "") -> None:
        await do(interaction, id, why=why)

    return callback


def _hint(do: Do) -> Callback:
    @app_commands.describe(id=_ID, hint="what the analyst should know")
    async def callback(interaction: Interaction, id: str, hint: Long = "") -> None:
        await do(interaction, id, hint=hint)

    return callback


def _person(do: Do) -> Callback:
    @app_commands.describe(id=_ID, user="who has it now")
    async def callback(interaction: Interaction, id: str, user: discord.User) -> None:
        await do(interaction, id, to=actor(user.name, user.id))

    return callback


def _text(do: Do) -> Callback:
    @app_commands.describe(id=_ID, text="what you did or saw")
    async def callback(interaction: Interaction, id: str, text: Long) -> None:
        await do(interaction, id, text=text)

    return callback


def _level(do: Do) -> Callback:
    @app_commands.describe(id=_ID, level="how bad it is; auto: by the rule")
    async def callback(interaction: Interaction, id: str, level: Level) -> None:
        await do(interaction, id, level=level)

    return callback


def _other(do: Do) -> Callback:
    @app_commands.describe(id=_ID, of="the other incident's number")
    async def callback(interaction: Interaction, id: str, of: Short) -> None:
        await do(interaction, id, of=of)

    return callback


def _fix(do: Do) -> Callback:
    @app_commands.describe(id=_ID, commit="a commit, or a pull request such as #12; nothing: the newest commit")
    async def callback(interaction: Interaction, id: str, commit: Why = "") -> None:
        await do(interaction, id, named=commit)

    return callback


def _wish(do: Do) -> Callback:
    @app_commands.rename(for_="for")
    @app_commands.describe(
        id=_ID,
        for_="a time (12h, 7d) or a number of times (100); nothing: for good",
        until="a commit, `next` for the next build, or a date",
    )
    async def callback(interaction: Interaction, id: str, for_: Short = "", until: Short = "") -> None:
        await do(interaction, id, **{"for": for_, "until": until})

    return callback


_ID = "its number, such as 7"
_TYPED = {
    Takes.NOTHING: _nothing,
    Takes.WHY: _why,
    Takes.HINT: _hint,
    Takes.PERSON: _person,
    Takes.TEXT: _text,
    Takes.LEVEL: _level,
    Takes.OTHER: _other,
    Takes.FIX: _fix,
    Takes.WISH: _wish,
}
