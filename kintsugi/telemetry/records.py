"""A record as `logging` makes it, for half of the cost: what files give is worked out once.

The standard constructor splits the caller's path anew for each line and asks an abstract class about each argument:
together with the call around it that is more than redaction costs.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from logging import LogRecord
from typing import Any, TypeVar

_MOST_FILES = 2_000
_files: dict[str, tuple[str, str]] = {}
_PLAIN = (str, int, float, type(None), bool)  # no mappings
KNOWN = sys.version_info < (3, 13)  # later ones count the time in another way
_EMPTY = LogRecord("kintsugi", 0, "", 0, "", None, None)  # a factory may add fields of its own
FIELDS = tuple(vars(_EMPTY))
_HAS_TASKS = "taskName" in FIELDS
_factory_of = logging.getLogRecordFactory
_new = LogRecord.__new__
_time, _thread, _thread_id, _process_id = time.time, threading.current_thread, threading.get_ident, os.getpid
SOURCE = logging.getLevelName.__code__.co_filename

Function = TypeVar("Function", bound=Callable[..., Any])


def written_by_logging(function: Function) -> Function | None:
    """The function, where it is `logging`'s own: others may have put theirs there before this is imported."""
    code = getattr(function, "__code__", None)
    return function if code and code.co_filename == SOURCE else None


_init = written_by_logging(LogRecord.__init__)


def made(  # noqa: PLR0917  (as logging calls it)
    name: str, level: int, path: str, line: int, msg: object, args: Any, exc_info: Any, func: Any,
    extra: Mapping[str, object] | None, stack: str | None,
) -> LogRecord | None:  # fmt: skip
    """What `Logger.makeRecord(…)` makes, with its fields in the same order. Raises where that does.

    None where the program, or a later Python, makes its records in another way.
    """
    if (
        not (KNOWN and logging.logThreads and logging.logProcesses and logging.logMultiprocessing)
        or _factory_of() is not LogRecord
        or LogRecord.__init__ is not _init
        or (_HAS_TASKS and not getattr(logging, "logAsyncioTasks", True))
    ):
        return None
    created = _time()
    if args and len(args) == 1:
        only = args[0]
        if type(only) not in _PLAIN and isinstance(only, Mapping) and only:
            args = only
    record = _new(LogRecord)  # one attribute after the other, as all records of a class share the names of them
    record.name, record.msg, record.args = name, msg, args
    record.levelname, record.levelno = logging.getLevelName(level), level
    record.pathname = path
    record.filename, record.module = _files.get(path) or _names(path)
    record.exc_info, record.exc_text, record.stack_info = exc_info, None, stack
    record.lineno, record.funcName = line, func
    record.created, record.msecs = created, created % 1 * 1000 // 1
    record.relativeCreated = (created - _START) * 1000
    record.thread, record.threadName = _thread_id(), _thread().name
    multiprocessing = sys.modules.get("multiprocessing")
    record.processName = multiprocessing.current_process().name if multiprocessing else "MainProcess"
    record.process = _process_id()  # a server written in C may fork without telling Python
    if _HAS_TASKS:
        record.taskName = _task()
    if extra is not None:
        fields = record.__dict__
        own = len(fields)
        fields.update(extra)
        if len(fields) != own + len(extra) or "message" in extra or "asctime" in extra:
            raise KeyError("extra has a field that each record has")
    return record


def _names(path: str) -> tuple[str, str]:
    file = os.path.basename(path)  # noqa: PTH119  (as logging does it)
    names = file, os.path.splitext(file)[0]  # noqa: PTH122
    if len(_files) < _MOST_FILES:
        _files[path] = names
    return names


def _task() -> str | None:
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio.current_task().get_name() if asyncio else None
    except Exception:  # no loop runs here, or no task
        return None


# When `logging` was imported, by its own clock.
_START: float = getattr(logging, "_startTime", 0.0) or _EMPTY.created - _EMPTY.relativeCreated / 1000
