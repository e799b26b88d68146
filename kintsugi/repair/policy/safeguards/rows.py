"""Queries: the columns, limits and filters by which they ask for less than everything."""

from __future__ import annotations

import ast
import re
from collections import Counter

from kintsugi.repair.policy.conditions import only_asks_whether_there
from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.exchanged import Exchange
from kintsugi.repair.policy.safeguards.functions import Function, kept, short, texts
from kintsugi.repair.policy.vocabulary import FILTERS, NARROWING, SELECTS
from kintsugi.repair.syntax import Source, walked

_SQL = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b")
_HOLDS = re.compile(r"\b(WHERE|AND|OR|ORDER BY|GROUP BY|LIMIT)\b")
_NARROWS = ("WHERE", "AND", "OR", "LIMIT")
_ALIAS = re.compile(r"\b\w+\.(?=\w)")
_PART = re.compile(r"\s*\(?\w+\)?\s*(?:=|IN)\s*(?:\?|%s|\$\d|:\w)")
_ASKED = re.compile(r"(?:\bWHERE|\bAND|^)\s+\(?(\w+)\s*(?:=|IN\b)")


def reaches_more(old: Source, new: Source) -> str:
    for before, after in ((_Queries(one), _Queries(other)) for one, other in kept(old, new)):
        if after.count >= before.count and (gone := before.columns - after.columns):
            return short(f"{next(iter(gone))} is gone")
        if after.count >= before.count and (lost := before.asked - after.asked) and not after.asked - before.asked:
            return short(f"{next(iter(lost))} is gone")
        if after.selects >= before.selects and before.filters.total() > after.filters.total():
            return short(f"{next(iter(before.filters - after.filters))} is gone")
    return ""


def says_less(one: Exchange) -> str:
    """A text of SQL that asks for less to hold, or for more rows, wherever it stands."""
    match one.old, one.new:
        case ast.Constant(value=str(was)), ast.Constant(value=str(now)) if _SQL.match(was) and _SQL.match(now):
            before, after = _conditions(was), _conditions(now)
            if (gone := before - after) and after.total() <= before.total():
                return short(f"{next(iter(gone))} is gone")
    return ""


def _conditions(text: str) -> Counter[str]:
    """What has to hold, and how many rows it asks for, whatever the tables are called."""
    parts = _HOLDS.split(_ALIAS.sub("", " ".join(text.split())))
    return Counter(part.strip() for how, part in zip(parts[1::2], parts[2::2], strict=True) if how in _NARROWS)


class _Queries:
    """Of a function: how many texts of SQL, by what they narrow, and the arguments of filters."""

    def __init__(self, function: Function) -> None:
        found = [text for text in texts(function) if _SQL.match(text) or _PART.match(text)]
        self.count = len(found)
        self.asked = Counter(word for text in found for word in _ASKED.findall(text))
        self.columns = Counter(word for text in found for word in NARROWING.findall(text))
        self.filters = Counter[str]()
        self.selects = 0
        for node in walked(function):
            if isinstance(node, ast.Call):
                self._call(node)

    def _call(self, node: ast.Call) -> None:
        self.selects += words(node.func).rpartition(" ")[2] in SELECTS
        if isinstance(node.func, ast.Attribute) and node.func.attr in FILTERS:
            self.filters.update(ast.unparse(one) for one in node.args if not _keeps_what_is_there(one))
            self.filters.update(ast.unparse(one) for one in node.keywords if one.arg)


def _keeps_what_is_there(node: ast.expr) -> bool:
    """`x => x`, which only leaves out what is empty."""
    return isinstance(node, ast.Lambda) and only_asks_whether_there(node.body)
