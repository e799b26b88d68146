"""What a reply asks for, as values: edits, patches, whole files, removals. And the one refusal of this package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum
from typing import TypeAlias

from kintsugi.workflow.patch import Edit


class Refused(ValueError):
    """The reply cannot be read or applied. `reason` says in sentences what is wrong and what would do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Op(StrEnum):
    """What a hunk says of a line."""

    KEEP = " "
    DROP = "-"
    ADD = "+"


@dataclass(frozen=True, slots=True)
class HunkLine:
    """One line of a hunk, without its line ending."""

    op: Op
    text: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """One place of a patch. `start` is the claimed first old line, from 1; `headings` are lines said to stand above.

    `final_newline` is what the patch says of the end of the new file; None where it says nothing.
    """

    lines: tuple[HunkLine, ...]
    start: int | None = None
    headings: tuple[str, ...] = ()
    ends_file: bool = False
    final_newline: bool | None = None
    occurrence: int | None = None
    unprefixed: bool = False  # some line came without its leading space
    of_edit: bool = False  # its lines never had any
    short: tuple[int, int] = (0, 0)  # old and new lines that a diff's last header counts and its hunk does not have
    blank: int = 0  # lines at its end that say nothing: unchanged ones, perhaps, or none of it

    @property
    def old(self) -> list[str]:
        return [line.text for line in self.lines if line.op is not Op.ADD]

    @property
    def new(self) -> list[str]:
        return [line.text for line in self.lines if line.op is not Op.DROP]

    @property
    def trailing(self) -> int:
        """How many kept lines it ends with."""
        return next((at for at, line in enumerate(reversed(self.lines)) if line.op is not Op.KEEP), len(self.lines))

    def with_kept(self, lines: Sequence[HunkLine]) -> Hunk:
        """The hunk with some of its changes read as unchanged lines, of which a diff's header counts both sides."""
        read = [line.op for line, now in zip(self.lines, lines, strict=True) if now.op is not line.op]
        old, new = self.short
        short = (max(old - read.count(Op.ADD), 0), max(new - read.count(Op.DROP), 0))
        if short[0] == short[1] <= self.blank:
            short = (0, 0)
        return replace(self, lines=tuple(lines), short=short)

    @property
    def changes_something(self) -> bool:
        return any(line.op is not Op.KEEP for line in self.lines)


@dataclass(frozen=True, slots=True)
class FilePatch:
    """Hunks for one file; it may also move (`moved_to`) or get another mode, such as 100755.

    `other_path` is a second name the reply gives it. An empty path names no file: the one that fits is meant.
    """

    path: str
    hunks: tuple[Hunk, ...]
    other_path: str | None = None
    moved_to: str | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file in full. `is_new`: the reply says that it is not there yet."""

    path: str
    text: str
    is_new: bool = False
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """A file goes. `text` is what the reply believes it holds, if it says so."""

    path: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A file, or a part of it, that a reply shows beside what changes it. It changes nothing; it may contradict.

    `closing`: it is shown after changes, so that a line that differs would be a second thought.
    """

    path: str
    text: str
    closing: bool = False


@dataclass(frozen=True, slots=True)
class EveryEdit(Edit):
    """An edit of every place where the search text stands. `times`: how many the reply expects; None: any number."""

    times: int | None = None


def differing(old: Sequence[str], new: Sequence[str]) -> tuple[HunkLine, ...]:
    """Old and new lines as a hunk's: what both have is kept."""
    lines: list[HunkLine] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        op = Op.KEEP if tag == "equal" else Op.DROP
        lines += [HunkLine(op, line) for line in old[old_from:old_to]]
        lines += [HunkLine(Op.ADD, line) for line in new[new_from:new_to] if op is Op.DROP]
    return tuple(lines)


Change: TypeAlias = Edit | FilePatch | WholeFile | Removal | Shown
