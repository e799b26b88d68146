"""What is given, kept or answered, by the place where it stands: less, more or always the same is there now."""

from __future__ import annotations

import ast
import builtins
import re

from kintsugi.repair.policy.expressions import is_limit, is_number, is_small, quantity, words
from kintsugi.repair.policy.safeguards.exchanged import Exchange, same
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.policy.safeguards.standing import (
    is_asked,
    is_constant,
    is_joined,
    is_part,
    is_switch,
)
from kintsugi.repair.policy.vocabulary import SECRET, WHOSE

_VALUE = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Await)
_LISTED = (ast.List, ast.Tuple, ast.Set)
_TIMES = 10  # as much
_HOLDS = re.compile(r"\b(?:AND|WHERE)\b")
_ALL = ("*", "0.0.0.0/0", "::/0")
_CUTS = ("min", "max", "clamp", "take", "truncate")
_READS = re.compile(r"_$|go$|un(?!set)|\w*unescape|\w*decode|parse|str|to_|from_")
_MAKERS = ("dict", "element")  # what only says what a thing is made of


def always_says_the_same(one: Exchange) -> str:
    """`admin=is_admin(x)` → `admin=True`, `strict=True` → `strict=False`, `a if may else b` → `a`"""
    if is_switch(one.new) and one.alone and (is_switch(one.old) or isinstance(one.old, _VALUE)):
        return short(f"{ast.unparse(one.within)} → {ast.unparse(one.new)}" if is_switch(one.old) else str(one))
    match one.old:
        case ast.Constant(value=None | False) if isinstance(one.statement, ast.Return) and isinstance(one.new, _VALUE):
            return short(str(one)) if len(one.around) == 1 else ""
        case ast.IfExp(body=body, orelse=other) if same(body, one.new) or same(other, one.new):
            gone = other if same(body, one.new) else body
            return "" if is_constant(gone) or is_part(one.new, gone) or is_part(gone, one.new) else short(str(one))
        case ast.Constant(value=str(was)) if isinstance(one.new, ast.Constant):
            if {was.lower(), str(one.new.value).lower()} == {"true", "false"}:
                return short(f"{was} → {one.new.value!s}")
    return ""


def lists_less(one: Exchange) -> str:
    """`["user", "name", "version"]` → `["name", "version"]`"""
    if isinstance(one.old, _LISTED) and type(one.old) is type(one.new) and not _is_target(one):
        before, after = ([ast.unparse(part) for part in listed.elts] for listed in (one.old, one.new))
        gone = [part for part in before if part not in after]
        if after and gone and len(after) < len(before) and set(after) <= set(before) and _are_plain(one.old.elts):
            return short(f"{gone[0]} is gone")
    return ""


def _is_target(one: Exchange) -> bool:
    """What is set, and not what it is set to."""
    return isinstance(one.within, ast.Assign | ast.For) and one.old in (
        *getattr(one.within, "targets", ()),
        getattr(one.within, "target", None),
    )


def lists_all(one: Exchange) -> str:
    """`origins=[]` → `origins="*"`"""
    if isinstance(one.new, ast.Constant) and one.new.value in _ALL:
        return short(str(one))
    if isinstance(one.old, _LISTED) and isinstance(one.new, _LISTED):
        come = {ast.unparse(part) for part in one.new.elts} - {ast.unparse(part) for part in one.old.elts}
        return next((short(f"{part} is new") for part in come if part.strip("'") in _ALL), "")
    return ""


def is_decided_otherwise(one: Exchange) -> str:
    """`admin=is_first` → `admin=count >= 0`"""
    is_value = isinstance(one.within, ast.keyword | ast.Call | ast.Return | ast.Assign | ast.Dict | ast.Tuple)
    decides = [isinstance(node, ast.Compare) or is_joined(node) for node in (one.old, one.new)]
    is_other = decides in ([True, False], [False, True]) and one.alone and not is_part(one.old, one.new)
    other = one.new if decides[0] else one.old
    return short(str(one)) if is_value and is_other and isinstance(other, _VALUE) else ""


def says_more(one: Exchange) -> str:
    """An answer with one more field, of somebody or secret: `answer(id=x.id)` → `answer(id=x.id, owner=x.owner)`"""
    was, now = _fields(one.old), _fields(one.new)
    if was is None or now is None or not set(was) < set(now):
        return ""
    come = [f"{name}: {ast.unparse(now[name])}" for name in now if name not in was and _tells(name, now[name])]
    is_sent = isinstance(one.statement, ast.Return | ast.Expr)
    return short(f"{come[0]} is new") if come and is_sent else ""


