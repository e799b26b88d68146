"""What several commands need: a desk, and an incident's number as people write it."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.desk import Desk
from kintsugi.commands.outcome import UsageError
from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import EVERYTHING, Asker
from kintsugi.workflow.engine import Receipt

_UNKNOWN = "cli:unknown"


@asynccontextmanager
async def a_desk() -> AsyncIterator[Desk]:
    """A desk on the configured database."""
    async with Bootstrap.read().desk() as desk:
        yield desk


def incident_number(text: str) -> int:
    """7, INC-7, inc-7 or #7. Raises UsageError."""
    digits = text.strip().upper().removeprefix("INC-").removeprefix("#")
    if not is_number(digits):
        raise UsageError(f"{text!r} is no incident. Write its number, such as 7 or INC-7.")
    return int(digits)


def is_number(digits: str) -> bool:
    """Whether this can be an incident's number: what a database can count to, in our own digits."""
    return digits.isascii() and digits.isdigit() and len(digits) <= 18


def actor() -> str:
    """Who types."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return _UNKNOWN


async def ask_for(kind: type[t.Command], incident: int, **given: Any) -> Receipt:
    """Have a human's command done. Raises Refusal."""
    bootstrap = Bootstrap.read()
    async with bootstrap.desk() as desk:
        command = kind(incident=incident, key=new_key(), at=desk.clock.now(), actor=actor(), **given)
        return await bootstrap.requests(desk).fire(asker(), command)


def asker() -> Asker:
    """Who types: whoever may read the settings may do what they allow."""
    return Asker(actor(), EVERYTHING, named=actor() != _UNKNOWN)


def new_key() -> str:
    """The identity of something typed: each time it is typed, it is something new."""
    return f"cli:{uuid.uuid4()}"
