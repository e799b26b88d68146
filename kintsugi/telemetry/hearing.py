"""Hears what every logger hands out, whatever a program does to its handlers, its configuration or its propagation.

Each record of each logger passes `Logger.callHandlers`. There is no handler of ours that `dictConfig`, `fileConfig`,
`root.handlers = []` or `propagate = False` could take away. Handlers of the program that write to the console are
passed over where the telemetry has taken that over, wherever they hang (below a `QueueListener`, too), and all others
are handed redacted copies. Loggers that a configuration disables because they were there before it are heard all the
same.
"""

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

from kintsugi.telemetry.undo import Wrap
from kintsugi.telemetry.unmasked import bare, redacted

_MUTED = "_telemetry_muted"
_DEEPEST = 2  # log calls of handlers, made while they are handed a record
_Function = Callable[..., Any]


class Hearing:
    """Hands every record from `level` on to `handler`, until `close()`. Several may hear, and stop in any order."""

    def __init__(self, handler: logging.Handler, level: int, *, takes_over: bool) -> None:
        self.handler, self.level, self.takes_over = handler, level, takes_over
        self._said: set[str] | None = set()
        DOOR.open(self)

    def close(self) -> None:
        self._said = None
        DOOR.shut(self)

    def look(self) -> None:
        """Puts back what was taken away, and says once what keeps lines from being logged."""
        said = self._said
        if said is None:
            return
        for reason in DOOR.troubles():
            if reason not in said:
                said.add(reason)
                record = logging.LogRecord("kintsugi.telemetry", logging.WARNING, "", 0, "%s", (reason,), None)
                self.handler.handle(record)


