"""The statements of a function or a file one by one, each without its blocks, and the names in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kintsugi.repair.policy.safeguards.functions import Function
from kintsugi.repair.syntax import children

_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_PUT_IN = re.compile(r"\{[^{}]*\}")
_CODE = re.compile(r"[=<>|*;$\\\[\]]|\b(?:SELECT|UPDATE|DELETE|INSERT|WHERE|FROM|AND|LIMIT)\b")
_PROSE = re.compile(r"\W*[A-Z].*|.*[.!?]\W*|(?:\S+ ){5}.*", re.DOTALL)
_WORDS = 2  # spaces
LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases", "type_comment")


def statements(block: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a function, or of the top of a file with its classes; not those of functions within."""
    for one in children(block):
        if isinstance(one, ast.stmt):
            if not isinstance(one, Function):
                yield one
                yield from statements(one)
        elif isinstance(one, ast.ExceptHandler | ast.match_case):
            yield from statements(one)


def heads(statement: ast.stmt) -> list[ast.AST]:
    """What a statement says by itself, without its blocks."""
    if isinstance(statement, ast.ClassDef | ast.Try):
        return []
    found: list[ast.AST] = []
    for name, value in vars(statement).items():
        if name not in BLOCKS:
            found += [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, ast.AST)]
    return found


def key_of(statement: ast.stmt) -> str:
    """What tells a statement from others, without its blocks; "" where it says nothing by itself."""
    said = heads(statement)
    return f"{type(statement).__name__} {without_prose(' '.join(map(ast.unparse, said)))}" if said else ""


def without_prose(code: str) -> str:
    """Code without the sentences in its texts, which are for people; what is put into them stays."""
    return (
        _TEXT.sub(lambda text: "".join(_PUT_IN.findall(text[0])) if is_prose(text[0]) else text[0], code)
        if code.count(" ") > 1
        else code
    )


def names(node: ast.AST) -> set[str]:
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def is_prose(text: str) -> bool:
    """`"No such place"`, and not `"openid email"`, `"a = ? AND b > 1"`"""
    return text.count(" ") >= _WORDS and _PROSE.match(text) is not None and _CODE.search(text) is None


def leaves(body: list[ast.stmt]) -> bool:
    return isinstance(body[-1], LEAVING)
