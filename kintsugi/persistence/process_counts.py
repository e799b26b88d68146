"""What telemetry counts in this process goes into the database, where a cure is judged from it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from kintsugi.persistence.store import SqlStore
from kintsugi.telemetry import Outcomes
from kintsugi.workflow.cure import Runs
from kintsugi.workflow.errors import StoreUnavailable

log = logging.getLogger("kintsugi.counting")

KEEP_EVERY = timedelta(seconds=15)


class Counting:
    """Keeps this process's counts: each time all of them, so that what is told twice counts once."""

    def __init__(self, store: SqlStore, outcomes: Outcomes) -> None:
        self._store = store
        self._outcomes = outcomes
        self._process = uuid.uuid4().hex
        self._kept: list[Runs] = []

    async def run(self) -> None:
        """Keep them now and then, until cancelled."""
        while True:
            await self.keep()
            await asyncio.sleep(KEEP_EVERY.total_seconds())

    async def keep(self) -> None:
        """Write down what changed. Where that cannot be done now, the next time does it."""
        runs = [Runs(each.intent, each.build, each.succeeded, each.failed) for each in self._outcomes.all()]
        changed = [each for each in runs if each not in self._kept]
        if not changed:
            return
        try:
            await self._store.keep_runs(self._process, changed)
            self._kept = runs
        except StoreUnavailable as error:
            log.warning("runs_not_saved", extra={"why": str(error)})


@asynccontextmanager
async def counting(store: SqlStore, outcomes: Outcomes) -> AsyncIterator[None]:
    """Keeps the counts beside whatever is done inside, and once more at its end."""
    process = Counting(store, outcomes)
    work = asyncio.create_task(process.run())
    try:
        yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await process.keep()
