"""Whether an expression that stands for another is only the same in other words, another name, or new altogether."""

from __future__ import annotations

import ast
from functools import lru_cache

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.care import care_of
from kintsugi.repair.policy.safeguards.exchanged import Exchange, same
from kintsugi.repair.policy.safeguards.functions import functions
from kintsugi.repair.policy.safeguards.pieces import leaves, names
from kintsugi.repair.policy.safeguards.texts import text_of
from kintsugi.repair.syntax import Source, walked

_VALUE = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Await)
_OF_CALLERS = frozenset(
    ("request", "req", "headers", "header", "query", "body", "params", "cookies", "form", "meta", "payload", "dto")
)
_NAMES = (ast.Name, ast.arg)
_READERS = {"get", "getattr", "hasattr"}


def is_new(one: Exchange) -> bool:
    """Whether it names what was not known before: what the change brings along."""
    return not names(one.new) <= names(one.old) | _known(one.sources[0])


def is_renamed(one: Exchange) -> bool:
    """What is called otherwise now, or kept in a variable of its own first."""
    was, now = _root(one.old), _root(one.new)
    if not was or was == now:
        return False
    old, new = map(_variables, one.sources)
    return now not in old and (now in new or was not in new)


def is_derived(one: Exchange) -> bool:
    """`name` → `name.lower()`, `f(x)` → `f(x, y)`, `a["b"]` → `a.get("b")`, `8000` → `MOST`"""
    was, now = ast.unparse(one.old), ast.unparse(one.new)
    if now.startswith((f"{was}.", f"{was}[")) or was.startswith((f"{now}.", f"{now}[")):
        return True
    if isinstance(one.new, ast.Name) and words(one.old).rpartition(" ")[2] == one.new.id:
        return one.new.id not in _names_in(one.blocks[0])  # `shop.till` → `till`, and no other `till` was there
    if isinstance(one.old, ast.Name) and _kept(one.new) == one.old.id:
        return one.old.id not in _given_to(one.blocks[1]) or _is_put(one.new, one.old, one.blocks[1])
    if was.replace("_", "").lower() == now.replace("_", "").lower():
        return True
    is_read_otherwise = type(one.old) is not type(one.new) and not any(
        isinstance(node, ast.Name) for node in (one.old, one.new)
    )
    are_values = isinstance(one.old, _VALUE) and isinstance(one.new, _VALUE)
    before, after = _said(one.old), _said(one.new)
    return is_read_otherwise and are_values and (before <= after or after <= before)


def _names_in(block: ast.AST) -> set[str]:
    return {node.id if isinstance(node, ast.Name) else node.arg for node in walked(block) if isinstance(node, _NAMES)}


def _given_to(block: ast.AST) -> set[str]:
    return {node.arg for node in walked(block) if isinstance(node, ast.arg)}


def _is_put(target: ast.AST, value: ast.AST, block: ast.AST) -> bool:
    """`self.till = till`"""
    said = f"{ast.unparse(target)} = {ast.unparse(value)}"
    return any(isinstance(node, ast.Assign) and ast.unparse(node) == said for node in walked(block))


def _kept(node: ast.AST) -> str:
    """`till` of `self.till`"""
    match node:
        case ast.Attribute(value=ast.Name(id="self" | "cls" | "this"), attr=name):
            return name
    return ""


def _said(node: ast.AST) -> set[str]:
    """The names and texts in it, whichever way it is read: `a["b"]`, `a.get("b")`, `getattr(a, "b")`"""
    texts = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return texts | set(words(node).split()) - _READERS


@lru_cache(maxsize=4)
def _known(source: Source) -> frozenset[str]:
    return _variables(source) | {node.attr for node in source.nodes if isinstance(node, ast.Attribute)}


@lru_cache(maxsize=4)
def _variables(source: Source) -> frozenset[str]:
    return frozenset(
        node.id if isinstance(node, ast.Name) else node.arg
        for node in source.nodes
        if isinstance(node, ast.Name | ast.arg)
    )


