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
from types import FrameType
from typing import Any, TypeVar

_MOST_FILES = 2_000
_files: dict[str, tuple[str, str]] = {}
_PLAIN = (str, int, float, type(None), bool)  # no mappings
_KNOWN = sys.version_info < (3, 13)  # later ones count the time in another way
_EMPTY = LogRecord("kintsugi", 0, "", 0, "", None, None)  # a factory may add fields of its own
FIELDS = tuple(vars(_EMPTY))
_HAS_TASKS = "taskName" in FIELDS
_factory_of = logging.getLogRecordFactory
_new = LogRecord.__new__
_time, _thread, _thread_id, _process_id = time.time, threading.current_thread, threading.get_ident, os.getpid
_SOURCE = logging.getLevelName.__code__.co_filename

Function = TypeVar("Function", bound=Callable[..., Any])


def written_by_logging(function: Function) -> Function | None:
    """The function, where it is `logging`'s own: others may have put theirs there before this is imported."""
    code = getattr(function, "__code__", None)
    return function if code and code.co_filename == _SOURCE else None


_init = written_by_logging(LogRecord.__init__)


def is_standard() -> bool:
    """Whether records are made here as everywhere, so that `made` makes the same."""
    return (
        _KNOWN
        and _factory_of() is LogRecord
        and LogRecord.__init__ is _init
        and logging.logThreads
        and logging.logProcesses
        and logging.logMultiprocessing
        and (not _HAS_TASKS or getattr(logging, "logAsyncioTasks", True))
    )


def made(  # noqa: PLR0917  (as logging calls it)
    name: str, level: int, path: str, line: int, msg: object, args: Any, exc_info: Any, func: str | None,
    extra: Mapping[str, object] | None, stack: str | None,
) -> LogRecord:  # fmt: skip
    """What `Logger.makeRecord(…)` makes, with its fields in the same order. Raises where that does."""
    created = _time()
    if args and len(args) == 1:
        only = args[0]
        if type(only) not in _PLAIN and isinstance(only, Mapping) and only:
            args = only
    multiprocessing = sys.modules.get("multiprocessing")
    fields = _blank.copy()  # a copy and these are cheaper than one literal
    fields["name"], fields["msg"], fields["args"] = name, msg, args
    fields["levelname"], fields["levelno"] = logging.getLevelName(level), level
    fields["pathname"], fields["lineno"], fields["funcName"] = path, line, func
    fields["filename"], fields["module"] = _files.get(path) or _names(path)
    fields["exc_info"], fields["stack_info"] = exc_info, stack
    fields["created"], fields["msecs"] = created, created % 1 * 1000 // 1
    fields["relativeCreated"] = (created - _START) * 1000
    fields["thread"], fields["threadName"] = _thread_id(), _thread().name
    fields["process"] = _process_id()  # a server written in C may fork without telling Python
    if multiprocessing:
        fields["processName"] = multiprocessing.current_process().name
    if _HAS_TASKS:
        fields["taskName"] = _task()
    record = _new(LogRecord)
    record.__dict__ = fields
    if extra is not None:
        own = len(fields)
        fields.update(extra)
        if len(fields) != own + len(extra) or "message" in extra or "asctime" in extra:
            raise KeyError("extra has a field that each record has")
    return record


def caller(frame: FrameType, level: int) -> tuple[str, int, str, None]:
    """What `Logger.findCaller` finds: the `level`th frame that is not of logging itself, from this one outwards."""
    while True:
        code = frame.f_code
        file = code.co_filename
        if file != _SOURCE and not ("importlib" in file and "_bootstrap" in file):
            level -= 1
        further = frame.f_back
        if level <= 0 or further is None:
            return file, frame.f_lineno, code.co_name, None
        frame = further


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
_blank: dict[str, Any] = {**dict.fromkeys(FIELDS), "processName": "MainProcess"}
