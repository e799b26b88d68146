"""How amounts of money are rounded: what is exact, or rounds one way, for what does not."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.functions import Function, short
from kintsugi.repair.policy.safeguards.pieces import heads, statements
from kintsugi.repair.syntax import walked
from kintsugi.telemetry import lazy_re as re

_MONEY = re.compile(
    r"price|amount|balance|money"
    r"|(?:^|[_. ])(?:costs?|fees?|cents?|tax(?:es)?|pay(?:ment|out)?s?|refunds?|credits?|coins?"
    r"|total|subtotal|salary|wallet|invoice|discount|interest|deposit)(?:$|[_. ])",
    re.IGNORECASE,
)
_ROUNDS = re.compile(
    r"round|floor|ceil|trunc|quantize|to_fixed|ROUND_\w+|decimal|float(?:32|64)?|int(?:64)?|parse_(?:float|int)",
    re.IGNORECASE,
)


def rounds_otherwise(before: Function, after: Function) -> Iterator[str]:
    """`Decimal(price)` → `float(price)`, `ROUND_HALF_UP` → `ROUND_DOWN`, `Math.round(cents)` → `Math.floor(cents)`"""
    was, now = Counter(_rounding(before)), Counter(_rounding(after))
    gone, come = was - now, now - was
    if gone and come:
        yield short(f"{min(gone)} → {min(come)}")


def _rounding(function: Function) -> Iterator[str]:
    """By its name, each way to round in a statement about money."""
    for one in statements(function):
        for head in heads(one):
            if not _MONEY.search(f"{function.name} {words(head)}"):
                continue
            for part in walked(head):
                name = part.attr if isinstance(part, ast.Attribute) else part.id if isinstance(part, ast.Name) else ""
                if _ROUNDS.fullmatch(name):
                    yield name
