"""What every door answers while the database is unavailable: 503, and when to come again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from kintsugi.workflow.errors import StoreUnavailable

log = logging.getLogger("kintsugi.web")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RETRY_AFTER = "5"  # seconds


@web.middleware
async def told_to_come_again(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever 503 a door answers itself gets its `Retry-After` here as well."""
    try:
        answer = await handler(request)
    except StoreUnavailable as error:
        log.warning("database_unavailable", extra={"path": request.path, "why": str(error)})
        answer = web.json_response({"says": "The database is unavailable. Come again in a few seconds."}, status=503)
    if answer.status == 503:
        answer.headers.setdefault("Retry-After", RETRY_AFTER)
    return answer
