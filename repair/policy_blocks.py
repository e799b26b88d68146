"""The top-level statements of Python that a change touches, found without parsing: parsing large files is slow."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from repair.proof_swallow import parsed

_CONTINUES = re.compile(r"[)\]}#\s]|(?:elif|else|except|finally)\b|$")
_IN_CLASS = re.compile(r" {4}|\s*$")
# Lines that can make what follows text instead of code: then only the whole file tells.
_TREACHEROUS = re.compile(r"\"\"\"|'''|\\$", re.MULTILINE)


def changed_blocks(old: str, new: str, changed: Sequence[str]) -> tuple[str, str]:
    """The touched statements before and after; both files whole where these cannot be told apart."""
    if _TREACHEROUS.search("\n".join(changed)):
        return old, new
    parts = _without_common_members(*_without_common(list(_blocks(old)), list(_blocks(new))))
    if any(parsed(part) is None for part in parts):
        return old, new
    return parts[0], parts[1]


def _blocks(text: str) -> Iterator[str]:
    """The statements at the margin, decorators with what they decorate."""
    block: list[str] = []
    decorated = False
    for line in text.splitlines(keepends=True):
        if block and not decorated and not _CONTINUES.match(line):
            yield "".join(block)
            block = []
        decorated = line.startswith("@") or (decorated and line[:1] in " \t)\n#")
        block.append(line)
    if block:
        yield "".join(block)


def _without_common_members(old: Sequence[str], new: Sequence[str]) -> tuple[str, str]:
    """The blocks, and of classes that are on both sides only the members that are not."""
    before, after = [_split(block) for block in old], [_split(block) for block in new]
    shared = {head for head, members in before if members} & {head for head, members in after if members}
    kept = _without_common(
        [member for head, members in before if head in shared for member in members],
        [member for head, members in after if head in shared for member in members],
    )
    return _joined(before, shared, Counter(kept[0])), _joined(after, shared, Counter(kept[1]))


def _split(block: str) -> tuple[str, list[str]]:
    """A class as its head and its members; anything else as a head alone."""
    lines = block.splitlines(keepends=True)
    start = next((at for at, line in enumerate(lines) if line.startswith("class ")), None)
    if (
        start is None
        or not lines[start].rstrip().endswith(":")
        or any(not _IN_CLASS.match(line) for line in lines[start + 1 :])
    ):
        return block, []
    body = "".join(line[4:] if line.strip() else line for line in lines[start + 1 :])
    return "".join(lines[: start + 1]), [textwrap.indent(member, "    ") for member in _blocks(body)]


def _joined(blocks: Sequence[tuple[str, list[str]]], shared: set[str], kept: Counter[str]) -> str:
    pieces = []
    for head, members in blocks:
        mine = [member for member in members if head not in shared or _taken(kept, member)]
        pieces += [head, *(mine or (["    pass\n"] if members else []))]
    return "".join(pieces)


def _without_common(old: Sequence[str], new: Sequence[str]) -> tuple[list[str], list[str]]:
    """What only one of the two has."""
    return _only(old, Counter(new)), _only(new, Counter(old))


def _only(pieces: Sequence[str], others: Counter[str]) -> list[str]:
    return [piece for piece in pieces if not _taken(others, piece)]


def _taken(counted: Counter[str], piece: str) -> bool:
    """Takes one of these pieces away, if there is one."""
    if not counted[piece]:
        return False
    counted[piece] -= 1
    return True
