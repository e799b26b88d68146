"""What the text of a patch says, whatever language it is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Swallow:
    """One place of a patch where an exception is caught and dropped."""

    path: str
    line: int
    catches: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} catches {self.catches} and drops it"


@dataclass(frozen=True, slots=True)
class Swallowing:
    """What a patch swallows: the places, the changed files without them, and whether that is all it does."""

    places: tuple[Swallow, ...] = ()
    without: Mapping[str, str] = field(default_factory=dict)
    is_all: bool = False


@dataclass(frozen=True, slots=True)
class Loosened:
    """What a patch did to tests that were there: reasons to refuse it, what a human should look at, and which tests it
    gave another name or place: (file, name) by what they were, the same for one that is to be a case of a table now.
    `changed` are the flagged ones, by file and name, and `dropped` those of them that put another assertion in the
    place of one: whether that still holds, only a run tells. `guarded`: those by their present file and name that may
    no longer come to what they assert, as only a run tells, too.
    """

    refusals: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    renamed: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    changed: frozenset[tuple[str, str]] = frozenset()
    dropped: frozenset[tuple[str, str]] = frozenset()
    guarded: frozenset[tuple[str, str]] = frozenset()
