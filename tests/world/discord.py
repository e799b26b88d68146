"""A stand-in for Discord over loopback, HTTP and gateway, that an unmodified discord.py logs into.

A test types with `slash()` and `completes()` and sees what the user sees. Every call and frame, both ways, is held to
the shapes in wire/discord.py.
"""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from aiohttp import WSMsgType, web

from tests.world import discord_shapes as shapes
from tests.world.discord_accounts import BOT_TOKEN, Accounts
from tests.world.discord_bodies import as_json, in_its_words, read_body
from tests.world.discord_commands import GLOBAL, Commands
from tests.world.discord_messages import Channels, Exchange, Unknown, a_thread, on_the_wire, show
from tests.world.discord_shapes import Person, Seen
from tests.world.discord_weather import Weather
from tests.world.patience import PATIENCE
from tests.world.wire import Contract
from tests.world.wire.discord import DISCORD

TOKEN = BOT_TOKEN
_DEFERRED, _MESSAGE, _UPDATE_LATER, _CHOICES, _MODAL = 5, 4, 6, 8, 9
_KINDS = {2: "chat input", 3: "component", 4: "autocomplete", 5: "modal"}
_MESSAGES = "/channels/{channel_id}/messages"
_ONE_MESSAGE = f"{_MESSAGES}/{{message_id}}"
_CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
_ORIGINAL = f"{_WEBHOOK}/messages/@original"


