"""What the service does about a database that is away when it starts: it says so once, and waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from kintsugi.persistence.database import DatabaseAway

log = logging.getLogger("kintsugi.service")

RETRY_SECONDS = 5.0


class Preparing:
    """The database's tables, looked at until they are known to be this version's.

    `prepare` blocks; it raises DatabaseAway where a later look may find them, and DatabaseError where waiting mends
    nothing. `tell` is for people.
    """

    def __init__(self, prepare: Callable[[], object], tell: Callable[[str], None]) -> None:
        self._prepare, self._tell = prepare, tell
        self._done = asyncio.Event()
        self._away = ""  # why, if it was

    @property
    def done(self) -> bool:
        return self._done.is_set()

    async def look(self) -> None:
        """Once. Raises DatabaseError."""
        await asyncio.to_thread(self._prepare)
        self._done.set()

    async def begin(self) -> None:
        """Once, before anything else begins; where the database is away, that is said. Raises DatabaseError."""
        try:
            await self.look()
        except DatabaseAway as away:
            self._away = str(away)
            self._tell(f"{self._away.rstrip('.')}. Retrying every {RETRY_SECONDS:.0f} s; the rest of the service runs.")
            log.warning("database_unavailable", extra={"why": str(away)})

    async def run(self) -> None:
        """Until it is done. Raises DatabaseError where waiting mends nothing."""
        while not self.done:
            await asyncio.sleep(RETRY_SECONDS)
            with suppress(DatabaseAway):
                await self.look()
        if self._away:
            self._tell("The database is back.")

    async def then(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this work once it is done."""
        await self._done.wait()
        await work()
