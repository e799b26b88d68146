"""What became of what was delivered to us, counted by who sent it."""

from __future__ import annotations

from itertools import product

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from kintsugi.telemetry.counts import Tally

SOURCES = ("github", "railway", "deploy", "sentry")
OUTCOME = web.ResponseKey("outcome", str)
"""Where an answer says itself what became of a delivery, as its status does not tell."""

KNOWN, IGNORED, REFUSED = "known", "ignored", "refused"
_FAILED = "failed"
_BY_STATUS = {200: "taken", 202: "taken", 400: "unreadable", 413: "unreadable", 401: "unsigned", 403: "unsigned"}
_BY_STATUS |= {429: "limited", 503: "unstored"}


def uncounted() -> Tally:
    """For what will be delivered."""
    return Tally(product(SOURCES, dict.fromkeys((*_BY_STATUS.values(), KNOWN, IGNORED, REFUSED, _FAILED))))


def counting(deliveries: Tally) -> Middleware:
    """A middleware that counts them by source and outcome."""

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        source = source_of(request.path) if request.method == "POST" else None
        if source is None:
            return await handler(request)
        outcome = _FAILED
        try:
            answer = await handler(request)
        except web.HTTPException as raised:
            outcome = _BY_STATUS.get(raised.status, outcome)
            raise
        else:
            outcome = answer.get(OUTCOME) or _BY_STATUS.get(answer.status, outcome)
            return answer
        finally:
            deliveries.count(source, outcome)

    return counted


def source_of(path: str) -> str | None:
    """Who delivers to this path; None where it is no delivery."""
    first, _, rest = path.strip("/").partition("/")
    name = "sentry" if first == "api" else rest.split("/")[0] if first == "webhooks" else ""
    return name if name in SOURCES else None
