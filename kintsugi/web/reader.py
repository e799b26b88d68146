"""One reader: a process that reads what it is handed, one after the other. `readers.py` starts it.

It is told what it needs through its standard input, so that no secret stands in its environment or its arguments. What
goes in either direction is a pickle behind its length; what it logs goes with the answer, as the service has the log.
"""

from __future__ import annotations

import logging
import os
import pickle
import resource
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import IO

from kintsugi.capture.program import Program
from kintsugi.telemetry.redact import hide_personal, of_this_process, remember
from kintsugi.web.reading import Delivery, Fault, Read, read

LENGTH = struct.Struct(">Q")
_NICER = 19  # who answers comes before who reads, and on one processor at once
_MEMORY = 2**30  # bytes that a delivery may make of itself
log = logging.getLogger("kintsugi.web")


@dataclass(frozen=True, slots=True)
class Setup:
    """What a reader knows from the beginning: whose code it is, and what is never to be told."""

    program: Program
    secrets: tuple[str, ...]
    personal: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read of each, what was logged, and how often something was hidden, by kind."""

    found: tuple[Read, ...]
    logged: tuple[logging.LogRecord, ...]
    hidden: dict[str, int]


def main() -> None:
    """Until nobody asks any more."""
    given, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that is printed gets between the answers
    _be_modest()
    setup: Setup = pickle.loads(_next(given) or b"")  # noqa: S301  # of the service that started us
    remember(setup.secrets)
    hide_personal(setup.personal)
    noted: SimpleQueue[logging.LogRecord] = SimpleQueue()
    logging.getLogger().addHandler(QueueHandler(noted))
    answers.write(packed("ready"))
    answers.flush()
    while (asked := _next(given)) is not None:
        deliveries: tuple[Delivery, ...] = pickle.loads(asked)  # noqa: S301  # as above
        answers.write(packed(_answer(deliveries, setup.program, noted)))
        answers.flush()


def packed(value: object) -> bytes:
    """The value as it goes through a pipe."""
    content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(content)) + content


def _next(given: IO[bytes]) -> bytes | None:
    head = given.read(LENGTH.size)
    return given.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None


def _be_modest() -> None:
    with suppress(OSError):
        os.nice(_NICER)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))


def _answer(deliveries: tuple[Delivery, ...], program: Program, noted: SimpleQueue[logging.LogRecord]) -> Answer:
    hidden = of_this_process().hidden
    before = dict(hidden)
    found = tuple(_read(each, program) for each in deliveries)
    logged = tuple(noted.get_nowait() for _ in range(noted.qsize()))
    return Answer(found, logged, {kind: count - before[kind] for kind, count in hidden.items()})


def _read(delivery: Delivery, program: Program) -> Read:
    try:
        return read(delivery, program)
    except Exception:
        log.exception("report_parser_crashed", extra={"project": delivery.name})
        return Read(fault=Fault("This cannot be read. Why stands in Kintsugi's log."))
