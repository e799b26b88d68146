"""Statements that turned something away and are gone, though what they stood before is still there."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import TypeGuard

from kintsugi.repair.policy.conditions import only_asks_whether_there
from kintsugi.repair.policy.safeguards.exchanged import exchanges, key_of, statements
from kintsugi.repair.policy.safeguards.functions import Function, kept, short
from kintsugi.repair.policy.safeguards.standing import is_check
from kintsugi.repair.policy.vocabulary import DENIAL, REFUSAL
from kintsugi.repair.syntax import Source

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_WORD = re.compile(r"\b(?!(?:not|and|or|is|in|None|True|False|self|cls|len|err|this)\b)[^\W\d]\w*")


def guards_no_more(old: Source, new: Source) -> str:
    """`if not x.open: raise No` is gone, what followed it is not, and nothing else asks for that."""
    paired = {id(one.statement) for one in exchanges(old, new)}
    for before, after in kept(old, new):
        now = _Still(after)
        asked = _asked(now.keys, before, after)
        for guard, following in _guards(before):
            if id(guard) in paired or now.keys[key_of(guard)] or (following and not now.has_most(following)):
                continue
            if asked.isdisjoint(_WORD.findall(ast.unparse(guard.test))):
                return short(f"{ast.unparse(guard.test)} is gone")
    return ""


def leaves_no_more(old: Source, new: Source) -> str:
    """`if not x.open: raise No` → `if not x.open: log(x)`"""
    for before, after in kept(old, new):
        now = _by_test(after)
        for test, one in _by_test(before).items():
            if (other := now.get(test)) is None:
                continue
            if _holds_back(one.body) and _matters(one) and not _ends(other.body) and not other.orelse:
                return short(ast.unparse(one.test))
            if (
                one.orelse
                and isinstance(one.orelse[-1], _LEAVING)
                and not _ends(other.orelse)
                and not _ends(other.body)
            ):
                return short(f"else of {ast.unparse(one.test)}")
    return ""


def _by_test(function: Function) -> dict[str, ast.If]:
    """The branches by what they ask, where only one asks for that; of errors, with the statement before."""
    found, last = list[tuple[str, ast.If]](), ""
    for one in statements(function):
        if isinstance(one, ast.If):
            test = ast.unparse(one.test)
            found.append((f"{last} {test}" if _is_of_error(one.test) else test, one))
        last = key_of(one)
    counted = Counter(key for key, _ in found)
    return {key: one for key, one in found if counted[key] == 1}


def _is_of_error(test: ast.expr) -> bool:
    """`err != nil`, which many ask."""
    return isinstance(test, ast.Compare) and ast.unparse(test.left) == "err" and only_asks_whether_there(test)


def _ends(body: list[ast.stmt]) -> bool:
    """Whether a branch leaves, at its end or in a branch of its own."""
    return any(isinstance(one, _LEAVING) for statement in body for one in ast.walk(statement)) or _holds_back(body)


def _guards(function: Function) -> Iterator[tuple[ast.If | ast.Assert, list[ast.stmt]]]:
    return ((one, following) for one, following in _blocks(function) if _is_guard(one))


def _blocks(function: Function) -> Iterator[tuple[ast.stmt, list[ast.stmt]]]:
    """Each statement with what follows it in its block."""
    for block in [function, *statements(function)]:
        for name in ("body", "orelse", "finalbody"):
            listed = getattr(block, name, [])
            for at, one in enumerate(listed if isinstance(listed, list) else []):
                yield one, listed[at + 1 :]


def _is_guard(node: ast.stmt) -> TypeGuard[ast.If | ast.Assert]:
    if isinstance(node, ast.Assert):
        return not _is_for_types(node)
    return (
        isinstance(node, ast.If)
        and not isinstance(node.test, ast.Constant)
        and _holds_back(node.body)
        and _matters(node)
    )


def _is_for_types(node: ast.Assert) -> bool:
    return isinstance(node.test, ast.Call) and ast.unparse(node.test.func) == "isinstance"


def _matters(guard: ast.If) -> bool:
    """Whether it does more than to leave where there is nothing."""
    match guard.body[-1]:
        case ast.Raise() | ast.Return(value=ast.Constant(value=False)):
            return True
    refuses = any(REFUSAL.search(text := ast.unparse(one)) or DENIAL.search(text) for one in guard.body)
    return refuses or not only_asks_whether_there(guard.test)


def _holds_back(body: list[ast.stmt]) -> bool:
    """Whether a branch goes no further, or only says no: `may = False`"""
    match body:
        case [ast.Assign(value=ast.Constant(value=None | False))]:
            return True
    return bool(body) and isinstance(body[-1], _LEAVING)


def raises_no_more(old: Source, new: Source) -> str:
    """What is raised at fewer places of a function that is there otherwise; what was caught may be raised again."""
    for before, after in kept(old, new):
        gone, come = _raised(before) - _raised(after), _raised(after) - _raised(before)
        if gone.total() > come.total() and _Still(after).has_half(before.body):
            return next(iter(gone))
    return ""


def _raised(function: Function) -> Counter[str]:
    raised = (one.exc for one in statements(function) if isinstance(one, ast.Raise) and one.exc)
    kinds = (ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in raised)
    return Counter(kind for kind in kinds if kind.rpartition(".")[2][:1].isupper() and kind != "NotImplementedError")


def answers_to_nobody(old: Source, new: Source) -> str:
    """`wrong = check(x)`, `if check(x): …` → `check(x)`, and nobody asks what it says."""
    for before, after in kept(old, new):
        dropped = {ast.unparse(one.value) for one in statements(after) if isinstance(one, ast.Expr)}
        dropped -= {ast.unparse(one.value) for one in statements(before) if isinstance(one, ast.Expr)}
        for one in statements(before):
            asked = one.value if isinstance(one, ast.Assign) else one.test if isinstance(one, ast.If) else None
            asked = asked.operand if isinstance(asked, ast.UnaryOp) else asked
            if isinstance(asked, ast.Call | ast.Await) and ast.unparse(asked) in dropped:
                return short(ast.unparse(asked))
    return ""


def checks_no_more(old: Source, new: Source) -> str:
    """`check(x)` is gone, and what followed it is not."""
    for before, after in kept(old, new):
        now = _Still(after)
        called = {_called(one) for one in ast.walk(after) if isinstance(one, ast.Call)}
        for one, following in _blocks(before):
            if isinstance(one, ast.Expr) and is_check(one.value) and now.has_most(following):
                call = one.value.value if isinstance(one.value, ast.Await) else one.value
                if isinstance(call, ast.Call) and _called(call) not in called:
                    return short(f"{ast.unparse(call)} is gone")
    return ""


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def handles_no_more(old: Source, new: Source) -> str:
    """`except ValueError: raise` → `except ValueError: pass`"""
    for before, after in kept(old, new):
        now = _by_kind(after)
        for kind, body in _by_kind(before).items():
            if kind in now and isinstance(body[-1], _LEAVING) and not _ends(now[kind]):
                return f"except {kind}".strip()
    return ""


def _by_kind(function: Function) -> dict[str, list[ast.stmt]]:
    """What is done about failures, by their kind, where only one is of it."""
    found = [one for each in statements(function) if isinstance(each, ast.Try) for one in each.handlers]
    kinds = [ast.unparse(one.type) if one.type else "" for one in found]
    return {kind: one.body for kind, one in zip(kinds, found, strict=True) if kinds.count(kind) == 1}


class _Still:
    """What of a function's statements is there now."""

    def __init__(self, after: Function) -> None:
        self.keys = Counter(map(key_of, statements(after)))
        self._counted = dict[int, tuple[int, int]]()

    def has_most(self, following: list[ast.stmt]) -> bool:
        """More than half of it."""
        still, all_of_it = self._count(following)
        return 2 * still > all_of_it

    def has_half(self, body: list[ast.stmt]) -> bool:
        still, all_of_it = self._count(body)
        return 0 < all_of_it <= 2 * still

    def _count(self, listed: list[ast.stmt]) -> tuple[int, int]:
        for one in (one for one in listed if id(one) not in self._counted):
            keys = [key for inner in (one, *statements(one)) if (key := key_of(inner))]
            self._counted[id(one)] = sum(self.keys[key] > 0 for key in keys), len(keys)
        counted = [self._counted[id(one)] for one in listed]
        return sum(still for still, _ in counted), sum(of for _, of in counted)


def _asked(now: Counter[str], before: Function, after: Function) -> set[str]:
    """The names in what is asked now and was not before, and in what is called now."""
    was = Counter(map(key_of, statements(before)))
    come = [one for one in statements(after) if now[key_of(one)] > was[key_of(one)]]
    return {word for one in come for word in _WORD.findall(key_of(one))}
