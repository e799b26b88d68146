"""How a command ends: an exit status, and on standard error one sentence."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import typer

from kintsugi.commands.voice import say
from kintsugi.executors.lock import AlreadyRunning
from kintsugi.integrations.git import GitError
from kintsugi.workflow.errors import BadInput, Refusal, StepFailed, StoreUnavailable

FAULT, USAGE, REFUSED, INTERRUPTED = 1, 2, 3, 130


class UsageError(BadInput):
    """What was typed does not make sense; the message says what would."""


def run(command: Callable[[], Coroutine[Any, Any, int | None] | int | None]) -> None:
    """Run a command and leave with its exit status."""
    try:
        result = command()
        status = asyncio.run(result) if asyncio.iscoroutine(result) else result
    except BaseException as error:
        status = _status(error)
    raise typer.Exit(status or 0)


def _status(error: BaseException) -> int:
    """The exit status for an error, after its sentence was printed. Raises what is none of ours."""
    match error:
        case BaseExceptionGroup(exceptions=[only]):
            return _status(only)
        case KeyboardInterrupt() | asyncio.CancelledError():
            return _say("Interrupted. Nothing is lost: start it again, and it goes on.", INTERRUPTED)
        case BadInput():
            return _say(str(error), USAGE)
        case Refusal():
            return _say(str(error), REFUSED)
        case StoreUnavailable() | AlreadyRunning() | StepFailed() | GitError():
            return _say(str(error), FAULT)
        case BrokenPipeError():  # whoever read our output has seen enough, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        case OSError(errno=errno.ENOSPC):
            return _say("The disk is full. Make room and start again; nothing that was committed is lost.", FAULT)
        case OSError(filename=name) if name:
            return _say(f"{name}: {error.strerror}.", FAULT)
        case _:
            raise error


def _say(sentence: str, status: int) -> int:
    say(sentence, err=True)
    return status
