"""What was done to a part of a statement that stands otherwise now: it is turned, asks less, is another number."""

from __future__ import annotations

import ast
from dataclasses import replace
from itertools import pairwise

from kintsugi.repair.policy.conditions import are_opposite, only_asks_whether_there, opposite, plain
from kintsugi.repair.policy.expressions import is_number, words
from kintsugi.repair.policy.safeguards.about import decides
from kintsugi.repair.policy.safeguards.care import care_of, is_careless, last_of, lets_in
from kintsugi.repair.policy.safeguards.constants import is_multiplied, of_constants, of_grown
from kintsugi.repair.policy.safeguards.exchanged import Exchange, same
from kintsugi.repair.policy.safeguards.joined import of_joined, parts_joined
from kintsugi.repair.policy.safeguards.listed import of_lists
from kintsugi.repair.policy.safeguards.named import (
    asks_the_caller,
    is_derived,
    is_of_whom_no_more,
    is_renamed,
    of_calls,
)
from kintsugi.repair.policy.safeguards.pieces import leaves, names
from kintsugi.repair.policy.safeguards.texts import text_of
from kintsugi.repair.policy.safeguards.waiting import is_handed_on, plain_now
from kintsugi.repair.policy.vocabulary import GUARD, OF_SOMEBODY, SECRET
from kintsugi.telemetry import lazy_re as re

_VALUE = (ast.Name, ast.Attribute, ast.Subscript)
_CALLED = (ast.Call, ast.Await)
_OPPOSITES = ({"all", "any"}, {"none", "all"}, {"min", "max"}, {"every", "some"})
_ANYTHING = {"str", "bytes", "int", "object", "Any", "dict", "list"}
_STARTS = ("startswith", "starts_with", "has_prefix")
_ENDS = (*_STARTS, "endswith", "ends_with", "has_suffix")
_FORM = re.compile(
    r"(?:^| )(?:go|str|string|number|int|float|bool|list|tuple|set|dict|element|bytes|to_str(?:ing)?"
    r"|\w*(?:unescape|unquote|decode|parse|bind_log(?:ger)?))$",
    re.IGNORECASE,
)
_TELLS = re.compile(r"(?:\w+_)?(?:json|jsonify|dumps|marshal(?:_\w+)?|respond|reply|send|json_response)")
_EMPTY = (None, "", False, 0)


def done_to(one: Exchange, place: str) -> str:
    old, new = one.old, one.new
    if one.is_round:
        return "the same in other words"
    if isinstance(old, ast.cmpop | ast.boolop):
        return "turned"
    if isinstance(old, ast.comprehension) and isinstance(new, ast.comprehension):
        return "asks less" if len(new.ifs) < len(old.ifs) and same(old.iter, new.iter) else "the same otherwise"
    if not isinstance(old, ast.expr) or not isinstance(new, ast.expr):
        return "the same otherwise"
    usual = plain(old), plain(new)
    if same(*usual):
        return "the same in other words"
    match usual:
        case ast.Call(func=ast.Name(id="range"), args=[was]), ast.Call(func=ast.Name(id="range"), args=[now]):
            return done_to(replace(one, old=was, new=now), place)
    if isinstance(new, ast.Await) and same(old, new.value):
        return "the same otherwise"
    if _is_turned(old, new):
        return "turned"
    if is_multiplied(old, new):
        return "another number"
    if is_of_whom_no_more(old, new):
        return "less of it"
    if lets_in(old, new):
        return "turns away less"
    return (
        of_calls(one, old, new)
        or _of_ends(one, *usual)
        or _of_choices(old, new)
        or ("finds more" if _finds_all(old, new) else _of_comparisons(old, new))
        or of_joined(one, old, new, place)
        or of_constants(one, old, new)
        or of_grown(one, of_lists(old, new))
        or _of_values(one, old, new)
    )


