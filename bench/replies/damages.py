"""Every damage, with the formats it is done to and what is to come of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.replies.forms import BLOCKS, CALLS, TAGS
from bench.replies.history import Changed, Fix
from bench.replies.hunks import (
    ambiguous,
    by_piece,
    elided,
    elided_marked,
    lazy,
    little_context,
    mistyped,
    mistyped_old,
    no_blanks,
    no_numbers,
    of_several,
    stale,
    twin,
    wrong_numbers,
)
from bench.replies.texts import (
    crlf_after,
    crlf_tree,
    curled,
    cut,
    dedented,
    deeper,
    done,
    elsewhere,
    escaped,
    half_done,
    halved,
    headless,
    in_prose,
    inside,
    listed,
    lost_spaces,
    only_in_hunks,
    open_after,
    open_tree,
    renamed,
    tabbed,
    trailing,
    with_crlf,
    without_first,
)
from kintsugi.workflow.patch import ReplyFormat

_HUNKS = (ReplyFormat.EDITS, ReplyFormat.UDIFF, ReplyFormat.V4A, BLOCKS, CALLS, TAGS)
_ALL = (*_HUNKS, ReplyFormat.WHOLE)


def _same(fix: Fix, chance: random.Random) -> Fix | None:
    return fix


def _unwrapped(text: str, format: str, chance: random.Random) -> str:
    return text


def _as_it_was(fix: Fix) -> Mapping[str, bytes]:
    return fix.tree


def _after(file: Changed) -> bytes:
    return file.after.encode()


@dataclass(frozen=True)
class Damage:
    name: str
    formats: tuple[str, ...] = _ALL
    spoil: Callable[[Fix, random.Random], Fix | None] = _same
    wrap: Callable[[str, str, random.Random], str] = _unwrapped
    tree: Callable[[Fix], Mapping[str, bytes]] = _as_it_was
    result: Callable[[Changed], bytes] = _after
    refused: bool = False


_UDIFF, _EDITS = (ReplyFormat.UDIFF,), (ReplyFormat.EDITS,)
DAMAGES = (
    Damage("none"),
    Damage("fences and prose", wrap=in_prose),
    Damage("reply CRLF", wrap=with_crlf, formats=(ReplyFormat.UDIFF, ReplyFormat.V4A, ReplyFormat.WHOLE)),
    Damage("file CRLF", tree=crlf_tree, result=crlf_after),
    Damage("no final newline", tree=open_tree, result=open_after, spoil=inside),
    Damage("wrong numbers", _UDIFF, by_piece(wrong_numbers)),
    Damage("no numbers", _UDIFF, by_piece(no_numbers)),
    Damage("lost context spaces", (ReplyFormat.UDIFF, ReplyFormat.V4A), wrap=lost_spaces),
    Damage("mistyped context", _HUNKS, by_piece(mistyped)),
    Damage("mistyped old line", _HUNKS, by_piece(mistyped_old)),
    Damage("stale context", _HUNKS, by_piece(stale)),
    Damage("elided", _HUNKS, by_piece(elided)),
    Damage("elided, marked", _HUNKS, by_piece(elided_marked)),
    Damage("blank lines dropped", _HUNKS, by_piece(no_blanks)),
    Damage("little context", _HUNKS, little_context),
    Damage("trailing blanks added", _HUNKS, by_piece(trailing)),
    Damage("dedented", _HUNKS, only_in_hunks(dedented)),
    Damage("set in deeper", _HUNKS, only_in_hunks(deeper)),
    Damage("tabs", _ALL, only_in_hunks(tabbed)),
    Damage("two blanks a step", _ALL, only_in_hunks(halved)),
    Damage("copied line numbers", _ALL, listed),
    Damage("typographic quotes", _ALL, curled),
    Damage("double escapes", _EDITS, wrap=escaped),
    Damage("first folder missing", _ALL, renamed(without_first)),
    Damage("other folder", _ALL, renamed(elsewhere)),
    Damage("ambiguous", _HUNKS, ambiguous, refused=True),
    Damage("twin", (ReplyFormat.UDIFF,), twin, refused=True),
    Damage("already applied", _ALL, tree=done, refused=True),
    Damage("half applied already", _ALL, of_several, tree=half_done, refused=True),
    Damage("lazy", _ALL, lazy, refused=True),
    Damage("cut off", _ALL, wrap=cut, refused=True),
    Damage("path in the prose", _UDIFF, wrap=headless),
)
