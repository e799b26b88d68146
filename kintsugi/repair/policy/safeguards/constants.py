"""What was done to a number, a text or another constant: another limit, more let in, read by another key."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.expressions import amount_of, is_number, words
from kintsugi.repair.policy.safeguards.exchanged import Exchange, same
from kintsugi.repair.policy.safeguards.pieces import is_prose
from kintsugi.repair.policy.safeguards.texts import finds_more, text_of
from kintsugi.repair.policy.vocabulary import LIMIT, OPENED_BY
from kintsugi.telemetry import lazy_re as re

_ALL = ("*", "0.0.0.0/0", "::/0", "all", "any", "everyone", "everybody", "public")
_DELAY = re.compile(r"(?:^|_)(?:delay|wait|size|length|bytes|age|depth|pause|backoff)(?:$|_)")
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
_HUGE = 10_000
_EMPTY = (None, "", False, 0)


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


def of_constants(one: Exchange, old: ast.expr, new: ast.expr) -> str:
    if is_lifted(one):
        return "another number"
    text, other = text_of(old), text_of(new)
    if text is not None and other is not None:
        return _of_texts(one, text, other)
    match old, new:
        case ast.Constant(value=was), ast.Constant(value=now):
            if is_number(old) and is_number(new) and was != now:
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
        return "the same otherwise" if is_for_nothing(old) else "emptied"
    if max((text or "").count(" "), (other or "").count(" ")) >= _SENTENCE:
        return "another text"
    return "another constant" if isinstance(old, ast.Constant) or isinstance(new, ast.Constant) else ""


def of_grown(one: Exchange, done: str) -> str:
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
    if set(was.split()) < set(now.split()) and (grown := of_grown(one, "lists more")) != "lists more":
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
            return first is one.old and "://" not in (text_of(first) or "")
    return False


def is_for_nothing(part: ast.expr) -> bool:
    """`[]` of `x.listed or []`, `""` of `x.name or ""`"""
    match part:
        case ast.Constant(value=value):
            return value in _EMPTY
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]) | ast.Call(args=[], keywords=[]):
            return not isinstance(part, ast.Call) or is_dict(part)
    return False


def is_dict(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict"
