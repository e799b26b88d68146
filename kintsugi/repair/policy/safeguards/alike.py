"""The functions that are kept, with the names that their locals had before: a check is found under any name."""

from __future__ import annotations

import ast
from collections import Counter
from functools import lru_cache

from kintsugi.repair.policy.safeguards.functions import Function, fresh, kept
from kintsugi.repair.policy.safeguards.helpers import Helpers
from kintsugi.repair.policy.safeguards.pieces import key_of, statements
from kintsugi.repair.policy.safeguards.quiet import put, renamed, without
from kintsugi.repair.syntax import Source


def alike(old: Source, new: Source) -> tuple[tuple[Function, Function], ...]:
    return _alike(old, new, (old.tree, new.tree))


def changed(old: Source, new: Source) -> tuple[tuple[Function, Function], ...]:
    return _changed(old, new, (old.tree, new.tree))


@lru_cache(maxsize=2)
def _alike(
    old: Source, new: Source, read: tuple[ast.Module | None, ast.Module | None]
) -> tuple[tuple[Function, Function], ...]:
    """`read`: sources of the same text are equal, and yet each has its own nodes."""
    helpers = Helpers(fresh(old, new))
    return tuple((before, _named_as(before, helpers.put_in(after))) for before, after in kept(old, new))


@lru_cache(maxsize=2)
def _changed(
    old: Source, new: Source, read: tuple[ast.Module | None, ast.Module | None]
) -> tuple[tuple[Function, Function], ...]:
    return tuple(pair for pair in alike(old, new) if ast.unparse(pair[0]) != ast.unparse(pair[1]))


def _named_as(before: Function, after: Function) -> Function:
    was, now = ([(key, one) for one in statements(block) if (key := key_of(one))] for block in (before, after))
    both = Counter(key for key, _ in was) & Counter(key for key, _ in now)
    names = renamed(before, after, without(was, both), without(now, both))
    named = put(after, {name: ast.Name(other) for name, other in names.items()}, {}) if names else after
    return named if isinstance(named, Function) else after
