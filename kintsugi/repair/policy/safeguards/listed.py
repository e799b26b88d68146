"""What was done to a list, to what a call is given, or to the entries of a dict: more, less, or others."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.safeguards.exchanged import same
from kintsugi.repair.policy.safeguards.texts import finds_more, text_of

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
            return "lists less" if now < was and are_plain else "lists more" if was < now else "the same otherwise"
        case ast.Call(func=called), ast.Call(func=other) if same(called, other):
            texts = [[text for part in call.args if (text := text_of(part)) is not None] for call in (old, new)]
            if any(finds_more(one, two) for one, two in zip(*texts, strict=False)):
                return "finds more"
            was, now = ({ast.unparse(part) for part in (*call.args, *_set(call))} - {"None"} for call in (old, new))
            if isinstance(called, ast.Name) and called.id == "dict":
                return "says more" if was < now else "says less" if now < was else "the same otherwise"
            named = {part.arg for part in _set(old)} - {part.arg for part in _set(new)}
            if was < now and not old.args and old.keywords:
                return "says more"
            is_less = now < was or (named and len(now) < len(was))
            return "given more" if was < now else "given less" if is_less else "the same otherwise"
        case ast.Dict(keys=was_keys), ast.Dict(keys=now_keys):
            was, now = ({ast.unparse(key) for key in keys if key} for keys in (was_keys, now_keys))
            return "says more" if was < now else "says less" if now < was else "the same otherwise"
    return ""


def _set(call: ast.Call) -> list[ast.keyword]:
    """What it is given by name, without what is off: `wide=None`, `hidden=False`."""
    return [
        one
        for one in call.keywords
        if not (isinstance(one.value, ast.Constant) and (one.value.value is None or one.value.value is False))
    ]
