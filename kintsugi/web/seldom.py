"""What happens often is told seldom: once a minute, with how often it happened."""

from __future__ import annotations

import time
from collections.abc import Callable

_EVERY = 60.0  # seconds
_MOST = 1000  # things that are remembered


class Seldom:
    """Counts each thing, and says when it is time to tell of it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since: dict[str, tuple[float, int]] = {}

    def counts(self, what: str) -> int:
        """How often it happened since it was told last; 0 where it is not time yet."""
        told, times = self._since.pop(what, (-_EVERY, 0))
        is_time = told + _EVERY <= self._now()
        self._since[what] = (self._now(), 0) if is_time else (told, times + 1)
        if len(self._since) > _MOST:
            del self._since[next(iter(self._since))]
        return times + 1 if is_time else 0
