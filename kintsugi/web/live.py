"""Server-sent events: a page is told when what it shows has moved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import blake2s

from aiohttp import web

from kintsugi.web.needs import HEADERS, SESSION
from kintsugi.web.sessions import Session
from kintsugi.web.shares import Crowded, Room, Shares
from kintsugi.workflow.errors import NotFound, StepFailed, StoreUnavailable
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.ports import Store

PAGE = 50  # incidents of a list
_PULSE = 1.0  # seconds between two looks at the database, while somebody watches
_LISTENERS, _LISTENERS_EACH = 200, 20  # streams at a time, and those of one session: each tab has one


class Live:
    """The streams. `session` says who a request is of, anew each time."""

    def __init__(self, store: Store, session: Callable[[web.Request], Awaitable[Session | None]]) -> None:
        self._store, self._session = store, session
        self._listeners = Shares(Room(_LISTENERS, _LISTENERS, inside=_LISTENERS, inside_each=_LISTENERS_EACH))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: one line whenever what the page shows has moved, its data the new version."""
        number = request.match_info.get("id")
        stream = web.StreamResponse(headers=HEADERS | {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        try:
            with self._listeners.entered("everybody", request[SESSION].id):
                await stream.prepare(request)
                with suppress(ConnectionResetError, StepFailed, StoreUnavailable):  # gone, or nobody knows who it is
                    await self._tell(request, stream, int(number) if number else None)
        except Crowded:
            return web.Response(status=503, headers={"Retry-After": "30"})
        return stream

    async def _tell(self, request: web.Request, stream: web.StreamResponse, number: int | None) -> None:
        """Until nobody listens, or whoever does is logged out. The first line is what the page shows now."""
        last = None
        while True:
            version = await self._version(number)
            moved = version is not None and version != last
            if moved and not await self._session(request):
                return
            last = version if moved else last
            await stream.write(f"event: moved\ndata: {last}\n\n".encode() if moved else b": still here\n\n")
            await asyncio.sleep(_PULSE)

    async def _version(self, number: int | None) -> str | None:
        """What changes when the page would; None where it cannot be told just now."""
        store = self._store
        try:
            shown_now = [await store.incident(number)] if number else await store.incidents(limit=PAGE)
        except (NotFound, StoreUnavailable):
            return None
        return version_of(shown_now)


def version_of(incidents: Sequence[Incident]) -> str:
    """What changes when one of these incidents moves or is seen again."""
    seen = "-".join(f"{each.id}.{each.seq}.{each.count}" for each in incidents)
    return blake2s(seen.encode(), digest_size=8).hexdigest()
