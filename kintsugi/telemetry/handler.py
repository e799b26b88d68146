"""The one log handler: record in, redacted line out, to the ring and to the writer."""

import copy
import logging
import threading
from contextlib import nullcontext
from typing import NamedTuple, Protocol

from kintsugi.telemetry.context import Bound, bound, rebind
from kintsugi.telemetry.lines import Line, LineFormatter
from kintsugi.telemetry.ring import Ring
from kintsugi.telemetry.unhandled import (
    Mark,
    error_of,
    exc_info_of,
    is_refusal,
    is_said_elsewhere,
    last_word,
    mark_of,
    root_of,
)
from kintsugi.telemetry.writer import NoWriter, Writer


class Seen(NamedTuple):
    """What a watcher gets of each record: the record, its finished line and the context it was logged in.

    `error` is the exception that the record is about, alive, with all its frames; `way` is how it left the program,
    once for each, and "" where the program handled it or it was told before. `key` is the same for all records of
    one failure.
    """

    record: logging.LogRecord
    line: str
    context: Bound
    error_id: str | None
    error: BaseException | None = None
    way: str = ""
    key: str = ""


class Listener(Protocol):
    """Whoever looks at what is logged, from a level on, on the thread that logs it."""

    @property
    def least_level(self) -> int: ...

    def see(self, seen: Seen) -> None: ...

    def close(self) -> None:
        """Finishes what it began, in bounded time."""


class _Busy(threading.local):
    """Whether this thread is writing a record now."""

    now = False


class LineHandler(logging.Handler):
    """Never raises, never blocks, never recurses.

    A record logged while another one is being written on the same thread (by a `__str__`, a finaliser, a
    watcher) is written by its template alone, which runs nobody's code.
    """

    def __init__(self, ring: Ring, writer: Writer | NoWriter) -> None:
        super().__init__()
        self._ring = ring
        self._writer = writer
        self._listeners: tuple[Listener, ...] = ()
        self._least_told = logging.WARNING  # below it nobody has to be told of a record
        self._formatter = LineFormatter()
        self._busy = _Busy()

    def listen(self, listener: Listener) -> None:
        """One more that sees what is logged from now on."""
        self._listeners = (*self._listeners, listener)
        self._least_told = min(self._least_told, listener.least_level)

    def handle(self, record: logging.LogRecord) -> bool:
        """Writes the record; what goes wrong is itself written, never raised.

        Without the lock of other handlers: a `__str__` that waits for another thread's log call would hang.
        """
        if self.filters and not self.filter(record):
            return False
        busy = self._busy
        if busy.now:
            self._keep(record, plainly(record))
            return True
        busy.now = True
        try:
            level = record.levelno
            if level < self._least_told:
                text, _ = self._formatter.line(record)
                self._ring.append(level, text)
                self._writer.put(text)
            else:
                self._write(record)
        except Exception as error:
            self._keep(record, plainly(record, f" [could not be written: {type(error).__name__}]"))
        finally:
            busy.now = False
        return True

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's own name)
        """The standard one prints message and arguments unredacted."""

    def _write(self, record: logging.LogRecord) -> None:
        """One that somebody has to be told of."""
        level = record.levelno
        error = error_of(record) if level >= logging.WARNING else None
        if error is None:
            line, error_id = self._written(record)
            seen = Seen(record, line, bound(), error_id)
        else:
            seen = self._of_error(record, error)
        for each in self._listeners:
            if level >= each.least_level:
                each.see(seen)

    def _written(self, record: logging.LogRecord) -> Line:
        line, error_id = self._formatter.line(record)
        self._ring.append(record.levelno, line)
        self._writer.put(line, urgent=record.levelno >= logging.ERROR)
        return line, error_id

    def _of_error(self, record: logging.LogRecord, error: BaseException) -> Seen:
        """With the exception on the line, one id on each line of it, and once the way by which it left the program."""
        mark = mark_of(error)
        if not mark.way and not is_refusal(error):
            mark.way = last_word(record)
        context = (mark.context or Bound()) if is_said_elsewhere(record) else bound()
        with rebind(context) if context is not bound() else nullcontext():
            line, error_id = self._written(_with(record, error, mark))
        mark.error_id = mark.error_id or error_id or context.error_id
        way = mark.way_for(id(self))
        if way and context.run:
            context.run.failed()
        return Seen(record, line, context, mark.error_id, root_of(error), way, mark.key)

    def _keep(self, record: logging.LogRecord, text: str) -> None:
        self._ring.append(record.levelno, text)
        self._writer.put(text)


def _with(record: logging.LogRecord, error: BaseException, mark: Mark) -> logging.LogRecord:
    """A copy with the exception and its id, where the record has none; other handlers get what was logged."""
    if record.levelno < logging.ERROR or (record.exc_info and not mark.error_id):
        return record
    shown = copy.copy(record)
    shown.exc_info = record.exc_info or exc_info_of(error)
    if mark.error_id and bound().incident_id is None:
        shown.__dict__.setdefault("error_id", mark.error_id)
    return shown


def plainly(record: logging.LogRecord, remark: str = "") -> str:
    """A line of the record's template, without its arguments."""
    template = record.msg if type(record.msg) is str else f"<{type(record.msg).__name__}>"
    safe = logging.LogRecord(record.name, record.levelno, "", 0, template + remark, None, None)
    return LineFormatter().format(safe)