def _tells(name: str, value: ast.expr) -> bool:
    read = words(value).replace(" ", "_") if isinstance(value, ast.Attribute | ast.Subscript | ast.Name) else ""
    return bool(read) and any(sign.search(f"{name}_{read}") for sign in (SECRET, WHOSE))


def _fields(node: ast.AST) -> dict[str, ast.expr] | None:
    match node:
        case ast.Dict(keys=keys, values=values):
            return {ast.unparse(key) if key else "**": value for key, value in zip(keys, values, strict=True)}
        case ast.Call(func=ast.Name(id="dict"), keywords=named):
            return {keyword.arg or "**": keyword.value for keyword in named}
    return None


def is_given_less(one: Exchange) -> str:
    """`get(Member, project=x, user=me)` → `get(Member, user=me)`"""
    match one.old, one.new:
        case ast.Call(func=was, keywords=[_, *_] as before), ast.Call(func=now, keywords=after) if same(was, now):
            named = {other.arg for other in after}
            left = [one for one in before if one.arg not in named and not _is_empty(one.value)]
            name = words(was).rpartition(" ")[2]
            if left and name not in _MAKERS and name.islower():
                return short(f"{ast.unparse(left[0])} is gone")
    return ""


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def multiplies(one: Exchange) -> str:
    """`MAX_AGE` → `MAX_AGE * 100`, `now - 3600` → `now - 3600000`"""
    match one.new:
        case ast.BinOp(left=left, op=ast.Mult() | ast.Add(), right=right) if is_number(right) and not is_small(right):
            return short(str(one)) if same(left, one.old) else ""
    was, now = _amount(one.old), _amount(one.new)
    if isinstance(one.within, ast.BinOp) and was is not None and now is not None and now >= _TIMES * was:
        return short(f"{ast.unparse(one.within)} → {ast.unparse(one.new)}")
    return ""


def falls_back_to_another(one: Exchange) -> str:
    """`find(x) or {"role": ""}` → `find(x) or {"role": "admin"}`"""
    is_kept = is_constant(one.old) and is_constant(one.new)
    inside = [of for of in one.around if isinstance(of, ast.BoolOp) and isinstance(of.op, ast.Or)]
    is_last = bool(inside) and any(part is one.old for part in ast.walk(inside[-1].values[-1]))
    return short(str(one)) if is_kept and is_last and not is_asked(one) else ""


def takes_more_of_it(one: Exchange) -> str:
    """`names[:25]` → `names`, `query.limit(9)` → `query`, `min(x, 40)` → `x`"""
    match one.old:
        case ast.Subscript(value=on, slice=ast.Slice(upper=ast.expr())) if same(on, one.new):
            return short(f"{one.old and ast.unparse(one.old)} → {ast.unparse(one.new)}")
        case ast.Call(func=ast.Attribute(value=on), args=[given]) if same(on, one.new):
            return short(str(one)) if is_number(given) or is_limit(given) else ""
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=given) if name in _CUTS:
            if not any(same(part, one.new) for part in given):
                return ""
            others = [part for part in given if not same(part, one.new)]
            return short(str(one)) if others and all(is_number(part) or is_limit(part) for part in others) else ""
    return ""


def leaves_out_a_call(one: Exchange) -> str:
    """`resolved(x)` → `x`; what is kept of a kind of Python's own, or only shown, is not told."""
    match one.old:
        case ast.Call(func=called, args=[given], keywords=[]) if same(given, one.new):
            name = ast.unparse(called).rpartition(".")[2]
            is_made = isinstance(given, ast.Constant) or hasattr(builtins, name) or _READS.match(name)
            return "" if is_made or isinstance(one.statement, ast.Raise) else short(str(one))
    return ""


def text_asks_less(one: Exchange) -> str:
    """`"name = ? AND active = 1"` → `"name = ?"`"""
    match one.old, one.new:
        case ast.Constant(value=str(was)), ast.Constant(value=str(now)):
            before, after = (
                {part.strip(" ()") for part in _HOLDS.split(" ".join(text.split()))} for text in (was, now)
            )
            if len(before) > len(after) and after <= before:
                return short(f"{min(before - after)} is gone")
    return ""


def _are_plain(parts: list[ast.expr]) -> bool:
    return all(isinstance(part, ast.Constant | ast.Name | ast.Attribute) or _is_cast(part) for part in parts)


def _is_cast(node: ast.AST) -> bool:
    """`int(x)`: what makes one of Python's own kinds."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and hasattr(builtins, node.func.id)


def _amount(node: ast.AST) -> float | None:
    return quantity(node) if isinstance(node, ast.expr) else None
