"""The statements of Python that a change touches, found without parsing the file: parsing large files is slow.

Statements are told apart by their margin. Where texts of several lines have lines at the margin as well, or the change
has quotes that open or close one, these texts are looked for first. Where that is not enough, it is the whole file.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from kintsugi.repair.syntax import Source
from kintsugi.telemetry import lazy_re as re

# Where a statement begins at the margin, and in a class: with anything but what continues the one before.
_BEGINS = r"(?![)\]}#\s]|(?:elif|else|except|finally)\b|\Z)"
_LINE = re.compile(_BEGINS)
_AT_MARGIN = re.compile(rf"\n{_BEGINS}")
_IN_CLASS = re.compile(rf"\n {{4}}{_BEGINS}")
_OUT_OF_CLASS = re.compile(r"\n(?! {4}|[^\S\n]*(?:\n|\Z))")
_ENDS_DECORATOR = {_AT_MARGIN: re.compile(r"\n[^ \t)\n#]"), _IN_CLASS: re.compile(r"\n {4}[^ \t)\n#]")}
_TRIPLE = re.compile(r"\"\"\"|'''")
_SIMPLE = re.compile(r"\"[^\"\\]*\"|'[^'\\]*'")
_CONTINUED = re.compile(r"\\$", re.MULTILINE)


def changed_blocks(old: str, new: str, common: tuple[int, int], changed: str) -> tuple[Source, Source]:
    """The touched statements before and after; both files whole where these cannot be told apart.

    `common` is how many characters of whole lines both have at the beginning and at the end, `changed` the lines
    that differ.
    """
    ways = () if _CONTINUED.search(changed) else (True,) if _TRIPLE.search(changed) else (False, True)
    for looks_for_texts in ways:
        files = _File(f"{old}\n", looks_for_texts), _File(f"{new}\n", looks_for_texts)
        if None not in (files[0].texts, files[1].texts):
            before, after = (Source(text) for text in _without_common_members(*_blocks(*files, *common)))
            if before.tree is not None and after.tree is not None:
                return before, after
    return Source(old), Source(new)


class _Piece(NamedTuple):
    start: int
    text: str


@dataclass(frozen=True)
class _File:
    """A file and where its statements begin; `looks_for_texts`: not within texts of several lines."""

    text: str
    looks_for_texts: bool

    @cached_property
    def texts(self) -> list[int] | None:
        """Where texts of several lines begin and end, by turns; None where that cannot be told by their quotes."""
        return _texts(self.text) if self.looks_for_texts else []

    def is_code(self, at: int) -> bool:
        return not self.texts or bisect(self.texts, at) % 2 == 0

    def begins(self, at: int) -> bool:
        """Whether a statement, or its first decorator, begins at a line at the margin."""
        return _LINE.match(self.text, at) is not None and self.is_code(at) and not self._is_decorated(at)

    def _is_decorated(self, at: int) -> bool:
        """Whether the line at `at` still belongs to a decorator above."""
        while at:
            at = self.text.rfind("\n", 0, at - 1) + 1
            if self.text[at] not in " \t)\n#":
                return self.text[at] == "@"
        return False

    def start_above(self, at: int) -> int:
        """Where the statement begins that the line above belongs to."""
        while at:
            at = self.text.rfind("\n", 0, at - 1) + 1
            if self.begins(at):
                return at
        return 0

    def margins(self, at: int) -> Iterator[int]:
        """The lines from `at` on that may begin a statement."""
        yield at
        yield from (found.start() + 1 for found in _AT_MARGIN.finditer(self.text, at))

    def pieces(self, start: int, end: int, begin: re.Pattern[str]) -> Iterator[_Piece]:
        """The statements of a part, decorators with what they decorate."""
        indent = 4 if begin is _IN_CLASS else 0
        last = start
        for found in begin.finditer(self.text, start, end):
            at = found.start() + 1
            if not self.is_code(at):
                continue
            decorates = self.text.startswith("@", last + indent)
            if not decorates or _ENDS_DECORATOR[begin].search(self.text, last, at - 1):
                yield _Piece(start, self.text[start:at])
                start = at
            last = at
        if start < end:
            yield _Piece(start, self.text[start:end])

    def split(self, block: _Piece) -> tuple[str, list[_Piece]]:
        """A class as its head and its members; anything else as a head alone."""
        text, end = self.text, block.start + len(block.text)
        head = block.start + (0 if block.text.startswith("class ") else block.text.find("\nclass ") + 1)
        body = text.find("\n", head, end) + 1
        if not text.startswith("class ", head) or not text[head:body].rstrip().endswith(":"):
            return block.text, []
        if any(self.is_code(found.start() + 1) for found in _OUT_OF_CLASS.finditer(text, body - 1, end)):
            return block.text, []
        return text[block.start : body], list(self.pieces(body, end, _IN_CLASS))


def _texts(text: str) -> list[int] | None:
    found, at = list[int](), 0
    while opening := _TRIPLE.search(text, at):
        start = opening.start()
        line = max(text.rfind("\n", 0, start) + 1, at)
        before = _SIMPLE.sub("", text[line:start])
        inside = next((sign for sign in before if sign in "\"'"), "")  # the quote of a text that is open here
        closing = text.find(inside or opening[0], start + 3)
        if closing < 0 or "#" in before or "\\" in before + text[line - 2 : line - 1] + text[closing - 1]:
            return None
        if not inside:
            found += (start, closing + 3)
        elif inside in opening[0] or any(sign in text[start:closing] for sign in "\\\n"):
            return None
        at = closing + len(inside or opening[0])
    return found


def _blocks(old: _File, new: _File, head: int, tail: int) -> tuple[list[tuple[str, list[_Piece]]], ...]:
    """The statements that only one of the two has, classes split.

    They lie between statements at the margin that are common to both, and so are all beyond them.
    """
    start = old.start_above(head)
    shift = len(new.text) - len(old.text)
    margins = (at for at in old.margins(len(old.text) - tail) if old.begins(at) and new.begins(at + shift))
    end = next(margins, len(old.text) - 1)
    pieces = list(old.pieces(start, end, _AT_MARGIN)), list(new.pieces(start, end + shift, _AT_MARGIN))
    kept = _without_common(*pieces)
    return [old.split(block) for block in kept[0]], [new.split(block) for block in kept[1]]


def _without_common_members(
    before: Sequence[tuple[str, list[_Piece]]], after: Sequence[tuple[str, list[_Piece]]]
) -> tuple[str, str]:
    """The blocks, and of classes that are on both sides only the members that are not."""
    shared = {head for head, members in before if members} & {head for head, members in after if members}
    kept = _without_common(
        [member for head, members in before if head in shared for member in members],
        [member for head, members in after if head in shared for member in members],
    )
    return _joined(before, shared, kept[0]), _joined(after, shared, kept[1])


def _joined(blocks: Sequence[tuple[str, list[_Piece]]], shared: set[str], kept: Sequence[_Piece]) -> str:
    texts, left = [], set(kept)
    for head, members in blocks:
        mine = [member.text for member in members if head not in shared or member in left]
        texts += [head, *(mine or (["    pass\n"] if members else []))]
    return "".join(texts)


def _without_common(old: Sequence[_Piece], new: Sequence[_Piece]) -> tuple[list[_Piece], list[_Piece]]:
    """What only one of the two has."""
    return _only(old, new), _only(new, old)


def _only(pieces: Sequence[_Piece], others: Sequence[_Piece]) -> list[_Piece]:
    counted = Counter(other.text for other in others)
    return [piece for piece in pieces if not _taken(counted, piece.text)]


def _taken(counted: Counter[str], piece: str) -> bool:
    """Takes one of these pieces away, if there is one."""
    if not counted[piece]:
        return False
    counted[piece] -= 1
    return True
