"""Rounds of `discord.ext.tasks` loops: bound, counted, and what leaves one seen.

A loop belongs to no bot, so each one that is started from here on is watched, on the object itself.
"""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any

from kintsugi.telemetry.outcomes import Outcomes
from kintsugi.telemetry.runs import begin, name_of
from kintsugi.telemetry.undo import replace_attribute
from kintsugi.telemetry.unhandled import leaves, unhandled

_WATCHED = "_telemetry_coro"  # what is below our own function


def watch_loops(outcomes: Outcomes, undo: ExitStack) -> None:
    """Until `undo` is closed."""
    from discord.ext.tasks import Loop  # noqa: PLC0415  (telemetry works without discord.py)

    start: Any = Loop.start
    watching = [True]

    def start_watched(loop: Any, *given: Any, **named: Any) -> Any:
        if watching[0]:
            loop.coro = _watched(loop, outcomes)
        return start(loop, *given, **named)

    replace_attribute(undo, Loop, "start", start_watched)
    undo.callback(watching.__setitem__, 0, False)


def _watched(loop: Any, outcomes: Outcomes) -> Callable[..., Awaitable[Any]]:
    coro = getattr(loop.coro, _WATCHED, loop.coro)

    @wraps(coro)
    async def one_round(*given: Any, **named: Any) -> Any:
        run, _ = begin(outcomes, f"{name_of(coro)} (loop)")
        try:
            result = await coro(*given, **named)
        except Exception as error:
            if not (loop.reconnect and isinstance(error, loop._valid_exception)):  # these discord.py tries again
                leaves(error, "task loop")
                _told_after_its_handler(loop, error)
            raise
        run.succeeded()
        return result

    setattr(one_round, _WATCHED, coro)
    return one_round


def _told_after_its_handler(loop: Any, error: Exception) -> None:
    """The loop's `error` handler is asked next. The standard one logs it; one of the bot's own may keep it quiet."""
    own, had = loop._error, "_error" in vars(loop)

    async def asked(*given: Any) -> None:
        if had:
            loop._error = own
        else:
            del loop._error
        try:
            await own(*given)
        finally:
            unhandled(error, "task loop", "loop failed: %s", loop.coro.__qualname__)

    loop._error = asked
