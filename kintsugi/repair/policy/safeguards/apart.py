"""What tells one user, guild or tenant from another: in a key, and among what a function takes."""

from __future__ import annotations

import ast
from collections import defaultdict

from kintsugi.repair.policy.safeguards.functions import Function, kept, short
from kintsugi.repair.policy.vocabulary import KEY, WHOSE
from kintsugi.repair.syntax import Source, walked


def mixes(old: Source, new: Source) -> str:
    for before, after in kept(old, new):
        if _is_called_by_others(before) and _is_called_by_others(after) and (gone := _taken(before) - _taken(after)):
            return short(f"{min(gone)} is not asked for")
        keys = _keys(after)
        for name, whose in _keys(before).items():
            if name in keys and (gone := whose - keys[name]):
                return short(f"{name} is without {min(gone)}")
    return ""


def _is_called_by_others(function: Function) -> bool:
    """By a framework or a cache: what only says how a method is called does not count."""
    return any(ast.unparse(one) not in ("staticmethod", "classmethod", "property") for one in function.decorator_list)


def _taken(function: Function) -> set[str]:
    given = function.args
    return {one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs) if WHOSE.search(one.arg)}


def _keys(function: Function) -> dict[str, set[str]]:
    """By name of a key, whose names are in it."""
    found = defaultdict[str, set[str]](set)
    for node in walked(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if KEY.search(name):
                found[name] |= {word for one in walked(value) if WHOSE.search(word := _name(one))}
    return found


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