class DiscordStandIn:
    """One guild with one channel. `commands` are those that its members see: the guild's and the global ones."""

    def __init__(self, contract: Contract = DISCORD) -> None:
        self._contract = contract
        self.faults: list[str] = []
        self.api = ""
        self.gateway = ""
        self.channels = Channels()
        self.weather = Weather()
        self.accounts = Accounts(self._judge, contract)
        self.ready = asyncio.Event()
        self.allowed = shapes.NEEDED  # what everybody may in the guild, the bot too
        self.guilds = [shapes.GUILD]  # that the bot is in; the others are like this one
        self._exchanges: dict[str, Exchange] = {}
        self._ids = count(5001)
        self.registered = Commands(self._judge, contract, self._ids)
        self._socket: web.WebSocketResponse | None = None
        self._transport: asyncio.Transport | None = None
        self._sequence = 0
        self._squeeze: Callable[[bytes], bytes] | None = None
        self._gives_up = self._forgets = False
        self.heartbeat, self.deaf = 41.25, False  # seconds; deaf: heartbeats are not answered
        self._last: tuple[Exchange, dict[str, Any]] | None = None
        self._sent: list[dict[str, Any]] = []  # what a client that comes back has missed
        self.identified = self.resumed = self.refuses = 0  # refuses: a close code in answer to a login

    # --- what a test does ---------------------------------------------------------------------------------------

    @property
    def commands(self) -> list[dict[str, Any]]:
        return [*self.registered.listed[shapes.GUILD], *self.registered.listed[GLOBAL]]

    async def slash(self, command: str, person: Person = shapes.ALICE, **options: Any) -> Seen:
        """Type `/debug logs` with options, and read the reply."""
        exchange = await self.sends(command, person, **options)
        await asyncio.wait_for(exchange.done.wait(), PATIENCE)
        return exchange.seen

    async def sends(self, command: str, person: Person = shapes.ALICE, **options: Any) -> Exchange:
        """Type a line, and do not wait for what comes back."""
        return await self._send_off(2, await self._typed(command, options), person)

    async def says(self, text: str, person: Person = shapes.ALICE) -> int:
        """Write a message into the channel; its id."""
        await asyncio.wait_for(self.ready.wait(), PATIENCE)
        id = next(self._ids)
        await self._dispatch("MESSAGE_CREATE", shapes.a_posted_message(id, text, person), "message")
        return id

    async def completes(self, command: str, option: str, typed: str, person: Person = shapes.ALICE) -> list[str]:
        """Type into an option, and read what is offered."""
        return [choice["name"] for choice in await self.offers(command, option, typed, person)]

    async def offers(
        self, command: str, option: str, typed: str, person: Person = shapes.ALICE, **before: Any
    ) -> list[dict[str, Any]]:
        """The same with what would be sent for each, after other options were filled in."""
        exchange = await self._interact(4, await self._half_typed(command, option, typed, **before), person)
        return list(exchange.seen.choices)

    async def types(self, command: str, option: str, typed: str, person: Person = shapes.ALICE) -> None:
        """Type into an option, and do not wait for what is offered."""
        await self._send_off(4, await self._half_typed(command, option, typed), person)

    async def _half_typed(self, command: str, option: str, typed: str, **before: Any) -> dict[str, Any]:
        data = await self._typed(command, {**before, option: typed})
        inner = data["options"][0] if " " in command else data
        inner["options"][-1]["focused"] = True
        return data

    async def tap(self, message: dict[str, Any] | Seen, label: str, person: Person = shapes.ALICE) -> Seen:
        """Tap a button under a message, or under a reply."""
        message = self._as_message(message)
        shown = {each.get("label"): each["custom_id"] for row in message["components"] for each in row["components"]}
        data = {"custom_id": shown[label], "component_type": 2, "id": 1}
        return (await self._interact(3, data, person, on_the_wire(message))).seen

    async def picks(self, message: dict[str, Any] | Seen, *values: str, person: Person = shapes.ALICE) -> Seen:
        """Pick from the first menu under a message, or under a reply."""
        message = self._as_message(message)
        menu = next(each for row in message["components"] for each in row["components"] if each["type"] == 3)
        data = {"custom_id": menu["custom_id"], "component_type": 3, "id": menu["id"], "values": list(values)}
        return (await self._interact(3, data, person, on_the_wire(message))).seen

    def _as_message(self, message: dict[str, Any] | Seen) -> dict[str, Any]:
        if not isinstance(message, Seen):
            return message
        exchange = next(each for each in self._exchanges.values() if each.seen is message)
        return shapes.a_message(exchange.message, message) | {"interaction": shapes.answered(exchange.id)}

    async def submits(self, form: Seen, text: str, person: Person = shapes.ALICE) -> Seen:
        """Fill in the one field of a form, and send it."""
        rows = form.modal["components"]
        field = {**(rows[0].get("component") or rows[0]["components"][0]), "value": text}
        sent = {"type": 4, "id": 2, "custom_id": field["custom_id"], "value": text}
        row = {"type": 1, "id": 1, "components": [sent]}
        return (await self._interact(5, {"custom_id": form.modal["custom_id"], "components": [row]}, person)).seen

    async def tells_again(self) -> Seen:
        """The last interaction comes once more, as after a lost acknowledgement."""
        assert self._last
        exchange, interaction = self._last
        exchange.done.clear()
        await self._dispatch("INTERACTION_CREATE", interaction)
        await asyncio.wait_for(exchange.done.wait(), PATIENCE)
        return exchange.seen

    def gives_up_on_the_next(self) -> None:
        """The next interaction is over before it is answered: more than 3 s have passed."""
        self._gives_up = True

    def forgets_the_next(self) -> None:
        """The next interaction is over after its first answer: more than 15 minutes have passed."""
        self._forgets = True

    async def _interact(
        self, kind: int, data: dict[str, Any], person: Person, message: dict[str, Any] | None = None
    ) -> Exchange:
        exchange = await self._send_off(kind, data, person, message)
        await asyncio.wait_for(exchange.done.wait(), PATIENCE)
        return exchange

    async def _send_off(
        self, kind: int, data: dict[str, Any], person: Person, message: dict[str, Any] | None = None
    ) -> Exchange:
        id = next(self._ids)
        exchange = self._exchanges[f"token-{id}"] = Exchange(id)
        interaction = shapes.an_interaction(id, f"token-{id}", kind, data, person, message)
        self._judge_frame(_KINDS[kind], interaction)
        self._last = exchange, interaction
        exchange.over, self._gives_up = self._gives_up, False
        await self._dispatch("INTERACTION_CREATE", interaction)
        return exchange

    async def _typed(self, command: str, options: dict[str, Any]) -> dict[str, Any]:
        """What Discord makes of a line that was typed: the types come from the registered command."""
        await asyncio.wait_for(self.ready.wait(), PATIENCE)
        name, _, inner = command.removeprefix("/").partition(" ")
        group = next(each for each in self.commands if each["name"] == name)
        known = next(each for each in group["options"] if each["name"] == inner) if inner else group
        types = {option["name"]: option["type"] for option in known.get("options", [])}
        people = [value for value in options.values() if isinstance(value, shapes.Person)]
        values = {name: str(value.id) if isinstance(value, shapes.Person) else value for name, value in options.items()}
        given = [{"name": name, "type": types[name], "value": value} for name, value in values.items()]
        called = [{"name": inner, "type": 1, "options": given}] if inner else given
        scope = {"guild_id": group["guild_id"]} if "guild_id" in group else {}
        resolved = {"resolved": {"users": {str(one.id): shapes.a_user(one.id, one.name) for one in people}}}
        return {"id": group["id"], "name": name, "type": 1, "options": called, **scope} | (resolved if people else {})

    # --- HTTP ---------------------------------------------------------------------------------------------------

    def add_to(self, application: web.Application, at: str) -> None:
        """What a larger Discord answers besides."""

    async def callback(self, request: web.Request) -> web.Response:
        """The first answer: in time, and once."""
        exchange = self._exchanges[request.match_info["token"]]
        body, files = await read_body(request)
        self._judge(lambda: self._contract.judge_request(_CALLBACK, "post", body))
        if exchange.over:
            exchange.waits_no_longer()
            return as_json({"message": "Unknown interaction", "code": 10062}, 404)
        if exchange.acknowledged:
            return as_json({"message": "Interaction has already been acknowledged.", "code": 40060}, 400)
        exchange.acknowledged, exchange.acknowledged_at = True, time.monotonic()
        exchange.over, self._forgets = self._forgets, False
        self._take(exchange, body, files)
        answer: dict[str, Any] = {"interaction": {"id": str(exchange.id), "type": 2}}
        if body["type"] == _MESSAGE:
            message = shapes.a_message(exchange.message, exchange.seen)
            answer["resource"] = {"type": _MESSAGE, "message": message}
        return self._reply(_CALLBACK, "post", answer)

    def _take(self, exchange: Exchange, body: dict[str, Any], files: dict[str, str]) -> None:
        data = body.get("data") or {}
        exchange.seen.ephemeral = bool(data.get("flags", 0) & 64)
        exchange.seen.deferred = body["type"] == _DEFERRED
        if body["type"] == _CHOICES:
            exchange.seen.choices = data.get("choices", [])
        if body["type"] == _MESSAGE:
            show(exchange.seen, data, files)
        if body["type"] == _MODAL:
            exchange.seen.modal = data
        if body["type"] != _DEFERRED:
            exchange.done.set()

    async def edit_original(self, request: web.Request) -> web.Response:
        exchange = self._exchanges.get(request.match_info["token"])
        if exchange is None or not exchange.acknowledged:
            return as_json({"message": "Unknown Webhook", "code": 10015}, 404)
        if exchange.over:
            exchange.waits_no_longer()
            return as_json({"message": "Invalid Webhook Token", "code": 50027}, 401)
        body, files = await read_body(request)
        self._judge(lambda: self._contract.judge_request(_ORIGINAL, "patch", body))
        show(exchange.seen, body, files)
        exchange.done.set()
        return self._reply(_ORIGINAL, "patch", shapes.a_message(exchange.message, exchange.seen))

    async def follow_up(self, request: web.Request) -> web.Response:
        """One more message after the first answer."""
        exchange = self._exchanges.get(request.match_info["token"])
        if exchange is None or not exchange.acknowledged:
            return as_json({"message": "Unknown Webhook", "code": 10015}, 404)
        body, files = await read_body(request)
        self._judge(lambda: self._contract.judge_request(_WEBHOOK, "post", body))
        show(exchange.seen, body, files)
        exchange.done.set()
        return self._reply(_WEBHOOK, "post", shapes.a_message(next(self._ids), exchange.seen))

    async def channel(self, request: web.Request) -> web.Response:
        id = int(request.match_info["channel"])
        body = shapes.a_channel() | {"id": str(id)}
        if id in self.channels.threads:
            body = a_thread(id, shapes.CHANNEL, self.channels.threads[id])
        elif id != shapes.CHANNEL:
            raise Unknown(404, 10003, "Unknown Channel")
        return self._reply("/channels/{channel_id}", "get", body)

    async def server(self, request: web.Request) -> web.Response:
        guild = int(request.match_info["guild"])
        if guild not in self.guilds:
            raise Unknown(404, 10004, "Unknown Guild")
        return self._reply("/guilds/{guild_id}", "get", shapes.the_server(self.allowed) | {"id": str(guild)})

    async def servers(self, _: web.Request) -> web.Response:
        about = {"name": "the shop", "owner": False, "permissions": str(self.allowed), "features": []}
        return self._reply("/users/@me/guilds", "get", [{"id": str(guild)} | about for guild in self.guilds])

    async def member(self, request: web.Request) -> web.Response:
        people = {each.id: each for each in (shapes.ALICE, shapes.BOB, shapes.MALLORY, Person(shapes.BOT, "kintsugi"))}
        if (found := people.get(int(request.match_info["user"]))) is None:
            raise Unknown(404, 10007, "Unknown Member")
        return self._reply("/guilds/{guild_id}/members/{user_id}", "get", shapes.a_whole_member(found))

    async def post_message(self, request: web.Request) -> web.Response:
        body, files = await read_body(request)
        self._judge(lambda: self._contract.judge_request(_MESSAGES, "post", body))
        message = self.channels.create(int(request.match_info["channel"]), body, files)
        return self._reply(_MESSAGES, "post", on_the_wire(message))

    async def edit_message(self, request: web.Request) -> web.Response:
        body, files = await read_body(request)
        self._judge(lambda: self._contract.judge_request(_ONE_MESSAGE, "patch", body))
        at = request.match_info
        message = self.channels.edit(int(at["channel"]), int(at["message"]), body, files)
        return self._reply(_ONE_MESSAGE, "patch", on_the_wire(message))

    async def list_messages(self, request: web.Request) -> web.Response:
        asked = {name: int(value) for name, value in request.query.items()}
        found = self.channels.page(
            int(request.match_info["channel"]), asked.get("after"), asked.get("before"), asked.get("limit", 50)
        )
        return self._reply(_MESSAGES, "get", [on_the_wire(message) for message in found])

    async def post_thread(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._judge(lambda: self._contract.judge_request(f"{_ONE_MESSAGE}/threads", "post", body))
        at = request.match_info
        thread = self.channels.open_thread(int(at["channel"]), int(at["message"]), body["name"])
        return self._reply(f"{_ONE_MESSAGE}/threads", "post", thread, 201)

    def _reply(self, path: str, method: str, body: Any, status: int = 200) -> web.Response:
        self._judge(lambda: self._contract.judge_reply(path, method, status, body))
        return as_json(body, status)

    # --- gateway ------------------------------------------------------------------------------------------------

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._socket, self._transport = socket, request.transport
        squeeze = zlib.compressobj()
        zipped = request.query.get("compress") == "zlib-stream"
        self._squeeze = (lambda raw: squeeze.compress(raw) + squeeze.flush(zlib.Z_SYNC_FLUSH)) if zipped else None
        await self._send(
            {"op": 10, "s": None, "t": None, "d": {"heartbeat_interval": int(self.heartbeat * 1000)}}, "hello"
        )
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):  # JSON either way
                await self._heard(json.loads(message.data))
        return socket

    async def _heard(self, frame: dict[str, Any]) -> None:
        if frame["op"] == 1 and not self.deaf:
            self._judge_frame("heartbeat", frame)
            await self._send({"op": 11, "s": None, "t": None, "d": None}, "ack")
        if frame["op"] == 2:
            self._judge_frame("identify", frame)
            self.identified += 1
            await self._log_in(frame["d"]["token"])
        if frame["op"] == 6:
            self._judge_frame("resume", frame)
            await self._resume(frame["d"]["seq"])

    async def _resume(self, seen: int) -> None:
        """Send again what the client has missed."""
        for missed in [frame for frame in self._sent if frame["s"] > seen]:
            await self._send(missed, "missed")
        self.resumed += 1
        await self._dispatch("RESUMED", {}, "resumed")

    async def _log_in(self, token: str) -> None:
        assert self._socket
        if token != TOKEN or self.refuses:
            await self._socket.close(code=self.refuses or 4004)
            return
        self._sent.clear()
        await self._dispatch("READY", shapes.ready("session", self.gateway), "ready")
        await self._dispatch("GUILD_CREATE", shapes.the_guild(), "guild")
        self.ready.set()

    async def _dispatch(self, name: str, data: dict[str, Any], kind: str = "interaction") -> None:
        self._sequence += 1
        frame = {"op": 0, "t": name, "s": self._sequence, "d": data}
        self._sent.append(frame)
        if self._socket is None or self._socket.closed:
            return  # the client is away: it is told when it comes back
        await self._send(frame, kind)

    async def drops(self, code: int | None = None) -> None:
        """Cut the socket, or close it with a code."""
        assert self._socket
        if code:
            await self._socket.close(code=code)
        elif self._transport:
            self._transport.abort()
        self._socket = None

    async def wishes(self, op: int, data: object = None) -> None:
        """Ask the client to come back: op 7, or op 9 with whether it may resume."""
        await self._send({"op": op, "s": None, "t": None, "d": data}, "wish")

    async def _send(self, frame: dict[str, Any], kind: str) -> None:
        assert self._socket
        self._judge_frame(kind, frame)
        raw = json.dumps(frame)
        if self._squeeze:
            await self._socket.send_bytes(self._squeeze(raw.encode()))
        else:
            await self._socket.send_str(raw)

    def _judge_frame(self, kind: str, frame: object) -> None:
        self._judge(lambda: self._contract.judge_frame(kind, frame))

    def _judge(self, look: Callable[[], None]) -> None:
        try:
            look()
        except AssertionError as fault:
            self.faults.append(str(fault))


