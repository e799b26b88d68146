"""What several commands need: a desk, and an incident's number as people write it."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kintsugi.app.desk import Desk, opened, prepared_url
from kintsugi.app.settings import Settings, read_settings
from kintsugi.commands.outcome import UsageError
from kintsugi.telemetry.redact import remember


@asynccontextmanager
async def a_desk(settings: Settings | None = None) -> AsyncIterator[Desk]:
    """A desk on the configured database."""
    settings = settings or read_settings()
    remember(settings.secrets())
    async with opened(prepared_url(settings), at_once=settings.at_once) as desk:
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
        return "cli:unknown"


def new_key() -> str:
    """The identity of something typed: each time it is typed, it is something new."""
    return f"cli:{uuid.uuid4()}"
