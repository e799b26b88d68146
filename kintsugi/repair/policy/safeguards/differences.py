"""What of a kept statement stands otherwise now, with its signs: what was done to it, and in what kind of place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus

from kintsugi.repair.policy.expressions import amount_of, is_stricter, words
from kintsugi.repair.policy.safeguards.about import decides, decides_by_name, refuses, speaks_of_rights
from kintsugi.repair.policy.safeguards.care import care_of, lost
from kintsugi.repair.policy.safeguards.constants import is_lifted, is_multiplied
from kintsugi.repair.policy.safeguards.done import done_to, is_another_right
from kintsugi.repair.policy.safeguards.exchanged import Exchange, Pair
from kintsugi.repair.policy.safeguards.named import asks_the_caller, is_new
from kintsugi.repair.policy.safeguards.pieces import leaves, names
from kintsugi.repair.policy.vocabulary import LIMIT, PROTECTING, WHO

_MODES = range(0o100, 0o10000)  # who may do what with a file
_OTHERS = 0o077
_ANSWERS = frozenset(map(int, HTTPStatus))
_TIMES = 5  # as much
_NEARLY = 0.99
_ADDED = 3  # statements
_MUCH = 4  # differences in a function
_OF_NEW = (
    "lets in more",
    "turns away less",
    "turned",
    "takes more",
    "nobody waits for it",
    "lets in all",
)  # what came is what loosens
_TOLD_AS_IT_IS = (
    "turned",
    "asks more",
    "turns away less",
    "lets in more",
    "only whether there",
    "nobody waits for it",
)
_WHOM = re.compile(r"(?:^|_)(?:user|owner|tenant|workspace|org|organi[sz]ation|guild|account|author|member)(?:_?id)?$")
_STRICTER = {(ast.Gt, ast.GtE), (ast.Lt, ast.LtE)}
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
    "lists others": "It lists others than before.",
    "lets in all": "It lets in all.",
    "finds more": "It reaches more rows than before.",
    "emptied": "It is empty now.",
    "takes more": "It takes more than before.",
    "only whether there": "It asks less than before.",
    "lists more": "It lists more than before.",
    "says more": "It says more than before.",
    "another condition": "It asks something else.",
    "another constant": "It is another value now.",
    "another value": "It asks about something else.",
    "given less": "It is given less than before.",
    "given otherwise": "It is given as something else.",
    "says less": "It says less than before.",
    "lets in more": "It lets in more than before.",
    "turns away less": "It turns away less than before.",
    "asks more": "It turns away other cases than before.",
    "given more": "It is given more than before.",
    "the same otherwise": "It is written otherwise.",
    "the same in other words": "It is written otherwise.",
    "another text": "It says something else.",
    "another word": "It is another value now.",
}


def signs_of(one: Exchange, pair: Pair) -> Iterator[str]:
    """The first says what was done to it."""
    place = _place(one)
    done = done_to(one, place)
    done = "another condition" if done == "always the same" and _is_set_again(one, pair) else done
    yield (done := "the same otherwise" if done.startswith("asks less") and _is_split(one, pair) else done)
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
    yield from _signs_beside(one, pair)
    if holds_back_more(one, place):
        yield "holds back more"
    yield from _signs_of_care(one, done, place)
    if asks_the_caller(one):
        yield "taken from who asks"
        if _is_of_whom(one):
            yield "says who it is"
    elif done not in _OF_NEW and is_new(one) and not _is_another_of_its_kind(one, speaks=speaks):
        yield "names what is new"
    if done not in _TOLD_AS_IT_IS and isinstance(one.old, ast.Compare | ast.Call | ast.BoolOp) and one.stays:
        yield "stands elsewhere now"


def _signs_of_care(one: Exchange, done: str, place: str) -> Iterator[str]:
    """What it took care of by its names, or which right it asked."""
    if lost(one, done):
        yield "took care by its name"
        if (done == "less of it" and isinstance(one.old, ast.Call)) or _is_called(one):
            yield "only that is gone"
    if done == "only whether there" and WHO.search(ast.unparse(one.old)):
        yield "asks no right any more"
    if done == "asks less" and _asks_whom_no_more(one):
        yield "asks no right any more"
    if place in ("in a refusal", "in a decision") and is_another_right(one):
        yield "asks no right any more"


def _asks_whom_no_more(one: Exchange) -> bool:
    """`x.author.id == me.id and x.text == "yes"` → `x.text == "yes"`"""
    kept = ast.unparse(one.new)
    gone = [part for part in getattr(one.old, "values", ()) if ast.unparse(part) not in kept]
    return any(
        WHO.search(words(part))
        or (isinstance(part, ast.Compare) and any(map(_is_somebody, (part.left, part.comparators[0]))))
        for part in gone
    )


def _is_somebody(node: ast.expr) -> bool:
    return _WHOM.search(words(node).replace(" ", "_")) is not None


def _signs_beside(one: Exchange, pair: Pair) -> Iterator[str]:
    """How much else was changed, and whether that shows why."""
    if len(pair.exchanged) == 1:
        yield "nothing else there was changed"
    if len(pair.exchanged) >= _MUCH:
        yield "much else there was changed"
    if len(pair.beside) >= _ADDED:
        yield "much came beside it"
    if not isinstance(one.old, ast.expr) or not isinstance(one.new, ast.expr):
        return
    if not names(one.new).isdisjoint(pair.made - names(one.old)):
        yield "made beside it"
    if sum(str(one) == str(other) for other in pair.exchanged) > 1:
        yield "done at several places"
    turned = f"{ast.unparse(one.new)} → {ast.unparse(one.old)}"
    is_other_order = isinstance(one.within, ast.BoolOp)
    if not is_other_order and any(
        one.statement is other.statement and str(other) == turned for other in pair.exchanged
    ):
        yield "swapped"


def holds_back_more(one: Exchange, place: str) -> bool:
    """`if n > 9: raise` → `if n > 5: raise` or `if n >= 9: raise`, `timeout=30` → `timeout=3`"""
    if isinstance(one.old, ast.cmpop):
        return place == "in a refusal" and (type(one.old), type(one.new)) in _STRICTER
    was, now = amount_of(one.old), amount_of(one.new)
    if was is None or now is None:
        return False
    if was > now > _NEARLY * was and isinstance(one.within, ast.Compare):
        return isinstance(one.within.ops[0], ast.Gt | ast.GtE)
    match one.within:
        case ast.Compare(ops=[ast.Gt() | ast.GtE()], comparators=[side]) if side is one.old:
            return place == "in a refusal" and now < was
        case ast.Compare(ops=[ast.Lt() | ast.LtE()], comparators=[side]) if side is one.old:
            return place == "in a refusal" and now > was
        case ast.Compare():
            return False
    return _is_of_limit(one) and is_stricter(" ".join(_names_of(one)), f"{was:g}", f"{now:g}")


def _is_another_of_its_kind(one: Exchange, *, speaks: bool) -> bool:
    return _are_fixed(one) or (_is_another_of_it(one) and (speaks or _is_fixed(one.old) or _is_asked(one)))


def _is_another_of_it(one: Exchange) -> bool:
    """`x.permissions.administrator` → `x.permissions.read`"""
    if isinstance(one.within, ast.Call) and not _is_asked(one):
        return False
    match one.old, one.new:
        case ast.Attribute(value=of), ast.Attribute(value=other):
            return ast.unparse(of) == ast.unparse(other)
    return False


def _is_asked(one: Exchange) -> bool:
    """`x.is_writer()` → `x.has_access()`"""
    both = [node.attr for node in (one.old, one.new) if isinstance(node, ast.Attribute)]
    return isinstance(one.within, ast.Call) and one.within.func is one.old and all(map(decides_by_name, both))


def _is_fixed(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr.isupper()


def _are_fixed(one: Exchange) -> bool:
    """`USUAL` → `ALL`"""
    return all(isinstance(node, ast.Name) and node.id.isupper() for node in (one.old, one.new))


def _is_set_again(one: Exchange, pair: Pair) -> bool:
    """`found = x == 1` → `found = True`, and then `if x: found = go(x)`"""
    targets = [ast.unparse(each.targets[0]) for each in pair.come if isinstance(each, ast.Assign)]
    return isinstance(one.statement, ast.Assign) and targets.count(ast.unparse(one.statement.targets[0])) > 1


def _is_called(one: Exchange) -> bool:
    return isinstance(one.within, ast.Call) and one.within.func is one.old


def _is_of_whom(one: Exchange) -> bool:
    """`save(user_id=me)` → `save(user_id=payload["user_id"])`: whoever asks says who they are."""
    named = [of.arg or "" for of in one.around[-2:] if isinstance(of, ast.keyword)]
    return any(_WHOM.search(name) for name in (*named, words(one.old).replace(" ", "_")))


def _is_split(one: Exchange, pair: Pair) -> bool:
    """`if not x or not y: raise E` → `if not x: raise E`, `if not y: raise E`"""
    if not isinstance(one.old, ast.BoolOp):
        return False
    kept = {ast.unparse(one.new), *(ast.unparse(part) for part in getattr(one.new, "values", ()))}
    asked = {ast.unparse(each.test) for each in pair.beside if isinstance(each, ast.If) and leaves(each.body)}
    return all(ast.unparse(part) in kept | asked for part in one.old.values)


def said_of(one: Exchange, done: str) -> str:
    if done == "another number" and _opens_file(one):
        return "It lets others at a file."
    return lost(one, done) or _set_by_name(one, done) or SAID[done]


def _set_by_name(one: Exchange, done: str) -> str:
    """`ephemeral=True` → `ephemeral=False`, `secure=True` → `secure=False`"""
    called = [of.arg or "" for of in one.around if isinstance(of, ast.keyword)]
    if done not in ("turned", "always the same") or not called:
        return ""
    if "sees" in (said := care_of(called[-1])):
        return said
    return "It changes what protects a call." if PROTECTING.fullmatch(called[-1]) else ""


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


def _is_many_times(one: Exchange) -> bool:
    if isinstance(one.old, ast.expr) and isinstance(one.new, ast.expr) and is_multiplied(one.old, one.new):
        return True
    if is_lifted(one):
        return True
    less, more = sorted(abs(_amount(node)) for node in (one.old, one.new))
    return more >= _TIMES * max(less, 1)


def _amount(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isdecimal():
        return float(node.value)
    if isinstance(node, ast.Call) and node.args:
        node = node.args[-1]  # `range(0, 3)`
    return amount_of(node) or 0


def _opens_file(one: Exchange) -> bool:
    """`0o600` → `0o644`"""
    match one.old, one.new:
        case ast.Constant(value=int() as was), ast.Constant(value=int() as now):
            are_answers = was in _ANSWERS and now in _ANSWERS
            return _is_mode(was) and _is_mode(now) and now & ~was & _OTHERS != 0 and not are_answers
    return False


def _is_mode(number: int) -> bool:
    """Whether its owner may read, and others no more than the group, nor that more than the owner: 100 is no mode."""
    owner, group, others = (number >> bits & 7 for bits in (6, 3, 0))
    return number in _MODES and owner & 4 != 0 and not group & ~owner and not others & ~group


def _place(one: Exchange) -> str:
    statement, inner = one.statement, one.around[1:]
    if isinstance(one.old, ast.comprehension) or any(isinstance(of, ast.comprehension) for of in inner):
        return "in a decision"
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
    return "in a decision" if any(map(decides, (*inner, one.old))) else "in a value"
