"""In somebody's own discord.py bot: everything that is opened for it, and closed again."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

import discord
from discord import app_commands

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.discord_bot import attached, channel_of, parts_of
from kintsugi.bot import Attached
from kintsugi.persistence.process_counts import counting


@dataclass(frozen=True, slots=True)
class InYourBot:
    """What was opened for somebody's own bot."""

    attached: Attached
    _opened: AsyncExitStack

    async def close(self) -> None:
        """Leave nothing behind: no command in the tree, no open database, no log handler."""
        await self.attached.close()
        await self._opened.aclose()


async def into(
    bot: discord.Client, tree: app_commands.CommandTree[discord.Client], bootstrap: Bootstrap | None = None
) -> InYourBot:
    """Put the commands into your bot, in its `setup_hook`. A worker beside it performs what incidents owe."""
    bootstrap = bootstrap or Bootstrap.read()
    async with AsyncExitStack() as opening:
        logs = bootstrap.logs(bot=bot)
        opening.callback(logs.close)
        desk = await opening.enter_async_context(bootstrap.desk())
        bootstrap.tell_alerts(logs, desk, bot)
        await opening.enter_async_context(counting(desk.store, logs.outcomes))
        channel = channel_of(bot, desk, bootstrap)
        put_in = await attached(tree, parts_of(desk, bootstrap, logs, channel), bootstrap, channel)
        return InYourBot(put_in, opening.pop_all())
