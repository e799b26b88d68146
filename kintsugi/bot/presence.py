"""Being in Discord for as long as the process lives, whatever Discord does: where it is away, it is asked again later.

A host that is limited is told for how long (`Retry-After`, from Discord or from Cloudflare before it: error 1015), and
whoever asks earlier is limited for longer. https://docs.discord.com/developers/topics/rate-limits
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from datetime import timedelta

import aiohttp
import discord
from discord.utils import MISSING

from kintsugi.workflow.times import roughly

log = logging.getLogger("kintsugi.bot")

Tell = Callable[[str], None]

_FIRST, _LONGEST = timedelta(seconds=5), timedelta(minutes=5)
_LONGEST_TOLD = timedelta(days=1)
REFUSED = "KINTSUGI_DISCORD_TOKEN: Discord refuses it. Make a new one and set it."
AWAY = (discord.HTTPException, discord.GatewayNotFound, aiohttp.ClientError, OSError)


async def logged_in(client: discord.Client, token: str, tell: Tell) -> None:
    """Log in, however long that takes. `tell` hears why it waits. Raises discord.LoginFailure."""
    wait, waited = _FIRST, False
    while True:
        try:
            await client.login(token)
        except discord.LoginFailure:
            raise
        except AWAY as error:
            told = retry_after(error)
            await _forget_session(client)
            _say(tell, f"{why(error)} Retrying in {roughly(told or wait)}; the rest of the service runs.")
            await asyncio.sleep((told or wait).total_seconds())
            wait, waited = min(wait * 2, _LONGEST), True
        else:
            if waited:
                _say(tell, "Discord is back.")
            return


def retry_after(error: Exception) -> timedelta | None:
    """For how long Discord, or who stands before it, wants to be left alone; None where that is not said."""
    if not isinstance(error, discord.HTTPException):
        return None
    try:
        seconds = float(error.response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    if not math.isfinite(seconds) or seconds <= 0:
        return None
    return min(timedelta(seconds=math.ceil(seconds)), _LONGEST_TOLD)


def why(error: Exception) -> str:
    """What is the matter, in a sentence."""
    match error:
        case discord.HTTPException(status=429):
            return "Discord limits this host (429), as happens where many bots share an address."
        case discord.Forbidden(text=text):
            return (
                f"Discord refuses it ({text or 403}): is the bot in its server, with the scope applications.commands?"
            )
        case discord.HTTPException():
            return f"Discord answers {error.status}."
        case _:
            return f"Discord cannot be reached ({type(error).__name__})."


async def _forget_session(client: discord.Client) -> None:
    """discord.py opens another one at each login, and forgets the last."""
    await client.http.close()
    client.http.connector = MISSING


def _say(tell: Tell, sentence: str) -> None:
    tell(sentence)
    log.warning("discord_connection", extra={"says": sentence})
