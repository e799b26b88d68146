"""Hears what a program logs and how it dies, and changes nothing of what becomes of that.

A handler at the root logger would change it: `logging.basicConfig()` does nothing where there is one, and what nobody
handles is then no longer printed. So each logger's own hand-over to its handlers is listened to, and each hook of the
interpreter is called as before.
"""

import logging
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from kintsugi.telemetry.encoding import unprintable
from kintsugi.telemetry.undo import replace_attribute


class Beside:
    """Hands every record from `level` on to `handler`, after the program's own handlers had it, until `close()`."""

    def __init__(self, handler: logging.Handler, level: int) -> None:
        self._handler, self._level = handler, level
        self._closed = False  # somebody may have wrapped what stands here, and keep calling it
        self._undo = ExitStack()
        self._wrap(logging.Logger, "callHandlers", self._heard)
        self._wrap(sys, "excepthook", self._uncaught)
        self._wrap(sys, "unraisablehook", self._unraisable)
        self._wrap(threading, "excepthook", self._uncaught_in_thread)

    def close(self) -> None:
        """Restores what was there before."""
        self._closed = True
        self._undo.close()

    def _wrap(self, place: Any, name: str, hear: Callable[..., None]) -> None:
        before = getattr(place, name)

        def both(*given: Any) -> None:
            try:
                before(*given)
            finally:
                if not self._closed:
                    hear(*given)

        replace_attribute(self._undo, place, name, both)

    def _heard(self, _: logging.Logger, record: logging.LogRecord) -> None:
        if record.levelno >= self._level:
            self._handler.handle(record)

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            self._keep(logging.CRITICAL, "uncaught exception", (kind, error, trace))

    def _uncaught_in_thread(self, given: threading.ExceptHookArgs) -> None:
        if given.exc_type is not SystemExit:
            told = (given.exc_type, given.exc_value, given.exc_traceback)
            self._keep(logging.CRITICAL, "uncaught exception in a thread", told)

    def _unraisable(self, given: Any) -> None:
        where = f"{given.err_msg or 'exception ignored in'}: {unprintable(given.object, repr)}"
        self._keep(logging.ERROR, where, (given.exc_type, given.exc_value, given.exc_traceback))

    def _keep(self, level: int, message: str, exc_info: Any) -> None:
        told = exc_info if exc_info[1] is not None else None
        self._handler.handle(logging.LogRecord("kintsugi.telemetry", level, "", 0, message, None, told))
