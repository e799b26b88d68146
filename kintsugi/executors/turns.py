"""What one process at a time does, taken over by another within seconds: being Discord's gateway."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from kintsugi.workflow.errors import StoreUnavailable

log = logging.getLogger("kintsugi.service")

LENGTH = timedelta(seconds=10)


class Leases(Protocol):
    async def take(self, name: str, holder: str, length: timedelta) -> bool: ...

    async def give_up(self, name: str, holder: str) -> None: ...


def this_process() -> str:
    """A name that people recognise and that no other process has."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


async def by_turns(
    leases: Leases,
    name: str,
    work: Callable[[], Awaitable[None]],
    waits: Callable[[], None],
    *,
    length: timedelta = LENGTH,
) -> None:
    """Do `work` whenever the lease `name` is ours, until cancelled or until `work` ends; call `waits` when it is not.

    Work ends half a lease after the last word from the database: whoever takes over begins when it is over.
    """
    turn = _Turn(leases, name, this_process(), length)
    waiting = False
    while True:
        if await turn.take():
            waiting = False
            if await turn.spend(work):
                return
            log.warning("lease_lost", extra={"lease": name})
        elif not waiting:
            waiting = True
            waits()
        await asyncio.sleep(turn.pause)


class _Turn:
    def __init__(self, leases: Leases, name: str, holder: str, length: timedelta) -> None:
        self._leases, self._name, self._holder, self._length = leases, name, holder, length
        self.pause = length.total_seconds() / 5
        self._confirmed = 0.0

    async def take(self) -> bool | None:
        """Take or lengthen the lease. None: the database did not answer."""
        asked = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self.pause):
                ours = await self._leases.take(self._name, self._holder, self._length)
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("database_unavailable", extra={"why": str(error)})
            return None
        if ours:
            self._confirmed = asked
        return ours

    async def spend(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do the work while the lease is ours. Whether the work came to its end by itself."""
        doing = asyncio.ensure_future(work())
        try:
            while self._is_ours(await self._after_a_pause(doing)):
                if doing.done():
                    await doing
                    return True
            return False
        finally:
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(self.pause):
                    await self._leases.give_up(self._name, self._holder)

    async def _after_a_pause(self, doing: asyncio.Future[None]) -> bool | None:
        done, _ = await asyncio.wait({doing}, timeout=self.pause)
        return True if done else await self.take()

    def _is_ours(self, answer: bool | None) -> bool:
        silent = asyncio.get_running_loop().time() - self._confirmed
        return answer if answer is not None else silent < self._length.total_seconds() / 2
