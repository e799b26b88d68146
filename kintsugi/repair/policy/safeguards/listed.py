"""What was done to a list, to what a call is given, or to the entries of a dict: more, less, or others."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.care import care_of
from kintsugi.repair.policy.safeguards.exchanged import same
from kintsugi.repair.policy.safeguards.texts import finds_more, text_of
from kintsugi.repair.policy.vocabulary import LIMIT

_EVERYBODY = frozenset(map(repr, ("*", "0.0.0.0/0", "::/0")))


def of_lists(old: ast.expr, new: ast.expr) -> str:
    match old, new:
        case ast.List() | ast.Tuple() | ast.Set(), ast.List() | ast.Tuple() | ast.Set():
            was, now = ({ast.unparse(part) for part in listed.elts} for listed in (old, new))
            if not _EVERYBODY.isdisjoint(now - was):
                return "lets in all"
            are_plain = all(isinstance(part, ast.Constant | ast.Name | ast.Attribute) for part in old.elts)
            if are_plain and was - now and now - was:
                return "lists others"
            is_known = are_plain or _called(new) < _called(old)
            return "lists less" if now < was and is_known else "lists more" if was < now else "the same otherwise"
        case ast.Call(func=called), ast.Call(func=other) if same(called, other):
            texts = [[text for part in call.args if (text := text_of(part)) is not None] for call in (old, new)]
            if any(finds_more(one, two) for one, two in zip(*texts, strict=False)):
                return "finds more"
            was, now = ({ast.unparse(part) for part in (*call.args, *_set(call))} - {"None"} for call in (old, new))
            if isinstance(called, ast.Name) and called.id == "dict":
                return "says more" if was < now else "says less" if now < was else "the same otherwise"
            if otherwise := _by_other_names(old, new):
                return otherwise
            named = {part.arg for part in _set(old)} - {part.arg for part in _set(new)}
            if was < now and now - was <= {ast.unparse(part) for part in new.keywords if part.arg == "timeout"}:
                return "asks more"
            if was < now and not old.args and old.keywords:
                return "says more"
            is_less = now < was or (named and len(now) < len(was))
            return "given more" if was < now else "given less" if is_less else "the same otherwise"
        case ast.Dict(keys=was_keys), ast.Dict(keys=now_keys):
            was, now = ({ast.unparse(key) for key in keys if key} for keys in (was_keys, now_keys))
            return "says more" if was < now else "says less" if now < was else "the same otherwise"
    return ""


def _called(listed: ast.List | ast.Tuple | ast.Set) -> set[str]:
    return {words(part.func) for part in listed.elts if isinstance(part, ast.Call)}


def _by_other_names(old: ast.Call, new: ast.Call) -> str:
    """`pay(giver, taker)` → `pay(giver=taker, taker=giver)`, `may_go(me)` → `may_go(but=me)`, `limit=n` → `since=n`"""
    known = {part.arg for part in old.keywords}
    come = [part for part in new.keywords if part.arg and part.arg not in known]
    moved = {ast.unparse(part) for part in old.args} - {ast.unparse(part) for part in new.args}
    places = {words(part).rpartition(" ")[2]: ast.unparse(part) for part in old.args}
    named = [(part.arg or "", ast.unparse(part.value)) for part in come if ast.unparse(part.value) in moved]
    if any(places.get(name, value) != value for name, value in named):
        return "turned"
    if care_of(words(old.func).rpartition(" ")[2]) and any(value != name for name, value in named if value in places):
        return "given otherwise"
    bounds = {part.arg for part in old.keywords if LIMIT.search(part.arg or "")}
    are_bound = any(LIMIT.search(part.arg or "") for part in come)
    return "given less" if come and not are_bound and bounds - {part.arg for part in new.keywords} else ""


def _set(call: ast.Call) -> list[ast.keyword]:
    """What it is given by name, without what is off: `wide=None`, `hidden=False`."""
    return [
        one
        for one in call.keywords
        if not (isinstance(one.value, ast.Constant) and (one.value.value is None or one.value.value is False))
    ]
