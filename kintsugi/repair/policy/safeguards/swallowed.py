"""A check that newly stands where its failure is swallowed, while what it held back is done all the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.care import CHECKS, care_of
from kintsugi.repair.policy.safeguards.functions import Function, short
from kintsugi.repair.policy.safeguards.leaving import is_asked_later
from kintsugi.repair.policy.safeguards.pieces import key_of, leaves, statements
from kintsugi.repair.policy.safeguards.talk import is_talk
from kintsugi.repair.syntax import walked

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def fails_unheard(before: Function, after: Function) -> Iterator[str]:
    """`check(x)`, `pay(x)` → `try: check(x)`, `except Refused: log(x)`, `pay(x)`; `check(x).catch(…)`"""
    was = set(_checks(before.body)) - set(_swallowed(before, before, frozenset()))
    if was:
        done = frozenset(key_of(one) for one in statements(before) if not is_talk(one) and _does(one))
        if told := was & set(_swallowed(before, after, done)):
            yield short(min(told))


def _checks(block: list[ast.stmt]) -> Iterator[str]:
    """What checks by its name, and what turns somebody away."""
    for one in statements(ast.Module(block, [])):
        match one:
            case ast.Expr(value=ast.Call() as call) | ast.Expr(value=ast.Await(value=ast.Call() as call)):
                if not is_talk(one) and care_of(words(call.func).rpartition(" ")[2]) == CHECKS:
                    yield ast.unparse(call)
            case ast.If(body=[*_, ast.Raise()]):
                yield ast.unparse(one.test)


def _swallowed(before: Function, after: Function, done: frozenset[str]) -> Iterator[str]:
    """The checks whose failure nobody hears of, before something that was done; `done`: empty for whatever follows."""

    def through(block: list[ast.stmt], is_followed: bool) -> Iterator[str]:
        for at, one in enumerate(block):
            rest = statements(ast.Module(block[at + 1 :], []))
            follows = is_followed or any(key_of(each) in done for each in rest) or not done
            if follows and _swallows(one, before, after):
                yield from _checks(one.body if isinstance(one, ast.Try | ast.With | ast.AsyncWith) else [])
            if follows and (call := _caught(one, after)) is not None:
                yield ast.unparse(call)
            if not isinstance(one, Function):
                for name in ("body", "orelse", "finalbody"):
                    yield from through(getattr(one, name, []), follows)

    return through(after.body, False)


def _does(one: ast.stmt) -> bool:
    """Not what only answers a name, or asks."""
    if isinstance(one, ast.AugAssign | ast.Delete):
        return True
    value = one.value if isinstance(one, ast.Expr | ast.Assign | ast.Return) else None
    return isinstance(value, ast.Call | ast.Await)


def _swallows(one: ast.stmt, before: Function, after: Function) -> bool:
    match one:
        case ast.Try(handlers=[_, *_]):
            return any(
                not any(isinstance(each, _LEAVING) for each in walked(handler))
                and not is_asked_later(handler.body, before, after)
                for handler in one.handlers
            )
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return any("suppress" in words(item.context_expr).split() for item in items)
    return False


def _caught(one: ast.stmt, function: Function) -> ast.expr | None:
    """`check(x)` of `check(x).catch(() => null)`, of JavaScript"""
    value = one.value if isinstance(one, ast.Expr) else None
    match value.value if isinstance(value, ast.Await) else value:
        case ast.Call(func=ast.Attribute(value=ast.Call() as call, attr="catch"), args=[handler]):
            named = [each for each in walked(function) if isinstance(each, Function) and each.name.strip() == "catch"]
            is_heard = isinstance(handler, ast.Name) and any(leaves(each.body) for each in named)
            return None if is_heard else call
    return None
