"""Fair shares of what there is little of: whoever asks for much waits for themselves, and nobody else for them.

Places are handed out by turns, to names first and to the peers of a name then, and no name has all of them.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

_Queue = OrderedDict[str, deque[asyncio.Future[None]]]  # by peer, whose turn it is first


class Crowded(Exception):
    """So many of this name, or of this peer, are here already that one more is sent away."""


@dataclass(frozen=True, slots=True)
class Room:
    """`places`: how many go on at a time, and how many of one name. `inside`: how many of one name, and of one of its
    peers, may be here at all, waiting or not. A peer that is not known ("") has no limit of its own.
    """

    places: int
    places_each: int
    inside: int = 128
    inside_each: int = 48


class Shares:
    """The places of one room."""

    def __init__(self, room: Room) -> None:
        self._room, self._free = room, room.places
        self._going = Counter[str]()
        self._inside, self._of_peer = Counter[str](), Counter[str]()
        self._waiting: OrderedDict[str, _Queue] = OrderedDict()

    @contextmanager
    def entered(self, name: str, peer: str) -> Iterator[None]:
        """Inside from here on, whatever is done there. Raises Crowded."""
        room, pair = self._room, f"{name}\0{peer}"
        if self._inside[name] >= room.inside or (peer and self._of_peer[pair] >= room.inside_each):
            raise Crowded
        self._inside[name] += 1
        self._of_peer[pair] += 1
        try:
            yield
        finally:
            _count_down(self._inside, name)
            _count_down(self._of_peer, pair)

    @asynccontextmanager
    async def turn(self, name: str, peer: str) -> AsyncIterator[None]:
        """One of the places, when it is theirs."""
        await self._called(name, peer)
        try:
            yield
        finally:
            self._let_go(name)

    async def _called(self, name: str, peer: str) -> None:
        called = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, OrderedDict()).setdefault(peer, deque()).append(called)
        self._hand_out()
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():  # called and cancelled at once
                self._let_go(name)
            raise

    def _let_go(self, name: str) -> None:
        self._free += 1
        _count_down(self._going, name)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free and (name := self._next()) is not None:
            called = self._first_of(name)
            if called.done():  # whoever waited has gone
                continue
            self._free -= 1
            self._going[name] += 1
            called.set_result(None)

    def _next(self) -> str | None:
        """The name that has waited longest for its turn, of those that have not all that one may have."""
        return next((name for name in self._waiting if self._going[name] < self._room.places_each), None)

    def _first_of(self, name: str) -> asyncio.Future[None]:
        queue = self._waiting.pop(name)
        peer, line = queue.popitem(last=False)
        called = line.popleft()
        if line:
            queue[peer] = line  # behind the others
        if queue:
            self._waiting[name] = queue
        return called


def _count_down(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
