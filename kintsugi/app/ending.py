"""How a service ends: on SIGTERM in its time, whatever it waits for; and by itself where it stands still."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
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
        leaving = threading.Timer(
            within.total_seconds(), _leave, (0, _NOT_IN_TIME)
        )  # a thread: the loop itself may stand still
        leaving.daemon = True
        leaving.start()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    try:
        await work
    except asyncio.CancelledError:
        if not told.is_set():
            raise


@contextmanager
def watched(turns: Callable[[], int], *, every: float = 5.0, still: int = 24) -> Iterator[None]:
    """Within the body, the process is ended, to be started anew, where `turns` does not grow in so many looks.

    Whoever does nothing and says nothing is worse than one that is gone. Looks are counted and not seconds: to whoever
    was stopped and goes on, hours have passed in one of them.
    """
    over = threading.Event()
    threading.Thread(target=_watch, args=(turns, over, every, still), name="watchdog", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _watch(turns: Callable[[], int], over: threading.Event, every: float, still: int) -> None:
    last, looks = turns(), 0
    while not over.wait(every):
        now = turns()
        looks = looks + 1 if now == last else 0
        last = now
        if looks >= still:
            _leave(1, f"the worker has not moved for {every * still:.0f} s: start it again")


_NOT_IN_TIME = "something did not end in time; what it owes is taken up again"


def _leave(status: int, why: str) -> None:
    log.critical("forced_exit", extra={"why": why})
    os._exit(status)
