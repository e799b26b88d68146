"""What Kintsugi itself asks of the program, counted by the build that answered, so that it counts for no cure."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from kintsugi.workflow.cure import ASKED, SENT_AGAIN, Runs
from kintsugi.workflow.errors import StoreUnavailable

log = logging.getLogger("kintsugi.service")

Keep = Callable[[str, Sequence[Runs]], Awaitable[None]]
"""Writes down what a process counted since its start, in place of what it told before."""


class OwnRequests:
    """The requests of this process. They are written down as they are made, once it is known where: `kept_by`."""

    def __init__(self) -> None:
        self._process = f"kintsugi:{uuid.uuid4().hex}"
        self._counts: Counter[tuple[str, str]] = Counter()
        self._keep: Keep | None = None

    def kept_by(self, keep: Keep) -> None:
        """From now on `keep` writes them down, and what was counted before."""
        self._keep = keep

    async def asked(self, build: str) -> None:
        """The program was asked what runs. `build`: what it said; "" where it said nothing."""
        await self._count(ASKED, build)

    async def sent_again(self, build: str) -> None:
        """A request that failed is sent again to this build."""
        await self._count(SENT_AGAIN, build)

    async def _count(self, intent: str, build: str) -> None:
        self._counts[intent, build] += 1
        if self._keep is None:
            return
        try:
            await self._keep(self._process, [Runs(*key, count, 0) for key, count in sorted(self._counts.items())])
        except StoreUnavailable as error:  # the next time tells all of it
            log.warning("own_requests_not_saved", extra={"why": str(error)})