def _is_turned(old: ast.expr, new: ast.expr) -> bool:
    match old, new:
        case ast.Name(id=was) | ast.Attribute(attr=was), ast.Name(id=now) | ast.Attribute(attr=now):
            return {was, now} in _OPPOSITES
        case ast.Constant(value=bool()), ast.Constant(value=bool()):
            return True
        case ast.Constant(value=str(was)), ast.Constant(value=str(now)):
            return {was.lower(), now.lower()} == {"true", "false"}
        case ast.BoolOp(op=one, values=parts), ast.BoolOp(op=other, values=others):
            if type(one) is not type(other):
                return names(plain(old)) == names(plain(new))
            return len(parts) == len(others) and all(map(are_opposite, parts, others))
        case ast.Compare(left=left, ops=[one], comparators=[side]), ast.Compare(ops=[other], comparators=[another]):
            is_turned = {type(one), type(other)} == {ast.Eq, ast.NotEq} and same(left, new.left)
            is_turned = is_turned and not same(side, another) and not _is_yes_or_no(side)
            return is_turned or same(opposite(plain(old)), plain(new))
    turned = opposite(plain(old))
    return same(turned, plain(new)) or (
        isinstance(new, ast.BoolOp)
        and isinstance(turned, _VALUE)
        and ast.unparse(turned) in parts_joined(new, type(new.op))
    )


def _is_yes_or_no(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).lower() in ("true", "false")


def _of_ends(one: Exchange, old: ast.expr, new: ast.expr) -> str:
    """`x.startswith(("/a/", "/b/"))` → `x.startswith(("/a/", "/"))`, `x.startswith("a")` → `"a" in x`"""
    match old, new:
        case ast.Call(func=ast.Attribute(attr=name)), ast.BoolOp(op=ast.Or(), values=parts) if name in _ENDS:
            return next(filter(None, (_of_ends(one, old, part) for part in parts)), "")
        case ast.Call(func=ast.Attribute(value=of, attr=name)), ast.Compare(left=left, ops=[ast.In()]) if name in _ENDS:
            return "asks less" if same(of, new.comparators[0]) and text_of(left) in _affixes(old) else ""
        case ast.Call(func=ast.Attribute(attr=name)), ast.Call(func=ast.Attribute(attr=other)) if name in _ENDS:
            return "turned" if other in _ENDS and other != name else _of_affixes(name, _affixes(old), _affixes(new))
        case _ if isinstance(one.within, ast.Call) and (name := last_of(one.within.func)) in _ENDS:
            return _of_affixes(name, *({text_of(node) or ""} for node in (old, new)))
    return ""


def _affixes(call: ast.Call) -> set[str]:
    given = [one for part in call.args for one in (part.elts if isinstance(part, ast.Tuple) else [part])]
    return {text for one in given if (text := text_of(one)) is not None}


def _of_affixes(name: str, was: set[str], now: set[str]) -> str:
    """Whether one that came is a part of one that was there: more texts begin or end with it."""
    fits = str.startswith if name in _STARTS else str.endswith
    is_wider = any(fits(text, one) for one in now - was for text in was)
    return "asks less" if is_wider else ""


def _of_choices(old: ast.expr, new: ast.expr) -> str:
    """`a if x else b` → `a`"""
    if isinstance(old, ast.IfExp) and (same(old.body, new) or same(old.orelse, new)):
        return "always the same"
    return ""


def _of_comparisons(old: ast.expr, new: ast.expr) -> str:
    """What compares at fewer ends, asks only whether anything is there, or whether one has the other in it."""
    match old, new:
        case ast.Compare(ops=[_, _, *_]), ast.Compare():
            if _compared(new) < _compared(old):
                return "asks less"
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]), ast.Compare(ops=[ast.In()]):
            if {ast.unparse(left), ast.unparse(right)} == {*map(ast.unparse, (new.left, *new.comparators))}:
                return "asks less"
        case ast.Compare(left=left, comparators=[side]), ast.Compare(left=other, comparators=[another]):
            if same(left, other) and _is_yes_or_no(side) and _is_yes_or_no(another):
                return "the same otherwise"
        case ast.Compare(left=left, comparators=[ast.Constant(value=None)]), ast.Call(args=args):
            if any(same(left, given) for given in args):
                return "turns away less"  # one kind of error, of all
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]), ast.Call(
            func=ast.Attribute(value=on, attr=name), args=[given]
        ) if name in _ENDS:
            if {ast.unparse(left), ast.unparse(right)} == {ast.unparse(on), ast.unparse(given)}:
                return "asks less"
    return _of_presence(old, new, _bare(new))


