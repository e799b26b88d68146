"""What of a statement stands otherwise now, where the rest of it is the same: pairs of expressions, before and after.

Statements are paired within the functions that are kept: each with one of the same kind that differs in few places.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from kintsugi.repair.policy.conditions import are_opposite
from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.functions import fresh, functions, kept
from kintsugi.repair.policy.safeguards.helpers import Helpers
from kintsugi.repair.policy.safeguards.pieces import (
    asks,
    heads,
    is_prose,
    key_of,
    leaves,
    names,
    statements,
    without_prose,
)
from kintsugi.repair.policy.safeguards.quiet import Keyed, Taken, bound_by
from kintsugi.repair.policy.safeguards.taken import taken_otherwise
from kintsugi.repair.policy.safeguards.talk import is_idle
from kintsugi.repair.policy.vocabulary import OPENED_BY
from kintsugi.repair.syntax import Source

_HALF = 2
_LEFT_BY = ("Return", "Raise")
_TRIED = 6  # statements of the same kind, for each that went
_FEW = 3  # places that differ, for a statement to be the same one


@dataclass(frozen=True, eq=False, slots=True)
class Exchange:
    """`around`: what it stands in, the statement first. `function`: the name of that, "" at the top of the file."""

    old: ast.AST
    new: ast.AST
    around: tuple[ast.AST, ...]
    function: str = ""
    sources: tuple[Source, Source] = (Source(""), Source(""))
    stays: bool = False
    """What stood there stands elsewhere in the function now."""
    is_round: bool = False
    """Its branch is turned round too: `if x: a()` → `if not x: return` and then `a()`."""
    blocks: tuple[ast.AST, ast.AST] = (ast.Module([], []), ast.Module([], []))
    """The function before and after, or the two files."""

    @property
    def statement(self) -> ast.AST:
        return self.around[0]

    @property
    def within(self) -> ast.AST:
        return self.around[-1]

    def __str__(self) -> str:
        return f"{ast.unparse(self.old)} → {ast.unparse(self.new)}"


@dataclass(frozen=True, eq=False)
class Pair:
    """A function before and after, or the top of a file, with what of it differs."""

    name: str
    block: ast.AST
    size: int
    exchanged: list[Exchange]
    gone: list[ast.stmt]
    unpaired: list[ast.stmt]
    """Of what is gone, what nothing stands for now."""
    come: list[ast.stmt]
    beside: list[ast.stmt]
    """Of what came, what stands for nothing that is gone, and could explain what else was changed."""
    elsewhere: frozenset[str] = frozenset()
    """What is called by what came in other functions, and in new ones."""

    @cached_property
    def made(self) -> set[str]:
        """The names that what came beside sets."""
        return {name for one in self.beside for name in bound_by(one)}

    @cached_property
    def named(self) -> set[str]:
        """What the statements speak of that came."""
        return {name for one in self.come for head in heads(one) for name in names(head)}


def same(one: ast.AST, other: ast.AST) -> bool:
    return ast.unparse(one) == ast.unparse(other)


def pairs(old: Source, new: Source) -> Iterator[Pair]:
    """In the order of the code before; of the top of the file, too."""
    if old.tree is None or new.tree is None:
        return
    named = {id(node): name.partition("~")[0] for name, node in functions(old).items()}
    both = [*kept(old, new)]
    come_whole = fresh(old, new)
    helpers = Helpers(come_whole)
    found = [_pair("", old.tree, new.tree, (old, new), helpers)]
    found += [_pair(named[id(before)], before, after, (old, new), helpers) for before, after in both]
    if not any(pair.gone for pair in found):
        return
    come = [called_by(pair.come) for pair in found]
    made = called_by(one for _, node in come_whole for one in statements(node))
    for at, pair in enumerate(found):
        yield replace(pair, elsewhere=made.union(*come[:at], *come[at + 1 :]))


def called_by(listed: Iterable[ast.stmt]) -> frozenset[str]:
    """The names that the heads of statements call."""
    return frozenset(
        words(node.func).rpartition(" ")[2]
        for one in listed
        for head in heads(one)
        for node in ast.walk(head)
        if isinstance(node, ast.Call)
    )


def _pair(name: str, old: ast.AST, new: ast.AST, sources: tuple[Source, Source], helpers: Helpers) -> Pair:
    before, after = [*_pieces(statements(old))], [*_pieces(helpers.statements(new))]
    was, taken = taken_otherwise(old, new)
    before += _pieces(was)
    after += _pieces(taken)
    counted = [Counter(key for key, _ in one) for one in (before, after)]
    differ = [_only(before, counted[0] - counted[1], after), _only(after, counted[1] - counted[0], before)]
    left = Taken(old, new, *differ)
    gone, come = [one for _, one in left.gone], [one for _, one in left.come]
    now = "\n".join(key for key, _ in left.come)
    waiting = defaultdict[type[ast.stmt], list[ast.stmt]](list)
    for one in come:
        waiting[type(one)].append(one)
    places = _in_place((before, differ[0]), gone, (after, differ[1]), come, left.origins)
    exchanged, unpaired = list[Exchange](), list[ast.stmt]()
    for one in gone:
        others = waiting[type(one)]
        here = places.get(id(one))
        tried = [other for other in others if other is here] or others[:_TRIED]
        best = min(
            ((found, other) for other in tried if (found := _differing(one, other, other is here))),
            key=lambda pair: len(pair[0]),
            default=None,
        )
        if best is None:
            unpaired.append(one)
            continue
        others.remove(best[1])
        for part in best[0]:
            stays = isinstance(part.old, ast.expr) and ast.unparse(part.old) in now
            is_round = _is_round(one, best[1], (before, after))
            exchanged.append(
                replace(part, function=name, sources=sources, stays=stays, is_round=is_round, blocks=(old, new))
            )
    beside = [one for others in waiting.values() for one in others if not is_idle(one)]
    return Pair(name, old, len(before), exchanged, gone, unpaired, come, beside)


def _is_round(old: ast.stmt, new: ast.stmt, pieces: tuple[Keyed, Keyed]) -> bool:
    """Whether it asks the opposite, and what the one does stands behind the other, which leaves, or in its `else`."""
    if not isinstance(old, ast.If) or not isinstance(new, ast.If) or not are_opposite(old.test, new.test):
        return False
    if old.orelse and new.orelse:
        return same(old.body[0], new.orelse[0]) and same(old.orelse[0], new.body[0])
    behind = _left_behind(new, pieces[1])
    if "err" in names(new.test) and leaves(new.body) and leaves(old.body):  # `if err == nil { return x }`
        is_told = behind is not None and "err" in _told(behind)
        return is_told and "err" in _told(old.body[-1]) and "err" not in _told(new.body[-1])
    was, now = ({key for key, _ in listed} for listed in pieces)
    first = key_of(old.body[0])
    stands = {key_of(behind)} if behind and first.startswith(_LEFT_BY) else now
    if leaves(new.body) and first != key_of(new.body[0]) and first in stands:
        return True
    return (leaves(new.body) and _stands_behind(old, new, now)) or (leaves(old.body) and _stands_behind(new, old, was))


def _left_behind(branch: ast.If, pieces: Keyed) -> ast.stmt | None:
    """The first way out behind a branch."""
    inner = {id(branch), *map(id, statements(ast.Module(branch.body, [])))}
    start = max((at for at, (_, one) in enumerate(pieces) if id(one) in inner), default=len(pieces)) + 1
    return next((one for _, one in pieces[start:] if isinstance(one, ast.Return | ast.Raise)), None)


def _told(last: ast.stmt) -> set[str]:
    """The names in it; a `raise` of Go is one of an error."""
    return names(last) | ({"err"} if isinstance(last, ast.Raise) else set())


def _stands_behind(one: ast.If, leaving: ast.If, there: set[str]) -> bool:
    """Whether most of what a branch does stands outside of the other."""
    done, here = ({key_of(each) for each in statements(ast.Module(branch.body, []))} for branch in (one, leaving))
    done = {key for key in done if key and not key.startswith(_LEFT_BY)} - here
    return bool(done) and _HALF * len(done & there) >= len(done)


def _in_place(
    before: tuple[Keyed, Keyed],
    gone: list[ast.stmt],
    after: tuple[Keyed, Keyed],
    come: list[ast.stmt],
    origins: dict[int, int],
) -> dict[int, ast.stmt]:
    """By what is gone, what alone of its kind stands there now, after the same statement that was kept."""
    was, now = _gaps(*before, gone, {}), _gaps(*after, come, origins)
    return {id(listed[0]): now[gap][0] for gap, listed in was.items() if len(listed) == 1 and len(now[gap]) == 1}


def _gaps(
    pieces: Keyed, differ: Keyed, left: list[ast.stmt], origins: dict[int, int]
) -> defaultdict[tuple[str, int, type], list[ast.stmt]]:
    """What differs by the kept statement before it, and by its kind."""
    those = {origins.get(id(one), id(one)): one for one in left}
    others = {id(one) for _, one in differ}
    seen, gap = Counter[str](), ("", 0)
    found = defaultdict[tuple[str, int, type], list[ast.stmt]](list)
    for key, one in pieces:
        if id(one) in those:
            found[*gap, type(one)].append(those[id(one)])
        elif id(one) not in others:
            seen[key] += 1
            gap = (key, seen[key])
    return found


def _only(pieces: Keyed, differ: Counter[str], others: Keyed) -> Keyed:
    """So many of each as differ; of several that say the same, those with other neighbours than there."""
    if not differ:
        return []
    known = Counter(_neighbours(others))
    ranked = sorted(
        (sum(known[pair] > 0 for pair in ((before, key), (key, after))), at)
        for at, (before, key, after) in enumerate(_in_threes(pieces))
        if key in differ
    )
    left, taken = Counter(differ), set[int]()
    for _, at in ranked:
        if left[pieces[at][0]]:
            left[pieces[at][0]] -= 1
            taken.add(at)
    return [one for at, one in enumerate(pieces) if at in taken]


def _in_threes(pieces: Keyed) -> Iterator[tuple[str, str, str]]:
    """Each key with the one before and the one after."""
    keys = ["", *(key for key, _ in pieces), ""]
    return zip(keys, keys[1:], keys[2:], strict=False)


def _neighbours(pieces: Keyed) -> Iterator[tuple[str, str]]:
    return pairwise(["", *(key for key, _ in pieces), ""])


def _pieces(listed: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    for one in listed:
        if key := key_of(one):
            yield key, one


def _differing(old: ast.stmt, new: ast.stmt, alone: bool) -> list[Exchange]:
    """Where two statements differ; nothing if they have too little in common to be the same one."""
    was, now = heads(old), heads(new)
    if len(was) != len(now):
        return []
    places = [one for pair in zip(was, now, strict=True) for one in _places(*pair, (old,))]
    if len(places) > _FEW:
        return []
    is_whole = len(was) == len(places) and all(len(one.around) == 1 for one in places)
    if is_whole and (len(was) > 1 or (not alone and names(was[0]).isdisjoint(names(now[0])))):
        return []
    return places


def _places(old: ast.AST, new: ast.AST, around: tuple[ast.AST, ...]) -> list[Exchange]:
    """The smallest parts that differ."""
    whole = [Exchange(old, new, around)]
    if _are_prose(old, new) and not any(map(_is_no_talk, around)):
        return []
    if isinstance(old, ast.Name) and isinstance(new, ast.Name) and old.id.lower() == new.id.lower():
        return []  # of JavaScript, a constant is in capitals here
    if type(old) is not type(new) or _named(old) != _named(new):
        return whole
    found: list[Exchange] = []
    inside = (*around, old)
    for name, value in vars(old).items():
        other = vars(new).get(name)
        if isinstance(value, ast.AST) and isinstance(other, ast.AST):
            found += _places(value, other, inside)
        elif isinstance(value, list) and isinstance(other, list):
            if len(value) != len(other):
                return whole
            for one, two in zip(value, other, strict=True):
                if isinstance(one, ast.AST) and isinstance(two, ast.AST):
                    found += _places(one, two, inside)
                elif one != two:
                    return whole
        elif name not in ("lineno", "end_lineno", "col_offset", "end_col_offset") and _plain(value) != _plain(other):
            return whole
    several = len(found) > 1 and (
        isinstance(old, ast.Compare)
        or (isinstance(old, ast.BoolOp) and not _are_in_other_order(old, new))
        or any(isinstance(one.old, ast.boolop) for one in found)
    )
    wraps = bool(found) and (_is_in(old, new) or _is_in(new, old))
    return whole if several or wraps or len(found) > _FEW else found


def _are_prose(old: ast.AST, new: ast.AST) -> bool:
    """Two sentences for people, with the same put into them."""
    texts = [ast.unparse(one) for one in (old, new) if isinstance(one, ast.Constant | ast.JoinedStr)]
    return len(texts) == 2 and all(map(is_prose, texts)) and without_prose(texts[0]) == without_prose(texts[1])


def _is_no_talk(around: ast.AST) -> bool:
    """Where a text is asked for, or lists what is let in: `scope="read write"`"""
    return asks(around) or (isinstance(around, ast.keyword) and OPENED_BY.fullmatch(around.arg or "") is not None)


def _are_in_other_order(old: ast.BoolOp, new: ast.AST) -> bool:
    return isinstance(new, ast.BoolOp) and {*map(ast.unparse, old.values)} == {*map(ast.unparse, new.values)}


def _named(node: ast.AST) -> list[str | None]:
    """The names of what a call is given."""
    return [one.arg for one in node.keywords] if isinstance(node, ast.Call) else []


def _is_in(one: ast.AST, other: ast.AST) -> bool:
    """Whether a call is given the other, or asked of it."""
    if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and same(one.func.value, other):
        return True
    return isinstance(one, ast.Call) and any(same(given, other) for given in one.args)


def _plain(value: object) -> object:
    return (type(value), repr(value))
