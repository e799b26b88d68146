"""How a command ends: an exit status, and on standard error one sentence."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import typer

from kintsugi.commands.voice import say
from kintsugi.executors.lock import AlreadyRunning
from kintsugi.integrations.git import GitError
from kintsugi.workflow.errors import BadInput, Refusal, StepFailed, StoreUnavailable

FAULT, USAGE, REFUSED, INTERRUPTED = 1, 2, 3, 130
_STOPPED = "Interrupted. Nothing that was stored is lost."
_STOPPED_GOES_ON = "Interrupted. Nothing is lost: start it again, and it goes on."


class UsageError(BadInput):
    """What was typed does not make sense; the message says what would."""


def run(command: Callable[[], Coroutine[Any, Any, int | None] | int | None], *, goes_on: bool = False) -> None:
    """Run a command and leave with its exit status. `goes_on`: its next start takes up what an interrupted one left."""
    try:
        result = command()
        status = asyncio.run(result) if asyncio.iscoroutine(result) else result
    except BaseException as error:
        status = _status(error, _STOPPED_GOES_ON if goes_on else _STOPPED)
    raise typer.Exit(status or 0)


def _status(error: BaseException, interrupted: str) -> int:
    """The exit status for an error, after its sentences were printed: several parts may end at once.

    Raises what is none of ours.
    """
    endings = [_ending(each, interrupted) for each in _each(error)]
    if None in endings:
        raise error
    ours = [ending for ending in endings if ending]
    for sentence, _ in dict.fromkeys(ours):
        if sentence:
            say(sentence, err=True)
    return min((status for _, status in ours if status), default=0)


def _each(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _each(each)
    else:
        yield error


def _ending(error: BaseException, interrupted: str) -> tuple[str, int] | None:
    """Its sentence and exit status; None of what is none of ours."""
    match error:
        case KeyboardInterrupt() | asyncio.CancelledError():
            return interrupted, INTERRUPTED
        case BadInput():
            return str(error), USAGE
        case Refusal():
            return str(error), REFUSED
        case StoreUnavailable() | AlreadyRunning() | StepFailed() | GitError():
            return str(error), FAULT
        case BrokenPipeError():  # whoever read our output has seen enough, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return "", 0
        case OSError(errno=errno.ENOSPC):
            return "The disk is full. Make room and start again; nothing that was committed is lost.", FAULT
        case OSError(filename=name) if name:
            return f"{name}: {error.strerror}.", FAULT
        case _:
            return None
