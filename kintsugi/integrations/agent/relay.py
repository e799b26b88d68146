"""The only way out of an agent's box: to the model's address, with our key, which the agent never sees.

Our key may do more at that address than ask (files, batches, fine-tuned models), so the paths that ask are named.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiohttp import web

from kintsugi.integrations import authorities
from kintsugi.integrations.model.address import Address

MOST_CALLS = 200
_LARGEST = 20 * 2**20  # bytes of a question
_LARGEST_ANSWER = 4 * 2**20  # bytes of a difference
_SECONDS = 900.0
_AT_ONCE = 8  # questions, each of which we hold in memory; and differences, beside them
_ASKS = re.compile(r"chat/completions|completions|responses|embeddings|messages(/count_tokens)?")
_LISTS = re.compile(r"models(/\w[\w.:@-]*)*")
_HANDED_ON = ("accept", "content-type", "openai-beta", "user-agent")
_NO_MODEL = "No model is configured: set KINTSUGI_LLM_API_KEY or KINTSUGI_LLM_BASE_URL."


@dataclass(slots=True)
class Relay:
    """What came of it: the difference that the agent made (None: it never said), and how often it asked the model."""

    made: str | None = None
    too_large: bool = False  # it said more than is taken
    calls: int = 0
    kinds: list[int] = field(default_factory=list)  # the statuses of the model's answers


@asynccontextmanager
async def relaying(socket: Path, address: Address | None, key: str) -> AsyncIterator[Relay]:
    """A server on this Unix socket, while the box runs."""
    relay = Relay()
    async with httpx.AsyncClient(verify=authorities.context(), timeout=_SECONDS) as client:
        door = _Door(relay, client, address, key)
        application = web.Application(client_max_size=_LARGEST)
        application.router.add_post("/answer", door.answer)
        application.router.add_get("/v1/{tail:.*}", door.ask, allow_head=False)
        application.router.add_post("/v1/{tail:.*}", door.ask)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.UnixSite(runner, str(socket)).start()
            os.chmod(socket, 0o666)  # noqa: PTH101, S103  # the box's user is another one; the folder is shown to that box alone
            yield relay
        finally:
            await runner.cleanup()


class _Door:
    def __init__(self, relay: Relay, client: httpx.AsyncClient, address: Address | None, key: str) -> None:
        self._relay, self._client, self._address, self._key = relay, client, address, key
        self._asking, self._answering = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(_AT_ONCE)

    async def answer(self, request: web.Request) -> web.Response:
        async with self._answering:
            try:
                body = await request.read()
            except web.HTTPRequestEntityTooLarge:
                self._relay.too_large = True
                raise
        self._relay.too_large = len(body) > _LARGEST_ANSWER
        if self._relay.too_large:
            return web.Response(status=413, text="The difference is too large.\n")
        self._relay.made = body.decode("utf-8", "replace")
        return web.Response(text="taken\n")

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """The model's answer, as it comes."""
        if self._address is None:
            return web.Response(status=502, text=f"{_NO_MODEL}\n")
        if not (_LISTS if request.method == "GET" else _ASKS).fullmatch(request.match_info["tail"]):
            return web.Response(status=403, text="Only questions to the model are handed on.\n")
        if self._relay.calls >= MOST_CALLS:
            return web.Response(
                status=429, text=f"The model was asked {MOST_CALLS} times. That is all for one patch.\n"
            )
        self._relay.calls += 1
        headers = {name: request.headers[name] for name in _HANDED_ON if name in request.headers}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        url = f"{self._address.url}/{request.match_info['tail']}"
        query = dict(request.query) | dict(self._address.query)
        async with self._asking:
            asked = self._client.build_request(
                request.method, url, params=query, headers=headers | self._address.headers, content=await request.read()
            )
            try:
                return await self._streamed(request, asked)
            except httpx.HTTPError as error:
                return web.Response(status=502, text=f"The model's address does not answer: {type(error).__name__}.\n")

    async def _streamed(self, request: web.Request, asked: httpx.Request) -> web.StreamResponse:
        answer = await self._client.send(asked, stream=True)
        try:
            self._relay.kinds.append(answer.status_code)
            kind = answer.headers.get("content-type", "application/json")
            told = web.StreamResponse(status=answer.status_code, headers={"Content-Type": kind})
            await told.prepare(request)
            async for piece in answer.aiter_bytes():
                await told.write(piece)
            await told.write_eof()
            return told
        finally:
            await answer.aclose()