def _of_presence(old: ast.expr, new: ast.expr, bare: ast.expr | None) -> str:
    """`x.maker == me` → `x.maker`, `x.fits(me)` → `x.fits(me) is not None`"""
    if bare is None:
        return ""
    asked, was = ast.unparse(bare), ast.unparse(old)
    if isinstance(old, ast.Compare) and not only_asks_whether_there(old) and asked in was:
        return "only whether there"
    if same(bare, new):
        return ""
    says_no = (
        isinstance(new, ast.Compare)
        and _is_yes_or_no(new.comparators[0])
        and isinstance(new.ops[0], ast.NotEq | ast.IsNot)
    )
    is_asked = asked == was and (says_no or not only_asks_whether_there(old) or isinstance(old, ast.Call | ast.Await))
    return "only whether there" if is_asked or was.startswith(f"{asked}.") else ""


def _compared(node: ast.Compare) -> set[str]:
    sides = [node.left, *node.comparators]
    return {
        f"{ast.unparse(one)} {type(op).__name__} {ast.unparse(other)}"
        for (one, other), op in zip(pairwise(sides), node.ops, strict=True)
    }


def _bare(node: ast.expr) -> ast.expr | None:
    """`x` of `x`, `not x`, `x is not None`, `x != ""`"""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Compare(
            left=left, ops=[ast.NotEq() | ast.IsNot() | ast.Eq() | ast.Is()], comparators=[ast.Constant(value=value)]
        ):
            return left if value in _EMPTY else None
        case ast.Name() | ast.Attribute() | ast.Subscript():
            return node
    return None


def _of_values(one: Exchange, old: ast.expr, new: ast.expr) -> str:
    inside = [{ast.unparse(part) for part in ast.walk(node) if isinstance(part, ast.expr)} for node in (old, new)]
    if _waits_no_longer(old, new):
        called = last_of(new.func) if isinstance(new, ast.Call) else ""
        is_fine = called in plain_now(*one.sources) or is_handed_on(one.statement, one.blocks[1])
        return "the same otherwise" if is_fine else "nobody waits for it"
    if isinstance(new, ast.Compare) and only_asks_whether_there(new) and not only_asks_whether_there(old):
        return "only whether there"
    if ast.unparse(new) in inside[0]:
        return "the same otherwise" if _is_form(old) or _is_part(one, old, new) else "less of it"
    if (
        isinstance(new, ast.BinOp)
        and isinstance(one.within, ast.Compare)
        and same(new.left, old)
        and is_number(new.right)
    ):
        return "another number"  # `x.until` → `x.until + 99999`
    if ast.unparse(old) in inside[1]:
        return _of_wrapped(one, old, new)
    if isinstance(one.within, ast.AnnAssign) and one.within.annotation is old and names(new) <= _ANYTHING:
        return "takes more"
    if _is_less_careful(one, old, new):
        return "read from elsewhere"
    are_fixed = all(isinstance(node, ast.Name) and node.id.isupper() for node in (old, new))
    if not are_fixed and (is_renamed(one) or is_derived(one)):
        return "the same otherwise"
    if (isinstance(old, _VALUE) and isinstance(new, _VALUE)) or asks_the_caller(one):
        return "read from elsewhere"
    if isinstance(old, _CALLED) and isinstance(new, _CALLED):
        return "the same otherwise"
    if any(decides(node) or isinstance(node, ast.BoolOp) for node in (old, new)):
        return "another condition"
    is_value = all(isinstance(node, (*_VALUE, *_CALLED)) for node in (old, new))
    return "another value" if is_value else "the same otherwise"


