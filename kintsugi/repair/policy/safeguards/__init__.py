"""What held something back and is gone or looser, though what it held back is still there.

Functions are laid beside the ones that they were, statement by statement. Each difference has signs: what was done,
where, and what the code around it is about. What they are worth together decides whether a human has to read it
(`points.py`). What no difference of one statement shows is found by rules, one a row; what each finds is a sign too.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

from kintsugi.repair.policy.safeguards import differences, gone
from kintsugi.repair.policy.safeguards.about import About, speaks_of_rights
from kintsugi.repair.policy.safeguards.again import read_too_early, set_again
from kintsugi.repair.policy.safeguards.alike import changed
from kintsugi.repair.policy.safeguards.everyone import is_done_to_all
from kintsugi.repair.policy.safeguards.exchanged import Exchange, Pair, pairs
from kintsugi.repair.policy.safeguards.functions import Function, functions, short
from kintsugi.repair.policy.safeguards.held import lets_go
from kintsugi.repair.policy.safeguards.leaving import (
    answers_instead,
    answers_to_nobody,
    comes_no_further,
    decides_no_more,
    goes_on,
)
from kintsugi.repair.policy.safeguards.money import rounds_otherwise
from kintsugi.repair.policy.safeguards.near import apart
from kintsugi.repair.policy.safeguards.once import asks_once
from kintsugi.repair.policy.safeguards.pieces import heads
from kintsugi.repair.policy.safeguards.points import BAR, points
from kintsugi.repair.policy.safeguards.reached import asked_before_care, reached_by_others, reached_unasked
from kintsugi.repair.policy.safeguards.read import reads_by_text
from kintsugi.repair.policy.safeguards.settings import of_security
from kintsugi.repair.policy.safeguards.swallowed import fails_unheard
from kintsugi.repair.policy.safeguards.waiting import waits_no_longer
from kintsugi.repair.syntax import Source

# What is told, the sign that it is, and what finds it in a function that differs.
_OF_FUNCTIONS: tuple[tuple[str, str, Callable[[Function, Function], Iterator[str]]], ...] = (
    ("It goes on where it left before.", "goes on", goes_on),
    ("It goes on where it failed before.", "fails unheard", fails_unheard),
    ("It answers where it raised before.", "answers instead", answers_instead),
    ("It decides nothing any more.", "decides no more", decides_no_more),
    ("Nobody asks what it answers.", "answers to nobody", answers_to_nobody),
    ("Nobody comes to what follows.", "comes no further", comes_no_further),
    ("It does this before it asks.", "done before it asks", reached_unasked),
    ("It turns a condition.", "reached by others", reached_by_others),
    ("It checks less often than before.", "checks less often", asked_before_care),
    ("It asks once what it asked each time.", "asks once", asks_once),
    ("It sets it again before anybody reads it.", "set again", set_again),
    ("It reads it before it is changed.", "read too early", read_too_early),
    ("It rounds money otherwise.", "rounds otherwise", rounds_otherwise),
)
# The same of whole files: what their functions are about is no reason against these.
_OF_FILES: tuple[tuple[str, str, Callable[[Source, Source], Iterator[str]]], ...] = (
    ("It takes away a lock or a transaction.", "lets go", lets_go),
    ("Nobody waits for it any more.", "waits no longer", waits_no_longer),
    ("It changes a setting of security.", "sets security otherwise", of_security),
    ("It does that to all there are.", "done to all", is_done_to_all),
    ("A text decides what is read.", "read by a text", reads_by_text),
)
_MUCH = 4  # differences in a function
_ADDED = 3  # statements

_PLAIN = (ast.Constant, ast.List, ast.Tuple, ast.Set)


class Told(NamedTuple):
    worth: int
    sentence: str
    about: str
    function: str = ""


def loosened(before: Source, after: Source, path: str, *, is_page: bool) -> Iterator[Told]:
    """All that is worth a human's look by its signs."""
    for sentence, sign, of_file in _OF_FILES:
        for told in of_file(before, after):
            yield Told(points([sign]), sentence, told)
    differ = [pair for pair in pairs(before, after) if pair.gone or pair.come]
    yield from _by_rules(before, after, {id(pair.block): pair for pair in differ}, (path, is_page))
    alone = points(["nothing else in the file was changed"]) if sum(map(_changes, differ)) == 1 else 0
    for pair in differ:
        if pair.gone:
            yield from _of_pair(pair, alone + points(About(pair.name, path, pair.block, is_page).signs()))


def _by_rules(before: Source, after: Source, differ: dict[int, Pair], file: tuple[str, bool]) -> Iterator[Told]:
    named = {id(node): name.partition("~")[0] for name, node in functions(before).items()}
    for was, now in changed(before, after):
        about = About(named[id(was)], file[0], was, file[1])
        for sentence, sign, finds in _OF_FUNCTIONS:
            for told in finds(was, now):
                signs = [sign, *about.signs(), *_signs_around(differ.get(id(was)), told)]
                if (worth := points(signs)) >= BAR:
                    yield Told(worth, sentence, told, about.name)


def _signs_around(pair: Pair | None, told: str) -> Iterator[str]:
    """How much else was changed in the function of what a rule found, and what is spoken of."""
    if speaks_of_rights(told):
        yield "speaks of rights, secrets or limits"
    if pair is not None and len(pair.exchanged) >= _MUCH:
        yield "much else there was changed"
    if pair is not None and len(pair.beside) >= _ADDED:
        yield "much came beside it"


def _changes(pair: Pair) -> int:
    return len(pair.exchanged) + len(gone.outermost(pair)) + len(pair.beside)


def _of_pair(pair: Pair, around: int) -> Iterator[Told]:
    function = pair.name.partition("~")[0]
    for part in apart(pair):
        for one in part.exchanged:
            signs = [*differences.signs_of(one, part)]
            if (worth := around + points(signs)) >= BAR:
                yield Told(worth, differences.said_of(one, signs[0]), short(_told(one)), function)
    for statement in gone.outermost(pair):
        signs = [*gone.signs_of(statement, pair)]
        if (worth := around + points(signs)) >= BAR:
            told = short(f"{_named(statement)} is gone")
            yield Told(worth, gone.said_of(statement, signs[0]), told, function)


def _told(one: Exchange) -> str:
    """What differs, with the comparison or the argument that it stands in."""
    if isinstance(one.old, ast.boolop):
        return ast.unparse(one.within)
    if isinstance(one.old, ast.cmpop) and isinstance(one.within, ast.Compare) and isinstance(one.new, ast.cmpop):
        turned = ast.Compare(one.within.left, [one.new], one.within.comparators)
        return f"{ast.unparse(one.within)} → {ast.unparse(turned)}"
    if isinstance(one.old, _PLAIN) and isinstance(one.within, ast.Compare | ast.keyword):
        return f"{ast.unparse(one.within)} → {ast.unparse(one.new)}"
    return str(one)


def _named(statement: ast.stmt) -> str:
    match statement:
        case ast.If(test=test) | ast.Assert(test=test):
            return ast.unparse(test)
        case ast.Expr(value=value):
            return ast.unparse(value)
        case ast.Return() | ast.Raise() | ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.Delete():
            return ast.unparse(statement)
    return " ".join(map(ast.unparse, heads(statement)))
