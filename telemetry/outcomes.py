"""How often each intent succeeded and failed, by the build it ran on. A cure is judged from these counts."""

import threading
from typing import NamedTuple

MOST_INTENTS = 2_000
_OTHERS = "(others)"


class Outcome(NamedTuple):
    """Runs of one intent on one build."""

    intent: str
    build: str
    succeeded: int
    failed: int


class Outcomes:
    """Counts runs; any thread may count and ask."""

    def __init__(self, build: str) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], list[int]] = {}

    def succeeded(self, intent: str, build: str | None = None) -> None:
        """One run of the intent ended well."""
        self._count(intent, build, 0)

    def failed(self, intent: str, build: str | None = None) -> None:
        """One run of the intent ended in an error."""
        self._count(intent, build, 1)

    def _count(self, intent: str, build: str | None, index: int) -> None:
        with self._lock:
            name = intent if len(self._counts) < MOST_INTENTS else _OTHERS
            self._counts.setdefault((name, build or self._build), [0, 0])[index] += 1

    def of(self, intent: str, build: str | None = None) -> Outcome:
        """The counts of one intent on one build, this process's own unless given."""
        key = (intent, build or self._build)
        with self._lock:
            return Outcome(*key, *self._counts.get(key, (0, 0)))

    def all(self) -> list[Outcome]:
        """Every count, by intent and build."""
        with self._lock:
            return sorted(Outcome(*key, *counts) for key, counts in self._counts.items())
