"""Bodies, as far as they are waited for."""

from __future__ import annotations

import asyncio

from aiohttp import web

BODY_SECONDS = 30.0  # for the whole of one; 5 MB in that time is a slow line


async def body_of(request: web.Request, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body. Raises HTTPRequestTimeout, HTTPRequestEntityTooLarge, HTTPBadRequest for one that breaks off."""
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="The body took too long.") from None
    except (web.RequestPayloadError, ConnectionError):
        raise web.HTTPBadRequest(text="The body breaks off.") from None