class _Door:
    """The one wrap around `Logger.callHandlers`, of all that hear in this process."""

    def __init__(self) -> None:
        self._hearings: tuple[Hearing, ...] = ()
        self._takes_over = False
        self._here = threading.local()
        self._wraps: list[Wrap] = []
        self._put_back = False
        self._top: Any = None  # our outermost function
        self._lock = threading.RLock()

    def open(self, hearing: Hearing) -> None:
        with self._lock:
            self._hear((*self._hearings, hearing))
            if not self._wraps:
                self._put()
                _mute_what_is_disabled()

    def shut(self, hearing: Hearing) -> None:
        """Who wrapped ours since keeps calling it; it then only hands on."""
        with self._lock:
            self._hear(tuple(each for each in self._hearings if each is not hearing))
            if self._hearings:
                return
            _unmute()
            while self._wraps:
                self._wraps.pop().undo()
            self._put_back = False

    @property
    def is_handing_out(self) -> bool:
        """Whether this thread is inside of somebody's log call: what a handler writes elsewhere is known already."""
        return bool(getattr(self._here, "depth", 0))

    @property
    def takes_over(self) -> bool:
        return self._takes_over

    @property
    def least_level(self) -> int:
        """From which on somebody hears."""
        return min((each.level for each in self._hearings), default=logging.NOTSET)

    def heard(self, record: logging.LogRecord) -> None:
        """By all that hear, as what has no logger."""
        for each in self._hearings:
            if record.levelno >= each.level:
                each.handler.handle(record)

    def tell(self, logger: logging.Logger, record: logging.LogRecord) -> None:
        """A line of ours about what the program did not log: where its console stays as it is, nobody else gets it."""
        if self._takes_over or not self._hearings:
            logger.handle(record)
        else:
            self.heard(record)

    def troubles(self) -> list[str]:
        """A sentence for each thing that keeps lines away. What took our door away is wrapped in its turn."""
        found = []
        for kind, logger in _kinds().items():
            if not _arrives(kind, logger):
                found.append(f"Something took {kind.__name__}.callHandlers from the telemetry: it is put back.")
                self._put_around(kind)
        if self._takes_over and self._is_wrapped():
            self._put_around(logging.Logger)
        hidden = logging.root.manager.disable
        if hidden >= logging.ERROR:
            found.append(f"logging.disable({hidden}) hides errors: they are not logged at all.")
        if logging.root.level > logging.ERROR:
            found.append(f"The root logger's level is {logging.getLevelName(logging.root.level)}: errors are hidden.")
        muted = [logger.name for logger in known_loggers() if _MUTED in logger.__dict__]
        if muted:
            some = ", ".join(muted[:5])
            found.append(
                f"A logging configuration disabled {len(muted)} loggers that were there already ({some}): the "
                "program's own handlers get none of their lines. Set disable_existing_loggers to false."
            )
        return found

    def _hear(self, hearings: tuple[Hearing, ...]) -> None:
        self._hearings = hearings
        self._takes_over = any(each.takes_over for each in hearings)

    def _put(self) -> None:
        import logging.config  # noqa: PLC0415  (it takes a while, and nobody needs it before)

        self._wraps.append(Wrap(logging.Logger, "callHandlers", self._call_handlers))
        self._top = logging.Logger.callHandlers
        self._wraps.append(Wrap(logging.Handler, "handle", self._handle))
        if hasattr(logging.config, "_handle_existing_loggers"):
            self._wraps.append(Wrap(logging.config, "_handle_existing_loggers", self._configured))

    def _put_around(self, kind: type[logging.Logger]) -> None:
        """Ours again, around what somebody else has put there since."""
        with self._lock:
            self._put_back = True
            self._wraps.append(Wrap(kind, "callHandlers", self._call_handlers_again))
            self._top = logging.Logger.callHandlers

    def _is_wrapped(self) -> bool:
        """Whether somebody wrapped ours, as SDKs do, and so sees records as they are. Not asked for ever."""
        return logging.Logger.callHandlers is not self._top and len(self._wraps) < _MOST_WRAPS

    def _call_handlers(self, wrap: Wrap, below: _Function | None = None) -> _Function:
        """Every log call passes here: what most of them need comes first, and costs least."""

        def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
            level = record.levelno
            if level == _PROBE_LEVEL and _PROBE in record.__dict__:
                record.__dict__[_PROBE].append(True)
                return
            if wrap.resting or (self._put_back and getattr(self._here, "below", None) is record):
                wrap.before(logger, record)
                return
            muted = logger.__dict__.get(_MUTED)
            if muted is not None and level < muted:
                return
            if not self._takes_over:
                logged = record.__dict__.copy()
                try:
                    if muted is None:
                        self._hand_out(below or wrap.before, logger, record)
                finally:
                    self.heard(_as_logged(record, logged))
                return
            for each in self._hearings:
                if level >= each.level:
                    each.handler.handle(record)
            if logging.Logger.callHandlers is not self._top and self._is_wrapped():
                self._put_around(logging.Logger)
                record.__dict__.update(redacted(record).__dict__)  # this one is in their hands already
            if muted is None and (wrap.before is not _STANDARD or _others_of(logger)):
                self._hand_out(below or wrap.before, logger, record)

        return call_handlers

    def _call_handlers_again(self, wrap: Wrap) -> _Function:
        """Around what took ours away. That may lead some records to ours still, which then only hands them on."""

        def below(logger: logging.Logger, record: logging.LogRecord) -> None:
            outer, self._here.below = getattr(self._here, "below", None), record
            try:
                wrap.before(logger, record)
            finally:
                self._here.below = outer

        return self._call_handlers(wrap, below)

    def _hand_out(self, before: _Function, logger: logging.Logger, record: logging.LogRecord) -> None:
        """To the program's own handlers, as it is or redacted; of what they log meanwhile, the template."""
        here = self._here
        depth = getattr(here, "depth", 0)
        if self._takes_over and depth >= _DEEPEST:
            return
        here.depth = depth + 1
        try:
            if self._takes_over:
                record = bare(record) if depth else redacted(record)
            before(logger, record)
        finally:
            here.depth = depth

    def _handle(self, wrap: Wrap) -> _Function:
        def handle(handler: logging.Handler, record: logging.LogRecord) -> Any:
            if self._takes_over and writes_to_console(handler):
                return False
            return wrap.before(handler, record)

        return handle

    @staticmethod
    def _configured(wrap: Wrap) -> _Function:
        def handle_existing_loggers(existing: Any, children: Any, disable: Any) -> None:
            """Those that it disables are muted instead, and those that it configures anew are not."""
            there = {logger.name: logger for logger in known_loggers()}
            were = {name for name in existing if name in there and there[name].disabled}
            wrap.before(existing, children, disable)
            for name, logger in there.items():
                if name not in existing:
                    logger.__dict__.pop(_MUTED, None)
                elif name not in were and logger.disabled:
                    logger.disabled = False
                    logger.__dict__[_MUTED] = logging.NOTSET

        return handle_existing_loggers


