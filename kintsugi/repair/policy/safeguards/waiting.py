"""What was waited for and is used at once now: in place of its answer stands a promise, which is always true."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.alike import changed
from kintsugi.repair.policy.safeguards.functions import Function, functions, short
from kintsugi.repair.policy.safeguards.pieces import statements
from kintsugi.repair.syntax import Source, children, walked
from kintsugi.telemetry import lazy_re as re

_STARTS = re.compile(
    r"create_task|ensure_future|run_coroutine_threadsafe|start_soon|then|finally_|wait_for|shield|gather|all"
)


def waits_no_longer(old: Source, new: Source) -> Iterator[str]:
    """`ok = await may(x)` → `ok = may(x)`; not what is waited for later, or does not have to be waited for any more."""
    plain = plain_now(old, new)
    for before, after in changed(old, new):
        waited = _waited(before) - _waited(after)
        for call in _used_at_once(after) if waited else ():
            if ast.unparse(call) in waited and words(call.func).rpartition(" ")[2] not in plain:
                yield short(ast.unparse(call))


@lru_cache(maxsize=2)
def plain_now(old: Source, new: Source) -> frozenset[str]:
    """The functions of the file that nobody has to wait for any more."""
    was, now = (
        {name.rpartition(".")[2] for name, one in functions(source).items() if isinstance(one, kind)}
        for source, kind in ((old, ast.AsyncFunctionDef), (new, ast.FunctionDef))
    )
    return frozenset(was & now)


def _waited(function: Function) -> set[str]:
    return {
        ast.unparse(one.value)
        for one in walked(function)
        if isinstance(one, ast.Await) and isinstance(one.value, ast.Call)
    }


def _used_at_once(function: Function) -> Iterator[ast.Call]:
    """Calls whose answer is asked or kept, and that nobody waits for."""
    tried = {id(one) for block in statements(function) if isinstance(block, ast.Try) for one in _tried(block)}
    for one in statements(function):
        match one:
            case ast.Return() if id(one) not in tried:
                continue
            case ast.Expr(value=ast.Call(args=args, keywords=keywords)):
                parts: list[ast.AST] = [*args, *keywords]  # what nobody reads the answer of is another rule's
            case ast.Assign() if is_handed_on(one, function):
                continue
            case _:
                parts = [part for part in children(one) if isinstance(part, ast.expr)]
        for part in parts:
            yield from _calls(part)


def _tried(block: ast.Try) -> Iterator[ast.stmt]:
    """What fails into its handlers, if it is waited for."""
    return (one for part in block.body for one in (part, *statements(part))) if block.handlers else iter(())


def is_handed_on(one: ast.AST, block: ast.AST) -> bool:
    """Whether what it keeps is waited for later, or answered, and nothing goes by it before."""
    match one:
        case ast.Assign(targets=[ast.Name(id=name)]):
            ends = (each for each in walked(block) if isinstance(each, ast.Await | ast.Return))
            return any(part.id == name for each in ends for part in _names(each)) and not _is_asked(name, block)
    return False


def _is_asked(name: str, function: ast.AST) -> bool:
    """Whether a branch goes by it as it is."""
    return any(
        isinstance(part, ast.Name) and part.id == name
        for one in statements(function)
        if isinstance(one, ast.If | ast.While)
        for part in walked(one.test)
    )


def _calls(part: ast.AST) -> Iterator[ast.Call]:
    if isinstance(part, ast.Await | ast.Lambda) or (
        isinstance(part, ast.Call) and _STARTS.fullmatch(words(part.func).rpartition(" ")[2])
    ):
        return
    if isinstance(part, ast.Call):
        yield part
    for one in children(part):
        yield from _calls(one)


def _names(node: ast.AST) -> Iterator[ast.Name]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Name))
