"""Loggers that are not of Python's `logging`: loguru, structlog and aiologger, imported before the telemetry or after.

loguru forgets its sinks when a program configures it, so ours comes back; structlog has none, so each of its calls is
heard; aiologger has its own `call_handlers`. What they hand on to `logging`, or get from there, is heard there, once.
"""

import copy
import importlib.abc
import importlib.util
import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import ModuleType
from typing import Any, ClassVar

from kintsugi.telemetry.hearing import DOOR, is_console
from kintsugi.telemetry.undo import replace_attribute
from kintsugi.telemetry.unmasked import STANDARD_FIELDS, redacted

_log = logging.getLogger("kintsugi.telemetry")
_LEVELS = {"exception": logging.ERROR, "warn": logging.WARNING, "fatal": logging.CRITICAL}


class Others:
    """Hears them until `close()`. Several may, and stop in any order: what is heard is heard once, by all."""

    _open: ClassVar[list["Others"]] = []
    _attached: ClassVar["_Attached | None"] = None
    _lock: ClassVar[Any] = threading.Lock()

    def __init__(self) -> None:
        with self._lock:
            self._open.append(self)
            if Others._attached is not None:
                Others._attached.close()  # this one may hear more
            Others._attached = _Attached()

    def close(self) -> None:
        with self._lock:
            if self in self._open:
                self._open.remove(self)
            if not self._open and Others._attached is not None:
                Others._attached.close()
                Others._attached = None


class _Attached:
    """To what was imported, and to what will be."""

    def __init__(self) -> None:
        self._undo = ExitStack()
        self._sink: int | None = None
        self._over = False
        attach = {"loguru": self._loguru, "structlog": self._structlog, "aiologger": self._aiologger}
        for name in [name for name in attach if sys.modules.get(name) is not None]:
            _try(attach.pop(name), sys.modules[name])
        self._finder = _AfterImport(attach)
        sys.meta_path.insert(0, self._finder)

    def close(self) -> None:
        self._over = True
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        self._undo.close()

    def _loguru(self, module: ModuleType) -> None:
        from loguru import _simple_sinks  # noqa: PLC0415  (it is there, as this is called after its import)

        logger = module.logger
        kind = type(logger)
        remove: Any = kind.remove
        write: Any = _simple_sinks.StreamSink.write

        def remove_others(log: Any, handler_id: int | None = None) -> None:
            remove(log, handler_id)
            self._add_sink(logger)

        def write_elsewhere(sink: Any, message: Any) -> None:
            if not (DOOR.takes_over and is_console(sink._stream)):
                write(sink, message)

        self._add_sink(logger)
        self._undo.callback(self._take_sink, logger)
        replace_attribute(self._undo, kind, "remove", remove_others)
        replace_attribute(self._undo, _simple_sinks.StreamSink, "write", write_elsewhere)

    def _add_sink(self, logger: Any) -> None:
        """Of the level that is heard: for a level below, the program's own sinks decide whether a line is made."""
        if not self._over and self._sink not in logger._core.handlers:
            self._sink = logger.add(
                _heard_of_loguru, level=DOOR.least_level, format="{message}", colorize=False, backtrace=False
            )

    def _take_sink(self, logger: Any) -> None:
        if self._sink in logger._core.handlers:
            logger.remove(self._sink)

    def _structlog(self, module: ModuleType) -> None:
        base = sys.modules["structlog._base"]
        kind: Any = base.BoundLoggerBase
        proxy = kind._proxy_to_logger

        def proxy_heard(log: Any, method_name: str, event: Any = None, *given: Any, **named: Any) -> Any:
            own = not (self._over or isinstance(log._logger, logging.Logger) or DOOR.is_handing_out)
            if own:
                DOOR.heard(_of_structlog(log, method_name, event, given, named))
            if own and DOOR.takes_over and is_console(getattr(log._logger, "_file", None)):
                return None
            return proxy(log, method_name, event, *given, **named)

        replace_attribute(self._undo, kind, "_proxy_to_logger", proxy_heard)

    def _aiologger(self, module: ModuleType) -> None:
        kind: Any = module.Logger
        streams: Any = sys.modules["aiologger.handlers.streams"].AsyncStreamHandler
        call, handle = kind.call_handlers, streams.handle

        async def call_heard(log: Any, record: Any) -> None:
            if not self._over:
                heard = _of_aiologger(record)
                DOOR.heard(heard)
                record = _shown(record, redacted(heard)) if DOOR.takes_over else record
            await call(log, record)

        async def handle_elsewhere(handler: Any, record: Any) -> Any:
            return False if DOOR.takes_over and is_console(handler.stream) else await handle(handler, record)

        replace_attribute(self._undo, kind, "call_handlers", call_heard)
        replace_attribute(self._undo, streams, "handle", handle_elsewhere)


def _of_aiologger(told: Any) -> logging.LogRecord:
    args = (told.args,) if told.args else None
    record = logging.LogRecord(
        told.name, int(told.levelno), told.pathname, told.lineno, told.msg, args, told.exc_info, told.funcName
    )
    _add_fields(record, getattr(told, "extra", None) or {})
    return record


def _shown(told: Any, record: logging.LogRecord) -> Any:
    """A copy of their record, for their own handlers, with what ours shows."""
    shown = copy.copy(told)
    shown.msg, shown.args, shown.exc_info = record.getMessage(), None, record.exc_info
    return shown


def _heard_of_loguru(message: Any) -> None:
    if DOOR.is_handing_out:
        return  # it came from `logging`, and was heard there
    told = message.record
    raised = told["exception"]
    exc_info = (raised.type, raised.value, raised.traceback) if raised and raised.value is not None else None
    record = logging.LogRecord(
        told["name"] or "loguru", told["level"].no, told["file"].path, told["line"], told["message"], None, exc_info,
        told["function"],
    )  # fmt: skip
    record.levelname = told["level"].name
    record.created = told["time"].timestamp()
    _add_fields(record, told["extra"])
    DOOR.heard(record)


def _of_structlog(
    log: Any, method_name: str, event: Any, given: Sequence[Any], named: Mapping[str, Any]
) -> logging.LogRecord:
    fields = {**getattr(log, "_context", {}), **named}
    raised = fields.pop("exc_info", method_name == "exception")
    if isinstance(raised, BaseException):
        raised = (type(raised), raised, raised.__traceback__)
    exc_info = raised if isinstance(raised, tuple) else sys.exc_info() if raised else None
    level = _LEVELS.get(method_name) or logging.getLevelNamesMapping().get(method_name.upper(), logging.INFO)
    name = str(fields.pop("logger", None) or getattr(log._logger, "name", None) or "structlog")
    record = logging.LogRecord(name, level, "", 0, event, tuple(given), exc_info)
    _add_fields(record, fields)
    return record


def _add_fields(record: logging.LogRecord, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        record.__dict__[f"{name}_" if name in STANDARD_FIELDS else str(name)] = value


def _try(attach: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Another version, or another module of that name, is no reason to break the program."""
    try:
        attach(module)
    except Exception as error:
        _log.warning("lines of %s are not heard", module.__name__, exc_info=error)


class _AfterImport(importlib.abc.MetaPathFinder):
    """Calls somebody once a module was imported."""

    def __init__(self, attach: Mapping[str, Callable[[ModuleType], None]]) -> None:
        self._attach = dict(attach)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        attach = self._attach.pop(name, None)
        spec = importlib.util.find_spec(name) if attach else None
        if attach is None or spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_attach(module: ModuleType) -> None:
            load(module)
            _try(attach, module)

        spec.loader.exec_module = load_and_attach  # type: ignore[method-assign]
        return spec
