"""How often somebody may: counted by whom, over the last seconds. The bot and agents' calls are held to it."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many times in so many seconds."""

    times: int
    seconds: float


class Window:
    """Counts what happened by key, over the last seconds."""

    def __init__(self, rate: Rate, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._now = rate, now
        self._seen: dict[Hashable, deque[float]] = {}

    def wait(self, key: Hashable) -> int:
        """Whole seconds until there is room again; 0 where there is."""
        seen = self._recent(key)
        if len(seen) < self._rate.times:
            return 0
        return max(math.ceil(seen[0] + self._rate.seconds - self._now()), 1)

    def count(self, key: Hashable) -> None:
        """It happened once more."""
        if key not in self._seen:
            self._forget()
        self._seen.setdefault(key, deque()).append(self._now())

    def _recent(self, key: Hashable) -> deque[float]:
        seen = self._seen.get(key, deque())
        while seen and seen[0] + self._rate.seconds <= self._now():
            seen.popleft()
        return seen

    def _forget(self) -> None:
        """Drop the keys with nothing recent, so that strangers do not fill the memory."""
        for key in [key for key in self._seen if not self._recent(key)]:
            del self._seen[key]
