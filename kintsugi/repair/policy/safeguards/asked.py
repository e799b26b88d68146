"""Conditions: a part that is no longer asked, and a branch that left and goes on now."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.conditions import only_asks_whether_there, plain
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.syntax import Source

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def asks_less(old: Source, new: Source) -> str:
    """A part of what turned something away, or let something in, that nothing asks any more."""
    before, after = _Asked(old), _Asked(new)
    for was, now in ((before.leaving, after.leaving), (before.entering, after.entering)):
        for parts in was - now:
            for less in now - was:
                gone = parts - less - after.parts if less < parts else ()
                for part in filter(_matters, sorted(gone)):
                    return short(f"{part} is gone")
    return ""


def goes_on(old: Source, new: Source) -> str:
    """The same condition, and its branch no longer leaves."""
    before, after = _Asked(old), _Asked(new)
    stays = after.staying - before.staying
    return next((short(test) for test in before.left - after.left if test in stays), "")


class _Asked:
    """The conditions of a piece of Python by their parts: any of them leaves, or all of them let in."""

    def __init__(self, source: Source) -> None:
        self.leaving: set[frozenset[str]] = set()
        self.entering: set[frozenset[str]] = set()
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
                self.entering.add(_texts([part for test in tests for part in _parts(test, ast.And)]))

    def _take(self, test: ast.expr, turns_away: bool | None) -> None:
        """Any part turns away, or all of them let in; None: nobody can tell which."""
        if turns_away is not False:
            self.leaving.add(_texts(_parts(test, ast.Or)))
        if not turns_away:
            self.entering.add(_texts(_parts(test, ast.And)))

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
    return not only_asks_whether_there(ast.parse(text, mode="eval").body)
