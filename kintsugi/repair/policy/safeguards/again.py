"""Names that are set once more before anybody reads them, and what reads a name before it is cleaned or bounded now."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from kintsugi.repair.policy.safeguards.about import decides_by_name
from kintsugi.repair.policy.safeguards.functions import Function, short
from kintsugi.repair.policy.safeguards.pieces import BLOCKS, key_of, statements
from kintsugi.repair.policy.safeguards.quiet import bound_by
from kintsugi.repair.policy.vocabulary import LIMIT
from kintsugi.repair.syntax import walked

_Block = list[ast.stmt]


def set_again(before: Function, after: Function) -> Iterator[str]:
    """`may = asks(x)` → `may = asks(x)`, `may = True`; `most = 9` → `most = 9`, `most = most * 100`"""
    twice = [(block, at) for block in _blocks(after) for at in _set_twice(block)]
    known = {key_of(one) for one in statements(before)} if twice else set[str]()
    often = [Counter(name for one in statements(each) for name in bound_by(one)) for each in (before, after)]
    for block, at in twice:
        one = block[at]
        if not isinstance(one, ast.Assign | ast.AugAssign) or key_of(one) in known:
            continue
        if all(often[0][name] >= often[1][name] for name in bound_by(one)):
            continue  # it was set as often before
        if any(_is_undone(block[first], block[first + 1 : at], one, known) for first in range(at)):
            yield short(ast.unparse(one))


def _set_twice(block: _Block) -> Iterator[int]:
    """Where a name is set that was set before in the same block; most blocks have no such place."""
    made = set[str]()
    for at, one in enumerate(block):
        match one:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AugAssign(target=ast.Name(id=name)):
                if name in made:
                    yield at
                made.add(name)
            case ast.Assign():
                made |= bound_by(one)


def _is_undone(first: ast.stmt, between: _Block, again: ast.Assign | ast.AugAssign, known: set[str]) -> bool:
    """Whether what was set first, as it was before, is never read, or a limit is only made larger."""
    if not isinstance(first, ast.Assign) or key_of(first) not in known or isinstance(first.value, ast.Constant):
        return isinstance(first, ast.Assign) and key_of(first) in known and _raises(first, again)
    made = bound_by(first)
    is_same = isinstance(again, ast.Assign) and len(made) == 1 and made == bound_by(again)
    if is_same and _lets_in(again.value, made):
        return True
    if is_same and all(made.isdisjoint(_read(one)) for one in (again.value, *between)):
        return True
    return _raises(first, again)


def _lets_in(value: ast.expr, made: set[str]) -> bool:
    """`may = may or x.forced`"""
    match value:
        case ast.BoolOp(op=ast.Or(), values=[ast.Name(id=name), *others]) if name in made and decides_by_name(name):
            return not all(isinstance(one, ast.Constant | ast.List | ast.Dict) for one in others)
    return False


def _raises(first: ast.Assign, again: ast.Assign | ast.AugAssign) -> bool:
    """`most = most * 100`, `most *= 100`, `most = max(most, n)`, right behind where it was set"""
    target, value = (again.target, again) if isinstance(again, ast.AugAssign) else (again.targets[0], again.value)
    if not isinstance(target, ast.Name) or target.id not in bound_by(first) or LIMIT.search(target.id) is None:
        return False
    match value:
        case ast.AugAssign(op=ast.Mult() | ast.Add(), value=ast.Constant()):
            return True
        case ast.BinOp(left=ast.Name(id=name), op=ast.Mult() | ast.Add(), right=ast.Constant()):
            return name == target.id
        case ast.Call(func=ast.Name(id="max") | ast.Attribute(attr="max"), args=args):
            return target.id in map(ast.unparse, args)
    return False


def read_too_early(before: Function, after: Function) -> Iterator[str]:
    """`x = clean(x)`, `go(x)` → `go(x)`, `x = clean(x)`"""
    changing = [(block, at, made) for block in _blocks(before) for at, made in _changed(block)]
    now = _places(after) if changing else {}
    for block, at, made in changing:
        place = now.get(key_of(block[at]))
        for reader in block[at + 1 :] if place else ():
            there = now.get(key_of(reader)) if made & _read(reader) else None
            if place and there and there[0] == place[0] and there[1] < place[1]:
                yield short(f"{ast.unparse(reader).partition(chr(10))[0]} before {ast.unparse(block[at])}")


def _changed(block: _Block) -> Iterator[tuple[int, set[str]]]:
    """Where a name is made of what it was."""
    for at, one in enumerate(block):
        if isinstance(one, ast.Assign) and (made := bound_by(one) & _read(one)):
            yield at, made


def _places(function: Function) -> dict[str, tuple[int, int]]:
    """By what a statement says, its block and its place there."""
    return {key_of(one): (id(block), at) for block in _blocks(function) for at, one in enumerate(block)}


def _blocks(function: Function) -> Iterator[_Block]:
    for one in (function, *statements(function)):
        for name in BLOCKS:
            block = getattr(one, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def _read(node: ast.AST) -> set[str]:
    """The names in it, but for those that it only sets."""
    only_set = {id(target) for target in node.targets} if isinstance(node, ast.Assign) else set[int]()
    return {one.id for one in walked(node) if isinstance(one, ast.Name) and id(one) not in only_set}
