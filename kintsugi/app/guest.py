"""In somebody's own discord.py bot: what is opened for it, what of that waits for its login, and its end.

A bot is handed over before its login or after it, and its event loop need not be the one that runs now: a program may
load its extensions in one `asyncio.run`, and be the bot in another. So what belongs to a loop begins with the bot's.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from typing import Any

import discord
from discord import app_commands

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.desk import Desk, a_desk_on, prepare
from kintsugi.app.host import CannotAttach
from kintsugi.bot import DISCORD_ERRORS, Attached, NameTaken, why_not_listed
from kintsugi.persistence.process_counts import counting
from kintsugi.telemetry import Telemetry
from kintsugi.telemetry.interactions import on_event
from kintsugi.telemetry.undo import replace_attribute
from kintsugi.telemetry.unhandled import unhandled
from kintsugi.workflow.errors import BadInput, StepFailed, StoreUnavailable

log = logging.getLogger("kintsugi.bot")

_REFUSALS = (BadInput, StepFailed, StoreUnavailable, NameTaken, *DISCORD_ERRORS)
_HELD = "__kintsugi__"  # the attribute by which a bot holds what is open for it


class InYourBot:
    """What is open for somebody's own bot. The bot holds it, so that nobody else has to."""

    def __init__(
        self, bot: discord.Client, bootstrap: Bootstrap, logs: Telemetry, desk: Desk, opened: AsyncExitStack
    ) -> None:
        self._bot, self._bootstrap, self._desk, self._opened = bot, bootstrap, desk, opened
        self.logs = logs
        self._bots = bootstrap.bots(desk, logs)
        self._channel = self._bots.channel(bot)
        self._needs = self._bots.needs(self._channel)
        if bootstrap.telemetry == "off":
            self._needs = replace(self._needs, recent=_nothing_is_kept)
        self._attached: Attached | None = None
        self._online = self._hears = False

    async def begin(self, tree: app_commands.CommandTree[Any]) -> None:
        """Put the commands in; what has to wait for the login waits for it. Raises a refusal."""
        self._attached = self._bots.put_into(tree, self._needs, self._channel)
        self._opened.push_async_callback(self._attached.close)
        undo = self._opened.enter_context(ExitStack())
        replace_attribute(undo, self._bot, _HELD, self)
        replace_attribute(undo, self._bot, "close", self._ends_before(self._bot.close))
        for sentence in await self._needs.missing():
            log.warning("Kintsugi: %s", sentence)
        if _is_logged_in(self._bot):
            await self._go_online()
        else:
            on_event(self._bot, "connect", self._connected, undo)

    async def close(self, *, for_good: bool = False) -> None:
        """Leave nothing behind: no command in the tree, no open database, no log handler.

        `for_good`, Discord lists the commands no more; else they are there when the bot comes back.
        """
        if for_good and self._attached and _is_logged_in(self._bot):
            await self._attached.registration.take_back()
        await self._opened.aclose()

    async def _go_online(self) -> None:
        """In the bot's own loop, logged in."""
        assert self._attached
        self._online = True
        self._hear_crashes()
        self._bootstrap.tell_alerts(self.logs, self._desk, self._bot, but_crashes=self._hears)
        await self._opened.enter_async_context(counting(self._desk.store, self.logs.outcomes))
        await self._attached.go_online()

    def _hear_crashes(self) -> None:
        if self._hears or not (crashes := self._bootstrap.hear_crashes(self.logs, self._desk)):
            return
        self._hears = True
        self._opened.push_async_callback(crashes.finish)

    async def _connected(self) -> None:
        """For the first time. Whoever loaded us is long gone: what is refused now can only be logged."""
        if self._online:
            return
        try:
            await self._go_online()
        except _REFUSALS as error:
            says = _sentence(error, self._bootstrap)
            log.error("Kintsugi left this bot. %s", says)  # noqa: TRY400  # a sentence
            await self.close()

    def _ends_before(self, bot_close: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def close() -> None:
            error = sys.exception()  # `async with bot` closes it while one flies by
            if isinstance(error, Exception):
                self._hear_crashes()
                unhandled(error, "end of the program", "the bot ends by an exception", level=logging.CRITICAL)
            await self.close()
            await bot_close()

        return close


async def into(
    bot: discord.Client, tree: app_commands.CommandTree[Any], bootstrap: Bootstrap | None = None
) -> InYourBot:
    """See `kintsugi.discord.into`, which has looked at the bot. Raises CannotAttach."""
    if hasattr(bot, _HELD):
        raise CannotAttach("Kintsugi is in this bot already. Load it once.")
    opened = AsyncExitStack()
    try:
        bootstrap = bootstrap or Bootstrap.read()
        logs = bootstrap.logs(bot=bot, mode=bootstrap.telemetry)
        opened.callback(logs.close)
        await asyncio.to_thread(prepare, bootstrap.database)
        desk = a_desk_on(bootstrap.database, at_once=bootstrap.at_once)
        opened.push_async_callback(desk.store.close)
        inside = InYourBot(bot, bootstrap, logs, desk, opened)
        await inside.begin(tree)
    except BaseException as error:
        await opened.aclose()
        if isinstance(error, _REFUSALS):
            raise CannotAttach(_sentence(error, bootstrap)) from error
        raise
    return inside


def _is_logged_in(bot: discord.Client) -> bool:
    """Whether its application is known, and its connection made: from `setup_hook` on."""
    return bot.user is not None and bot.application_id is not None and not bot.is_closed()


def _nothing_is_kept(limit: int, level: str | None = None, contains: str | None = None) -> list[str]:
    raise BadInput("No log line is kept: KINTSUGI_TELEMETRY is off. Set it to ring.")


def _sentence(error: Exception, bootstrap: Bootstrap | None) -> str:
    match error:
        case StoreUnavailable() if bootstrap:
            return f"{error} KINTSUGI_DATABASE_URL is {bootstrap.database}."
        case _ if isinstance(error, DISCORD_ERRORS):
            return why_not_listed(error)
        case _:
            return str(error)
