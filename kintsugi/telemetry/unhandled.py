"""The one place that every exception passes which nobody handled, whichever way it left the program.

A hook of the interpreter, of asyncio or of a Discord library that meets one says so by `leaves`, or by `unhandled`
where nobody else logs it. From then on the first line that is logged of it is *the* line of that failure: whoever
listens to the log is handed it as `Seen.error`, with the way it took as `Seen.way`. What a library writes as its own
last word of an exception (`Ignoring exception in on_message`) is known by its logger.

So a listener of the log (`Telemetry.listen`) sees each failure once, on the thread and in the task where it came out,
with its traceback and frames still alive.
"""

import logging
import secrets
import sys
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.context import Bound, bound
from kintsugi.telemetry.hearing import DOOR

_AT_ONCE = 1.0  # seconds within which all handlers hear of it
_MARK = "_telemetry_mark"
_log = logging.getLogger("kintsugi.telemetry")


@dataclass(slots=True)
class Mark:
    """What is known of one exception, kept as long as it: keeping the exception would keep all that its frames hold.

    `way` is how it left the program, "" as long as it did not; `told_by` are the handlers (by their ids) that have
    written a line of it since then. `context` is where it left, for lines that are logged elsewhere. `is_refused`: it
    only told the bot's error handlers what a user may not.
    """

    raised: int
    way: str = ""
    context: Bound | None = None
    told_by: set[int] = field(default_factory=set)
    told_at: float = 0.0
    error_id: str | None = None
    is_reported: bool = False
    is_refused: bool = False
    key: str = field(default_factory=lambda: f"{time.time_ns():x}-{secrets.token_hex(4)}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Exceptions travel to other processes, with all that is on them: there it is one of which nothing is known."""
        return Mark, (0,)

    def way_for(self, handler: int) -> str:
        """The way, to each handler once. asyncio may speak of it long after: that is no news to one that came since."""
        now = time.monotonic()
        if not self.way or handler in self.told_by or (self.told_by and now - self.told_at > _AT_ONCE):
            return ""
        self.told_at = self.told_at or now
        self.told_by.add(handler)
        return self.way


def leaves(error: BaseException, way: str) -> None:
    """The exception left the program by this way; somebody will log it."""
    mark = mark_of(error)
    if not mark.is_refused:
        mark.way, mark.context = mark.way or way, mark.context or bound()


def is_logged_by(logger: str) -> bool:
    """Whether errors of this logger are logged. A program that hides a library's lines hides its last words, too."""
    return bool(logger) and logging.getLogger(logger).isEnabledFor(logging.ERROR)


def unhandled(
    error: BaseException,
    way: str,
    message: str,
    *given: object,
    level: int = logging.ERROR,
    extra: Mapping[str, object] | None = None,
) -> None:
    """The exception left the program by this way, and is logged now, unless it was since it did.

    The program kept it to itself: its own handlers are handed the line only where the telemetry has taken the console
    over.
    """
    leaves(error, way)
    if not mark_of(error).told_by:
        exc_info = exc_info_of(root_of(error))
        DOOR.tell(_log, _log.makeRecord(_log.name, level, __file__, 0, message, given, exc_info, "unhandled", extra))


def mark_of(error: BaseException) -> Mark:
    """What is known of it. The same object raised anew is another failure."""
    error = root_of(error)
    raised = _raised(error)
    mark = _kept_for(error)
    if mark is None or (raised and mark.raised and raised != mark.raised):
        mark = Mark(raised)
        _keep_for(error, mark)
    mark.raised = mark.raised or raised
    return mark


def _kept_for(error: BaseException) -> Mark | None:
    ref, mark = _marks.get(id(error), (None, None))
    return mark if ref is not None and ref() is error else getattr(error, _MARK, None)


def _keep_for(error: BaseException, mark: Mark) -> None:
    """Beside it, as programs send the attributes of their exceptions to people; on it, where it is of a built-in class,
    which nothing can point to weakly: its id alone would soon be another's."""
    key = id(error)
    try:
        _marks[key] = weakref.ref(error, lambda _: _marks.pop(key, None)), mark
    except TypeError:
        with suppress(Exception):  # its class may have taken attributes away
            BaseException.__setattr__(error, _MARK, mark)


_marks: dict[int, tuple[weakref.ref[BaseException], Mark]] = {}


def root_of(error: BaseException) -> BaseException:
    """What the program raised, of which a library for Discord made its own exception."""
    for _ in range(4):
        original = getattr(error, "original", None)
        if not isinstance(original, BaseException) or not _is_a_discord_librarys(type(error)):
            return error
        error = original
    return error


def is_refusal(error: BaseException) -> bool:
    """Whether it is the library's word for what a user may not, or did not write rightly: no failure of the program."""
    kind: Any = type(error)
    if not _is_from_discord(kind):  # of each class this is asked once
        return False
    if type(error).__name__ == "HybridCommandError":
        return is_refusal(getattr(error, "original", error))
    kinds = {kind.__name__ for kind in type(error).__mro__ if _is_a_discord_librarys(kind)}
    broke = hasattr(error, "original") or ("TransformerError" in kinds and error.__cause__ is not None)
    return bool(kinds & {"CommandError", "AppCommandError"}) and not (broke or kinds & _OF_THE_PROGRAM)


_OF_THE_PROGRAM = {  # what no user brings about, on the same class as the refusals
    "CommandAlreadyRegistered", "CommandLimitReached", "CommandSyncFailure", "MissingApplicationID", "TranslationError"
}  # fmt: skip


@lru_cache(maxsize=500)
def _is_from_discord(kind: Any) -> bool:
    return any(map(_is_a_discord_librarys, kind.__mro__))


def _is_a_discord_librarys(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in ("discord", "disnake", "nextcord", "lightbulb")


def exc_info_of(error: BaseException) -> tuple[type[BaseException], BaseException, Any]:
    return type(error), error, error.__traceback__


def error_of(record: logging.LogRecord) -> BaseException | None:
    """The exception that a record is about: as `exc_info`; of a warning or an error also as its message, an argument,
    or the one that is being handled where it is logged."""
    given: Any = record.exc_info
    if given:
        found = given[1] if isinstance(given, tuple) and len(given) == 3 else given
        return found if isinstance(found, BaseException) else None
    if record.levelno < logging.WARNING or record.exc_text:
        return None
    arguments = record.args if isinstance(record.args, tuple) else (record.args,)
    handed = next((one for one in (record.msg, *arguments) if isinstance(one, BaseException)), None)
    return handed or _handled_now()


def _handled_now() -> BaseException | None:
    live = sys.exception()
    return live if isinstance(live, Exception) else None


def last_word(record: logging.LogRecord) -> str:
    """The way that an exception took, where this is the line by which a library says that nobody handled it."""
    name = f"{record.name}."
    if not name.startswith(_LAST_SPEAKERS):
        return ""
    template = record.msg if type(record.msg) is str else ""
    return next((way for logger, start, way in _LAST_WORDS if name.startswith(logger) and start.match(template)), "")


def is_said_elsewhere(record: logging.LogRecord) -> bool:
    """Whether it is logged where no part of the program is at work, but the collector of garbage."""
    return record.name == "asyncio"


_LAST_WORDS = tuple(
    (f"{logger}.", re.compile(start), way)
    for logger, start, way in (
        ("discord.client", "Ignoring exception in", "listener"),
        ("discord.ext.commands.bot", "Ignoring exception in", "command"),
        ("discord.app_commands.tree", "Ignoring exception in autocomplete", "autocomplete"),
        ("discord.app_commands.tree", "Ignoring exception in", "command"),
        ("discord.ui.view", "Ignoring exception in", "component"),
        ("discord.ui.modal", "Ignoring exception in", "modal"),
        ("discord.ext.tasks", "Unhandled exception in", "task loop"),
        ("asyncio", "", "background task"),
        ("concurrent.futures", "exception calling callback", "callback"),
        ("aiohttp.server", "Error handling request|Unhandled", "request"),
        ("uvicorn.error", "Exception in ASGI application", "request"),
        ("gunicorn.error", "Error handling request|Exception in worker process|Socket error", "request"),
        ("django.request", "Internal Server Error", "request"),
        ("flask.app", "Exception on", "request"),
        ("celery.app.trace", r"\s*Task ", "job"),
        ("apscheduler.executors", "Job .* raised an exception", "job"),
        ("apscheduler.scheduler", "Job .* raised an exception", "job"),
    )
)
_LAST_SPEAKERS = tuple({logger for logger, _, _ in _LAST_WORDS})


def _raised(error: BaseException) -> int:
    """Which raising of it this is: the innermost piece of its traceback stays the same while it travels."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return id(trace) if trace is not None else 0
