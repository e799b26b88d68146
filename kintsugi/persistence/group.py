"""One writer, many who wait for it: what waits is committed together, with one fsync for all.

Nobody is answered before the commit. Where one of them fails, all are rolled back and each goes alone: failing is rare,
and a savepoint for each cost a tenth of a count.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")

_MOST = 64


@dataclass
class _Entry:
    """Someone's work, what is to follow its commit, and what came of it."""

    work: Callable[[Connection], Any]
    then: Callable[[Any], None]
    waiter: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def answer(self) -> None:
        """What follows the commit follows it, even where whoever waited has gone."""
        if self.error is None:
            try:
                self.then(self.result)
            except Exception as error:  # whoever waits for it hears of it, and nobody else
                self.error = error
        if self.waiter.done():
            return
        if self.error:
            self.waiter.set_exception(self.error)
        else:
            self.waiter.set_result(self.result)


class GroupCommit:
    """Runs work on the writer's one thread. `translate` makes our own error of the database's."""

    def __init__(
        self, engine: Engine, thread: ThreadPoolExecutor, translate: Callable[[DBAPIError], Exception]
    ) -> None:
        self._engine = engine
        self._thread = thread
        self._translate = translate
        self._queue: deque[_Entry] = deque()
        self._called: asyncio.AbstractEventLoop | None = None  # at the end of whose turn the thread is told

    async def run(self, work: Callable[[Connection], T], then: Callable[[T], None]) -> T:
        """What `work` answers, once it is on disk and `then` was told. Raises what `work` raises.

        Cancelling it cancels the wait alone: what was begun is committed.
        """
        loop = asyncio.get_running_loop()
        entry = _Entry(work, then, loop.create_future())
        self._queue.append(entry)
        if self._called is not loop:  # what comes in one turn of the loop goes together
            self._called = loop
            loop.call_soon(self._call)
        result: T = await entry.waiter
        return result

    def _call(self) -> None:
        """One call for each batch, so that what others ask of the thread comes in between."""
        self._called = None
        try:
            for _ in range(-(-len(self._queue) // _MOST)):
                self._thread.submit(self._commit_what_waits)
        except RuntimeError as error:  # the store is closed: nothing of it was begun
            for entry in self._taken(len(self._queue)):
                entry.error = error
                entry.answer()

    def _commit_what_waits(self) -> None:
        batch = self._taken(_MOST)
        if len(batch) > 1 and not self._together(batch):
            for entry in batch:
                entry.result = None
                self._alone(entry)
        elif len(batch) == 1:
            self._alone(batch[0])
        for loop in {entry.waiter.get_loop() for entry in batch}:
            with suppress(RuntimeError):  # it has ended, and with it whoever waited
                loop.call_soon_threadsafe(_answer, [each for each in batch if each.waiter.get_loop() is loop])

    def _taken(self, most: int) -> list[_Entry]:
        return [self._queue.popleft() for _ in range(min(len(self._queue), most))]

    def _together(self, batch: list[_Entry]) -> bool:
        """False: nothing was written, as one of them failed, or the database did."""
        try:
            with self._engine.begin() as connection:
                for entry in batch:
                    entry.result = entry.work(connection)
        except BaseException:  # a cancellation in somebody's work, too: each hears of its own when it goes alone
            return False
        return True

    def _alone(self, entry: _Entry) -> None:
        try:
            with self._engine.begin() as connection:
                entry.result = entry.work(connection)
        except DBAPIError as error:
            entry.error = self._translate(error)
        except BaseException as error:  # the work's own: its caller's to deal with
            entry.error = error


def _answer(batch: list[_Entry]) -> None:
    for entry in batch:
        entry.answer()
