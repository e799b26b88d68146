"""One writer, many who wait for it: what waits is committed together, each in a savepoint, with one fsync for all.

Nobody is answered before the commit. Where one of them meets a fault of the database itself, all are rolled back and
each goes alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

T = TypeVar("T")

_MOST = 64


@dataclass
class _Entry:
    """Someone's work, and what came of it."""

    work: Callable[[Connection], Any]
    waiter: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def answer(self) -> None:
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

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` answers, once it is on disk. Raises what it raises."""
        entry = _Entry(work, asyncio.get_running_loop().create_future())
        self._queue.append(entry)
        self._thread.submit(self._commit_what_waits)
        result: T = await entry.waiter
        return result

    def _commit_what_waits(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), _MOST))]
        if len(batch) > 1 and not self._together(batch):
            for entry in batch:
                entry.result, entry.error = None, None
                self._alone(entry)
        elif len(batch) == 1:
            self._alone(batch[0])
        for entry in batch:
            with suppress(RuntimeError):  # its loop has ended, and with it whoever waited
                entry.loop.call_soon_threadsafe(entry.answer)

    def _together(self, batch: list[_Entry]) -> bool:
        """False: nothing was written, because of the database or the connection, and not of one of them."""
        try:
            with self._engine.begin() as connection:
                for entry in batch:
                    self._in_savepoint(connection, entry)
        except BaseException:  # a cancellation in somebody's work, too: each hears of its own when it goes alone
            return False
        return True

    def _in_savepoint(self, connection: Connection, entry: _Entry) -> None:
        """By hand: SQLAlchemy's own savepoints are compiled anew each time."""
        connection.exec_driver_sql("SAVEPOINT one")
        try:
            entry.result = entry.work(connection)
        except OperationalError:  # it may have taken the whole transaction with it
            raise
        except DBAPIError as error:
            entry.error = self._translate(error)
        except Exception as error:  # the work's own: its caller's to deal with
            entry.error = error
        if entry.error:
            connection.exec_driver_sql("ROLLBACK TO one")
        connection.exec_driver_sql("RELEASE one")

    def _alone(self, entry: _Entry) -> None:
        try:
            with self._engine.begin() as connection:
                entry.result = entry.work(connection)
        except DBAPIError as error:
            entry.error = self._translate(error)
        except BaseException as error:  # the work's own: its caller's to deal with
            entry.error = error
