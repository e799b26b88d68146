"""What several commands need: the engine on the configured database, and an incident's number as people write it."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console

from app.bootstrap import Kintsugi, production
from app.commands.outcome import UsageError
from app.settings import Settings, read_settings
from integrations.terminal import Terminal


@asynccontextmanager
async def opened(settings: Settings | None = None) -> AsyncIterator[Kintsugi]:
    """The whole, speaking to this terminal."""
    async with production(settings or read_settings(), Terminal(Console())) as kintsugi:
        yield kintsugi


def incident_number(text: str) -> int:
    """7, INC-7, inc-7 or #7. Raises UsageError."""
    digits = text.strip().upper().removeprefix("INC-").removeprefix("#")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise UsageError(f"{text!r} is no incident. Write its number, such as 7 or INC-7.")
    return int(digits)


def actor() -> str:
    """Who types."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli:unknown"


def new_key() -> str:
    """The identity of something typed: each time it is typed, it is something new."""
    return f"cli:{uuid.uuid4()}"
