"""Texts that are put together, and what a query of SQL no longer asks for."""

from __future__ import annotations

import ast
from collections import Counter

from kintsugi.telemetry import lazy_re as re

_SQL = re.compile(r"\s*(?:select|update|delete|with|insert)\b", re.IGNORECASE)
_HOLDS = r"\b(?:AND|WHERE|LIMIT|HAVING|JOIN|ON|FOR)\b"
_WORD = re.compile(r"[\w$?:]+")
_FILTERS = re.compile(r"AND|WHERE|LIMIT|HAVING", re.IGNORECASE)
_ASKS = re.compile(r"^\s*[\w.]+ *[<>=!]+ *(?:\?|\$\d+|:\w+|%s)")
_ALWAYS = re.compile(r"(?:1 *= *1|true)", re.IGNORECASE)
_COMPARES = re.compile(r"[<>=!]+|\b(?:NOT )?(?:LIKE|IN)\b")


def text_of(node: ast.AST) -> str | None:
    """A text, with what is put into it left out."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join("{}" if isinstance(one, ast.FormattedValue) else text_of(one) or "" for one in values)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return text
    return None


def is_sql(text: str) -> bool:
    return _SQL.match(text.replace("\\n", " ").replace("\\t", " ")) is not None


def is_query(node: ast.expr) -> bool:
    """A query of SQL says what is read or written, whatever its name is."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and is_sql(node.value)


def finds_more(was: str, now: str) -> bool:
    """`"name = ? AND active = 1"` → `"name = ?"`, `"… LIMIT 9"` → `"…"`, `"… a > 1"` → `"… a <> 1"`"""
    is_query = _SQL.match(was) is not None
    if _ASKS.search(was) and (_ALWAYS.fullmatch(now.strip()) or not now.strip()):
        return True
    holds = re.compile(_HOLDS if is_query else r"\b(?:AND|WHERE)\b", re.IGNORECASE if is_query else 0)
    if is_query and _holds_less(was, now):
        return True
    before, after = ({part.strip(" ();") for part in holds.split(" ".join(text.split()))} for text in (was, now))
    if after < before:
        return True
    bare = [" ".join(_COMPARES.sub(" ? ", text).split()) for text in (was, now)]
    asks = (is_query and len(before) > 1) or (_ASKS.search(was) is not None and _ASKS.search(now) is not None)
    return asks and was != now and bare[0] == bare[1]


def _holds_less(was: str, now: str) -> bool:
    """`(SELECT a FROM b WHERE c = ?) AS d` → `(SELECT a FROM b) AS d`"""
    before, after = (Counter(_WORD.findall(text)) for text in (was, now))
    return after < before and any(_FILTERS.fullmatch(word) for word in before - after)
