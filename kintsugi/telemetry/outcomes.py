"""How often each intent succeeded and failed, by the build it ran on. A cure is judged from these counts."""

import threading
from typing import NamedTuple

MOST_INTENTS = 2_000
MOST_TAILS = 40  # of the names `head:tail` of components: should the tails be data, they are counted together
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
        self._tails: dict[str, set[str]] = {}

    def succeeded(self, intent: str, build: str | None = None) -> None:
        """One run of the intent ended well."""
        self._count(intent, build, 0)

    def failed(self, intent: str, build: str | None = None, *, after_success: bool = False) -> None:
        """One run of the intent ended in an error; `after_success` it was counted as a success, and no longer is."""
        if after_success:
            self._count(intent, build, 0, -1)
        self._count(intent, build, 1)

    def _count(self, intent: str, build: str | None, index: int, by: int = 1) -> None:
        with self._lock:
            key = (self._bounded(intent), build or self._build)
            if key not in self._counts and len(self._counts) >= MOST_INTENTS:
                key = (_OTHERS, key[1])
            self._counts.setdefault(key, [0, 0])[index] += by

    def _bounded(self, intent: str) -> str:
        """The name, or only its head where there are too many of its kind."""
        head, colon, tail = intent.partition(":")
        if not colon:
            return intent
        tails = self._tails.get(head) or set()
        if tail not in tails and (len(tails) >= MOST_TAILS or len(self._tails) >= MOST_INTENTS):
            return head
        tails.add(tail)
        self._tails[head] = tails
        return intent

    def of(self, intent: str, build: str | None = None) -> Outcome:
        """The counts of one intent on one build, this process's own unless given."""
        key = (intent, build or self._build)
        with self._lock:
            return Outcome(*key, *self._counts.get(key, (0, 0)))

    def all(self) -> list[Outcome]:
        """Every count, by intent and build."""
        with self._lock:
            return sorted(Outcome(*key, *counts) for key, counts in self._counts.items())
