"""What was done under a condition and is done whatever holds now."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kintsugi.repair.policy.safeguards.functions import Function, kept, short
from kintsugi.repair.policy.vocabulary import OF_SOMEBODY, SECRET, WHO
from kintsugi.repair.syntax import Source, children, walked


def is_done_anyway(old: Source, new: Source) -> str:
    """`if may_see: d["key"] = key` → `d["key"] = key`, and no condition asks for `may_see` any more."""
    for before, after in kept(old, new):
        asked = {name for test in _tests(after) for name in _names(test)}
        free = {ast.unparse(one) for one, conditions in _placed(after, ()) if not conditions}
        for one, conditions in _placed(before, ()):
            if len(conditions) != 1 or not (gone := _names(conditions[0])) or not asked.isdisjoint(gone):
                continue
            text = ast.unparse(one)
            condition = ast.unparse(conditions[0])
            about = f"{condition} {text}"
            if text in free and any(sign.search(about) for sign in (SECRET, WHO, OF_SOMEBODY)):
                return short(f"{condition} is gone")
    return ""


def _placed(block: ast.AST, conditions: tuple[ast.expr, ...]) -> Iterator[tuple[ast.stmt, tuple[ast.expr, ...]]]:
    """Each simple statement of a function, with the conditions that it stands under."""
    for one in children(block):
        if isinstance(one, ast.Assign | ast.Expr | ast.Return):
            yield one, conditions
        elif isinstance(one, ast.If):
            for inner in (*one.body, *one.orelse):
                yield from _placed(ast.Module([inner], []), (*conditions, one.test))
        elif isinstance(one, ast.stmt | ast.ExceptHandler) and not isinstance(one, Function):
            yield from _placed(one, conditions)


def _tests(function: ast.AST) -> list[ast.AST]:
    return [one.test for one in walked(function) if isinstance(one, ast.If | ast.IfExp | ast.While)]


def _names(node: ast.AST) -> set[str]:
    found = {one.id for one in walked(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in walked(node) if isinstance(one, ast.Attribute)}
