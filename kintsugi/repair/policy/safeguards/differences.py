"""What of a kept statement stands otherwise now, with its signs: what was done to it, and in what kind of place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kintsugi.repair.policy.conditions import only_asks_whether_there, opposite, plain
from kintsugi.repair.policy.expressions import amount_of, is_number
from kintsugi.repair.policy.safeguards.about import decides, refuses, speaks_of_rights
from kintsugi.repair.policy.safeguards.exchanged import Exchange, Pair, names, same
from kintsugi.repair.policy.safeguards.named import is_derived, is_new, is_renamed
from kintsugi.repair.policy.vocabulary import LIMIT, PROTECTING

_VALUE = (ast.Name, ast.Attribute, ast.Subscript)
_CALLED = (ast.Call, ast.Await)
_HOLDS = re.compile(r"\b(?:AND|WHERE)\b")
_ALL = ("*", "0.0.0.0/0", "::/0")
_EVERYBODY = frozenset(map(repr, _ALL))
_OF_CALLERS = frozenset(("request", "req", "headers", "header", "query", "body", "params", "cookies", "form", "meta"))
_OPPOSITES = ({"all", "any"}, {"min", "max"}, {"every", "some"})
_MODES = range(0o100, 0o10000)  # who may do what with a file
_OTHERS = 0o077
_TIMES = 5  # as much
_ADDED = 3  # statements
_MUCH = 4  # differences in a function
_DECIDING = ("in a refusal", "in a decision")
SAID = {
    "turned": "It turns a condition.",
    "always the same": "It decides nothing any more.",
    "nobody waits for it": "Nobody waits for it any more.",
    "asks less": "It asks less than before.",
    "asks less of what turns away": "It asks less than before.",
    "read from elsewhere": "It asks about something else.",
    "less of it": "It takes less care than before.",
    "another number": "It changes a limit.",
    "lists less": "It lists less than before.",
    "only whether there": "It asks less than before.",
    "lists more": "It lists more than before.",
    "says more": "It says more than before.",
    "another condition": "It asks something else.",
    "another constant": "It is another value now.",
    "another value": "It asks about something else.",
    "given less": "It is given less than before.",
    "lets in more": "It lets in more than before.",
    "turns away less": "It turns away less than before.",
    "asks more": "It turns away other cases than before.",
    "given more": "It is given more than before.",
    "the same otherwise": "It is written otherwise.",
    "the same in other words": "It is written otherwise.",
    "another text": "It says something else.",
}


def signs_of(one: Exchange, pair: Pair) -> Iterator[str]:
    """The first says what was done to it."""
    several = len(pair.exchanged)
    place = _place(one)
    yield (done := _done(one, place))
    yield place
    speaks = speaks_of_rights(f"{_about(one, done)} {one.function}") or _is_of_protection(one)
    speaks = speaks or (done in ("another number", "less of it") and _is_of_limit(one))
    if speaks or speaks_of_rights(ast.unparse(one.statement).partition("\n")[0]):
        yield "speaks of rights, secrets or limits"
    if speaks and place in _DECIDING:
        yield "decides by them"
    if isinstance(one.within, ast.Compare):
        yield "compared"
    if done == "another number" and _opens_file(one):
        yield "open to others"
    if done == "another number" and _is_many_times(one):
        yield "many times as much"
    if several == 1:
        yield "nothing else there was changed"
    if several >= _MUCH:
        yield "much else there was changed"
    if len(pair.come) - (len(pair.gone) - len(pair.unpaired)) >= _ADDED:
        yield "much came beside it"
    if _asks_the_caller(one):
        yield "taken from who asks"
    elif is_new(one):
        yield "names what is new"
    if (
        done not in ("turned", "asks more", "turns away less")
        and isinstance(one.old, ast.Compare | ast.Call | ast.BoolOp)
        and one.stays
    ):
        yield "stands elsewhere now"


def _about(one: Exchange, done: str) -> str:
    """What is spoken of: where something was only added, that."""
    if not isinstance(one.old, ast.expr):
        return ""
    about = ast.unparse(one.old)
    if done in ("says more", "lists more", "given more"):
        there = set(about.replace("=", " ").replace(",", " ").split())
        return " ".join(word for word in re.split(r"[\s=,]+", ast.unparse(one.new)) if word not in there)
    return about


def _is_of_limit(one: Exchange) -> bool:
    return LIMIT.search(" ".join(_names_of(one)).lower()) is not None


def _names_of(one: Exchange) -> Iterator[str]:
    yield from names(one.old)
    yield from (of.arg or "" for of in one.around if isinstance(of, ast.keyword))
    match one.statement:
        case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
            yield from names(target)
    if isinstance(one.within, ast.Compare | ast.Call):
        yield from names(one.within)


def _is_of_protection(one: Exchange) -> bool:
    """An argument that protects by its name, whatever it is set to."""
    return any(isinstance(of, ast.keyword) and PROTECTING.fullmatch(of.arg or "") for of in one.around)


def _asks_the_caller(one: Exchange) -> bool:
    """What whoever asks can write as they like, and did not decide before."""
    old, new = (set(map(str.lower, names(node))) for node in (one.old, one.new))
    return not _OF_CALLERS.isdisjoint(new - old) or bool(
        _OF_CALLERS & new and new - old and _texts(one.new) - _texts(one.old)
    )


def _texts(node: ast.AST) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def _is_many_times(one: Exchange) -> bool:
    if isinstance(one.old, ast.expr) and isinstance(one.new, ast.expr) and _is_multiplied(one.old, one.new):
        return True
    less, more = sorted(abs(amount_of(node) or 0) for node in (one.old, one.new))
    return more >= _TIMES * max(less, 1)


def _opens_file(one: Exchange) -> bool:
    """`0o600` → `0o644`"""
    match one.old, one.new:
        case ast.Constant(value=int() as was), ast.Constant(value=int() as now):
            return was in _MODES and now in _MODES and now & ~was & _OTHERS != 0
    return False


def _place(one: Exchange) -> str:
    statement, inner = one.statement, one.around[1:]
    match statement:
        case ast.Assert():
            return "in a refusal"
        case ast.While():
            return "in a decision"
        case ast.If(body=body):
            if refuses(body):
                return "in a refusal"
            return "in a decision" if isinstance(body[-1], ast.Return) else "in a branch"
        case ast.Raise():
            return "in a message"
        case ast.Return() if inner and all(isinstance(of, ast.BoolOp | ast.Compare | ast.UnaryOp) for of in inner):
            return "in a decision"
        case ast.Return():
            return "in a value"
    if any(isinstance(of, ast.comprehension) for of in inner):
        return "in a decision"
    return "in a decision" if any(map(decides, (*inner, one.old))) else "in a value"


def _done(one: Exchange, place: str) -> str:
    old, new = one.old, one.new
    if isinstance(old, ast.cmpop | ast.boolop) or not isinstance(old, ast.expr) or not isinstance(new, ast.expr):
        return "turned" if isinstance(old, ast.cmpop | ast.boolop) else "the same otherwise"
    if same(plain(old), plain(new)):
        return "the same in other words"
    if _is_turned(old, new):
        return "turned"
    if _is_multiplied(old, new):
        return "another number"
    return (
        _of_parts(one, old, new, place)
        or _of_constants(one, old, new)
        or _of_lists(old, new)
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
    return same(opposite(plain(old)), plain(new))


def _of_parts(one: Exchange, old: ast.expr, new: ast.expr, place: str) -> str:
    """`a or b` → `a`, `a` → `a and b`"""
    joined = old if isinstance(old, ast.BoolOp) else new
    if not isinstance(joined, ast.BoolOp):
        return ""
    was, now = (_parts(node, type(joined.op)) for node in (old, new))
    turns_away = isinstance(one.statement, ast.If | ast.While) and place != "in a branch"
    if now < was:
        gone = [part for part in joined.values if ast.unparse(plain(part)) not in now]
        if all(isinstance(part, ast.Compare) and _is_there(part, now) for part in gone):
            return "the same otherwise"
        is_looser = isinstance(joined.op, ast.Or) == turns_away or not isinstance(one.statement, ast.If | ast.While)
        return "asks less" if is_looser else "asks less of what turns away"
    if was < now:
        come = [part for part in joined.values if ast.unparse(plain(part)) not in was]
        if isinstance(joined.op, ast.Or):
            if turns_away:
                return "asks more" if place == "in a refusal" else "another condition"
            return "lets in more" if _decides_by(one, come) else "another condition"
        return "turns away less" if turns_away and not all(_is_there(part, was) for part in come) else "asks more"
    return ""


def _decides_by(one: Exchange, come: list[ast.expr]) -> bool:
    """Whether it is a condition, and not what stands where there is nothing: `x or []`."""
    is_asked = isinstance(one.statement, ast.If | ast.While | ast.Return) or speaks_of_rights(str(one))
    return is_asked and not all(isinstance(part, ast.Constant | ast.List | ast.Dict | ast.Tuple) for part in come)


def _is_there(part: ast.expr, others: set[str]) -> bool:
    """`x is not None`, `x` of `x and x.open`: whether there is what the others speak of; which error it is."""
    if "err" in names(part):
        return True
    if not only_asks_whether_there(part):
        return False
    bare = part.operand if isinstance(part, ast.UnaryOp) else part
    return isinstance(bare, ast.Compare) or any(ast.unparse(bare) in other for other in others)


def _parts(node: ast.expr, way: type[ast.boolop]) -> set[str]:
    values = node.values if isinstance(node, ast.BoolOp) and isinstance(node.op, way) else [node]
    return {ast.unparse(plain(one)) for one in values}


def _is_multiplied(old: ast.expr, new: ast.expr) -> bool:
    """`LIMIT` → `LIMIT * 100`"""
    match new:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return is_number(right) and not is_number(old) and same(left, old)
    return False


def _of_constants(one: Exchange, old: ast.expr, new: ast.expr) -> str:
    match old, new:
        case ast.Constant(value=str(was)), ast.Constant(value=str(now)):
            if now in _ALL and was not in _ALL:
                return "always the same"
            if _asks_less(was, now):
                return "less of it"
            return "read from elsewhere" if _is_key(one) else "another text"
        case ast.Constant(value=was), ast.Constant(value=now):
            if is_number(old) and is_number(new):
                counts = isinstance(one.within, ast.Compare) or not (_is_few(was) and _is_few(now))
                return "another number" if counts else "the same otherwise"
            return "another constant"
        case _, ast.Constant(value=bool()):
            return "always the same"
    if is_number(old) and is_number(new):
        return "another number"
    return "another constant" if isinstance(old, ast.Constant) or isinstance(new, ast.Constant) else ""


def _is_few(value: object) -> bool:
    return type(value) is int and value in (0, 1, 2)  # a length of time by its name is no such number


def _is_key(one: Exchange) -> bool:
    """`x["a"]`, `x.get("a")`: what is read goes by it."""
    match one.within:
        case ast.Subscript():
            return True
        case ast.Call(func=ast.Attribute(attr="get" | "header" | "getenv"), args=[first, *_]):
            return first is one.old
    return False


def _asks_less(was: str, now: str) -> bool:
    """`"name = ? AND active = 1"` → `"name = ?"`"""
    before, after = ({part.strip(" ()") for part in _HOLDS.split(" ".join(text.split()))} for text in (was, now))
    return after < before


def _of_lists(old: ast.expr, new: ast.expr) -> str:
    match old, new:
        case ast.List() | ast.Tuple() | ast.Set(), ast.List() | ast.Tuple() | ast.Set():
            was, now = ({ast.unparse(part) for part in listed.elts} for listed in (old, new))
            if not _EVERYBODY.isdisjoint(now - was):
                return "always the same"
            return "lists less" if now < was else "lists more" if was < now else "the same otherwise"
        case ast.Call(func=called), ast.Call(func=other) if same(called, other):
            was, now = ({ast.unparse(part) for part in (*call.args, *call.keywords)} for call in (old, new))
            if isinstance(called, ast.Name) and called.id == "dict":
                return "says more" if was < now else "given less" if now < was else "the same otherwise"
            named = {part.arg for part in old.keywords} - {part.arg for part in new.keywords}
            if was < now and not old.args and old.keywords:
                return "says more"
            return "given more" if was < now else "given less" if now < was or named else "the same otherwise"
        case ast.Dict(keys=was_keys), ast.Dict(keys=now_keys):
            was, now = ({ast.unparse(key) for key in keys if key} for keys in (was_keys, now_keys))
            return "says more" if was < now else "the same otherwise"
    return ""


def _of_values(one: Exchange, old: ast.expr, new: ast.expr) -> str:
    inside = [{ast.unparse(part) for part in ast.walk(node) if isinstance(part, ast.expr)} for node in (old, new)]
    if isinstance(old, ast.Await) and same(old.value, new):
        return "nobody waits for it"
    if isinstance(new, ast.Compare) and only_asks_whether_there(new) and not only_asks_whether_there(old):
        return "only whether there"
    if ast.unparse(new) in inside[0]:
        return "less of it"
    if ast.unparse(old) in inside[1]:
        return "the same otherwise" if isinstance(new, ast.Call) else "another value"
    if is_renamed(one) or is_derived(one):
        return "the same otherwise"
    if (isinstance(old, _VALUE) and isinstance(new, _VALUE)) or _asks_the_caller(one):
        return "read from elsewhere"
    if isinstance(old, _CALLED) and isinstance(new, _CALLED):
        return "the same otherwise"
    if any(decides(node) or isinstance(node, ast.BoolOp) for node in (old, new)):
        return "another condition"
    is_value = all(isinstance(node, (*_VALUE, *_CALLED)) for node in (old, new))
    return "another value" if is_value else "the same otherwise"
