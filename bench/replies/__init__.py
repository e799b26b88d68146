"""Damaged replies made from the history of a git repository, each with the tree that it should lead to.

A commit is cut into hunks as a model would quote them; each damage spoils them in one way; each format writes them
down. A reply that says too little to find its place is expected to be refused.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.replies.damages import DAMAGES, Damage
from bench.replies.forms import WRITERS
from bench.replies.history import Fix, fixes

__all__ = ["Reply", "fixes", "replies"]


@dataclass(frozen=True)
class Reply:
    """A damaged reply. `expected` is None where it must be refused; then a result is a wrong tree.

    `format` is what it is written in: that of `ReplyFormat`, or another form of edits.
    """

    format: str
    damage: str
    text: str
    tree: Mapping[str, bytes]
    expected: Mapping[str, bytes] | None


def replies(fix: Fix, seed: int = 0) -> Iterator[Reply]:
    """The fix in every format with every damage that changes it."""
    for format in WRITERS:
        for damage in DAMAGES:
            if format in damage.formats:
                chance = random.Random(f"{seed}{fix.commit}{format}{damage.name}")
                damaged = damage.spoil(fix, chance)
                if damaged is not None and (reply := _reply(damaged, format, damage, chance)):
                    yield reply


def _reply(fix: Fix, format: str, damage: Damage, chance: random.Random) -> Reply | None:
    written = WRITERS[format](fix, chance)
    if written is None:
        return None
    text = damage.wrap(written, format, chance)
    tree = damage.tree(fix)
    of_another = any(one.named != one.path and one.named in fix.tree for one in fix.files)  # a file by that name
    refused = damage.refused or of_another
    expected = None if refused else {**tree, **{one.path: damage.result(one) for one in fix.files}}
    return Reply(format, damage.name, text, tree, expected)
