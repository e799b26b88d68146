"""What the way to Discord can do to a call: be limited, break before or after the work, or end the caller."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LIMITED = "limited"  # 429 with `Via`, so that discord.py believes it to be Discord's own
BANNED = "banned"  # 429 of Cloudflare's, for `banned_for` seconds
BROKEN_BEFORE = "broken before"  # 500, and nothing was done
BROKEN_AFTER = "broken after"  # 500, though the work was done
DROPPED_AFTER = "dropped after"  # the work was done, and the connection is cut


@dataclass
class Weather:
    """`next` holds kinds of trouble, each with a pattern of the calls it is for; one is used up by the first that fits.

    `before` and `after` are told the number of each call: a test may stop the caller there.
    """

    next: list[tuple[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    banned_for: int = 1
    before: Callable[[int], Awaitable[None]] | None = None
    after: Callable[[int], Awaitable[None]] | None = None

    def comes(self, kind: str, calls: str = ".*", times: int = 1) -> None:
        self.next += [(kind, calls)] * times

    def is_a(self, number: int, calls: str) -> bool:
        """Whether the call of this number fits the pattern."""
        return bool(re.search(calls, self.calls[number - 1]))

    def middleware(self) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
        @web.middleware
        async def pass_through(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith("/gateway"):
                return await handler(request)
            return await self._call(request, handler)

        return pass_through

    async def _call(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        name = f"{request.method} {request.path}"
        self.calls.append(name)
        number = len(self.calls)
        if self.before:
            await self.before(number)
        trouble = self._trouble(name)
        if trouble == LIMITED:
            return _limited()
        if trouble == BANNED:
            return _banned(self.banned_for)
        if trouble == BROKEN_BEFORE:
            return web.Response(status=500, text="no")
        answer = await handler(request)
        if self.after:
            await self.after(number)
        if trouble == BROKEN_AFTER:
            return web.Response(status=500, text="yes and no")
        if trouble == DROPPED_AFTER:
            assert request.transport
            request.transport.close()
        return answer

    def _trouble(self, name: str) -> str | None:
        for each in self.next:
            if re.search(each[1], name):
                self.next.remove(each)
                return each[0]
        return None


def _limited() -> web.Response:
    body = b'{"message": "You are being rate limited.", "retry_after": 0.05, "global": false}'
    headers = {"Content-Type": "application/json", "Via": "1.1 loopback", "Retry-After": "1"}
    return web.Response(body=body, status=429, headers=headers)


def _banned(seconds: int) -> web.Response:
    """What Cloudflare answers in Discord's place to a host that asks too much: no JSON, and no `Via`."""
    return web.Response(status=429, text="error code: 1015", headers={"Retry-After": str(seconds)})
