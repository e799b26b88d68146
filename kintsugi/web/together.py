"""Small deliveries of one sender that wait for the same turn are read in one go, as asking costs as much as reading.

A large one goes alone, so that no turn takes longer than its share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kintsugi.web.reading import Delivery, Read
from kintsugi.web.shares import Shares

_MOST, _LARGEST = 8, 32 * 1024  # deliveries of one turn, and their bytes as they came


class Reading(Protocol):
    """Who reads deliveries."""

    async def begin(self) -> None: ...

    async def read(self, *deliveries: Delivery) -> Sequence[Read]:
        """What each of them says, in their order. Never raises: what cannot be read is told."""
        ...

    async def close(self) -> None: ...


@dataclass(eq=False, slots=True)
class _Batch:
    """What goes together, and who waits for each of them."""

    deliveries: list[Delivery] = field(default_factory=list)
    waiting: list[asyncio.Future[Read]] = field(default_factory=list)
    bytes: int = 0

    def takes(self, delivery: Delivery) -> bool:
        return len(self.deliveries) < _MOST and self.bytes + len(delivery.body) <= _LARGEST

    def add(self, delivery: Delivery) -> asyncio.Future[Read]:
        self.deliveries.append(delivery)
        self.bytes += len(delivery.body)
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]


class Together:
    """Reads by turns of these shares."""

    def __init__(self, readers: Reading, shares: Shares) -> None:
        self._readers, self._shares = readers, shares
        self._open: dict[tuple[str, str], _Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, delivery: Delivery, share: str, peer: str) -> Read:
        """In a turn of this name and this peer of it. Never raises."""
        sender = (share, peer)
        batch = self._open.get(sender)
        if batch is None or not batch.takes(delivery):
            batch = self._open[sender] = _Batch()
            task = asyncio.create_task(self._turn(sender, batch))  # of nobody, as one of them may go
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await batch.add(delivery)

    async def _turn(self, sender: tuple[str, str], batch: _Batch) -> None:
        try:
            async with self._shares.turn(*sender):
                if self._open.get(sender) is batch:
                    del self._open[sender]
                found = await self._readers.read(*batch.deliveries)
        except BaseException:
            for waiter in batch.waiting:
                waiter.cancel()
            raise
        for waiter, read in zip(batch.waiting, found, strict=True):
            if not waiter.done():
                waiter.set_result(read)
