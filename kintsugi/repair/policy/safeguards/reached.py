"""What is done before it is asked now, or where it was not done: a call or an answer that fewer checks stand before.

Statements that only move are no difference by themselves; what stands before each of them is.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import dropwhile
from typing import NamedTuple

from kintsugi.repair.policy.conditions import only_asks_whether_there, said
from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.about import refuses
from kintsugi.repair.policy.safeguards.care import CHECKS, care_of
from kintsugi.repair.policy.safeguards.functions import Function, short
from kintsugi.repair.policy.safeguards.pieces import names, statements
from kintsugi.repair.policy.safeguards.quiet import bound_by
from kintsugi.repair.policy.safeguards.talk import is_talk
from kintsugi.repair.policy.vocabulary import DENIAL, HOLDER, LOGGED_BY, LOGGING, OF_SOMEBODY, REFUSAL
from kintsugi.telemetry import lazy_re as re

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_FAILS = re.compile(r"return (?:\w+\.)*(?:err|new_err|Err|\w*[eE]rror)")
_THING = re.compile(r"(?:not )?(?:\w+\.)*(\w+)")
_TURNS_AWAY = re.compile(r"(?:^|_)(?:fail\w*|errors?|abort|reject\w*)$")
_YES = "return True"
_GATE = re.compile(
    r"(?:^|_)(?:before|middleware|hook|clean|valid\w*|check|ensure|require|verify|authori[sz]e|authenticate|guard)(?:$|_)"
    r"|(?:^|_)process_(?:request|view)"
)  # who gets to the end of it is let pass
_HANDED_ON = re.compile(r"(?:request|req|ctx|context|data|g|state|environ|scope)\b")
_DIFFERS = re.compile(r"(.+) (is not|!=) [^ ]+$")
_SAME = {"is not": "is", "!=": "=="}


class Check(NamedTuple):
    said: str
    is_there: bool
    """It only asks whether there is anything."""
    otherwise: str
    """What holds where it does not."""


_Checks = frozenset[Check]
_Reached = dict[str, list[_Checks]]


@dataclass(frozen=True, slots=True)
class _Way:
    """What counts as done, and what holds behind a branch that leaves."""

    done_by: Callable[[ast.stmt], str]
    behind: Callable[[ast.If], _Checks]


def reached_unasked(before: Function, after: Function) -> Iterator[str]:
    """`if not x.open: raise No`, `pay(x)` → `pay(x)`, `if not x.open: raise No`

    What is done once more is no loosening of where it was done before, but for saying yes.
    """
    was, now = _both(before, after)
    asked = _counted(after)
    asked.subtract(_counted(before))
    there = {check for listed in now.values() for checks in listed for check in checks}
    there -= {check for check in there if check.is_there and check.said.removeprefix("not ") not in _answers(before)}
    for done, listed in now.items():
        if not done or done not in was or (len(was[done]) != len(listed) and done != _YES):
            continue
        before_it = [*(Counter(was[done]) - Counter(listed))] or was[done]  # but for those that stayed as they were
        for checks in Counter(listed) - Counter(was[done]):
            lost = [{check for check in (one & there) - checks if not _is_implied(check, checks)} for one in before_it]
            if any(checks - one for one in before_it):  # where its branch asks something else, that is a difference
                lost = [{check for check in one if asked[check.said] >= 0} for one in lost]
            if all(lost):
                yield short(f"{done} without {min(set().union(*lost)).said}")


def reached_by_others(before: Function, after: Function) -> Iterator[str]:
    """`if x.open: pay(x)` → `if x.open: return`, `pay(x)`; what is turned where it stands is a difference."""
    was, now = _both(before, after)
    stay = _tests(before) & _tests(after)
    for done, listed in now.items():
        if not done or len(listed) != len(was.get(done, ())):
            continue
        for checks in listed:
            turned = stay & {check.otherwise for check in checks}
            if checks not in was[done] and turned and all(turned & {check.said for check in one} for one in was[done]):
                yield short(f"{done} if not {min(turned)}")


@lru_cache(maxsize=2)
def _answers(function: Function) -> frozenset[str]:
    """`may` of `may = check(x)`: who asks for it asks more than whether it is there."""
    return frozenset(name for one in statements(function) if _is_answer(one) for name in bound_by(one))


def _is_answer(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Assign) else None
    value = value.value if isinstance(value, ast.Await) else value
    return isinstance(value, ast.Call) and care_of(words(value.func).rpartition(" ")[2]) == CHECKS


@lru_cache(maxsize=2)
def _both(before: Function, after: Function) -> tuple[_Reached, _Reached]:
    """How each thing is reached, before and after."""
    return _reached(before, _DOING), _reached(after, _DOING)


def _counted(function: Function) -> Counter[str]:
    """How often each thing is asked, either way round."""
    tests = [one.test for one in statements(function) if isinstance(one, ast.If | ast.While)]
    return Counter(said(one, turned=turned) for test in tests for one in _parts(test) for turned in (False, True))


def _parts(test: ast.expr) -> Iterator[ast.expr]:
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _parts(operand)
        case ast.BoolOp(values=values):
            for one in values:
                yield from _parts(one)
        case _:
            yield test


def _is_implied(lost: Check, checks: _Checks) -> bool:
    """`x is not A` where `x is B` is asked: the one was only the `else` of another branch."""
    differs = _DIFFERS.match(lost.said)
    return differs is not None and any(
        one.said.startswith(f"{differs[1]} {_SAME[differs[2]]} ") and not _DIFFERS.match(one.said) for one in checks
    )


def _tests(function: Function) -> frozenset[str]:
    """But for those of errors, which each call has of its own."""
    asked = (one.test for one in statements(function) if isinstance(one, ast.If))
    return frozenset(said(test) for test in asked if "err" not in names(test))


def asked_before_care(before: Function, after: Function) -> Iterator[str]:
    """`check(x)` → `if x.draft: check(x)`, `if x.old: raise No` → `if x.draft:` and then that"""
    was, now = (_reached(one, _Way(_cared, partial(_not_turned_away, before))) for one in (before, after))
    known = {check for listed in was.values() for checks in listed for check in checks}
    for done, listed in now.items():
        if done and len(was.get(done, ())) == len(listed):
            more = [checks - other - known for checks, other in zip(listed, was[done], strict=True)]
            asked = [one for one in frozenset().union(*more) if not one.is_there or not _speaks_of(done, one)]
            if asked and all(checks >= other for checks, other in zip(listed, was[done], strict=True)):
                yield short(f"{done} only if {min(asked).said}")


def _speaks_of(done: str, check: Check) -> bool:
    """`x.check()` behind `if x`: nothing is there to be checked."""
    return check.said.removeprefix("not ").partition(" ")[0].removesuffix(".length") in done


def _cared(statement: ast.stmt) -> str:
    """What it takes care of by its name, and what it turns away."""
    match statement:
        case ast.Expr(value=ast.Call(func=called) | ast.Await(value=ast.Call(func=called))) if not is_talk(statement):
            return ast.unparse(statement) if care_of(words(called).rpartition(" ")[2]) == CHECKS else ""
        case ast.Raise(exc=ast.Call() as error) if "err" not in names(error):
            return ast.unparse(statement)
    return ""


def _not_turned_away(function: Function, branch: ast.If) -> _Checks:
    """Whom a branch turns away needs no check, nor does who gets nothing, be it that nothing is there or done."""
    *others, last = branch.body
    answer = last.value if isinstance(last, ast.Return) else None
    if isinstance(last, ast.Raise) or refuses(branch.body) or _is_of_error(answer):
        return frozenset()
    is_idle = isinstance(last, ast.Return | ast.Continue | ast.Break) and all(map(is_talk, others))
    gives = isinstance(last, ast.Return) and not isinstance(answer, ast.Constant | None)
    if isinstance(last, ast.Return) and not gives and not _is_true(answer) and _gets_nothing(function, others):
        return frozenset()
    return frozenset(one for one in _asked(branch.test, True) if gives or not is_idle or not _is_thing(one))


def _is_of_error(answer: ast.expr | None) -> bool:
    """`return failed(why)`"""
    called = answer.func if isinstance(answer, ast.Call) else None
    return called is not None and _TURNS_AWAY.search(words(called).rpartition(" ")[2]) is not None


def _is_true(answer: ast.expr | None) -> bool:
    return isinstance(answer, ast.Constant) and answer.value is True


def _gets_nothing(function: Function, before: list[ast.stmt]) -> bool:
    """Whether who leaves gets nothing of what the function does. Who leaves one that only guards is let pass."""
    acts = _acts(function)
    return bool(acts) and not _GATE.search(function.name) and acts.isdisjoint(map(_done, before))


@lru_cache(maxsize=2)
def _acts(function: Function) -> frozenset[str]:
    """What it does behind its first check, or how it makes its answer."""
    behind = dropwhile(lambda one: not _cared(one), statements(function))
    return frozenset(_done(one) for one in behind if not _cared(one) and _acts_by(one))


def _acts_by(statement: ast.stmt) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name() | ast.Tuple()]):
            return False
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as kept]) if _HANDED_ON.match(ast.unparse(kept)):
            return False  # for whoever comes next: `request.user = user`
        case ast.Return(value=ast.Name() | ast.Attribute() | ast.Constant()):
            return False
    return bool(_done(statement))


def _is_thing(check: Check) -> bool:
    """`user.names`, and not `user.is_member`"""
    thing = _THING.fullmatch(check.said)
    return check.is_there or (thing is not None and OF_SOMEBODY.search(thing[1]) is None)


def _reached(function: Function, way: _Way) -> _Reached:
    """What is done or answered, with what was asked before it, each time; at "", what was asked by the end."""
    found = defaultdict[str, list[_Checks]](list)
    for done, checks in _walked(function.body, frozenset(), way):
        found[done].append(checks)
    return found


def _walked(block: list[ast.stmt], checks: _Checks, way: _Way) -> Iterator[tuple[str, _Checks]]:
    """Ends with ("", what was asked by then)."""
    for one in block:
        match one:
            case ast.If(test=test, body=body, orelse=orelse):
                yes, no = _asked(test, False), way.behind(one)
                yield from _inner(body, checks | yes, way)
                yield from _inner(orelse, checks | no, way)
                if isinstance(body[-1], _LEAVING):
                    checks |= no
                if orelse and isinstance(orelse[-1], _LEAVING):
                    checks |= yes
            case ast.With(body=body) | ast.AsyncWith(body=body) | ast.Try(body=body):
                for done, by_then in _walked(body, checks, way):
                    if done:
                        yield done, by_then
                    else:
                        checks = by_then
                for handler in getattr(one, "handlers", []):
                    yield from _inner(handler.body, checks, way)
                for name in ("orelse", "finalbody"):
                    yield from _inner(getattr(one, name, []), checks, way)
            case ast.For(body=body) | ast.AsyncFor(body=body) | ast.While(body=body):
                asked = _asked(one.test, False) if isinstance(one, ast.While) else frozenset[Check]()
                yield from _inner(body, checks | asked, way)
            case _ if done := way.done_by(one):
                yield done, checks
    yield "", checks


def _inner(block: list[ast.stmt], checks: _Checks, way: _Way) -> Iterator[tuple[str, _Checks]]:
    return ((done, by_then) for done, by_then in _walked(block, checks, way) if done)


@lru_cache(maxsize=512)
def _asked(test: ast.expr, turned: bool) -> _Checks:
    """What holds behind a condition, or where it does not, each part by itself."""
    match test:
        case ast.Constant():
            return frozenset()
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _asked(operand, not turned)
        case ast.BoolOp(op=op, values=values) if isinstance(op, ast.Or) == turned:
            return frozenset[Check]().union(*(_asked(one, turned) for one in values))
    return frozenset([Check(said(test, turned=turned), only_asks_whether_there(test), said(test, turned=not turned))])


def _done(statement: ast.stmt) -> str:
    """What it does or answers; "" if it turns somebody away, tells a log, or does nothing."""
    text = ast.unparse(statement)
    if REFUSAL.search(text) or DENIAL.search(text) or _FAILS.match(text):
        return ""
    match statement:
        case ast.Expr(value=ast.Call(func=called) | ast.Await(value=ast.Call(func=called))):
            first, _, last = (said := words(called)).partition(" ")
            last = last.rpartition(" ")[2] or first
            is_other = HOLDER.search(said) or _TURNS_AWAY.search(last)  # `held.py` looks at locks
            return "" if is_other or LOGGING.match(first) or LOGGED_BY.match(last) else text
        case ast.Expr(value=ast.Await()):
            return text
        case ast.Return(value=ast.Name() | ast.Attribute() | ast.Call() | ast.Await()):
            return text
        case ast.Return(value=ast.Constant(value=True)) | ast.AugAssign() | ast.Delete():
            return text
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.Assign(value=ast.Call() | ast.Await()):
            return text
    return ""


_DOING = _Way(_done, lambda branch: _asked(branch.test, True))
