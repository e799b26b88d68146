"""A message that Discord takes once, however often it is sent within some minutes."""

from __future__ import annotations

import json
from typing import Any

import discord
from discord.http import handle_message_parameters

_ONCE = {"enforce_nonce": True}


async def send_once(client: discord.Client, place: int, content: dict[str, Any], nonce: str) -> tuple[int, str]:
    """Send to the channel or thread `place`; answers the message's id and its text.

    Where Discord has a message with this nonce already, these are that one's. Raises discord.HTTPException.
    """
    if _asks_so_itself():
        sent = await client.get_partial_messageable(place).send(**content, nonce=nonce)
        return sent.id, sent.content
    told = client.allowed_mentions
    with handle_message_parameters(**content, nonce=nonce, previous_allowed_mentions=told) as given:
        if given.payload is not None:
            given.payload.update(_ONCE)
        else:  # with files it is the first part of a form
            head = (given.multipart or [{}])[0]
            head["value"] = json.dumps(json.loads(head["value"]) | _ONCE)
        data = await client.http.send_message(place, params=given)
    return int(data["id"]), data["content"]


def _asks_so_itself() -> bool:
    """Whether this discord.py asks Discord to drop a second one with the same nonce: from 2.5 on."""
    with handle_message_parameters(nonce="1") as given:
        return "enforce_nonce" in (given.payload or {})
