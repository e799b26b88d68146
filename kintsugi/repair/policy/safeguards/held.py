"""Locks and transactions: what holds a function's statements together, by its name, its call or its SQL."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.alike import alike
from kintsugi.repair.policy.safeguards.functions import Function, short, texts
from kintsugi.repair.policy.vocabulary import HOLDER, HOLDING, HOLDING_SQL
from kintsugi.repair.syntax import Source, walked
from kintsugi.telemetry import lazy_re as re

_SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Delete)
_TO_READ = re.compile(
    r"(?<![a-z])r_?lock", re.IGNORECASE
)  # while others read too: `x.r_lock()` → `x.lock()` holds more
_TRANSACTION = re.compile(r"(?:begin\w*|transaction)$", re.IGNORECASE)
_AS_HELD = re.compile(r"(?:using|durable|database|engine)=")  # which one, or held for longer
_TALKS = re.compile(r"^(?:log|logger|print|logging|_log)\b|\b(?:send|reply|respond|send_message)\b", re.IGNORECASE)


def lets_go(old: Source, new: Source) -> Iterator[str]:
    """A lock or a transaction that went, or no longer holds a statement that is still there."""
    come = Counter[str]()
    pairs = [(_Held(before), _Held(after)) for before, after in alike(old, new)]
    for before, after in pairs:
        come += after.holders - before.holders
    for before, after in pairs:
        gone = before.holders - after.holders
        if gone.total() > come.total():
            yield short(f"{next(iter(gone))} is gone")
        elif gone and not all(_TO_READ.sub("lock", name) in come or _is_held_alike(name, come) for name in gone):
            yield short(f"{next(iter(gone))} → {next(iter(come))}")
        for was, now in ((before.inside, after.inside), (before.committed, after.committed)):
            if out := (was - now) & after.statements:
                yield short(f"{min(out)} is outside of it now")


class _Held:
    """What holds in a function, and which of its statements are held."""

    def __init__(self, function: Function) -> None:
        blocks = [node for node in walked(function) if isinstance(node, ast.With | ast.AsyncWith)]
        self.holders = Counter(
            ast.unparse(item.context_expr) for block in blocks for item in block.items if holds(item)
        )
        self.holders.update(_called(function))
        self.inside = {
            text for block in blocks if any(map(holds, block.items)) for one in block.body for text in _statements(one)
        }
        self.committed = _before_commit(function)
        self.statements = set(_statements(function))


def _is_held_alike(name: str, come: Counter[str]) -> bool:
    """`atomic()` → `atomic(using=x)`, `BEGIN` → `transaction`; with `shared=True` or a key it may hold fewer."""
    if _TRANSACTION.match(name) and any(map(_TRANSACTION.match, come)):
        return True
    called, _, given = name.partition("(")
    listed = (one.partition("(") for one in come)
    return bool(given) and any(
        other == called and _given(given) <= _given(more) and all(map(_AS_HELD.match, _given(more) - _given(given)))
        for other, _, more in listed
    )


def _given(arguments: str) -> set[str]:
    return {part.strip() for part in arguments.removesuffix(")").split(",")} - {""}


def holds(item: ast.withitem) -> bool:
    """Also what is entered by its bare name: `with self.counting:` is a lock by another name."""
    bare = isinstance(item.context_expr, ast.Name | ast.Attribute | ast.Subscript) and item.optional_vars is None
    return bare or HOLDER.search(words(item.context_expr)) is not None


def _called(function: Function) -> Iterator[str]:
    for node in walked(function):
        if isinstance(node, ast.Call) and (name := words(node.func).rpartition(" ")[2]) in HOLDING:
            yield name
    for text in texts(function):
        yield from HOLDING_SQL.findall(text)
    for one in function.decorator_list:
        if HOLDER.search(words(one)):
            yield ast.unparse(one)


def _before_commit(function: Function) -> set[str]:
    """The statements above the last commit."""
    commits = [node.lineno for node in walked(function) if isinstance(node, ast.Call) and _commits(node)]
    return set(_statements(function, max(commits))) if commits else set()


def _commits(node: ast.Call) -> bool:
    text = node.args[0] if node.args else None
    is_sql = isinstance(text, ast.Constant) and str(text.value).strip(" ;").upper() == "COMMIT"
    return is_sql or (isinstance(node.func, ast.Attribute) and node.func.attr == "commit")


def _statements(node: ast.AST, above: int = 1 << 30) -> Iterator[str]:
    """What does something, but for what only tells somebody."""
    for one in walked(node):
        if not isinstance(one, _SIMPLE) or one.lineno >= above or not any(map(_does, walked(one))):
            continue
        if not _TALKS.search(text := ast.unparse(one)):
            yield text


def _does(node: ast.AST) -> bool:
    return isinstance(node, ast.Call | ast.AugAssign | ast.Delete)