def _of_wrapped(one: Exchange, old: ast.expr, new: ast.expr) -> str:
    """`x` → `go(x)`"""
    if _asks_more_of(one, old, new):
        return "turns away less"
    if asks_the_caller(one):
        return "read from elsewhere"
    return "the same otherwise" if isinstance(new, ast.Call) else "another value"


def _finds_all(old: ast.expr, new: ast.expr) -> bool:
    """`x.filter(a=1)` → `x.all()`"""
    match old, new:
        case ast.Call(func=ast.Attribute(value=of, attr="filter" | "exclude" | "where")), ast.Call(
            func=ast.Attribute(value=other, attr="all")
        ):
            return same(of, other)
    return False


def _is_less_careful(one: Exchange, old: ast.expr, new: ast.expr) -> bool:
    """`jwt.verify(x)` → `jwt.decode(x)`, and in Go `hmac.Equal` → `bytes.Equal`"""
    of = one.within
    if isinstance(of, ast.Attribute) and of.value is old:
        return is_careless(of, ast.Attribute(new, of.attr))
    if isinstance(of, ast.Call) and of.func is old:
        return is_careless(old, new) or is_another_right(one)
    if isinstance(old, ast.Call) and isinstance(new, ast.Call):
        return names_met(old, new) and is_careless(old.func, new.func)
    return False


def is_another_right(one: Exchange) -> bool:
    """`if not can_update(me): return` → `if not can_view(me): return`"""
    called = [last_of(node) for node in (one.old, one.new) if isinstance(node, ast.Name | ast.Attribute)]
    is_called = isinstance(one.within, ast.Call) and one.within.func is one.old
    return is_called and len(called) == 2 and all(map(GUARD.match, called))


def _asks_more_of(one: Exchange, old: ast.expr, new: ast.expr) -> bool:
    """`if x.bot: return` → `if x.bot.fits("a"): return`"""
    match one.statement, new:
        case ast.If(test=test, body=body), ast.Call(args=[_, *_]) if test is old:
            return leaves(body) and not only_asks_whether_there(old)
    return False


def _is_part(one: Exchange, old: ast.expr, new: ast.expr) -> bool:
    """`x.name` → `x` where nothing is compared or told a stranger, `x, _ = go()` → `x = go()`"""
    match old:
        case ast.Attribute(value=of, attr=name):
            is_care = care_of(name) or SECRET.search(name) or OF_SOMEBODY.search(name)
            is_told = isinstance(one.within, ast.Call) and _TELLS.fullmatch(last_of(one.within.func))
            return (
                same(of, new) and not is_care and not is_told and not isinstance(one.within, ast.Compare | ast.BoolOp)
            )
        case ast.Tuple():
            return isinstance(one.within, ast.Assign) and one.within.value is not old
    return False


def _is_form(node: ast.expr) -> bool:
    """`str(x)`, `{"x": x}`, `x + "/"`: another form of the same thing."""
    match node:
        case ast.Call(args=[ast.Lambda(body=ast.Name())]):
            return True  # `x.filter((one) => one)`
        case ast.Call(func=called, args=[_, _], keywords=[]) if last_of(called) == "cast":
            return True  # the one of `typing`
        case ast.Call(func=called) if not care_of(last_of(called)):
            return _FORM.search(words(called)) is not None
        case ast.Dict() | ast.List() | ast.Starred() | ast.BinOp(op=ast.Add()) | ast.Tuple(elts=[_]):
            return True
    return False


def names_met(old: ast.Call, new: ast.Call) -> bool:
    """Whether the two are given something of the same."""
    return not names(old).isdisjoint(names(new))


def _waits_no_longer(old: ast.expr, new: ast.expr) -> bool:
    """`await x()` → `x()`, `create_task(x())`, `x().catch(…)`; in Go, `x()` → `go x()`"""
    match old, new:
        case ast.Await(value=inner), _:
            waits = any(isinstance(part, ast.Await) for part in ast.walk(new))
            return not waits and any(same(inner, part) for part in ast.walk(new) if isinstance(part, ast.Call))
        case ast.Call(), ast.Call(func=ast.Name(id="go"), args=[given], keywords=[]):
            return same(old, given)
    return False
