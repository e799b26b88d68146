"""One file of a patch, before and after, and what of it differs: read once, at a cost that goes with the change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from kintsugi.repair.line_diff import differing_lines
from kintsugi.repair.policy.blocks import changed_blocks
from kintsugi.repair.syntax import Source


@dataclass(frozen=True)
class Change:
    """One file of a patch, before and after; None where there is none.

    `way_there`: of a migration in SQL that is the newest, the text that it goes back from where that is a file of its
    own, else ""; None of all others.
    """

    path: str
    before: bytes | None
    after: bytes | None
    way_there: str | None = None

    @cached_property
    def old(self) -> str:
        return (self.before or b"").decode("utf-8", errors="replace")

    @cached_property
    def new(self) -> str:
        return (self.after or b"").decode("utf-8", errors="replace")

    @cached_property
    def is_binary(self) -> bool:
        return b"\0" in (self.after or b"") or b"\0" in (self.before or b"")

    @property
    def removed(self) -> list[str]:
        return self._differing[0]

    @property
    def added(self) -> list[str]:
        return self._differing[1]

    @cached_property
    def removed_text(self) -> str:
        return "\n".join(self.removed)

    @cached_property
    def added_text(self) -> str:
        return "\n".join(self.added)

    @cached_property
    def touched(self) -> tuple[Source, Source]:
        """The statements of Python that the change touches, before and after."""
        return changed_blocks(self.old, self.new, self._common_ends, f"{self.added_text}\n{self.removed_text}")

    @cached_property
    def whole(self) -> tuple[Source, Source]:
        return Source(self.old), Source(self.new)

    @cached_property
    def _differing(self) -> tuple[list[str], list[str]]:
        head, tail = self._common_ends
        old, new = (f"{text}\n"[head : len(text) + 1 - tail].split("\n")[:-1] for text in (self.old, self.new))
        return differing_lines(old, new)

    @cached_property
    def _common_ends(self) -> tuple[int, int]:
        """How many characters of whole lines are the same at the beginning and, of the rest, at the end.

        The last line counts as ended.
        """
        old, new = f"{self.old}\n", f"{self.new}\n"
        head = old.rfind("\n", 0, _same_at_start(old, new)) + 1
        old, new = old[head:], new[head:]
        tail = _same_at_end(old, new)
        if tail and any(tail < len(text) and text[-1 - tail] != "\n" for text in (old, new)):
            tail = len(old) - old.find("\n", len(old) - tail) - 1
        return head, tail


def _same_at_start(old: str, new: str) -> int:
    """How many characters are the same, found by halves: comparing slices is what Python is fast at."""
    same, most = 0, min(len(old), len(new))
    while same < most:
        middle = (same + most + 1) // 2
        same, most = (middle, most) if old[same:middle] == new[same:middle] else (same, middle - 1)
    return same


def _same_at_end(old: str, new: str) -> int:
    same, most = 0, min(len(old), len(new))
    while same < most:
        middle = (same + most + 1) // 2
        alike = old[len(old) - middle : len(old) - same] == new[len(new) - middle : len(new) - same]
        same, most = (middle, most) if alike else (same, middle - 1)
    return same
