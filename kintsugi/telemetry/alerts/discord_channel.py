"""A sink that posts alerts to a channel of Discord, through any discord.py client that is logged in."""

import asyncio
import logging
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

from kintsugi.telemetry.alerts.engine import Alert
from kintsugi.telemetry.redact import redact

if TYPE_CHECKING:
    import discord

_log = logging.getLogger("kintsugi.telemetry.alerts")
_LONGEST = 1_200  # of the block; Discord takes 2,000 characters in all
_WAITS = 10.0  # seconds for Discord's answer
_INVISIBLE = "\u200b"


class DiscordChannel:
    """Posts each alert and waits for Discord's answer, so that what is refused is tried again. Nobody is mentioned."""

    def __init__(self, bot: "discord.Client", channel: int) -> None:
        self._bot = bot
        self._channel = channel

    def __call__(self, alert: Alert) -> None:
        """Raises RuntimeError where the client is not logged in, else what discord.py raises."""
        loop = self._bot.loop
        if not isinstance(loop, asyncio.AbstractEventLoop) or loop.is_closed():
            raise RuntimeError("the bot is not logged in")
        sending = asyncio.run_coroutine_threadsafe(self._send(alert), loop)
        if not wait([sending], 0.0 if _runs_here(loop) else _WAITS).done:
            sending.add_done_callback(_report)  # it may still be posted: to try again could tell it twice
        elif error := sending.exception():
            raise error

    async def _send(self, alert: Alert) -> None:
        from discord import AllowedMentions  # noqa: PLC0415  (telemetry works without discord.py)

        channel = self._bot.get_partial_messageable(self._channel)
        await channel.send(text_of(alert), allowed_mentions=AllowedMentions.none(), suppress_embeds=True)


def text_of(alert: Alert) -> str:
    """An alert as a message: what, how often, what was raised where, and by which id it is found.

    At most 2,000 characters.
    """
    times = "once" if alert.count == 1 else f"{alert.count} times"
    id = alert.incident_id or alert.error_id
    mark, more = ("✅", f"is over: {times} more, last") if alert.over else ("⚠️", f"{times}, last")
    head = f"{mark} **{_quiet(alert.summary, 200)}**\n{more} <t:{int(alert.since)}:R> · rule `{alert.rule}`"
    block = _quiet(_block(alert), _LONGEST).replace("```", f"`{_INVISIBLE}`{_INVISIBLE}`")
    return f"{head}{f' · `{_quiet(id, 60)}`' if id else ''}\n```\n{block}\n```"


def _block(alert: Alert) -> str:
    """What was said, the innermost frames, and the exception: as a traceback ends."""
    said = " ".join(part for part in (alert.level, alert.logger, alert.message or alert.line) if part)
    lines = [said[:600], *(f"  {frame}" for frame in alert.frames), *([alert.exception] if alert.exception else [])]
    return "\n".join(lines)


def _quiet(text: str, most: int) -> str:
    """Redacted, cut, and without a mention that works."""
    kept = redact(text).replace("@", f"@{_INVISIBLE}")
    return kept if len(kept) <= most else f"{kept[: most - 2]} …"


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether this is the client's own thread, which must not wait for itself: as where a program ends."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _report(sending: "Future[Any]") -> None:
    error = None if sending.cancelled() else sending.exception()
    if error is not None:
        _log.warning("an alert could not be posted", exc_info=error)
