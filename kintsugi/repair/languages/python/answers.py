"""Places of a module that answer without the work: a fixed value, an end before it, a check that is gone."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kintsugi.repair.syntax import Source

_FALL_BACKS = {
    "get": 1,
    "setdefault": 1,
    "pop": 1,
    "getattr": 2,
    "next": 1,
    "defaultdict": 0,
    "fromkeys": 1,
    "reduce": 2,
}
_LEAVES_OUT = {"filter", "filterfalse", "takewhile", "dropwhile", "islice", "compress"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SHOWN = 60


def fixed_answers(new: Source, old: Source) -> Iterator[str]:
    """Where a value that owes nothing to what was asked stands in for one that is not there."""
    own = _names_of_functions(new) - _new_defaults(new, old)
    for node in new.nodes:
        if isinstance(node, ast.Call):
            at = _FALL_BACKS.get(_called(node))
            if at is not None and len(node.args) > at:
                yield ast.unparse(node)[:_SHOWN]
        elif (isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and _is_fixed(node.values[-1], own)) or (
            isinstance(node, ast.IfExp) and (_is_fixed(node.orelse, own) or _is_fixed(node.body, own))
        ):
            yield ast.unparse(node)[:_SHOWN]
        elif isinstance(node, ast.keyword) and node.arg == "default" and _is_fixed(node.value, own):
            yield f"default={ast.unparse(node.value)[:_SHOWN]}"
        elif isinstance(node, ast.ExceptHandler | ast.If | ast.match_case):
            yield from (_shown(one) for one in _inner(node) if _gives_fixed(one, own))


def early_ends(source: Source) -> Iterator[str]:
    """Where the work is left before its end, or a part of it left out."""
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler | ast.If | ast.match_case):
            for one in _inner(node):
                if isinstance(one, ast.Continue | ast.Break | ast.Pass) or (
                    isinstance(one, ast.Return) and one.value is None
                ):
                    yield _shown(one)
        elif isinstance(node, ast.Try | ast.TryStar):
            leaves = (ast.Return, ast.Break, ast.Continue)
            inside = (part for one in node.finalbody for part in ast.walk(one))
            yield from (f"{_shown(one)} in a finally" for one in inside if isinstance(one, leaves))
        elif isinstance(node, ast.comprehension):
            yield from (f"if {ast.unparse(one)[:_SHOWN]}" for one in node.ifs)
        elif isinstance(node, ast.Call) and _called(node) in _LEAVES_OUT:
            yield ast.unparse(node)[:_SHOWN]


def checks(source: Source) -> Iterator[str]:
    """What refuses: each `raise` of an exception, by its class, and each `assert`."""
    for node in source.nodes:
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            yield f"raise {ast.unparse(raised)}"
        elif isinstance(node, ast.Assert):
            yield f"assert {ast.unparse(node.test)[:_SHOWN]}"


def bound_again(source: Source) -> Iterator[str]:
    """Functions and classes of a module whose name is bound once more below, in whatever way."""
    bodies = [node.body for node in source.nodes if isinstance(node, ast.Module | ast.ClassDef)]
    for body in bodies:
        seen: set[str] = set()
        for statement in body:
            names = list(_binds(statement))
            if not _registers(statement):
                yield from (name for name in names if name in seen)
            if isinstance(statement, (ast.ClassDef, *_FUNCTIONS)):
                seen.update(names)


def _binds(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        yield from (target.id for target in statement.targets if isinstance(target, ast.Name))


def _registers(statement: ast.stmt) -> bool:
    """Such as a property's setter, an overload or a registered variant, which bind a name again on purpose."""
    return bool(getattr(statement, "decorator_list", []))


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _names_of_functions(source: Source) -> set[str]:
    """Parameters and other names that functions bind for themselves: what comes of them may depend on the input."""
    found: set[str] = set()
    for node in source.nodes:
        if isinstance(node, _FUNCTIONS):
            found |= {one.arg for one in _parameters(node.args)}
            found |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
            found |= {one.name for one in ast.walk(node) if isinstance(one, ast.ExceptHandler) and one.name}
    return found


def _new_defaults(new: Source, old: Source) -> set[str]:
    """Parameters with a value of their own that were not there: nobody gives them another."""
    return {name for name in _defaults(new) if name not in _defaults(old)}


def _defaults(source: Source) -> set[str]:
    found: set[str] = set()
    for node in source.nodes:
        if isinstance(node, _FUNCTIONS):
            given = node.args
            positional = [*given.posonlyargs, *given.args]
            found |= {one.arg for one in positional[len(positional) - len(given.defaults) :]}
            found |= {
                one.arg for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value is not None
            }
    return found


def _parameters(given: ast.arguments) -> list[ast.arg]:
    more = [one for one in (given.vararg, given.kwarg) if one is not None]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *more]


def _inner(node: ast.ExceptHandler | ast.If | ast.match_case) -> list[ast.stmt]:
    return [*node.body, *(node.orelse if isinstance(node, ast.If) else [])]


def _gives_fixed(node: ast.stmt, own: set[str]) -> bool:
    value = node.value if isinstance(node, ast.Return | ast.Assign | ast.AnnAssign) else None
    return value is not None and _is_fixed(value, own)


def _is_fixed(node: ast.expr, own: set[str]) -> bool:
    """Whether nothing in it comes of a function's own names. What is only the module's is the same for every input."""
    return not {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} & own


def _shown(node: ast.stmt) -> str:
    return ast.unparse(node).partition("\n")[0][:_SHOWN]
