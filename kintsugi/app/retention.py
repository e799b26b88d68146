"""Pruning what was captured, now and then, as the settings say."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from kintsugi.app.desk import Desk
from kintsugi.persistence.retention import Keep, Pruner
from kintsugi.workflow.errors import StoreUnavailable

log = logging.getLogger("kintsugi.retention")

PRUNE_EVERY = timedelta(hours=1)


async def keep_pruning(desk: Desk, keep: Keep, every: timedelta = PRUNE_EVERY) -> None:
    """Prune now and after each `every`, until cancelled. Any number of processes may."""
    while True:
        try:
            pruned = await Pruner(desk.store, keep, desk.clock.now()).run()
            if pruned.incidents:
                log.info("pruned", extra={"incidents": pruned.incidents, "bytes": pruned.bytes})
        except StoreUnavailable as error:
            log.warning("pruning_failed", extra={"why": str(error)})
        await asyncio.sleep(every.total_seconds())
