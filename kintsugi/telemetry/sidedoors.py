"""The ways by which a program writes about itself besides its own log handlers; each leads to ours."""

import asyncio
import builtins
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, cast

from kintsugi.telemetry.encoding import unprintable
from kintsugi.telemetry.hearing import Hearing
from kintsugi.telemetry.printed import heard, in_words, places_of_print_exception, record_of_printed, record_of_words
from kintsugi.telemetry.records import SOURCE, made, written_by_logging
from kintsugi.telemetry.undo import Wrap
from kintsugi.telemetry.unhandled import unhandled
from kintsugi.telemetry.unmasked import STANDARD_FIELDS

_log = logging.getLogger("kintsugi.telemetry")


class SideDoors:
    """Leads every side door to one handler, and puts all back on `close()`."""

    def __init__(self, handler: logging.Handler, level: int) -> None:
        self._undo = ExitStack()
        self.hearing = Hearing(handler, logging.NOTSET, takes_over=True)
        self._undo.callback(self.hearing.close)
        self._undo.callback(logging.getLogger().setLevel, logging.getLogger().level)
        logging.getLogger().setLevel(level)
        self._undo.callback(setattr, logging, "raiseExceptions", logging.raiseExceptions)
        logging.raiseExceptions = False
        self._undo.callback(Wrap(logging.Logger, "makeRecord", _tolerant_make_record).undo)
        if logging.Logger.findCaller is _FINDS:  # another one may count frames, with ours among them
            self._undo.callback(Wrap(logging.Logger, "findCaller", _find_caller).undo)
        self._lead(sys, "excepthook", _excepthook)
        self._lead(sys, "unraisablehook", lambda wrap: _unraisablehook)
        self._lead(threading, "excepthook", lambda wrap: _thread_excepthook)
        for place in places_of_print_exception():
            self._lead(place, "print_exception", lambda wrap: heard(wrap.before, _printed))
        self._lead(builtins, "print", _print)
        logging.captureWarnings(True)
        self._undo.callback(logging.captureWarnings, False)

    def close(self) -> None:
        """Restores what was there before, where it is still ours."""
        self._undo.close()

    def _lead(self, place: Any, name: str, make: Callable[[Wrap], Callable[..., Any]]) -> None:
        """To ours, until it is closed."""

        def make_one_that_rests(wrap: Wrap) -> Callable[..., Any]:
            ours = make(wrap)

            def led(*given: Any, **named: Any) -> Any:
                return wrap.before(*given, **named) if wrap.resting else ours(*given, **named)

            return led

        self._undo.callback(Wrap(place, name, make_one_that_rests).undo)


def _tolerant_make_record(wrap: Wrap) -> Callable[..., Any]:
    def make_record(  # noqa: PLR0917  (as logging calls it)
        self: logging.Logger, name: str, level: int, fn: str, lno: int, msg: object, args: Any, exc_info: Any,
        func: str | None = None, extra: Mapping[str, object] | None = None, sinfo: str | None = None,
    ) -> logging.LogRecord:  # fmt: skip
        """The standard one raises where `extra` has a key that a record has as well."""
        try:
            if wrap.before is _STANDARD and (
                record := made(name, level, fn, lno, msg, args, exc_info, func, extra, sinfo)
            ):
                return record
        except Exception:  # noqa: S110  (Python's own may still make one)
            pass
        try:
            return cast(
                logging.LogRecord, wrap.before(self, name, level, fn, lno, msg, args, exc_info, func, extra, sinfo)
            )
        except Exception:
            if wrap.resting:
                raise
            record = logging.LogRecord(name, level, fn, lno, msg, None, None, func, sinfo)
            record.args, record.exc_info = args, exc_info
            record.__dict__.update(_renamed(extra))
            return record

    return make_record


def _find_caller(wrap: Wrap) -> Callable[..., Any]:
    def find_caller(self: logging.Logger, stack_info: bool = False, stacklevel: int = 1) -> Any:
        """The standard one makes a path plain for each frame, and counts this frame as one more."""
        if stack_info or stacklevel < 1:
            return wrap.before(self, stack_info, stacklevel + 1)
        frame = sys._getframe(1)
        while True:
            code = frame.f_code
            file = code.co_filename
            if file != SOURCE and not ("importlib" in file and "_bootstrap" in file):
                stacklevel -= 1
            further = frame.f_back
            if stacklevel <= 0 or further is None:
                return file, frame.f_lineno, code.co_name, None
            frame = further

    return find_caller


_STANDARD = written_by_logging(logging.Logger.makeRecord)
_FINDS = written_by_logging(logging.Logger.findCaller)


def _renamed(extra: object) -> dict[str, object]:
    if not isinstance(extra, Mapping):
        return {"extra": unprintable(extra, repr)}
    try:
        return {f"{key}_" if key in STANDARD_FIELDS else str(key): value for key, value in extra.items()}
    except Exception as error:
        return {"extra": f"<cannot be read: {type(error).__name__}>"}


def _excepthook(wrap: Wrap) -> Callable[..., Any]:
    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            wrap.before(kind, error, trace)
            return
        unhandled(error, "end of the program", "uncaught exception", level=logging.CRITICAL)

    return excepthook


def _thread_excepthook(given: threading.ExceptHookArgs) -> None:
    if given.exc_type is SystemExit or given.exc_value is None:
        return
    thread = given.thread.name if given.thread else "unknown"
    message = "uncaught exception in a thread"
    unhandled(given.exc_value, "thread", message, level=logging.CRITICAL, extra={"thread_name": thread})


def _printed(error: BaseException) -> None:
    _log.handle(record_of_printed(error))


def _print(wrap: Wrap) -> Callable[..., Any]:
    def print_heard(*given: Any, **named: Any) -> None:
        wrap.before(*given, **named)
        error = in_words(given, named)
        if error is not None:
            _log.handle(record_of_words(error))

    return print_heard


def _unraisablehook(given: Any) -> None:
    exc_info = (given.exc_type, given.exc_value, given.exc_traceback) if given.exc_value is not None else None
    _log.error("%s: %s", given.err_msg or "exception ignored in", unprintable(given.object, repr), exc_info=exc_info)


def handle_loop_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Logs what no task of this loop waited for, with an error id. (asyncio's own handler logs it as plain text.)"""
    loop.set_exception_handler(_loop_error)


def _loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    message = context.get("message") or "unhandled exception in the event loop"
    error = context.get("exception")
    extra = {name: unprintable(context[name], repr) for name in context if name not in ("message", "exception")}
    if isinstance(error, BaseException):
        unhandled(error, "background task", "%s", message, extra=extra)
    else:
        _log.error("%s", message, extra=extra)
