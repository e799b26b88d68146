"""Texts that are put together, and what a query of SQL no longer asks for."""

from __future__ import annotations

import ast
import re

_SQL = re.compile(r"\s*(?:select|update|delete|with|insert)\b", re.IGNORECASE)
_HOLDS = r"\b(?:AND|WHERE|LIMIT|HAVING|JOIN|ON|FOR)\b"
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


def finds_more(was: str, now: str) -> bool:
    """`"name = ? AND active = 1"` → `"name = ?"`, `"… LIMIT 9"` → `"…"`, `"… a > 1"` → `"… a <> 1"`"""
    is_sql = _SQL.match(was) is not None
    holds = re.compile(_HOLDS if is_sql else r"\b(?:AND|WHERE)\b", re.IGNORECASE if is_sql else 0)
    before, after = ({part.strip(" ();") for part in holds.split(" ".join(text.split()))} for text in (was, now))
    if after < before:
        return True
    bare = [" ".join(_COMPARES.sub(" ? ", text).split()) for text in (was, now)]
    return is_sql and was != now and bare[0] == bare[1] and len(before) > 1
