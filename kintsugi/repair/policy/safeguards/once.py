"""What was asked each time round a loop, or under a lock, and is asked once before it now."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.functions import Function, short
from kintsugi.repair.policy.safeguards.held import holds
from kintsugi.repair.policy.safeguards.pieces import statements

_CLOCK = re.compile(r"(?:^|[ _])(?:time|monotonic|now|perf_counter|since)$", re.IGNORECASE)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def asks_once(before: Function, after: Function) -> Iterator[str]:
    """`while True: if not x.valid(): break` → `valid = x.valid()`, `while True: if not valid: break`"""
    inner = {id(one): ast.unparse(one) for block in _again(after) for one in statements(block)}
    known = {*map(ast.unparse, statements(before)), *inner.values()}  # `last = now()`, which is set again there
    first = {
        one.targets[0].id: ast.unparse(one.value)
        for one in statements(after)
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name) and ast.unparse(one) not in known
    }
    loops = any(isinstance(one, ast.While) for one in statements(before))
    asked = {
        ast.unparse(part)
        for test in _asked(before)
        for part in ast.walk(test)
        if isinstance(part, ast.Call) and (loops or not _CLOCK.search(words(part.func)))
    }
    for test in _asked(after):
        for part in ast.walk(test):
            if isinstance(part, ast.Name) and first.get(part.id, "").removeprefix("await ") in asked:
                yield short(first[part.id])


def _again(function: ast.AST) -> Iterator[ast.AST]:
    for one in statements(function):
        if isinstance(one, _LOOPS) or (isinstance(one, ast.With | ast.AsyncWith) and any(map(holds, one.items))):
            yield one


def _asked(function: ast.AST) -> Iterator[ast.expr]:
    """What is asked in them."""
    for block in _again(function):
        if isinstance(block, ast.While):
            yield block.test
        yield from (one.test for one in statements(block) if isinstance(one, ast.If | ast.Assert))
