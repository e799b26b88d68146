"""Connections, as many as there are files for: what comes to nothing is closed, and no peer has them all.

A connection *waits* while none of its requests is under way: before its first head is whole, and between requests. Only
those that wait are closed to make room, the oldest first; where none does, whoever comes new is not taken.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from kintsugi.web.peers import network_of
from kintsugi.web.seldom import Seldom

log = logging.getLogger("kintsugi.web")

_FILES, _KEPT = 8192, 256  # that we ask the system for; that are not for connections
_MOST = 4096


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a first head, for who takes nothing of what is written, between requests, for an unread rest."""

    head: float = 10.0
    taking: float = 60.0
    between: float = 130.0  # longer than proxies keep a connection, or one is closed in the moment that it is used
    rest: float = 2.0


def room_for_connections() -> int:
    """How many there may be, after the system was asked for more files than it gives by itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _MOST if soft == resource.RLIM_INFINITY else max(min(_MOST, soft - _KEPT), 16)


class Connections:
    """All of a server's. `most`: at a time; half of them of one peer, which may be everybody's proxy."""

    def __init__(self, patience: Patience, most: int) -> None:
        self.patience, self._most, self._most_each = patience, most, max(most // 2, 1)
        self._waiting: OrderedDict[_Connection, None] = OrderedDict()  # the oldest first
        self._by_transport: dict[asyncio.BaseTransport, _Connection] = {}
        self._of_peer = Counter[str]()
        self._told = Seldom()

    def __len__(self) -> int:
        return len(self._by_transport)

    def guarded(self, make: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """What makes a protocol, with each of them under guard."""
        return lambda: _Connection(self, make())

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The head is whole, and until there is an answer nobody is made to go."""
        connection = self._by_transport.get(request.transport) if request.transport else None
        if connection is None:
            return await handler(request)
        connection.begins()
        self._waiting.pop(connection, None)
        try:
            return await handler(request)
        finally:
            if connection.transport in self._by_transport:
                self._waiting[connection] = None

    def takes(self, connection: _Connection) -> bool:
        """Whether there is room for one more, after somebody who waits was closed if need be."""
        peer = connection.peer
        if self._of_peer[peer] >= self._most_each and not self._close_one(peer):
            return False
        if len(self) >= self._most and not self._close_one():
            return False
        self._by_transport[connection.transport] = connection
        self._of_peer[peer] += 1
        self._waiting[connection] = None
        return True

    def forget(self, connection: _Connection) -> None:
        """It is closed."""
        self._waiting.pop(connection, None)
        if self._by_transport.pop(connection.transport, None):
            self._of_peer[connection.peer] -= 1
            if not self._of_peer[connection.peer]:
                del self._of_peer[connection.peer]

    def _close_one(self, peer: str | None = None) -> bool:
        oldest = next((each for each in self._waiting if peer is None or each.peer == peer), None)
        if closed := self._told.counts("closed" if oldest else "not taken"):
            log.warning("connections_full", extra={"connections": len(self), "closed" if oldest else "refused": closed})
        if oldest is None:
            return False
        self.forget(oldest)
        oldest.transport.abort()
        return True


class _Connection(asyncio.Protocol):
    """Hands everything on to the server's own protocol, and looks at the clock."""

    transport: asyncio.Transport
    peer = ""

    def __init__(self, all: Connections, inner: asyncio.Protocol) -> None:
        self._all, self._inner, self._taken = all, inner, False
        self._loop = asyncio.get_running_loop()
        self._head: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        address = transport.get_extra_info("peername")
        self.transport, self.peer = transport, network_of(address[0]) if isinstance(address, tuple) else ""
        self._taken = self._all.takes(self)
        if not self._taken:
            transport.abort()
            return
        self._head = self._loop.call_later(self._all.patience.head, transport.abort)
        self._inner.connection_made(transport)

    def begins(self) -> None:
        """A head is whole."""
        if self._head:
            self._head.cancel()
            self._head = None

    def data_received(self, data: bytes) -> None:
        if self._taken:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._taken else None

    def pause_writing(self) -> None:
        self._taking = self._loop.call_later(self._all.patience.taking, self.transport.abort)
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._stop_waiting()
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.begins()
        self._stop_waiting()
        self._all.forget(self)
        if self._taken:
            self._inner.connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._taking:
            self._taking.cancel()
            self._taking = None
