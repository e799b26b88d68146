"""The stand-in's exchanges and its channel: messages and threads that stay when the bot goes, and buttons to tap."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.world import discord_shapes as shapes

_EPOCH = 1_420_070_400_000  # Discord's, in milliseconds
_ITS_NOW = 1_893_456_000_000  # this Discord lives in 2030, after everything that tests do
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, HAS_A_THREAD = 10003, 10008, 160004


class Unknown(Exception):
    """Discord's answer where something is not there, or is there already: HTTP status, code, words."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Exchange:
    """One interaction: what was answered so far, and whether the user waits no longer."""

    id: int
    seen: shapes.Seen = field(default_factory=shapes.Seen)
    asked_at: float = field(default_factory=time.monotonic)
    acknowledged: bool = False
    acknowledged_at: float = 0.0
    done: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False  # Discord knows nothing of it any more

    def waits_no_longer(self) -> None:
        self.seen.text = "The application did not respond"
        self.done.set()

    @property
    def message(self) -> int:
        """The id of the reply."""
        return self.id + 100_000


@dataclass
class Channels:
    """The channel and its threads, by id; in each the messages, oldest first."""

    threads: dict[int, str] = field(default_factory=dict)  # id to name
    messages: dict[int, list[dict[str, Any]]] = field(default_factory=lambda: {shapes.CHANNEL: []})
    edits: int = 0
    _ids: Any = field(default_factory=lambda: count(((_ITS_NOW - _EPOCH) << 22) + 1))

    @property
    def cards(self) -> list[dict[str, Any]]:
        """What stands in the channel itself."""
        return self.messages[shapes.CHANNEL]

    def in_thread(self, card: int = 0) -> list[dict[str, Any]]:
        """What stands in the thread of the n-th card."""
        return self.messages[int(self.cards[card]["id"])]

    def shown(self) -> list[dict[str, Any]]:
        """Every message there is."""
        return [message for room in self.messages.values() for message in room]

    def create(self, channel: int, body: dict[str, Any], files: dict[str, str]) -> dict[str, Any]:
        room = self._room(channel)
        nonce = body.get("nonce")
        if body.get("enforce_nonce") and nonce:
            for message in room:
                if message.get("nonce") == nonce:
                    return message
        message = a_message(next(self._ids), channel, body, files)
        if nonce:
            message["nonce"] = nonce
        room.append(message)
        return message

    def edit(self, channel: int, id: int, body: dict[str, Any], files: dict[str, str]) -> dict[str, Any]:
        message = self.one(channel, id)
        kept = {file["filename"]: file["text"] for file in message["files"]}
        changed = {key: body.get(key, message[key]) for key in ("content", "embeds", "components")}
        message |= a_message(id, channel, changed, files if "attachments" in body else kept)
        message["flags"] = 32 if id in self.threads else 0
        self.edits += 1
        return message

    def one(self, channel: int, id: int) -> dict[str, Any]:
        for message in self._room(channel):
            if message["id"] == str(id):
                return message
        raise Unknown(404, UNKNOWN_MESSAGE, "Unknown Message")

    def delete(self, channel: int, id: int) -> None:
        """Somebody deletes a message."""
        self._room(channel).remove(self.one(channel, id))

    def page(self, channel: int, after: int | None, before: int | None, limit: int) -> list[dict[str, Any]]:
        """As Discord pages: newest first, whichever end it is taken from."""
        room = [message for message in self._room(channel) if after is None or int(message["id"]) > after]
        room = [message for message in room if before is None or int(message["id"]) < before]
        return list(reversed(room[:limit] if after is not None else room[-limit:]))

    def open_thread(self, channel: int, message: int, name: str) -> dict[str, Any]:
        self.one(channel, message)["flags"] = 32
        if message in self.threads:
            raise Unknown(400, HAS_A_THREAD, "A thread has already been created for this message")
        self.threads[message], self.messages[message] = name, []
        return a_thread(message, channel, name)

    def _room(self, channel: int) -> list[dict[str, Any]]:
        if channel not in self.messages:
            raise Unknown(404, UNKNOWN_CHANNEL, "Unknown Channel")
        return self.messages[channel]


def a_message(id: int, channel: int, body: dict[str, Any], files: dict[str, str]) -> dict[str, Any]:
    """A message as it is kept: as on the wire, and `files` beside it."""
    seen = shapes.Seen(text=body.get("content") or "", embeds=[{"type": "rich", **e} for e in body.get("embeds") or []])
    message = shapes.a_message(id, seen) | {"type": 0, "channel_id": str(channel), "flags": 0}
    message["components"] = numbered(body.get("components") or [])
    message["attachments"] = [_attachment(n, name, text) for n, (name, text) in enumerate(files.items())]
    message["files"] = [{"filename": name, "text": text} for name, text in files.items()]
    return message


def on_the_wire(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key != "files"}


def numbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Discord gives each component a number."""
    numbers = count(1)
    return [
        {**row, "id": next(numbers), "components": [{**each, "id": next(numbers)} for each in row["components"]]}
        for row in rows
    ]


def show(seen: shapes.Seen, body: dict[str, Any], files: dict[str, str]) -> None:
    seen.text = body.get("content") or ""
    seen.embeds = [{"type": "rich", **embed} for embed in body.get("embeds") or []]
    seen.files = files
    seen.mentions = body.get("allowed_mentions")
    seen.components = numbered(body.get("components") or [])


def buttons_of(message: dict[str, Any]) -> dict[str, str]:
    """Custom ids by label."""
    return {each["label"]: each["custom_id"] for row in message["components"] for each in row["components"]}


def a_thread(id: int, parent: int, name: str) -> dict[str, Any]:
    return {
        "id": str(id),
        "type": 11,
        "flags": 0,
        "guild_id": str(shapes.GUILD),
        "name": name,
        "parent_id": str(parent),
        "owner_id": str(shapes.BOT),
        "thread_metadata": {
            "archived": False,
            "archive_timestamp": "2026-11-23T12:00:00+00:00",
            "auto_archive_duration": 1440,
            "locked": False,
        },
        "message_count": 0,
        "member_count": 1,
        "total_message_sent": 0,
    }


def _attachment(number: int, name: str, text: str) -> dict[str, Any]:
    url = f"https://cdn.example/{number}/{name}"
    return {"id": str(9001 + number), "filename": name, "size": len(text.encode()), "url": url, "proxy_url": url}
