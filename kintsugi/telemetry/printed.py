"""Exceptions that a program prints: by `traceback.print_exception`, as disnake, nextcord and py-cord do with those of
commands, views and tasks, and many a program in an `except` block; or in words, by `print(error)`."""

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType, FunctionType, ModuleType
from typing import Any

from kintsugi.telemetry.build import is_installed
from kintsugi.telemetry.encoding import unprintable
from kintsugi.telemetry.undo import innermost
from kintsugi.telemetry.unhandled import exc_info_of, leaves

PRINTED = "an exception was printed"
IN_WORDS = "an exception was printed in words"
_SHOWN = ("traceback", "kintsugi.telemetry.printed", "kintsugi.telemetry.beside", "kintsugi.telemetry.sidedoors")
_here = threading.local()


def places_of_print_exception() -> list[ModuleType]:
    """`traceback`, and the modules that took its function by name before: crescent does."""
    ours = innermost(traceback.print_exception)
    named = ((module, getattr(module, "__dict__", {}).get("print_exception")) for module in list(sys.modules.values()))
    return [module for module, function in named if isinstance(function, FunctionType) and innermost(function) is ours]


def on_console(given: tuple[Any, ...], named: dict[str, Any]) -> BaseException | None:
    """The exception, where these arguments of `traceback.print_exception` lead it to the console, and not to a text."""
    file = named.get("file", given[4] if len(given) > 4 else None)
    if file is not None and not _is_console(file):
        return None
    named_ones = (named.get("value"), named.get("exc"))
    return next((one for one in (*given[:2], *named_ones) if isinstance(one, BaseException)), None)


def in_words(given: tuple[Any, ...], named: dict[str, Any]) -> BaseException | None:
    """The exception that these arguments of `print` tell of on the console: one of them, or what is being handled, if
    its own words are among them."""
    live = sys.exception()
    if live is None and not any(isinstance(one, BaseException) for one in given):
        return None
    if named.get("file") is not None and not _is_console(named["file"]):
        return None
    handed = next((one for one in given if isinstance(one, BaseException)), None)
    if handed is not None or not isinstance(live, Exception):
        return handed
    words = _words_of(live)
    return live if words and any(type(one) is str and words in one for one in given) else None


def _words_of(live: Exception) -> str:
    """ "" where it is asked for them already: it may print while it says them."""
    if getattr(_here, "asks", False):
        return ""
    _here.asks = True
    try:
        return unprintable(live)
    finally:
        _here.asks = False


def record_of_printed(error: BaseException) -> logging.LogRecord:
    """The line of an exception whose traceback was printed. Where a library did that, nobody had handled it."""
    library = _printed_by()
    if library:
        leaves(error, f"printed by {library}")
    return logging.LogRecord("kintsugi.telemetry", logging.ERROR, "", 0, PRINTED, None, exc_info_of(error))


def record_of_words(error: BaseException) -> logging.LogRecord:
    """The line of an exception of which the program printed the words alone."""
    return logging.LogRecord("kintsugi.telemetry", logging.WARNING, "", 0, IN_WORDS, None, exc_info_of(error))


def record_of_uncaught(error: BaseException) -> logging.LogRecord:
    """The line of an exception that ended the program."""
    return logging.LogRecord(
        "kintsugi.telemetry", logging.CRITICAL, "", 0, "uncaught exception", None, exc_info_of(error)
    )


def heard(print_exception: Callable[..., None], hear: Callable[[BaseException], None]) -> Callable[..., None]:
    """`traceback.print_exception`, whose exceptions go to `hear` instead of the console."""

    def print_heard(*given: Any, **named: Any) -> None:
        error = on_console(given, named)
        if error is None:
            print_exception(*given, **named)
        else:
            hear(error)

    return print_heard


def _is_console(file: Any) -> bool:
    return file in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)


def _printed_by() -> str:
    """The library whose code prints; "" where it is the program's own."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") in _SHOWN:
        frame = frame.f_back
    if frame is None or not is_installed(frame.f_code.co_filename) or frame.f_code.co_filename.startswith("<"):
        return ""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
