"""What decides something by the place where it stands, whatever it is called: another thing stands there now.

A place decides where it is a part of a condition, what a condition asks about, or what is answered by yes or no.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TypeGuard

from kintsugi.repair.policy.conditions import only_asks_whether_there, operator, opposite, plain
from kintsugi.repair.policy.expressions import is_small, words
from kintsugi.repair.policy.safeguards.exchanged import Exchange, same
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.policy.safeguards.standing import (
    is_asked,
    is_check,
    is_constant,
    is_part,
)
from kintsugi.repair.policy.vocabulary import CHECKS, WHO
from kintsugi.repair.syntax import Source

_VALUE = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Await)
_PLACES = (ast.Compare, ast.Call, ast.keyword, ast.BoolOp, ast.UnaryOp, ast.If, ast.Return)
_SIMPLE = (ast.Return, ast.Assign, ast.Expr)
_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_TURNED = {"Eq": "NotEq", "NotEq": "Eq", "In": "NotIn", "NotIn": "In"}
_OPPOSITES = ({"all", "any"}, {"min", "max"}, {"every", "some"})


def asks_about_another(one: Exchange) -> str:
    """`x.check(token)` → `x.check(x.token)`, `a.owner == me` → `a.maker == me`, where something goes by it"""
    if not (isinstance(one.old, ast.expr) and isinstance(one.new, ast.expr)):
        return ""
    if isinstance(one.within, ast.Call) and _gives_twice(one):
        return short(f"{ast.unparse(one.within)}: {one}")
    if isinstance(one.statement, ast.If) and _is_asked_for_more(one.old, one.new):
        return short(str(one))
    if not (one.alone or _leaves(one.statement)) or not is_asked(one) or _is_derived(one) or _is_renamed(one):
        return ""
    enters = isinstance(one.statement, ast.If) and not _leaves(one.statement)
    enters = enters and not (isinstance(one.old, ast.Call) or any(map(is_check, one.around)))
    return short(str(one)) if _decides(one, _place(one)) and not enters else ""


def _is_asked_for_more(old: ast.expr, new: ast.expr) -> bool:
    """`x.role == 1` → `x.role == 1 or x.role == 2`"""
    was, now = plain(old), plain(new)
    if only_asks_whether_there(old):
        return False
    if isinstance(was, ast.Compare) and isinstance(now, ast.Compare) and isinstance(new, ast.BoolOp):
        return same(was.left, now.left)
    return False


def _decides(one: Exchange, within: ast.AST) -> bool:
    are_values = isinstance(one.old, _VALUE) and isinstance(one.new, (*_VALUE, ast.Constant))
    match within:
        case ast.Compare():
            return not (is_constant(one.old) and is_constant(one.new))
        case ast.If() | ast.While() | ast.Assert() if _is_other_condition(one):
            return True
        case ast.BoolOp() if _leaves(one.statement):
            return _asks(one.old) and _asks(one.new) and not same(plain(one.old), plain(one.new))
        case ast.Assign():
            return are_values and not isinstance(one.new, ast.Constant)
    return isinstance(within, _PLACES) and are_values and (one.field != "func" or _checks(one.old))


def _leaves(statement: ast.AST) -> bool:
    return isinstance(statement, ast.If) and isinstance(statement.body[-1], _LEAVING)


def _asks(node: ast.AST) -> TypeGuard[ast.expr]:
    """Whether it is a condition, and of more than whether there is something."""
    return isinstance(node, ast.Compare | ast.UnaryOp | ast.Call) and not only_asks_whether_there(node)


def _checks(called: ast.AST) -> bool:
    name = words(called).rpartition(" ")[2]
    return CHECKS.match(name) is not None or WHO.search(name) is not None


def _is_other_condition(one: Exchange) -> bool:
    """Where a branch leaves: another condition, and none that asks for more or less."""
    if not isinstance(one.statement, ast.If) or not isinstance(one.statement.body[-1], _LEAVING):
        return False
    if not isinstance(one.old, ast.expr) or not isinstance(one.new, ast.expr) or only_asks_whether_there(one.old):
        return False
    was, now = plain(one.old), plain(one.new)
    before, after = (
        {*_parts(node, type(node.op))} if isinstance(node, ast.BoolOp) else {ast.unparse(node)} for node in (was, now)
    )
    inverted = {ast.unparse(opposite(plain(part))) for part in (was.values if isinstance(was, ast.BoolOp) else [was])}
    return not (before <= after or after <= before or inverted <= after or ast.unparse(was) in after)


def _place(one: Exchange) -> ast.AST:
    """What it stands in, beyond what is read of it: of `a.b.c`, where the whole stands."""
    return next((of for of in reversed(one.around) if not isinstance(of, ast.Attribute | ast.Subscript)), one.within)


def compares_with_another(one: Exchange) -> str:
    """`if env == "production":` → `if env == "prod":`, `if count > 10:` → `if count > -1:`"""
    if not (is_constant(one.old) and is_constant(one.new) and is_asked(one)):
        return ""
    is_name = isinstance(one.old, ast.Constant) and isinstance(one.old.value, str) and isinstance(one.within, ast.Call)
    if not (isinstance(one.within, ast.Compare) or is_name) or (is_small(one.old) and is_small(one.new)):
        return ""
    return short(f"{ast.unparse(one.within)} → {ast.unparse(one.new)}")


def asks_only_whether_there(one: Exchange) -> str:
    """`member.may_write` → `member is not None`, `check(x)` → `check(x) is not None`"""
    match one.new:
        case ast.Compare(left=left, comparators=[ast.Constant(value=None | "" | 0 | False)]):
            asked = ast.unparse(one.old)
            was = one.old.operand if isinstance(one.old, ast.UnaryOp) else one.old
            if (isinstance(one.old, ast.Call | ast.Await) or was is not one.old) and same(left, was):
                return short(str(one))
            if isinstance(one.old, _VALUE) and asked.startswith(f"{ast.unparse(left)}."):
                return short(str(one))
    return ""


def _gives_twice(one: Exchange) -> bool:
    """`same(password, hashed)` → `same(hashed, hashed)`"""
    assert isinstance(one.within, ast.Call)
    others = [ast.unparse(part) for part in one.within.args if part is not one.old]
    return one.field == "args" and ast.unparse(one.new) in others and not isinstance(one.new, ast.Constant)


def asks_less(one: Exchange) -> str:
    """A part of a condition that is gone: `a or b or c` → `a or c`, `0 < x < 9` → `0 < x`"""
    match one.old, one.new:
        case ast.BinOp(left=one_side, op=ast.BitAnd(), right=other), now if same(now, one_side) or same(now, other):
            return short(f"{ast.unparse(other if same(now, one_side) else one_side)} is gone")
        case ast.BoolOp(values=parts), now if one.decides or isinstance(one.statement, _SIMPLE):
            kept = _parts(now, type(one.old.op))
            gone = [ast.unparse(part) for part in parts if ast.unparse(part) not in kept]
            if gone and kept < {ast.unparse(part) for part in parts} and _matters(one, gone):
                text = " ".join(gone)
                inner = {ast.unparse(part) for whole in parts for part in ast.walk(whole) if part is not whole}
                gone_parts = [part for part in parts if ast.unparse(part) not in kept]
                is_silent = all(_is_presence(part, inner, bool(kept)) for part in gone_parts)
                return "" if is_silent else short(f"{text} is gone")
        case ast.BoolOp(), now if isinstance(one.within, ast.keyword | ast.Return | ast.Assign) and one.alone:
            lost = sorted(set(words(one.old).split()) - set(words(now).split()))
            is_less = lost and set(words(now).split()) < set(words(one.old).split())
            return short(f"{lost[0]} is not asked for") if is_less and not _is_default(one.old) else ""
        case ast.Compare(left=left, ops=[ast.In()], comparators=[ast.Tuple(elts=listed)]), ast.Compare(
            left=other
        ) as now:
            if same(left, other) and any(same(now.comparators[0], part) for part in listed):
                return short(str(one))
        case ast.comprehension(ifs=parts), ast.comprehension(ifs=still) if len(still) < len(parts):
            texts = (ast.unparse(part) for part in parts if not _is_something(part))
            there = {ast.unparse(part) for part in still}
            return next((short(f"{text} is gone") for text in texts if text not in there), "")
        case ast.Compare(comparators=[_, _, *_] as was), ast.Compare(comparators=now) if len(now) < len(was):
            return short(str(one))
    return ""


def _is_something(part: ast.expr) -> bool:
    """`x`, `x is not None`"""
    return only_asks_whether_there(part) and not isinstance(part, ast.Attribute)


def _is_presence(part: ast.expr, inner: set[str], has_others: bool) -> bool:
    """`x` of `x and x.open`, `not x` of `not x or x.closed`: whether there is what the others speak of, `inner`."""
    if not only_asks_whether_there(part):
        return False
    return isinstance(part, ast.UnaryOp | ast.Compare) or not has_others or ast.unparse(part) in inner


def asks_for_the_opposite(one: Exchange) -> str:
    """`if not x.dead:` → `if x.dead:`, and so for a part of it"""
    match one.old, one.new:
        case ast.UnaryOp(op=ast.Not(), operand=was), ast.BoolOp(values=[first, *_]) if is_asked(one) and same(
            was, first
        ):
            return short(str(one))
    for left, right in ((one.old, one.new), (one.new, one.old)):
        match left:
            case ast.UnaryOp(op=ast.Not(), operand=inner) if same(inner, right) and not isinstance(one.within, ast.If):
                return short(str(one))
    return ""


def turns_a_comparison(one: Exchange) -> str:
    """`a < b` → `a > b`, `a and b` → `a or b`, `all(x)` → `any(x)`"""
    match one.old, one.new:
        case ast.cmpop(), ast.cmpop() if isinstance(one.within, ast.Compare) and operator(one.old) != operator(one.new):
            within = ast.Compare(one.within.left, [one.new], one.within.comparators)
            return (
                ""
                if only_asks_whether_there(one.within)
                else short(f"{ast.unparse(one.within)} → {ast.unparse(within)}")
            )
        case ast.boolop(), ast.boolop():
            return short(ast.unparse(one.within))
        case ast.Compare(left=left, ops=[was]), ast.Compare(left=other, ops=[now]) if same(left, other):
            return short(str(one)) if operator(now) == _TURNED.get(operator(was)) else ""
        case ast.Name(id=was) | ast.Attribute(attr=was), ast.Name(id=now) | ast.Attribute(attr=now):
            return short(str(one)) if {was, now} in _OPPOSITES else ""
    return ""


def _is_derived(one: Exchange) -> bool:
    """`name` → `name.lower()`, `f(x)` → `f(x, y)`, `a["b"]` → `a.get("b")`, `8000` → `MOST`"""
    if not isinstance(one.old, ast.expr) or not isinstance(one.new, ast.expr):
        return False
    was, now = ast.unparse(one.old), ast.unparse(one.new)
    if is_part(one.old, one.new) or now.startswith((f"{was}.", f"{was}[")) or was.startswith((f"{now}.", f"{now}[")):
        return True
    if isinstance(one.new, ast.Name) and words(one.old).rpartition(" ")[2] == one.new.id:
        return True  # `shop.till` → `till`
    if was.replace("_", "").lower() == now.replace("_", "").lower():
        return True
    match one.old, one.new:
        case ast.Constant(value=int() | float() | str()), ast.Name() | ast.Attribute():
            return not isinstance(one.old.value, bool)
        case ast.Call(args=[_] as given), _ if any(same(part, one.new) for part in given):
            return True
        case ast.Call(func=called) as call, ast.Call(func=other) as more if same(called, other):
            return _given(call) < _given(more)
    is_read_otherwise = type(one.old) is not type(one.new) and not isinstance(one.old, ast.Name)
    is_read_otherwise = is_read_otherwise and not isinstance(one.new, ast.Name)
    are_values = isinstance(one.old, _VALUE) and isinstance(one.new, _VALUE)
    return is_read_otherwise and are_values and (_said(one.old) <= _said(one.new) or _said(one.new) <= _said(one.old))


def _given(call: ast.Call) -> set[str]:
    return {ast.unparse(one) for one in (*call.args, *call.keywords)}


def _said(node: ast.AST) -> set[str]:
    """The names and texts in it, whichever way it is read: `a["b"]`, `a.get("b")`, `getattr(a, "b")`"""
    texts = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return texts | set(words(node).split()) - {"get", "getattr", "hasattr"}


def _is_renamed(one: Exchange) -> bool:
    """What is called otherwise now, or kept in a variable of its own first."""
    was, now = _root(one.old), _root(one.new)
    if not was or was == now:
        return False
    old, new = map(_known, one.sources)
    if isinstance(one.old, ast.Name) and isinstance(one.new, ast.Name):
        return now not in old and now in _bound(one.sources[1])
    return now not in old and (now in new or was not in new)


@lru_cache(maxsize=4)
def _known(source: Source) -> frozenset[str]:
    """Names of variables."""
    return frozenset(
        node.id if isinstance(node, ast.Name) else node.arg
        for node in source.nodes
        if isinstance(node, ast.Name | ast.arg)
    )


@lru_cache(maxsize=4)
def _bound(source: Source) -> frozenset[str]:
    """Names that something is bound to."""
    found = set[str]()
    for node in source.nodes:
        match node:
            case (
                ast.arg(arg=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name.partition(".")[0])
            case ast.Assign(targets=[*targets]):
                found |= _names_in(*targets)
            case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
                found |= _names_in(target)
            case ast.AnnAssign(target=target) | ast.NamedExpr(target=target):
                found |= _names_in(target)
            case ast.withitem(optional_vars=ast.expr() as target):
                found |= _names_in(target)
    return frozenset(found)


def _names_in(*targets: ast.expr) -> set[str]:
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _root(node: ast.AST) -> str:
    while not isinstance(node, ast.Name):
        inner = next(ast.iter_child_nodes(node), None)
        if inner is None:
            return ""
        node = inner
    return node.id


def _parts(node: ast.AST, way: type[ast.boolop]) -> set[str]:
    listed = node.values if isinstance(node, ast.BoolOp) and isinstance(node.op, way) else [node]
    return {ast.unparse(part) for part in listed}


def _matters(one: Exchange, gone: list[str]) -> bool:
    """Of `x.name or x.id`, which is no condition, only what came first."""
    if is_asked(one) or not isinstance(one.old, ast.BoolOp) or not _is_default(one.old):
        return True
    return ast.unparse(one.old.values[0]) in gone


def _is_default(node: ast.BoolOp) -> bool:
    """`x or []`, `x.name or x.id`"""
    plain_values = (ast.Constant, ast.List, ast.Dict, ast.Tuple, ast.Name, ast.Attribute, ast.Subscript)
    return isinstance(node.op, ast.Or) and any(isinstance(part, plain_values) for part in node.values)
