"""A reverse proxy as nginx comes: what it hands on comes from this machine, and names the upstream as its host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

_NOT_HANDED_ON = ("host", "connection", "content-length", "transfer-encoding", "content-encoding")


@asynccontextmanager
async def as_it_comes(upstream: str) -> AsyncIterator[str]:
    """`location / { proxy_pass <upstream>; }`. Yields the address that strangers know."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def hand_on(request: web.Request) -> web.Response:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_HANDED_ON}
            async with session.request(
                request.method,
                f"{upstream}{request.path_qs}",
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
            ) as answer:
                told = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_HANDED_ON}
                return web.Response(status=answer.status, headers=told, body=await answer.read())

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", hand_on)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
