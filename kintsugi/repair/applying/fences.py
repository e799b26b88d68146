"""Fenced blocks of Markdown, as models wrap their replies in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kintsugi.telemetry import lazy_re as re

# At the margin only: in patches and code, fences further in belong to what is quoted.
_OPENING = re.compile(r"^(`{3,})\s*([^`]*)$")

_SET_IN = re.compile(r"^([ \t]+)(`{3,})\s*[^`]*$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: lines `start` to `end` of the reply, without the fences. Not `closed`: the reply ends in it."""

    info: str
    fence: str
    start: int
    end: int
    closed: bool


def blocks(lines: Sequence[str]) -> Iterator[Block]:
    """The outermost blocks in order. A fence with an info string inside a block opens an inner one."""
    at = 0
    while at < len(lines):
        opening = _OPENING.match(lines[at])
        at += 1
        if opening:
            end = _end(lines, at, opening[1])
            yield Block(opening[2].strip(), opening[1], at, end, closed=end < len(lines))
            at = end + 1


def set_out(lines: Sequence[str]) -> list[str] | None:
    """The lines with blocks at the margin that are set in as a whole, as within a list; None where there are none."""
    made, opened, indent, fence = list(lines), -1, "", ""
    for at, line in enumerate(lines):
        if opened >= 0 and line.strip() and not line.startswith(indent):
            opened = -1
        if opened >= 0 and line.rstrip() == indent + fence:
            made[opened : at + 1] = [one.removeprefix(indent) for one in lines[opened : at + 1]]
            opened = -1
        elif opened < 0 and (opening := _SET_IN.match(line)):
            opened, indent, fence = at, opening[1], opening[2]
    return made if made != list(lines) else None


def outside(lines: Sequence[str], found: Iterable[Block]) -> list[str]:
    """The lines that are in none of these blocks."""
    within = {at for block in found for at in range(block.start, block.end)}
    return [line for at, line in enumerate(lines) if at not in within]


def closings(lines: Sequence[str], block: Block) -> Iterator[int]:
    """Every line from the block's end on that could close it."""
    return (at for at in range(block.end, len(lines)) if _closes(lines[at], block.fence))


def _end(lines: Sequence[str], start: int, fence: str) -> int:
    depth = 1
    for at in range(start, len(lines)):
        if _closes(lines[at], fence):
            depth -= 1
        elif (inner := _OPENING.match(lines[at])) and inner[2].strip() and inner[1].startswith(fence):
            depth += 1
        if not depth:
            return at
    return len(lines)


def _closes(line: str, fence: str) -> bool:
    """A fence as deep in as the one that opened: code inside a block is often set further in."""
    bare = line.rstrip()
    return bare.startswith(fence) and set(bare.removeprefix(fence)) <= {fence[-1]}
