"""Where an expression stands that another is there for now: whether something goes by it."""

from __future__ import annotations

import ast
from typing import TypeGuard

from kintsugi.repair.policy.expressions import is_number, words
from kintsugi.repair.policy.safeguards.exchanged import Exchange
from kintsugi.repair.policy.vocabulary import CHECKS
from kintsugi.repair.syntax import Source


def is_asked(one: Exchange) -> bool:
    """Whether a condition, or a yes or no, goes by it."""
    if isinstance(one.statement, ast.If | ast.While | ast.Assert):
        return True
    inner = one.around[1:]
    if isinstance(one.statement, ast.Return) and not inner:
        return False
    if any(isinstance(part, ast.Compare) or is_joined(part) for part in inner):
        return True
    return is_only_asked(one)


def is_joined(node: ast.AST) -> bool:
    match node:
        case ast.BoolOp(op=ast.And()) | ast.UnaryOp(op=ast.Not()):
            return True
    return False


def is_only_asked(one: Exchange) -> bool:
    """`wrong = check(x)`, and all that is done with `wrong` is to ask for it; `check(x)`, which raises."""
    match one.statement:
        case ast.Assign(targets=[ast.Name() | ast.Tuple() as target], value=value):
            counted = [uses(one.sources[1], part.id) for part in ast.walk(target) if isinstance(part, ast.Name)]
            return is_check(value) or any(asked > 0 and used == asked for used, asked in counted)
        case ast.Expr(value=value) | ast.Return(value=ast.expr() as value):
            return is_check(value)
    return any(map(is_check, one.around))


def is_check(node: ast.AST) -> bool:
    """A call of what says by its name that it checks something."""
    called = node.value if isinstance(node, ast.Await) else node
    if not isinstance(called, ast.Call) or ast.unparse(called.func) == "isinstance":
        return False
    return CHECKS.match(words(called.func).rpartition(" ")[2]) is not None


def uses(source: Source, name: str) -> tuple[int, int]:
    """How often a name is read, and how often in a condition or where an error is handed on."""
    read = [node for node in source.nodes if isinstance(node, ast.Name) and node.id == name]
    stored = sum(
        any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(target))
        for node in source.nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
    )
    places = (
        node.test if isinstance(node, ast.If | ast.While | ast.Assert | ast.IfExp) else node.exc
        for node in source.nodes
        if isinstance(node, ast.If | ast.While | ast.Assert | ast.IfExp | ast.Raise)
    )
    asked = sum(isinstance(part, ast.Name) and part.id == name for place in places if place for part in ast.walk(place))
    return len(read) - stored, asked


def is_part(one: ast.AST, of: ast.AST) -> bool:
    text = ast.unparse(one)
    return any(ast.unparse(part) == text for part in ast.walk(of) if type(part) is type(one))


def is_constant(node: ast.AST) -> TypeGuard[ast.expr]:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.expr) and is_number(node))


def is_switch(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)
