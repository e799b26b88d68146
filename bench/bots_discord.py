"""Discord as other people's bots need it: more people and channels, and an answer to whatever they ask for."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.world import discord_shapes as shapes
from tests.world.discord import DiscordStandIn
from tests.world.discord_bodies import as_json, read_body
from tests.world.discord_messages import on_the_wire
from tests.world.discord_shapes import ALICE, BOB, BOT, CHANNEL, GUILD, MALLORY, Person, Seen

VOICE, OTHER_CHANNEL, THREAD, DIRECT = 3002, 3003, 3004, 3005


class AnyContract:
    """Other people's bots send what they like."""

    def judge_request(self, path: str, method: str, body: object) -> None: ...

    def judge_reply(self, path: str, method: str, status: int, body: object) -> None: ...

    def judge_event(self, path: str, method: str, event: object) -> None: ...

    def judge_frame(self, kind: str, frame: object) -> None: ...


class Discord(DiscordStandIn):
    """With a guild of more people and channels, and an answer to whatever else a bot asks for."""

    def __init__(self, contract: AnyContract) -> None:
        super().__init__(contract)
        self.allowed = 8

    async def _log_in(self, token: str) -> None:
        assert self._socket
        self._sent.clear()
        await self._dispatch("READY", shapes.ready("session", self.gateway) | {"shard": [0, 1]}, "ready")
        await self._dispatch("GUILD_CREATE", guild(), "guild")
        self.ready.set()

    async def _heard(self, frame: dict[str, Any]) -> None:
        if frame["op"] == 8:  # members are asked for
            asked = frame["d"]
            wanted = (
                {int(one) for one in asked.get("user_ids") or ()} if isinstance(asked.get("user_ids"), list) else ()
            )
            found = [one for one in guild()["members"] if not wanted or int(one["user"]["id"]) in wanted]
            told = {"guild_id": str(GUILD), "members": found, "chunk_index": 0, "chunk_count": 1, "not_found": []}
            await self.event("GUILD_MEMBERS_CHUNK", told | {"nonce": asked.get("nonce")})
        await super()._heard(frame)

    async def event(self, name: str, data: dict[str, Any]) -> None:
        """What the gateway tells of."""
        await self._dispatch(name, data, "event")

    async def menu(self, name: str, text: str = "A message", person: Person = ALICE) -> None:
        """Pick an entry of a message's menu."""
        listed = next(each for each in self.commands if each["name"] == name)
        message = shapes.a_posted_message(6001, text, BOB)
        data = {"id": listed["id"], "name": name, "type": 3, "target_id": "6001"}
        await self._send_off(2, data | {"resolved": {"messages": {"6001": message}}}, person)

    async def runs(self, command: str, person: Person = ALICE, **options: Any) -> None:
        """A slash command of any depth."""
        name, *inner = command.removeprefix("/").split()
        listed = next(each for each in self.commands if each["name"] == name)
        known = listed
        for part in inner:
            known = next(each for each in known["options"] if each["name"] == part)
        types = {each["name"]: each["type"] for each in known.get("options", [])}
        given: list[dict[str, Any]] = [
            {"name": one, "type": types[one], "value": value} for one, value in options.items()
        ]
        for depth, part in enumerate(reversed(inner)):
            given = [{"name": part, "type": 2 if depth else 1, "options": given}]
        data = {"id": listed["id"], "name": name, "type": 1, "options": given}
        scope = {"guild_id": listed["guild_id"]} if "guild_id" in listed else {}
        await self._send_off(2, data | scope, person)

    async def taps(self, custom_id: str, person: Person = ALICE, **data: Any) -> None:
        """A component under the message that the bot wrote last."""
        message = on_the_wire(self.written[-1]) if self.written else shapes.a_message(6002, Seen("Tap"))
        await self._send_off(3, {"custom_id": custom_id, "component_type": 2, "id": 1} | data, person, message)

    async def fills(self, custom_id: str, fields: dict[str, str], person: Person = ALICE) -> None:
        """A form."""
        rows = [
            {"type": 1, "id": at, "components": [{"type": 4, "id": at + 50, "custom_id": one, "value": text}]}
            for at, (one, text) in enumerate(fields.items())
        ]
        await self._send_off(5, {"custom_id": custom_id, "components": rows}, person)

    async def says_in(self, channel: int, text: str, person: Person = ALICE) -> None:
        """A message somewhere else than in the channel."""
        said = shapes.a_posted_message(next(self._ids), text, person)
        await self.event("MESSAGE_CREATE", said | {"channel_id": str(channel)})

    async def list_messages(self, request: web.Request) -> web.Response:
        """What was said there before: one message, to Alice."""
        said = shapes.a_posted_message(6003, "Hello", Person(BOT, "kintsugi"))
        return as_json(
            [said | {"channel_id": request.match_info["channel"], "mentions": [shapes.a_user(ALICE.id, ALICE.name)]}]
        )

    @property
    def written(self) -> list[dict[str, Any]]:
        """By the bot, into a channel."""
        return self.channels.messages[CHANNEL]

    def add_to(self, application: web.Application, at: str) -> None:
        application.router.add_route("*", f"{at}/{{rest:.*}}", self.anything)

    async def anything(self, request: web.Request) -> web.Response:
        path = request.match_info["rest"]
        if path in ("gateway", "gateway/bot"):
            limit = {"total": 1000, "remaining": 999, "reset_after": 1000, "max_concurrency": 1}
            return as_json({"url": self.gateway, "shards": 1, "session_start_limit": limit})
        if "/members/" in path and request.method == "PATCH":
            return as_json(shapes.a_whole_member(ALICE))
        if request.method in ("PUT", "DELETE") or path.endswith(("typing", "bulk-delete")):
            return web.Response(status=204)
        if path.endswith("/emojis"):
            return as_json({"items": []})
        if path == "soundboard-default-sounds":
            return as_json([])
        if path == "users/@me/channels":
            return as_json({"id": str(DIRECT), "type": 1, "recipients": [shapes.a_user(ALICE.id, ALICE.name)]})
        if path.endswith("messages") and request.method == "POST":
            body, _ = await read_body(request)
            said = shapes.a_posted_message(next(self._ids), body.get("content") or "", Person(BOT, "kintsugi"))
            return as_json(said | {"channel_id": path.split("/")[1], "embeds": body.get("embeds") or []})
        if "/messages/" in path:
            return as_json(shapes.a_posted_message(int(path.rpartition("/")[2]), "A message", BOB))
        if path.startswith("users/"):
            return as_json(shapes.a_user(int(path.rpartition("/")[2]), "somebody"))
        return as_json({"message": "Unknown", "code": 10003}, 404)


def channel() -> dict[str, Any]:
    return shapes.a_channel()


def guild() -> dict[str, Any]:
    people = [Person(BOT, "kintsugi"), ALICE, BOB, MALLORY]
    channels = [
        shapes.a_channel() | {"permission_overwrites": []},
        shapes.a_channel() | {"id": str(VOICE), "type": 2, "name": "voice", "bitrate": 64000, "user_limit": 0},
        shapes.a_channel() | {"id": str(OTHER_CHANNEL), "name": "other", "position": 2},
    ]
    roles = [
        one | {"permissions": "8" if one["name"] == "admin" else "104324673"} for one in shapes.the_guild()["roles"]
    ]
    members = [shapes.a_member(one) for one in people]
    icon = {"icon": "0" * 32}
    return (
        shapes.the_guild()
        | icon
        | {"members": members, "member_count": len(people), "channels": channels, "roles": roles}
    )
