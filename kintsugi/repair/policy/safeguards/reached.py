"""What is done before it is asked now, or where it was not done: a call or an answer that fewer checks stand before.

Statements that only move are no difference by themselves; what stands before each of them is.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from kintsugi.repair.policy.conditions import only_asks_whether_there, plain
from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.functions import Function, kept, short
from kintsugi.repair.policy.safeguards.gone import is_logged
from kintsugi.repair.policy.vocabulary import DENIAL, LOGGING, REFUSAL
from kintsugi.repair.syntax import Source

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_FAILS = re.compile(r"return (?:\w+\.)*(?:err|new_err|Err|\w*[eE]rror)")
_YES = "return True"
_Checks = frozenset[str]


def reached_unasked(old: Source, new: Source) -> str:
    """`if not x.open: raise No`, `pay(x)` → `pay(x)`, `if not x.open: raise No`

    What is done once more, in a branch that asks something of its own, is no loosening of where it was done before.
    """
    for before, after in kept(old, new):
        if ast.unparse(before) == ast.unparse(after):
            continue
        was, now = _reached(before), _reached(after)
        there = {check for listed in now.values() for checks in listed for check in checks}
        known = frozenset(check for listed in was.values() for checks in listed for check in checks)
        for done, listed in now.items():
            if not done or done not in was or listed == was[done]:
                continue
            is_added = done != _YES and all(any(one & there <= checks for checks in listed) for one in was[done])
            for checks in listed:
                lost = [(one & there) - checks for one in was[done]]
                if all(lost) and not (is_added and checks - known):
                    return short(f"{done} without {min(frozenset().union(*lost))}")
    return ""


def _reached(function: Function) -> dict[str, list[_Checks]]:
    """What is done or answered, with what was asked before it, each time; at "", what was asked by the end."""
    found = defaultdict[str, list[_Checks]](list)
    for done, checks in _walked(function.body, frozenset()):
        found[done].append(checks)
    return found


def _walked(block: list[ast.stmt], checks: _Checks) -> Iterator[tuple[str, _Checks]]:
    """Ends with ("", what was asked by then)."""
    for one in block:
        match one:
            case ast.If(test=test, body=body, orelse=orelse):
                yes, no = _asked(test), _asked(ast.UnaryOp(ast.Not(), test))
                yield from _inner(body, checks | yes)
                yield from _inner(orelse, checks | no)
                if isinstance(body[-1], _LEAVING):
                    checks |= no
                if orelse and isinstance(orelse[-1], _LEAVING):
                    checks |= yes
            case ast.With(body=body) | ast.AsyncWith(body=body) | ast.Try(body=body):
                for done, by_then in _walked(body, checks):
                    if done:
                        yield done, by_then
                    else:
                        checks = by_then
                for handler in getattr(one, "handlers", []):
                    yield from _inner(handler.body, checks)
                for name in ("orelse", "finalbody"):
                    yield from _inner(getattr(one, name, []), checks)
            case ast.For(body=body) | ast.AsyncFor(body=body) | ast.While(body=body):
                yield from _inner(body, checks | (_asked(one.test) if isinstance(one, ast.While) else frozenset()))
            case _ if done := _done(one):
                yield done, checks
    yield "", checks


def _inner(block: list[ast.stmt], checks: _Checks) -> Iterator[tuple[str, _Checks]]:
    return ((done, by_then) for done, by_then in _walked(block, checks) if done)


def _asked(test: ast.expr) -> _Checks:
    if only_asks_whether_there(test) or isinstance(test, ast.Constant):
        return frozenset()
    asked = plain(test)
    if isinstance(asked, ast.BoolOp) and isinstance(asked.op, ast.And):
        return frozenset().union(*map(_asked, asked.values))
    return frozenset([ast.unparse(asked)])


def _done(statement: ast.stmt) -> str:
    """What it does or answers; "" if it turns somebody away, tells a log, or does nothing."""
    text = ast.unparse(statement)
    if REFUSAL.search(text) or DENIAL.search(text) or _FAILS.match(text):
        return ""
    match statement:
        case ast.Expr(value=ast.Call() | ast.Await() as value):
            called = words(value)
            return "" if is_logged(called) or LOGGING.match(called.partition(" ")[0]) else text
        case ast.Return(value=ast.Name() | ast.Attribute() | ast.Call() | ast.Await()):
            return text
        case ast.Return(value=ast.Constant(value=True)) | ast.AugAssign() | ast.Delete():
            return text
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return text
    return ""
