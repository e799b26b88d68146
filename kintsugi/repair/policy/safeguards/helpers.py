"""What a new function of the file does, put back where it is called: a check that moved there is still that check."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from copy import copy

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.functions import Function
from kintsugi.repair.policy.safeguards.pieces import BLOCKS, heads, statements
from kintsugi.repair.policy.safeguards.quiet import put

_DEEP = 2  # helpers of helpers
_LONG = 12  # statements: what is longer is no part of another function
_SELF = ("self", "cls", "this")


class Helpers:
    """New functions by their names, those of which there is one of the name."""

    def __init__(self, come: Iterable[tuple[str, Function]]) -> None:
        named = defaultdict[str, list[Function]](list)
        for name, node in come:
            named[name.rpartition(".")[2]].append(node)
        self._named = {name: nodes[0] for name, nodes in named.items() if len(nodes) == 1}

    def statements(self, block: ast.AST) -> Iterator[ast.stmt]:
        """Those of a function, with those of the helpers that it calls."""
        found = statements(block)
        return (now for one in found for now in self._with_called(one, _DEEP)) if self._named else found

    def put_in(self, function: Function) -> Function:
        """A function with the helpers in place that it calls for what they do, and that answer nothing."""
        now = self._through(function) if self._named else function
        return now if isinstance(now, Function) else function

    def _through(self, part: ast.AST) -> ast.AST:
        now = copy(part)
        for name in BLOCKS:
            block = getattr(part, name, None)
            if isinstance(block, list):
                setattr(now, name, [inner for one in block for inner in self._in_place(one)])
        return now

    def _in_place(self, one: ast.AST) -> list[ast.AST]:
        for call in self._calls(one) if isinstance(one, ast.Expr) else ():
            held = _given(self._named[words(call.func).rpartition(" ")[2]], call)
            inner = [*statements(ast.Module(held, []))]
            if _is_all(one, call) and len(inner) <= _LONG and not any(isinstance(each, ast.Return) for each in inner):
                for each in inner:
                    ast.copy_location(each, one)
                return [*held]
        return [self._through(one)]

    def _with_called(self, one: ast.stmt, deep: int) -> Iterator[ast.stmt]:
        now: ast.stmt | None = one
        for call in self._calls(one) if deep else ():
            held = _given(self._named[words(call.func).rpartition(" ")[2]], call)
            inner = [*statements(ast.Module(held, []))]
            if len(inner) > _LONG or now is None:
                continue
            answers = [part for part in inner if isinstance(part, ast.Return)]
            if len(answers) == 1 and answers[0] is held[-1] and answers[0].value is not None:
                now = _exchanged(now, call, answers[0].value)
            elif _is_all(now, call):
                now = None
            is_tail = now is None and isinstance(one, ast.Return)
            for part in inner:
                if is_tail or not isinstance(part, ast.Return):
                    yield from self._with_called(part, deep - 1)
        if now is not None:
            yield now

    def _calls(self, one: ast.stmt) -> list[ast.Call]:
        return [
            node
            for head in heads(one)
            for node in ast.walk(head)
            if isinstance(node, ast.Call) and _is_of_file(node) and words(node.func).rpartition(" ")[2] in self._named
        ]


def _is_of_file(call: ast.Call) -> bool:
    """`go(x)`, `self.go(x)`; not `x.all().go()`"""
    return isinstance(call.func.value if isinstance(call.func, ast.Attribute) else call.func, ast.Name)


def _given(function: Function, call: ast.Call) -> list[ast.stmt]:
    """What it does, with what this call gives in place of what it takes."""
    takes = [one.arg for one in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    if isinstance(call.func, ast.Attribute) and takes[:1] and takes[0] in _SELF:
        takes = takes[1:]
    by_name = {one.arg: one.value for one in call.keywords if one.arg} | dict(zip(takes, call.args, strict=False))
    return [now for one in function.body if isinstance(now := put(one, by_name, {}), ast.stmt)]


def _is_all(statement: ast.AST, call: ast.Call) -> bool:
    """Whether a statement does no more than call it."""
    value = statement.value if isinstance(statement, ast.Expr | ast.Return) else None
    return call is (value.value if isinstance(value, ast.Await) else value)


def _exchanged(statement: ast.stmt, call: ast.Call, value: ast.expr) -> ast.stmt:
    """A statement whose head has the value where it called."""

    def through(part: object) -> object:
        if part is call:
            return value
        if isinstance(part, list):
            return [through(one) for one in part]
        if not isinstance(part, ast.AST):
            return part
        if isinstance(part, ast.Await) and part.value is call and isinstance(value, ast.Await):
            return value
        fields = {name: each if name in BLOCKS else through(each) for name, each in ast.iter_fields(part)}
        return ast.copy_location(type(part)(**fields), part)

    now = through(statement)
    return now if isinstance(now, ast.stmt) else statement
