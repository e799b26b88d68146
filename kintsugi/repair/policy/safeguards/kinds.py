"""Kinds of values that are narrower than text or a number: where one is wider now, anything may come."""

from __future__ import annotations

import ast
import re

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.syntax import Source

_NARROW = re.compile(
    r"\b(?:\w*Url|EmailStr|Secret(?:Str|Bytes)|Strict\w+|(?:Non)?(?:Positive|Negative)(?:Int|Float)|con(?:str|int|list)"
    r"|Literal|UUID\d?|Decimal|IPv\w+|SnowflakeID?)\b"
)
_WIDE = re.compile(r"\b(?:str|int|float|bytes|Any|object)\b")


def takes_more(old: Source, new: Source) -> str:
    after = _annotated(new)
    for name, kind in _annotated(old).items():
        now = after.get(name, kind)
        if _NARROW.search(kind) and not _NARROW.search(now) and _WIDE.search(now):
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
