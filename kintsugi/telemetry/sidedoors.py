"""The ways by which a program writes about itself besides its own log handlers; each leads to ours."""

import asyncio
import builtins
import copy
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TextIO, cast

from kintsugi.telemetry.encoding import unprintable
from kintsugi.telemetry.printed import heard, in_words, record_of_printed, record_of_words
from kintsugi.telemetry.redact import redact
from kintsugi.telemetry.unhandled import unhandled

_log = logging.getLogger("kintsugi.telemetry")
_STANDARD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


class SideDoors:
    """Leads every side door to one handler, and puts all back on `close()`."""

    def __init__(self, handler: logging.Handler, level: int) -> None:
        self._handler = handler
        self._undo: list[Callable[[], None]] = []
        self._busy = threading.local()
        self._take_over_loggers(level)
        self._set(logging, "lastResort", handler)
        self._set(logging, "raiseExceptions", False)
        self._set(logging.Logger, "addHandler", _guarding_add_handler(handler, self._busy, logging.Logger.addHandler))
        self._set(logging.Logger, "makeRecord", _tolerant_make_record(logging.Logger.makeRecord))
        self._set(sys, "excepthook", _excepthook(sys.excepthook))
        self._set(sys, "unraisablehook", _unraisablehook)
        self._set(threading, "excepthook", _thread_excepthook)
        self._set(traceback, "print_exception", heard(traceback.print_exception, _printed))
        self._set(builtins, "print", _print(builtins.print))
        logging.captureWarnings(True)
        self._undo.append(lambda: logging.captureWarnings(False))

    def close(self) -> None:
        """Restores what was there before."""
        while self._undo:
            self._undo.pop()()

    def _set(self, place: Any, name: str, value: Any) -> None:
        before = getattr(place, name)
        setattr(place, name, value)
        self._undo.append(lambda: setattr(place, name, before))

    def _take_over_loggers(self, level: int) -> None:
        root = logging.getLogger()
        before = root.level
        for logger in (root, *_known_loggers()):
            for existing in list(logger.handlers):
                self._take_over(logger, existing)
        root.addHandler(self._handler)
        root.setLevel(level)
        self._undo.append(lambda: root.setLevel(before))
        self._undo.append(lambda: root.removeHandler(self._handler))

    def _take_over(self, logger: logging.Logger, existing: logging.Handler) -> None:
        if _writes_to_console(existing):
            logger.removeHandler(existing)
            self._undo.append(lambda: logger.addHandler(existing))
            return
        guard(existing, self._busy)
        self._undo.append(lambda: existing.__dict__.pop("emit", None))


def _known_loggers() -> list[logging.Logger]:
    return [entry for entry in list(logging.root.manager.loggerDict.values()) if isinstance(entry, logging.Logger)]


def _writes_to_console(handler: logging.Handler) -> bool:
    """A second writer on the console would bypass the queue and the JSON."""
    stream: TextIO | None = getattr(handler, "stream", None) if isinstance(handler, logging.StreamHandler) else None
    return stream is not None and stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)


def _guarding_add_handler(ours: logging.Handler, busy: threading.local, add: Any) -> Any:
    def add_handler(self: logging.Logger, hdlr: logging.Handler) -> None:
        """Console handlers that libraries add later (discord.py's among them) are not needed; others get a guard."""
        if hdlr is not ours and _writes_to_console(hdlr):
            return
        if hdlr is not ours:
            guard(hdlr, busy)
        add(self, hdlr)

    return add_handler


def guard(handler: logging.Handler, busy: threading.local) -> None:
    """Lets a handler of others see redacted copies only. The record itself stays as it is for those after it.

    `busy` is shared by all guards: what is logged while one of them reads a record comes as its template.
    """
    if "emit" in handler.__dict__ or isinstance(handler, logging.NullHandler):
        return
    emit = handler.emit

    def guarded(record: logging.LogRecord) -> None:
        if getattr(busy, "now", False):
            emit(_bare(record))
            return
        busy.now = True
        try:
            emit(_redacted(record))
        finally:
            busy.now = False

    handler.emit = guarded  # type: ignore[method-assign]


def _redacted(record: logging.LogRecord) -> logging.LogRecord:
    try:
        copied = copy.copy(record)
        copied.msg, copied.args = redact(_message(record)), None
        if record.exc_info and not record.exc_text:
            copied.exc_text = logging.Formatter().formatException(_exception(record.exc_info))
        copied.exc_text = redact(copied.exc_text) if copied.exc_text else None
        for name, value in list(record.__dict__.items()):
            if name not in _STANDARD_FIELDS and value is not None and not isinstance(value, (int, float)):
                copied.__dict__[name] = redact(unprintable(value))
    except Exception:
        return _bare(record)
    return copied


def _bare(record: logging.LogRecord) -> logging.LogRecord:
    """The template without arguments: what can be said without running anybody's code."""
    template = redact(record.msg) if type(record.msg) is str else "[message cannot be read]"
    return logging.LogRecord(record.name, record.levelno, record.pathname, record.lineno, template, None, None)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:
        return f"{unprintable(record.msg)} [arguments do not fit ({type(error).__name__})]"


def _exception(exc_info: Any) -> Any:
    return exc_info if isinstance(exc_info, tuple) else (type(exc_info), exc_info, exc_info.__traceback__)


def _tolerant_make_record(make: Any) -> Any:
    def make_record(  # noqa: PLR0917  (as logging calls it)
        self: logging.Logger, name: str, level: int, fn: str, lno: int, msg: object, args: Any, exc_info: Any,
        func: str | None = None, extra: Mapping[str, object] | None = None, sinfo: str | None = None,
    ) -> logging.LogRecord:  # fmt: skip
        """The standard one raises where `extra` has a key that a record has as well."""
        try:
            return cast(logging.LogRecord, make(self, name, level, fn, lno, msg, args, exc_info, func, extra, sinfo))
        except Exception:
            record = logging.LogRecord(name, level, fn, lno, msg, None, None, func, sinfo)
            record.args, record.exc_info = args, exc_info
            record.__dict__.update(_renamed(extra))
            return record

    return make_record


def _renamed(extra: object) -> dict[str, object]:
    if not isinstance(extra, Mapping):
        return {"extra": unprintable(extra, repr)}
    try:
        return {f"{key}_" if key in _STANDARD_FIELDS else str(key): value for key, value in extra.items()}
    except Exception as error:
        return {"extra": f"<cannot be read: {type(error).__name__}>"}


def _excepthook(before: Any) -> Any:
    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            before(kind, error, trace)
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


def _print(before: Any) -> Any:
    def print_heard(*given: Any, **named: Any) -> None:
        before(*given, **named)
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
