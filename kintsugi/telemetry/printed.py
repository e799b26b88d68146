"""Tracebacks that a program prints by `traceback.print_exception`, as disnake, nextcord and py-cord do with those of
commands, views and tasks, and many a program in an `except` block."""

import sys
from collections.abc import Callable
from typing import Any


def on_console(given: tuple[Any, ...], named: dict[str, Any]) -> BaseException | None:
    """The exception, where these arguments of `traceback.print_exception` lead it to the console, and not to a text."""
    file = named.get("file", given[4] if len(given) > 4 else None)
    if file is not None and file not in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        return None
    named_ones = (named.get("value"), named.get("exc"))
    return next((one for one in (*given[:2], *named_ones) if isinstance(one, BaseException)), None)


def heard(print_exception: Callable[..., None], hear: Callable[[BaseException], None]) -> Callable[..., None]:
    """`traceback.print_exception`, whose exceptions go to `hear` instead of the console."""

    def print_heard(*given: Any, **named: Any) -> None:
        error = on_console(given, named)
        if error is None:
            print_exception(*given, **named)
        else:
            hear(error)

    return print_heard
