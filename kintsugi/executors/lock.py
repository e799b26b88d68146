"""One process per SQLite database: a lock that the operating system lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path


class AlreadyRunning(Exception):
    """Another process performs the effects of this database."""


@contextmanager
def only_one(file: Path) -> Iterator[None]:
    """Hold the lock in `file`. Raises AlreadyRunning where another process holds it."""
    with open(file, "a+", opener=_for_us_alone) as handle:  # Path.open takes no opener
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise AlreadyRunning(
                f"Another Kintsugi (process {holder}) works on this database. Stop it first, or name another database."
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def is_held(file: Path) -> bool:
    """Whether a process holds the lock in `file` now."""
    if not file.exists():
        return False
    with file.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@asynccontextmanager
async def alone_with(file: Path) -> AsyncIterator[bool]:
    """Whether no other process of this machine is at it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(only_one(file))
        except AlreadyRunning:
            yield False
        else:
            yield True


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
