"""Kinds of values that are narrower than text or a number: where one is wider now, anything may come."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.policy.vocabulary import NARROW, WIDE
from kintsugi.repair.syntax import Source


def takes_more(old: Source, new: Source) -> str:
    after = _annotated(new)
    for name, kind in _annotated(old).items():
        now = after.get(name, kind)
        if NARROW.search(kind) and not NARROW.search(now) and WIDE.search(now):
            return short(f"{name}: {kind} → {now}")
    return ""


def _annotated(source: Source) -> dict[str, str]:
    found = dict[str, str]()
    for node in source.nodes:
        match node:
            case ast.AnnAssign(target=target, annotation=kind):
                found[words(target)] = ast.unparse(kind)
            case ast.arg(arg=name, annotation=ast.expr() as kind):
                found[name] = ast.unparse(kind)
    return found
