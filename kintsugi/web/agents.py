"""`POST /mcp`: the tools of agents, for those with the token. What speaks the protocol is handed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiohttp import web

from kintsugi.web.bodies import body_of
from kintsugi.web.login import Login
from kintsugi.web.peers import peer_of

Message = MutableMapping[str, Any]
Asgi = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
"""An application as ASGI 3 has it; it answers whole, and streams nothing."""

_HANDED_ON = ("accept", "content-type", "mcp-protocol-version", "mcp-session-id")


class AgentDoor:
    """One route; `add_to` puts it into an application. `speaking`: the protocol, while the application runs."""

    def __init__(self, token: str, speaking: Callable[[], AbstractAsyncContextManager[Asgi]]) -> None:
        self._login, self._speaking = Login(token), speaking
        self._asgi: Asgi | None = None

    def add_to(self, application: web.Application) -> None:
        application.cleanup_ctx.append(self._while_it_runs)
        application.router.add_post("/mcp", self.mcp)

    async def _while_it_runs(self, _: web.Application) -> AsyncIterator[None]:
        async with self._speaking() as self._asgi:
            yield

    async def mcp(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        assert self._asgi
        answer = _Answer(await body_of(request))
        await self._asgi(_scope(request), answer.receive, answer.send)
        return answer.response()

    def _refused(self, request: web.Request) -> web.Response | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return _says(401, "Send KINTSUGI_MCP_TOKEN as `Authorization: Bearer …`.")
        peer = peer_of(request)
        wait = self._login.wait(peer)
        if self._login.opens(token, peer):
            return None
        return _says(429, f"Too many wrong tokens. Try again in {wait} s.") if wait else _says(401, "Wrong token.")


class _Answer:
    """One request's body in, one response out."""

    def __init__(self, body: bytes) -> None:
        self._body = [body]
        self._status, self._headers, self._parts = 500, [], bytearray()  # type: ignore[var-annotated]

    async def receive(self) -> Message:
        if self._body:
            return {"type": "http.request", "body": self._body.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message.get("headers", [])
        else:
            self._parts += message.get("body", b"")

    def response(self) -> web.Response:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers}
        headers.pop("content-length", None)
        return web.Response(status=self._status, body=bytes(self._parts), headers=headers)


def _scope(request: web.Request) -> Message:
    """What the protocol sees of a request: its body's kind and version, and nothing that could be a secret."""
    headers = [
        (name.encode(), request.headers[name].encode("latin-1", "replace"))
        for name in _HANDED_ON
        if name in request.headers
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": request.scheme,
        "path": "/mcp",
        "raw_path": b"/mcp",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": (peer_of(request), 0),
        "server": None,
    }


def _says(status: int, text: str) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return web.Response(status=status, text=f"{text}\n", headers=headers)
