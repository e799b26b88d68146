"""Three-way merging of a few words: what the reply saw, what the file has, what the reply wants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile

from kintsugi.telemetry import lazy_re as re

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_LEAST_LIKE = 0.6  # a word the reply mistyped is still this much like the file's


def merged(seen: str, present: str, wanted: str) -> str | None:
    """`present` with the changes from `seen` to `wanted`; None where both changed the same words differently.

    A word that the reply only mistyped, and changes, is its to change.
    """
    if (whole := _by_words(seen, present, wanted)) is not None:
        return whole
    return wanted if _is_slip(seen, present) else None


def _by_words(seen: str, present: str, wanted: str) -> str | None:
    base, ours, theirs = (_TOKEN.findall(text) for text in (seen, present, wanted))
    pieces: list[str] = []
    for mine, old, new in _chunks(base, ours, theirs):
        if mine in (old, new):
            pieces += new
        elif new == old:
            pieces += mine
        elif _is_mistyped(old, mine):
            pieces += new
        else:
            return None
    return "".join(pieces)


Tokens = Sequence[str]


def _chunks(base: Tokens, ours: Tokens, theirs: Tokens) -> Iterator[tuple[Tokens, Tokens, Tokens]]:
    """(ours, base, theirs) piece by piece, cut where all three agree."""
    mine, their = _kept(base, ours), _kept(base, theirs)
    at_base = at_ours = at_theirs = 0
    for at in [*(at for at in range(len(base)) if at in mine and at in their), len(base)]:
        to_ours, to_theirs = mine.get(at, len(ours)), their.get(at, len(theirs))
        yield ours[at_ours:to_ours], base[at_base:at], theirs[at_theirs:to_theirs]
        if at < len(base):
            yield base[at : at + 1], base[at : at + 1], base[at : at + 1]
        at_base, at_ours, at_theirs = at + 1, to_ours + 1, to_theirs + 1


def _kept(base: Tokens, other: Tokens) -> dict[int, int]:
    """Where each token of the base that is kept stands in the other."""
    matcher = SequenceMatcher(None, base, other, autojunk=False)
    return {block.a + n: block.b + n for block in matcher.get_matching_blocks() for n in range(block.size)}


def _is_slip(seen: str, present: str) -> bool:
    """Whether a letter was left out or doubled, or two characters swapped. Other signs, and digits, mean something."""
    start = _common(seen, present)
    end = _common(seen[start:][::-1], present[start:][::-1])
    one, other = seen[start : len(seen) - end], present[start : len(present) - end]
    if len(one) == len(other) == 2:
        return one == other[::-1] and not one.isdigit()
    doubled = not other and seen[:start].endswith(one)
    return (doubled or not one) and len(one + other) == 1 and (one + other).isalpha()


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _is_mistyped(old: Tokens, mine: Tokens) -> bool:
    one, other = "".join(old), "".join(mine)
    if not one or not other or one.isdigit() or other.isdigit():
        return False
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _LEAST_LIKE
