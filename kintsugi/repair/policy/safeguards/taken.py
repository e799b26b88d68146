"""What a function takes, where its head says more of it than a type: `n: Range[int, 1, 9]`, `n: int = Query(le=9)`."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.safeguards.functions import Function


def taken_otherwise(old: ast.AST, new: ast.AST) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """Before and after, as statements that set it: frameworks check what is asked by what stands there."""
    if not isinstance(old, Function) or not isinstance(new, Function):
        return [], []
    was, now = _taken(old), _taken(new)
    both = [name for name, one in was.items() if name in now and _says_more(one)]
    return [was[name] for name in both], [now[name] for name in both]


def usual_of(function: ast.AST) -> dict[str, ast.expr]:
    """By its name, what stands for each thing that nobody has to give: `n=9`."""
    taken = _taken(function) if isinstance(function, Function) else {}
    return {
        name: one.value for name, one in taken.items() if isinstance(one.value, ast.Constant | ast.UnaryOp | ast.BinOp)
    }


def _taken(function: Function) -> dict[str, ast.AnnAssign]:
    given = function.args
    listed = [*given.posonlyargs, *given.args]
    usual = [*(None for _ in listed[len(given.defaults) :]), *given.defaults, *given.kw_defaults]
    return {
        one.arg: ast.AnnAssign(ast.Name(one.arg), one.annotation or ast.Name("object"), value, simple=1)
        for one, value in zip([*listed, *given.kwonlyargs], usual, strict=True)
    }


def _says_more(one: ast.AnnAssign) -> bool:
    """A call as the default, or a hint with a value in it."""
    parts = ast.walk(one.annotation)
    has_value = any(isinstance(part, ast.Call) or _is_value(part) for part in parts)
    return isinstance(one.value, ast.Call) or has_value


def _is_value(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