@asynccontextmanager
async def serving(
    contract: Contract = DISCORD, kind: type[DiscordStandIn] = DiscordStandIn
) -> AsyncIterator[DiscordStandIn]:
    """Start it, and at the end fail the test that broke the contract. `kind`: one that knows more of Discord."""
    stand_in = kind(contract)
    application = web.Application(client_max_size=2**26, middlewares=[stand_in.weather.middleware(), in_its_words])
    application.router.add_get("/gateway-ws/", stand_in.connect)
    at = "/api/v10"
    stand_in.accounts.add_to(application, at)
    stand_in.registered.add_to(application, at)
    application.router.add_post(f"{at}/interactions/{{id}}/{{token}}/callback", stand_in.callback)
    application.router.add_patch(f"{at}/webhooks/{{app}}/{{token}}/messages/@original", stand_in.edit_original)
    application.router.add_post(f"{at}/webhooks/{{app}}/{{token}}", stand_in.follow_up)
    application.router.add_get(f"{at}/users/@me/guilds", stand_in.servers)
    application.router.add_get(f"{at}/guilds/{{guild}}", stand_in.server)
    application.router.add_get(f"{at}/guilds/{{guild}}/members/{{user}}", stand_in.member)
    in_channel = f"{at}/channels/{{channel}}"
    application.router.add_get(in_channel, stand_in.channel)
    application.router.add_get(f"{in_channel}/messages", stand_in.list_messages)
    application.router.add_post(f"{in_channel}/messages", stand_in.post_message)
    application.router.add_patch(f"{in_channel}/messages/{{message}}", stand_in.edit_message)
    application.router.add_post(f"{in_channel}/messages/{{message}}/threads", stand_in.post_thread)
    stand_in.add_to(application, at)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"127.0.0.1:{runner.addresses[0][1]}"
    stand_in.api, stand_in.gateway = f"http://{address}{at}", f"ws://{address}/gateway-ws/"
    try:
        yield stand_in
    finally:
        await runner.cleanup()
    assert not stand_in.faults, stand_in.faults
