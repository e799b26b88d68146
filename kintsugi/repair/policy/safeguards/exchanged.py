"""What of a statement stands otherwise now, where the rest of it is the same: pairs of expressions, before and after.

Statements are paired within the functions that are kept: each with one of the same kind that differs in few places.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from kintsugi.repair.policy.safeguards.functions import Function, functions, kept
from kintsugi.repair.syntax import Source, children

_TRIED = 6  # statements of the same kind, for each that went
_FEW = 3  # places that differ, for a statement to be the same one
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases", "type_comment")


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

    @cached_property
    def named(self) -> set[str]:
        """What the statements speak of that came."""
        return {name for one in self.come for head in heads(one) for name in names(head)}


def same(one: ast.AST, other: ast.AST) -> bool:
    return ast.unparse(one) == ast.unparse(other)


def pairs(old: Source, new: Source) -> Iterator[Pair]:
    """In the order of the code before; of the top of the file, too."""
    if old.tree is not None and new.tree is not None:
        yield _pair("", old.tree, new.tree, (old, new))
    called = {id(node): name for name, node in functions(old).items()}
    for before, after in kept(old, new):
        yield _pair(called[id(before)], before, after, (old, new))


def statements(block: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a function, or of the top of a file with its classes; not those of functions within."""
    for one in children(block):
        if isinstance(one, ast.stmt):
            if not isinstance(one, Function):
                yield one
                yield from statements(one)
        elif isinstance(one, ast.ExceptHandler | ast.match_case):
            yield from statements(one)


def heads(statement: ast.stmt) -> list[ast.AST]:
    """What a statement says by itself, without its blocks."""
    if isinstance(statement, ast.ClassDef | ast.Try):
        return []
    found: list[ast.AST] = []
    for name, value in vars(statement).items():
        if name not in _BLOCKS:
            found += [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, ast.AST)]
    return found


def _pair(name: str, old: ast.AST, new: ast.AST, sources: tuple[Source, Source]) -> Pair:
    before, after = ([*_pieces(block)] for block in (old, new))
    counted = [Counter(key for key, _ in one) for one in (before, after)]
    gone = _only(before, counted[0] - counted[1])
    come = _only(after, counted[1] - counted[0])
    now = "\n".join(key_of(one) for one in come)
    waiting = defaultdict[type[ast.stmt], list[ast.stmt]](list)
    for one in come:
        waiting[type(one)].append(one)
    places = _in_place(before, gone, after, come)
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
            exchanged.append(replace(part, function=name, sources=sources, stays=stays))
    return Pair(name, old, len(before), exchanged, gone, unpaired, come)


def _in_place(
    before: list[tuple[str, ast.stmt]], gone: list[ast.stmt], after: list[tuple[str, ast.stmt]], come: list[ast.stmt]
) -> dict[int, ast.stmt]:
    """By what is gone, what alone of its kind stands there now, after the same statement that was kept."""
    was, now = _gaps(before, gone), _gaps(after, come)
    return {id(listed[0]): now[gap][0] for gap, listed in was.items() if len(listed) == 1 and len(now[gap]) == 1}


def _gaps(
    pieces: list[tuple[str, ast.stmt]], differ: list[ast.stmt]
) -> defaultdict[tuple[str, int, type], list[ast.stmt]]:
    """What differs by the kept statement before it, and by its kind."""
    those = set(map(id, differ))
    seen, gap = Counter[str](), ("", 0)
    found = defaultdict[tuple[str, int, type], list[ast.stmt]](list)
    for key, one in pieces:
        if id(one) in those:
            found[*gap, type(one)].append(one)
        else:
            seen[key] += 1
            gap = (key, seen[key])
    return found


def _only(pieces: list[tuple[str, ast.stmt]], differ: Counter[str]) -> list[ast.stmt]:
    return [one for key, one in pieces if key in differ]


def _pieces(block: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    for one in statements(block):
        if key := key_of(one):
            yield key, one


def key_of(statement: ast.stmt) -> str:
    """What tells a statement from others, without its blocks; "" where it says nothing by itself."""
    said = heads(statement)
    return f"{type(statement).__name__} {' '.join(map(ast.unparse, said))}" if said else ""


def _differing(old: ast.stmt, new: ast.stmt, alone: bool) -> list[Exchange]:
    """Where two statements differ; nothing if they have too little in common to be the same one."""
    was, now = heads(old), heads(new)
    if len(was) != len(now):
        return []
    places = [one for pair in zip(was, now, strict=True) for one in _places(*pair, (old,))]
    if len(places) > _FEW:
        return []
    is_whole = len(was) == len(places) == 1 and len(places[0].around) == 1
    if is_whole and not alone and names(was[0]).isdisjoint(names(now[0])):
        return []
    return places


def _places(old: ast.AST, new: ast.AST, around: tuple[ast.AST, ...]) -> list[Exchange]:
    """The smallest parts that differ."""
    whole = [Exchange(old, new, around)]
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
    several = len(found) > 1 and (isinstance(old, ast.Compare) or any(isinstance(one.old, ast.boolop) for one in found))
    wraps = bool(found) and (_is_in(old, new) or _is_in(new, old))
    return whole if several or wraps or len(found) > _FEW else found


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


def names(node: ast.AST) -> set[str]:
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
