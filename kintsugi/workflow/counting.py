"""Failures that are known are counted together: what comes while one transaction is under way shares the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.ports import Ledger, Receipt
from kintsugi.workflow.triggers import Captured

_MOST = 64  # in one transaction: whoever else has something to write waits for it

Receipts = list[Receipt | None]
Transact = Callable[[Callable[[Ledger], Receipts]], Awaitable[Receipts]]
"""Runs work in a transaction, and again where another one met it."""

_Waiting = tuple[Captured, asyncio.Future[Receipt | None]]


class Counting:
    """`count_each` counts a batch inside a transaction, and answers each of it in its order."""

    def __init__(self, transact: Transact, count_each: Callable[[Ledger, Sequence[Captured]], Receipts]) -> None:
        self._transact, self._count_each = transact, count_each
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def count(self, captured: Captured) -> Receipt | None:
        """Its receipt once it is on disk; None where it has to be told whole. Raises what the transaction raises.

        Cancelling it cancels the wait alone: what was begun is committed.
        """
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append((captured, waiter))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._until_nobody_waits())  # of nobody, as one of them may go
        receipt: Receipt | None = await waiter
        return receipt

    async def _until_nobody_waits(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST))]
            try:
                await self._together(batch)
            finally:
                for _, waiter in batch:
                    waiter.cancel()  # who was answered is not reached by it

    async def _together(self, batch: Sequence[_Waiting]) -> None:
        """Where one of them cannot be counted, nothing was written, and each half goes without the other.

        So a bad one takes few transactions, and hears of its own. A store that is away is away for each of them.
        """
        try:
            receipts = await self._transact(lambda ledger: self._count_each(ledger, [each for each, _ in batch]))
        except Exception as error:
            if len(batch) == 1 or isinstance(error, StoreUnavailable):
                for _, waiter in batch:
                    _answer(waiter, error)
                return
            half = len(batch) // 2
            await self._together(batch[:half])
            await self._together(batch[half:])
            return
        for (_, waiter), receipt in zip(batch, receipts, strict=True):
            _answer(waiter, receipt)


def _answer(waiter: asyncio.Future[Receipt | None], found: Receipt | Exception | None) -> None:
    if waiter.done():  # whoever waited has gone
        return
    if isinstance(found, Exception):
        waiter.set_exception(found)
    else:
        waiter.set_result(found)
