"""A bound on every piece of work with a server that has stopped to answer, kept on our side.

A server that is stopped, a proxy that went quiet and a lock that somebody holds all leave the connection standing, so
no time-out of the network ends it. First the server is asked to cancel; where it does not hear that either, the
connection is shut, and whoever waits on it gets an error.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger("kintsugi.store")

_GLANCE, _CANCEL = 0.5, 2.0  # seconds


@dataclass(slots=True)
class InTime:
    """Somebody's connection, psycopg's, while it is his. `lock`: it is not given back while it is cut."""

    connection: Any
    ends: float  # by time.monotonic()
    over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Deadlines:
    """Cuts off what takes longer than `seconds`. One thread, from the first work on, that ends with its process."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._under_way: dict[int, InTime] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, connection: Any) -> Iterator[InTime]:
        """Within the body, this connection is cut when the time is up; `over` is true then."""
        work = InTime(connection, time.monotonic() + self._seconds)
        self._under_way[id(work)] = work
        if self._thread is None:
            self._begin()
        try:
            yield work
        finally:
            self._under_way.pop(id(work), None)
            with work.lock:
                work.connection = None

    def close(self) -> None:
        self._closed.set()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._closed.wait(_GLANCE):
            now = time.monotonic()
            for work in list(self._under_way.values()):
                if work.ends < now and not work.over:
                    work.over = True
                    threading.Thread(target=_cut, args=(work,), name="deadline", daemon=True).start()


def _cut(work: InTime) -> None:
    with work.lock:
        if work.connection is None:  # it ended at the last moment
            return
        log.warning("database_timeout", extra={"why": "no answer in time: the connection is given up"})
        with suppress(Exception):  # it may be closed, or the server not take even this
            work.connection.cancel_safe(timeout=_CANCEL)
    time.sleep(_CANCEL)
    with work.lock, suppress(Exception):
        if work.connection is not None:
            _shut(work.connection.fileno())


def _shut(handle: int) -> None:
    """Whoever waits on it wakes up. The number itself stays its owner's to close."""
    with socket.fromfd(handle, socket.AF_INET, socket.SOCK_STREAM) as ours:
        ours.shutdown(socket.SHUT_RDWR)