_MOST_WRAPS = 8
_PROBE, _PROBE_LEVEL = "_telemetry_probe", -1  # so low that nobody else who hears the probe takes it for news
_STANDARD = logging.Logger.callHandlers
DOOR = _Door()


def _as_logged(record: logging.LogRecord, logged: dict[str, Any]) -> logging.LogRecord:
    """The record without what handlers changed in it: many colour the message, some take the exception away. What
    their filters added stays."""
    kept = type(record).__new__(type(record))
    kept.__dict__.update(record.__dict__)
    kept.__dict__.update(logged)
    return kept


def _kinds() -> dict[type[logging.Logger], logging.Logger]:
    """The classes that hand records out each in its own way, with a logger of each."""
    loggers = (*known_loggers(), logging.getLogger("kintsugi.telemetry"))
    return {next(kind for kind in type(one).__mro__ if "callHandlers" in vars(kind)): one for one in loggers}


def _arrives(kind: type[logging.Logger], logger: logging.Logger) -> bool:
    record = logging.LogRecord(logger.name, _PROBE_LEVEL, "", 0, "", None, None)
    record.__dict__[_PROBE] = arrived = list[bool]()
    try:
        kind.callHandlers(logger, record)
    except Exception:
        return False
    return bool(arrived)


def _others_of(logger: logging.Logger | None) -> bool:
    """Whether anybody but the console would be handed its records."""
    while logger is not None:
        for handler in logger.handlers:
            if not (writes_to_console(handler) or isinstance(handler, logging.NullHandler)):
                return True
        if not logger.propagate:
            return False
        logger = logger.parent
    return False


def known_loggers() -> list[logging.Logger]:
    return [entry for entry in list(logging.root.manager.loggerDict.values()) if isinstance(entry, logging.Logger)]


def _mute_what_is_disabled() -> None:
    """Whether a configuration did that or the program meant it, nobody can say: of these, errors are heard."""
    for logger in known_loggers():
        if logger.disabled:
            logger.disabled = False
            logger.__dict__[_MUTED] = logging.ERROR


def _unmute() -> None:
    for logger in known_loggers():
        if logger.__dict__.pop(_MUTED, None) is not None:
            logger.disabled = True


def writes_to_console(handler: logging.Handler) -> bool:
    """A second writer on the console would bypass the queue and the JSON."""
    stream = getattr(handler, "stream", None)
    if stream is None:
        return is_console(getattr(getattr(handler, "console", None), "file", None))
    file = getattr(handler, "baseFilename", None)
    if file is not None:
        return file in _CONSOLE_FILES
    return is_console(stream) or _leads_to_console(stream)


def is_console(stream: Any) -> bool:
    return stream is not None and any(
        stream is each for each in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    )


def _leads_to_console(stream: Any) -> bool:
    """Whether what is written there goes to the console: a proxy such as Flask's, another opening of the same file."""
    try:
        return is_console(getattr(stream.write, "__self__", None)) or stream.fileno() in (1, 2)
    except Exception:
        return False


_CONSOLE_FILES = ("/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", "/proc/self/fd/1", "/proc/self/fd/2")
