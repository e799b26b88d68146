"""What is done before it is asked now, or where it was not done: a call or an answer that fewer checks stand before.

Statements that only move are no difference by themselves; what stands before each of them is.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator

from kintsugi.repair.policy.conditions import only_asks_whether_there, plain
from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.about import refuses
from kintsugi.repair.policy.safeguards.alike import alike
from kintsugi.repair.policy.safeguards.care import care_of
from kintsugi.repair.policy.safeguards.functions import Function, short
from kintsugi.repair.policy.safeguards.pieces import names
from kintsugi.repair.policy.safeguards.talk import is_talk
from kintsugi.repair.policy.vocabulary import DENIAL, HOLDER, LOGGED_BY, LOGGING, REFUSAL
from kintsugi.repair.syntax import Source
from kintsugi.telemetry import lazy_re as re

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_FAILS = re.compile(r"return (?:\w+\.)*(?:err|new_err|Err|\w*[eE]rror)")
_YES = "return True"
_CHECKS = "It no longer checks."
_Checks = frozenset[str]


def reached_unasked(old: Source, new: Source) -> str:
    """`if not x.open: raise No`, `pay(x)` → `pay(x)`, `if not x.open: raise No`

    What is done once more is no loosening of where it was done before, but for saying yes.
    """
    for before, after in alike(old, new):
        if ast.unparse(before) == ast.unparse(after):
            continue
        was, now = _reached(before), _reached(after)
        there = {check for listed in now.values() for checks in listed for check in checks}
        for done, listed in now.items():
            if not done or done not in was or listed == was[done]:
                continue
            if len(was[done]) != len(listed) and done != _YES:
                continue
            for checks in listed:
                lost = [(one & there) - checks for one in was[done]]
                if all(lost):
                    return short(f"{done} without {min(frozenset().union(*lost))}")
    return ""


def asked_before_care(old: Source, new: Source) -> str:
    """`check(x)` → `if x.draft: check(x)`, `if x.old: raise No` → `if x.draft:` and then that"""
    for before, after in alike(old, new):
        was, now = (_reached(one, _cared, _turns_away) for one in (before, after))
        known = {check for listed in was.values() for checks in listed for check in checks}
        for done, listed in now.items():
            if done and len(was.get(done, ())) == len(listed):
                more = [checks - other - known for checks, other in zip(listed, was[done], strict=True)]
                if any(more) and all(checks >= other for checks, other in zip(listed, was[done], strict=True)):
                    return short(f"{done} only if {min(frozenset().union(*more))}")
    return ""


def _cared(statement: ast.stmt) -> str:
    """What it takes care of by its name, and what it turns away."""
    match statement:
        case ast.Expr(value=ast.Call(func=called) | ast.Await(value=ast.Call(func=called))) if not is_talk(statement):
            return ast.unparse(statement) if care_of(words(called).rpartition(" ")[2]) == _CHECKS else ""
        case ast.Raise(exc=ast.Call() as error) if "err" not in names(error):
            return ast.unparse(statement)
    return ""


def _turns_away(body: list[ast.stmt]) -> bool:
    """Whom it turns away needs no check."""
    return isinstance(body[-1], ast.Raise) or refuses(body)


def _reached(
    function: Function,
    done_by: Callable[[ast.stmt], str] | None = None,
    apart: Callable[[list[ast.stmt]], bool] = lambda _: False,
) -> dict[str, list[_Checks]]:
    """What is done or answered, with what was asked before it, each time; at "", what was asked by the end.

    `apart`: the branches that leave and are no check of what comes behind them.
    """
    found = defaultdict[str, list[_Checks]](list)
    for done, checks in _walked(function.body, frozenset(), done_by or _done, apart):
        found[done].append(checks)
    return found


def _walked(
    block: list[ast.stmt], checks: _Checks, done_by: Callable[[ast.stmt], str], apart: Callable[[list[ast.stmt]], bool]
) -> Iterator[tuple[str, _Checks]]:
    """Ends with ("", what was asked by then)."""
    for one in block:
        match one:
            case ast.If(test=test, body=body, orelse=orelse):
                yes, no = _asked(test), _asked(ast.UnaryOp(ast.Not(), test))
                no = frozenset() if apart(body) else no
                yield from _inner(body, checks | yes, done_by, apart)
                yield from _inner(orelse, checks | no, done_by, apart)
                if isinstance(body[-1], _LEAVING):
                    checks |= no
                if orelse and isinstance(orelse[-1], _LEAVING):
                    checks |= yes
            case ast.With(body=body) | ast.AsyncWith(body=body) | ast.Try(body=body):
                for done, by_then in _walked(body, checks, done_by, apart):
                    if done:
                        yield done, by_then
                    else:
                        checks = by_then
                for handler in getattr(one, "handlers", []):
                    yield from _inner(handler.body, checks, done_by, apart)
                for name in ("orelse", "finalbody"):
                    yield from _inner(getattr(one, name, []), checks, done_by, apart)
            case ast.For(body=body) | ast.AsyncFor(body=body) | ast.While(body=body):
                asked = _asked(one.test) if isinstance(one, ast.While) else frozenset()
                yield from _inner(body, checks | asked, done_by, apart)
            case _ if done := done_by(one):
                yield done, checks
    yield "", checks


def _inner(
    block: list[ast.stmt], checks: _Checks, done_by: Callable[[ast.stmt], str], apart: Callable[[list[ast.stmt]], bool]
) -> Iterator[tuple[str, _Checks]]:
    return ((done, by_then) for done, by_then in _walked(block, checks, done_by, apart) if done)


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
            if HOLDER.search(called):
                return ""  # `held.py` looks at locks
            return "" if LOGGING.match(called.partition(" ")[0]) or LOGGED_BY.match(called.rpartition(" ")[2]) else text
        case ast.Return(value=ast.Name() | ast.Attribute() | ast.Call() | ast.Await()):
            return text
        case ast.Return(value=ast.Constant(value=True)) | ast.AugAssign() | ast.Delete():
            return text
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.Assign(value=ast.Call() | ast.Await()):
            return text
    return ""
