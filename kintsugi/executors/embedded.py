"""The executor for one process on SQLite: the ledger is the queue.

A commit that owes something sets an event, so there is no polling delay; what is due later is a timer; what another
process wrote (the command line, beside a running service) is noticed by SQLite's own change counter.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from kintsugi.executors.lock import is_held, only_one
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.ports import Ledger
from kintsugi.workflow.states import kind_of

log = logging.getLogger("kintsugi.executor")

T = TypeVar("T")

Perform = Callable[[str], Awaitable[None]]


class Queue(Protocol):
    """What the embedded executor reads from the ledger."""

    async def due(self, limit: int, without: Collection[str] = ()) -> list[str]: ...

    async def next_due(self, without: Collection[str] = ()) -> timedelta | None: ...

    async def release_leases(self) -> int: ...

    async def version(self) -> int: ...


class Embedded:
    """Delivers effects of one SQLite database to one process, `slots` of a kind at a time.

    A kind stands for a service: the model, the sandbox, the deployer. Where one is slow, the others do not wait for it.
    """

    def __init__(
        self,
        queue: Queue,
        lock: Path,
        *,
        slots: int = 4,
        glance: timedelta = timedelta(seconds=0.5),
        pause: timedelta = timedelta(seconds=1),
    ) -> None:
        self._queue = queue
        self._lock = lock
        self._slots = slots
        self._glance = glance  # how often to look whether another process wrote
        self._pause = pause  # how long to leave a database alone that did not answer
        self._wake = asyncio.Event()
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self.delivers = False
        self.turns = 0  # of the look for others: as long as it grows, the database answers one way or the other

    async def attended(self) -> bool:
        """Whether some process holds the lock. Where that cannot be seen, nobody is missed."""
        try:
            return await asyncio.to_thread(is_held, self._lock)
        except OSError:
            return True

    def enqueue(self, ledger: Ledger, effect: str, delay: timedelta) -> None:
        """Wake the loop once the transaction is on disk; it reads from the ledger what is due, and when."""
        ledger.after_commit(self._wake.set)

    async def run(self, perform: Perform, *, until_idle: bool = False) -> None:
        """Deliver until cancelled, or with `until_idle` until nothing is due. Raises AlreadyRunning."""
        with only_one(self._lock):
            await self._patiently(self._queue.release_leases)  # whoever held them is dead: we have the lock
            self.delivers = True
            try:
                await self._work(perform, until_idle)
            finally:
                self.delivers = False

    async def _work(self, perform: Perform, until_idle: bool) -> None:
        async with asyncio.TaskGroup() as group:
            others = group.create_task(self._notice_others())
            while await self._deliver(perform, group) or not until_idle:
                await self._sleep()
            others.cancel()

    async def _deliver(self, perform: Perform, group: asyncio.TaskGroup) -> bool:
        """Start what is due, as far as there is room for its kind. Whether anything is under way, or was just now."""
        self._wake.clear()
        while True:
            most = self._slots + len(self._in_flight)
            found = await self._patiently(partial(self._queue.due, most, self._full()))
            for effect in found:
                if effect not in self._in_flight and kind_of(effect) not in self._full():
                    self._in_flight[effect] = group.create_task(self._perform(perform, effect))
            if len(found) < most:  # else there may be more, behind those of a kind that has no room
                return bool(self._in_flight) or self._wake.is_set()

    def _full(self) -> set[str]:
        """The kinds that have no room."""
        under_way = Counter(map(kind_of, self._in_flight))
        return {kind for kind, count in under_way.items() if count >= self._slots}

    async def _perform(self, perform: Perform, effect: str) -> None:
        try:
            await perform(effect)
        except StoreUnavailable as error:  # the effect stays owed; its lease runs out, or it was never taken
            log.warning("database_unavailable", extra={"effect": effect, "why": str(error)})
            await asyncio.sleep(self._pause.total_seconds())
        finally:
            del self._in_flight[effect]
            self._wake.set()

    async def _sleep(self) -> None:
        """Until a commit owes something, a slot is free, or the next effect is due."""
        wait = None if self._wake.is_set() else await self._patiently(partial(self._queue.next_due, self._full()))
        if wait == timedelta():
            wait = self._pause if self._in_flight else wait  # what is due is already under way
        try:
            async with asyncio.timeout(None if wait is None else wait.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _notice_others(self) -> None:
        seen = await self._patiently(self._queue.version)
        while True:
            await asyncio.sleep(self._glance.total_seconds())
            self.turns += 1
            now = await self._patiently(self._queue.version)
            if now != seen:
                self._wake.set()
            seen = now

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it answers."""
        while True:
            try:
                answer = await ask()
            except StoreUnavailable as error:
                self.turns += 1
                log.warning("database_unavailable", extra={"why": str(error)})
                await asyncio.sleep(self._pause.total_seconds())
            else:
                return answer
