"""Conditions: a part that is no longer asked, and a branch that left and goes on now."""

from __future__ import annotations

import ast
from collections import defaultdict

from kintsugi.repair.policy.conditions import only_asks_whether_there, plain
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.syntax import Source

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def asks_less(old: Source, new: Source) -> str:
    """A part of what turned something away, or let something in, that nothing asks any more."""
    before, after = _Asked(old), _Asked(new)
    for was, now in ((before.leaving, after.leaving), (before.entering, after.entering)):
        by_part = defaultdict[str, list[frozenset[str]]](list)
        for less in (one for one in now if one not in was):
            for part in less:
                by_part[part].append(less)
        for parts in (one for one in was if one not in now):
            shorter = (less for part in sorted(parts) for less in by_part.get(part, ()) if less < parts)
            gone = sorted({part for less in shorter for part in parts - less} - after.parts)
            if part := next(filter(_matters, gone), ""):
                return short(f"{part} is gone")
    return ""


def goes_on(old: Source, new: Source) -> str:
    """The same condition, and its branch no longer leaves."""
    before, after = _Asked(old), _Asked(new)
    stays = after.staying - before.staying - after.left
    return next((short(test) for test in sorted(before.left & stays)), "")


class _Asked:
    """The conditions of a piece of Python by their parts: any of them leaves, or all of them let in."""

    def __init__(self, source: Source) -> None:
        self.leaving: dict[frozenset[str], None] = {}  # in the order of the code
        self.entering: dict[frozenset[str], None] = {}
        self.left: set[str] = set()
        self.staying: set[str] = set()
        for node in source.nodes:
            self._look(node)
        self.parts = frozenset[str]().union(*self.leaving, *self.entering)

    def _look(self, node: ast.AST) -> None:
        match node:
            case ast.If(test=test, body=body, orelse=other):
                self._take(test, _turns_away(body[-1]))
                if not only_asks_whether_there(test):
                    self._branch(ast.unparse(test), body, goes_on=not other)
            case ast.ExceptHandler(type=kind, body=body):
                self._branch(f"except {ast.unparse(kind) if kind else ''}", body, goes_on=True)
            case ast.IfExp(test=test) | ast.While(test=test):
                self._take(test, False)
            case ast.Return(value=ast.BoolOp() | ast.Compare() | ast.UnaryOp() as test):
                self._take(test, False)
            case ast.comprehension(ifs=[_, *_] as tests):
                self.entering[_texts([part for test in tests for part in _parts(test, ast.And)])] = None

    def _take(self, test: ast.expr, turns_away: bool | None) -> None:
        """Any part turns away, or all of them let in; None: nobody can tell which."""
        if turns_away is not False:
            self.leaving[_texts(_parts(test, ast.Or))] = None
        if not turns_away:
            self.entering[_texts(_parts(test, ast.And))] = None

    def _branch(self, test: str, body: list[ast.stmt], goes_on: bool) -> None:
        if isinstance(body[-1], _LEAVING):
            self.left.add(test)
        elif goes_on:
            self.staying.add(test)


def _turns_away(node: ast.stmt) -> bool | None:
    """Whether a branch ends without doing what was asked for; None where it answers something that may be either."""
    match node:
        case ast.Return(value=ast.Call() | ast.Await()):
            return None
        case ast.Return(value=value):
            return value is None or isinstance(value, ast.Constant)
    return isinstance(node, _LEAVING)


def _parts(test: ast.expr, way: type[ast.boolop]) -> list[ast.expr]:
    match test:
        case ast.BoolOp(op=op, values=values) if isinstance(op, way):
            return values
        case ast.UnaryOp(op=ast.Not(), operand=ast.BoolOp(op=op, values=values)) if not isinstance(op, way):
            return [ast.UnaryOp(ast.Not(), one) for one in values]
    return [test]


def _texts(tests: list[ast.expr]) -> frozenset[str]:
    return frozenset(ast.unparse(plain(one)) for one in tests)


def _matters(text: str) -> bool:
    try:
        return not only_asks_whether_there(ast.parse(text, mode="eval").body)
    except SyntaxError:  # what another language says
        return True
