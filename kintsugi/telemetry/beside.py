"""Hears what a program logs and how it dies, and changes nothing of what becomes of that.

Each logger's own hand-over to its handlers is listened to, and each hook of the interpreter is called as before.
"""

import builtins
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from kintsugi.telemetry.encoding import unprintable
from kintsugi.telemetry.hearing import Hearing
from kintsugi.telemetry.printed import (
    in_words,
    on_console,
    places_of_print_exception,
    record_of_printed,
    record_of_uncaught,
    record_of_words,
)
from kintsugi.telemetry.undo import Wrap
from kintsugi.telemetry.unhandled import leaves


class Beside:
    """Hands every record from `level` on to `handler`, after the program's own handlers had it, until `close()`."""

    def __init__(self, handler: logging.Handler, level: int) -> None:
        self._handler = handler
        self._undo = ExitStack()
        self.hearing = Hearing(handler, level, takes_over=False)
        self._undo.callback(self.hearing.close)
        _listen(sys, "excepthook", self._uncaught, self._undo)
        _listen(sys, "unraisablehook", self._unraisable, self._undo)
        _listen(threading, "excepthook", self._uncaught_in_thread, self._undo)
        for place in places_of_print_exception():
            _listen(place, "print_exception", self._printed, self._undo)
        _listen(builtins, "print", self._said, self._undo)

    def close(self) -> None:
        """Hears no more; the last one to close restores what was there before."""
        self._undo.close()

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            leaves(error, "end of the program")
            self._handler.handle(record_of_uncaught(error))

    def _uncaught_in_thread(self, given: threading.ExceptHookArgs) -> None:
        if given.exc_type is not SystemExit:
            if given.exc_value is not None:
                leaves(given.exc_value, "thread")
            told = (given.exc_type, given.exc_value, given.exc_traceback)
            self._keep(logging.CRITICAL, "uncaught exception in a thread", told)

    def _unraisable(self, given: Any) -> None:
        where = f"{given.err_msg or 'exception ignored in'}: {unprintable(given.object, repr)}"
        self._keep(logging.ERROR, where, (given.exc_type, given.exc_value, given.exc_traceback))

    def _printed(self, *given: Any, **named: Any) -> None:
        error = on_console(given, named)
        if error is not None:
            self._handler.handle(record_of_printed(error))

    def _said(self, *given: Any, **named: Any) -> None:
        error = in_words(given, named)
        if error is not None:
            self._handler.handle(record_of_words(error))

    def _keep(self, level: int, message: str, exc_info: Any) -> None:
        told = exc_info if exc_info[1] is not None else None
        self._handler.handle(logging.LogRecord("kintsugi.telemetry", level, "", 0, message, None, told))


def _listen(place: Any, name: str, hear: Callable[..., None], undo: ExitStack) -> None:
    def make(wrap: Wrap) -> Callable[..., Any]:
        def both(*given: Any, **named: Any) -> Any:
            """A plain function, as one that is called as a method has to be."""
            try:
                return wrap.before(*given, **named)
            finally:
                if not wrap.resting:
                    hear(*given, **named)

        return both

    undo.callback(Wrap(place, name, make).undo)
