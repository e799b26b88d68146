"""The most recent lines, kept in memory for `/debug logs` and for the incident payload."""

import logging
from collections import deque

CAPACITY = 2_000


class Ring:
    """Holds the last lines, already redacted. Any thread may add while others ask."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._lines: deque[tuple[int, str]] = deque(maxlen=capacity)

    def append(self, level: int, text: str) -> None:
        """Adds a finished line; the oldest goes when the ring is full."""
        self._lines.append((level, text))

    def query(self, limit: int = 200, level: int | str | None = None, contains: str | None = None) -> list[str]:
        """The newest `limit` lines, oldest first: of this level or above, with this text in any case of letters."""
        least = level_number(level)
        wanted = contains.casefold() if contains else ""
        found: list[str] = []
        for number, text in reversed(list(self._lines)):
            if len(found) >= limit:
                break
            if number >= least and (not wanted or wanted in text.casefold()):
                found.append(text)
        return found[::-1]

    def __len__(self) -> int:
        return len(self._lines)


def level_number(level: int | str | None) -> int:
    """The number of a level given by name or number; 0 for None. Raises ValueError for a name nobody knows."""
    if level is None or isinstance(level, int):
        return level or 0
    number = logging.getLevelNamesMapping().get(level.strip().upper())
    if number is None:
        raise ValueError(f"there is no log level {level!r}: use debug, info, warning, error or critical")
    return number
