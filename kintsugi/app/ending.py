"""How a service ends: on SIGTERM in its time, whatever it waits for."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

log = logging.getLogger("kintsugi.service")

WITHIN = timedelta(seconds=20)  # systemd waits for as long as the unit says (30 s in docs/running.md), Docker for 10


async def until_told(service: Coroutine[Any, Any, None], *, within: timedelta = WITHIN) -> None:
    """Until the service ends, or SIGTERM ends it: that is no failure. Ctrl-C goes on to whoever called.

    What has not ended so long after SIGTERM is left: a `kill -9` loses nothing, so neither does this.
    """
    told, work = asyncio.Event(), asyncio.ensure_future(service)

    def stop() -> None:
        told.set()
        work.cancel()
        leaving = threading.Timer(within.total_seconds(), _leave)  # a thread: the loop itself may stand still
        leaving.daemon = True
        leaving.start()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    try:
        await work
    except asyncio.CancelledError:
        if not told.is_set():
            raise


def _leave() -> None:
    log.warning("ended_by_force", extra={"why": "something did not end in time; what it owes is taken up again"})
    os._exit(0)
