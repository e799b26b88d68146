"""What was done to a part of a statement that stands otherwise now: it is turned, asks less, is another number."""

from __future__ import annotations

import ast
from dataclasses import replace
from itertools import pairwise

from kintsugi.repair.policy.conditions import are_opposite, only_asks_whether_there, opposite, plain
from kintsugi.repair.policy.expressions import amount_of, is_number, words
from kintsugi.repair.policy.safeguards.about import decides, speaks_of_rights
from kintsugi.repair.policy.safeguards.care import care_of, is_careless, last_of, lets_in
from kintsugi.repair.policy.safeguards.exchanged import Exchange, same
from kintsugi.repair.policy.safeguards.listed import of_lists
from kintsugi.repair.policy.safeguards.named import asks_the_caller, is_derived, is_renamed
from kintsugi.repair.policy.safeguards.pieces import is_prose, leaves, names
from kintsugi.repair.policy.safeguards.texts import finds_more, text_of
from kintsugi.repair.policy.safeguards.waiting import plain_now
from kintsugi.repair.policy.vocabulary import LIMIT, OF_SOMEBODY, OPENED_BY, SECRET
from kintsugi.repair.syntax import walked
from kintsugi.telemetry import lazy_re as re

_VALUE = (ast.Name, ast.Attribute, ast.Subscript)
_CALLED = (ast.Call, ast.Await)
_ALL = ("*", "0.0.0.0/0", "::/0", "all", "any", "everyone", "everybody", "public")
_OPPOSITES = ({"all", "any"}, {"none", "all"}, {"min", "max"}, {"every", "some"})
_ANYTHING = {"str", "bytes", "int", "object", "Any", "dict", "list"}
_DELAY = re.compile(r"(?:^|_)(?:delay|wait|size|length|bytes|age|depth|pause|backoff)(?:$|_)")
_STARTS = ("startswith", "starts_with", "has_prefix")
_ENDS = (*_STARTS, "endswith", "ends_with", "has_suffix")
_FORM = re.compile(
    r"(?:^| )(?:go|str|string|number|int|float|bool|list|tuple|set|dict|element|bytes|to_str(?:ing)?"
    r"|\w*(?:unescape|unquote|decode|parse))$",
    re.IGNORECASE,
)
_SENTENCE = 3  # spaces
_WORDS = 2  # spaces
_UNITS = {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_TIMES = 5
_OF_TIME = {"nanosecond": 1, "microsecond": 2, "millisecond": 3, "second": 4, "minute": 5, "hour": 6, "day": 7}
_AMOUNT = re.compile(r"(\d+) ?([a-z]{1,7})", re.IGNORECASE)
_IN_A_ROW = re.compile(r"\b[a-z]{2,}[,.:;]? (?=[a-z]{2})")
_FEW, _MANY = 3, 12  # words in a row
_STOPS = re.compile(r"[,.!?](?:\s|$)")
_CHOICE = re.compile(r"[A-Za-z][\w:-]{1,30}")
_EVERYBODY = re.compile(r"(?:^|[_ ])(?:all|any|every\w*)(?:[_ ]|$)", re.IGNORECASE)
_HUGE = 10_000
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
    if lets_in(old, new):
        return "turns away less"
    return (
        _of_ends(one, *usual)
        or _of_choices(old, new)
        or _of_comparisons(old, new)
        or _of_parts(one, old, new, place)
        or _of_constants(one, old, new)
        or _of_grown(one, of_lists(old, new))
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
                return names(old) == names(new)
            return len(parts) == len(others) and all(map(are_opposite, parts, others))
        case ast.Compare(left=left, ops=[one], comparators=[side]), ast.Compare(ops=[other], comparators=[another]):
            is_turned = {type(one), type(other)} == {ast.Eq, ast.NotEq} and same(left, new.left)
            is_turned = is_turned and not same(side, another) and not _is_yes_or_no(side)
            return is_turned or same(opposite(plain(old)), plain(new))
    turned = opposite(plain(old))
    return same(turned, plain(new)) or (
        isinstance(new, ast.BoolOp) and isinstance(turned, _VALUE) and ast.unparse(turned) in _parts(new, type(new.op))
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


def _of_parts(one: Exchange, old: ast.expr, new: ast.expr, place: str) -> str:
    """`a or b` → `a`, `a` → `a and b`"""
    joined = next((node for node in (new, old) if isinstance(node, ast.BoolOp)), None)
    if joined is None:
        return ""
    was, now = (_parts(node, type(joined.op)) for node in (old, new))
    turns_away = (
        isinstance(one.statement, ast.If | ast.While) and place != "in a branch" and not _says_yes(one.statement)
    )
    if now < was and isinstance(old, ast.BoolOp):
        was, now = (_parts(node, type(old.op)) for node in (old, new))
        gone = [part for part in old.values if ast.unparse(plain(part)) not in now]
        if all(isinstance(part, ast.Compare) and _is_there(part, now) for part in gone) or _are_defaults(old, gone):
            return "the same otherwise"
        is_looser = isinstance(old.op, ast.Or) == turns_away or not isinstance(one.statement, ast.If | ast.While)
        return "asks less" if is_looser else "asks less of what turns away"
    if was < now:
        come = [part for part in joined.values if ast.unparse(plain(part)) not in was]
        if isinstance(joined.op, ast.Or):
            if all(map(_is_for_nothing, come)):
                return _of_nothing(one, old)
            if any(_EVERYBODY.search(words(part)) for part in come):
                return "lets in all"
            if turns_away:
                return "asks more" if place == "in a refusal" else "another condition"
            return "lets in more" if _decides_by(one, come) else "another condition"
        return "turns away less" if turns_away and not all(_is_there(part, was) for part in come) else "asks more"
    return ""


def _are_defaults(node: ast.BoolOp, parts: list[ast.expr]) -> bool:
    """`9` of `x.most or 9`"""
    plain_ = ast.Constant | ast.List | ast.Dict | ast.Tuple
    return isinstance(node.op, ast.Or) and all(isinstance(part, plain_) or _is_dict(part) for part in parts)


def _of_nothing(one: Exchange, old: ast.expr) -> str:
    """`y = x.listed or []` says the same, but where `y is None` is asked, or where nothing given equals a secret."""
    if isinstance(one.within, ast.Compare) and SECRET.search(words(old)):
        return "lets in more"
    asked = {*map(ast.unparse, one.within.targets if isinstance(one.within, ast.Assign) else [])}
    is_known = any(
        isinstance(node, ast.Compare) and _is_none(node.comparators[0]) and ast.unparse(node.left) in asked
        for node in walked(one.blocks[1])
    )
    return "emptied" if is_known else "the same otherwise"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_for_nothing(part: ast.expr) -> bool:
    """`[]` of `x.listed or []`, `""` of `x.name or ""`"""
    match part:
        case ast.Constant(value=value):
            return value in _EMPTY
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]) | ast.Call(args=[], keywords=[]):
            return not isinstance(part, ast.Call) or _is_dict(part)
    return False


def _is_dict(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict"


def _says_yes(statement: ast.AST) -> bool:
    match statement:
        case ast.If(body=[*_, ast.Return(value=ast.Constant(value=True))]):
            return True
    return False


def _decides_by(one: Exchange, come: list[ast.expr]) -> bool:
    """Whether it is a condition, and not what stands where there is nothing: `x or []`."""
    if isinstance(one.within, ast.Compare):
        return False
    is_asked = isinstance(one.statement, ast.If | ast.While | ast.Return) or speaks_of_rights(str(one))
    return is_asked and not all(isinstance(part, ast.Constant | ast.List | ast.Dict | ast.Tuple) for part in come)


def _is_there(part: ast.expr, others: set[str]) -> bool:
    """`x is not None`, `x` of `x and x.open`: whether there is what the others speak of; which error it is."""
    if "err" in names(part):
        return True
    match part:
        case ast.Compare(left=left, comparators=[ast.Constant(value=None)]):
            return any(ast.unparse(left) in other for other in others)
    if not only_asks_whether_there(part):
        return False
    bare = part.operand if isinstance(part, ast.UnaryOp) else part
    text = ast.unparse(bare)
    if bare is part and any(other.startswith(f"{text} != ") or other.endswith(f" != {text}") for other in others):
        return False  # of `given and given != x.key`: who gives nothing is let through
    return isinstance(bare, ast.Compare) or any(text in other for other in others)


def _parts(node: ast.expr, way: type[ast.boolop]) -> set[str]:
    values = node.values if isinstance(node, ast.BoolOp) and isinstance(node.op, way) else [node]
    return {ast.unparse(plain(one)) for one in values}


def is_multiplied(old: ast.expr, new: ast.expr) -> bool:
    """`LIMIT` → `LIMIT * 100`"""
    match new:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return is_number(right) and not is_number(old) and same(left, old)
    return False


def is_lifted(one: Exchange) -> bool:
    """`x.limit` → `1 << 30`, `x.delay` → `0`, `timeout=9` → `timeout=None`, `limit="10kb"` → `limit="10gb"`"""
    about = [words(one.old).rpartition(" ")[2], *(of.arg or "" for of in one.around if isinstance(of, ast.keyword))]
    match one.statement:
        case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
            about.append(words(target).rpartition(" ")[2])
    if all(isinstance(node, ast.Attribute | ast.Constant) for node in (one.old, one.new)):
        units = [_OF_TIME.get(ast.unparse(node).rpartition(".")[2].lower(), 0) for node in (one.old, one.new)]
        if units[0]:
            return units[0] < units[1]  # `time.Second` → `time.Hour`
    if not any(LIMIT.search(name) or _DELAY.search(name) for name in about):
        return False
    was, now = (_AMOUNT.fullmatch(text_of(node) or "") for node in (one.old, one.new))
    if was and now:
        before, after = (int(found[1]) * _UNITS.get(found[2].lower(), 0) for found in (was, now))
        return before > 0 and after >= _TIMES * before
    if isinstance(one.new, ast.Constant) and one.new.value is None:
        return amount_of(one.old) is not None
    amount = amount_of(one.new)
    return isinstance(one.old, ast.Name | ast.Attribute) and amount is not None and (amount <= 0 or amount >= _HUGE)


def _of_constants(one: Exchange, old: ast.expr, new: ast.expr) -> str:
    if is_lifted(one):
        return "another number"
    text, other = text_of(old), text_of(new)
    if text is not None and other is not None:
        return _of_texts(one, text, other)
    match old, new:
        case ast.Constant(value=was), ast.Constant(value=now):
            if is_number(old) and is_number(new):
                counts = isinstance(one.within, ast.Compare) or not (_is_few(was) and _is_few(now))
                return "another number" if counts else "the same otherwise"
            return "another constant"
        case _, ast.Constant(value=bool()):
            return "always the same"
        case _, ast.Constant(value=str(now)) if now in _ALL[:3]:
            return "lets in all"
    if is_number(new) and is_number(old):
        return "another number"
    if isinstance(new, ast.Constant) and new.value in _EMPTY and not isinstance(old, ast.Constant):
        return "the same otherwise" if _is_for_nothing(old) else "emptied"
    if max((text or "").count(" "), (other or "").count(" ")) >= _SENTENCE:
        return "another text"
    return "another constant" if isinstance(old, ast.Constant) or isinstance(new, ast.Constant) else ""


def _of_grown(one: Exchange, done: str) -> str:
    """A list by whose name more is let in: `scopes=["read"]` → `scopes=["read", "admin"]`"""
    named = [of.arg or "" for of in one.around if isinstance(of, ast.keyword)]
    return "takes more" if done == "lists more" and named and OPENED_BY.fullmatch(named[-1]) else done


def _of_texts(one: Exchange, was: str, now: str) -> str:
    if now in _ALL and was not in _ALL:
        return "lets in all"
    if finds_more(was, now):
        return "finds more"
    if was.isdecimal() and now.isdecimal():
        return "another number"
    if set(was.split()) < set(now.split()) and (grown := _of_grown(one, "lists more")) != "lists more":
        return grown
    if not (isinstance(one.old, ast.Constant) and isinstance(one.new, ast.Constant)):
        return ""
    if _is_key(one):
        return "read from elsewhere"
    if any(isinstance(of, ast.Compare) for of in one.around):
        return "another condition"
    is_word = _CHOICE.fullmatch(was) and _CHOICE.fullmatch(now) and isinstance(one.within, ast.Call | ast.keyword)
    if is_word:
        return "another word"
    is_for_people = any(is_prose(repr(text)) or _is_said(text) for text in (was, now))
    return "another text" if was.count(" ") < _WORDS or is_for_people else "another constant"


def _is_said(text: str) -> bool:
    """Words for people, though no whole sentence, or much more than one."""
    in_a_row = len(_IN_A_ROW.findall(text))
    return in_a_row >= _MANY or (in_a_row >= _FEW and _STOPS.search(text) is not None)


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


def _of_values(one: Exchange, old: ast.expr, new: ast.expr) -> str:
    inside = [{ast.unparse(part) for part in ast.walk(node) if isinstance(part, ast.expr)} for node in (old, new)]
    if _waits_no_longer(old, new):
        called = last_of(new.func) if isinstance(new, ast.Call) else ""
        return "the same otherwise" if called in plain_now(*one.sources) else "nobody waits for it"
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
        if _asks_more_of(one, old, new):
            return "turns away less"
        return "the same otherwise" if isinstance(new, ast.Call) else "another value"
    if isinstance(one.within, ast.AnnAssign) and one.within.annotation is old and names(new) <= _ANYTHING:
        return "takes more"
    if (
        isinstance(old, ast.Call)
        and isinstance(new, ast.Call)
        and names_met(old, new)
        and is_careless(old.func, new.func)
    ):
        return "read from elsewhere"
    of = one.within
    if isinstance(of, ast.Attribute) and of.value is old and is_careless(of, ast.Attribute(new, of.attr)):
        return "read from elsewhere"  # `hmac.Equal` → `bytes.Equal` of Go
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


def _asks_more_of(one: Exchange, old: ast.expr, new: ast.expr) -> bool:
    """`if x.bot: return` → `if x.bot.fits("a"): return`"""
    is_asked = isinstance(one.statement, ast.If) and one.statement.test is old and not only_asks_whether_there(old)
    return is_asked and leaves(one.statement.body) and isinstance(new, ast.Call) and bool(new.args)


def _is_part(one: Exchange, old: ast.expr, new: ast.expr) -> bool:
    """`x.name` → `x` where nothing is compared, `x, _ = go()` → `x = go()`"""
    match old:
        case ast.Attribute(value=of, attr=name):
            is_care = care_of(name) or SECRET.search(name) or OF_SOMEBODY.search(name)
            return same(of, new) and not is_care and not isinstance(one.within, ast.Compare | ast.BoolOp)
        case ast.Tuple():
            return isinstance(one.within, ast.Assign) and one.within.value is not old
    return False


def _is_form(node: ast.expr) -> bool:
    """`str(x)`, `{"x": x}`, `x + "/"`: another form of the same thing."""
    match node:
        case ast.Call(args=[ast.Lambda(body=ast.Name())]):
            return True  # `x.filter((one) => one)`
        case ast.Call(func=called) if not care_of(last_of(called)):
            return _FORM.search(words(called)) is not None
        case ast.Dict() | ast.List() | ast.Starred() | ast.BinOp(op=ast.Add()):
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