def _root(node: ast.AST) -> str:
    while not isinstance(node, ast.Name):
        inner = next(ast.iter_child_nodes(node), None)
        if inner is None:
            return ""
        node = inner
    return node.id


def asks_the_caller(one: Exchange) -> bool:
    """What whoever asks can write as they like, and did not decide before."""
    old, new = (set(map(str.lower, names(node))) for node in (one.old, one.new))
    return not _OF_CALLERS.isdisjoint(new - old) or bool(
        _OF_CALLERS & new and new - old and _texts(one.new) - _texts(one.old)
    )


def _texts(node: ast.AST) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def is_of_whom_no_more(old: ast.expr, new: ast.expr) -> bool:
    """`f"used:{user.id}:{code}"` → `f"used:{code}"`"""
    if not isinstance(old, ast.JoinedStr) or not isinstance(new, ast.JoinedStr) or " " in (text_of(old) or ""):
        return False
    was, now = (
        {ast.unparse(part.value): part for part in node.values if isinstance(part, ast.FormattedValue)}
        for node in (old, new)
    )
    return now.keys() < was.keys() and any(
        "apart" in care_of(name) for one in was.keys() - now.keys() for name in words(was[one]).split()
    )


def of_calls(one: Exchange, old: ast.expr, new: ast.expr) -> str:
    """What is called by another name."""
    if _is_of_whole_texts(old, new):
        return "asks less" if _is_held_against(one) else "the same otherwise"
    if _skips_classes(one):
        return "given otherwise"
    return "the same otherwise" if _holds_for_all(old, new) or _is_called_alike(one, old, new) else ""


def _holds_for_all(old: ast.expr, new: ast.expr) -> bool:
    """`x.RLock()` → `x.Lock()`"""
    match old, new:
        case ast.Attribute(value=of, attr="r_lock" | "r_unlock" as was), ast.Attribute(value=other, attr=now):
            return same(of, other) and was == f"r_{now}"
    return False


def _is_of_whole_texts(old: ast.expr, new: ast.expr) -> bool:
    """`x.match(y)` → `x.fullmatch(y)`"""
    match old, new:
        case ast.Attribute(value=of, attr="match" | "search"), ast.Attribute(value=other, attr="fullmatch"):
            return same(of, other)
    return False


def _is_held_against(one: Exchange) -> bool:
    """`if BAD.search(text): raise No`: the fewer texts fit, the more get through."""
    match one.statement:
        case ast.If(body=body) if not any(isinstance(part, ast.UnaryOp | ast.Compare) for part in one.around):
            return leaves(body)
    return False


def _skips_classes(one: Exchange) -> bool:
    """`super()` → `super(Base, self)`: what stands between the class and that one is not asked any more."""
    around = one.function.split(".")
    match one.old, one.new:
        case ast.Call(func=ast.Name(id="super"), args=[]), ast.Call(func=ast.Name(id="super"), args=[first, *_]):
            return ast.unparse(first) not in around
        case ast.Name(id=was), ast.Name(id=now) if isinstance(one.within, ast.Call):
            return ast.unparse(one.within.func) == "super" and was in around and now not in around
    return False


def _is_called_alike(one: Exchange, old: ast.expr, new: ast.expr) -> bool:
    """`go(x)` → `r.go(x)`, `super(A, self)` → `super()`"""
    match old, new:
        case ast.Name(id=was), ast.Attribute(attr=now):
            is_called = isinstance(one.within, ast.Call) and one.within.func is old
            return was == now and is_called and (not care_of(was) or _is_made(now, one.sources[1]))
        case ast.Call(func=ast.Name(id="super")), ast.Call(func=ast.Name(id="super"), args=[]):
            return True
    return False


def _is_made(name: str, source: Source) -> bool:
    """Whether the file makes a function or a method of that name."""
    return any(full.partition("~")[0].rpartition(".")[2] == name for full in functions(source))
