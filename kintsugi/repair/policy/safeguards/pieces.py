"""The statements of a function or a file one by one, each without its blocks, and the names in them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from kintsugi.repair.policy.safeguards.functions import Function
from kintsugi.repair.policy.vocabulary import OPENED_BY
from kintsugi.repair.syntax import children
from kintsugi.telemetry import lazy_re as re

_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_PUT_IN = re.compile(r"\{[^{}]*\}")
_CODE = re.compile(
    r"[=<>|*;$\\\[\]]|\b(?:SELECT|UPDATE|DELETE|INSERT|WHERE|FROM|AND|LIMIT)\b|\w[:_]\w|//"
    r"|^\W*(?i:select|delete|insert|update)\b.*\b(?i:from|into|set|where)\b",
    re.DOTALL,
)
_PROSE = re.compile(r"\W*[A-Z].*|.*[.!?]\W*|\W*[^\W\d](?:\S* ){5}.*", re.DOTALL)
_ASKING = re.compile(
    r"(?:get|has|includes?|contains|starts_?with|ends_?with|index_of|find|match(?:es)?)(?:_\w+)?", re.IGNORECASE
)
_WORDS = 2  # spaces
_CAUGHT = ("e", "err", "ex", "exc", "error", "exception")  # `raise e` is `raise`, one line more in the traceback
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
    if isinstance(statement, ast.Raise) and (not said or ast.unparse(said[0]) in _CAUGHT):
        return "Raise"
    if not said:
        return ""
    code = " ".join(map(ast.unparse, said))
    if (short := without_prose(code)) != code and (asked := {text for one in said for text in asked_for(one)}):
        short = without_prose(code, asked)
    return f"{type(statement).__name__} {short}"


def without_prose(code: str, kept: Collection[str] = ()) -> str:
    """Code without the sentences in its texts, which are for people; what is put into them stays."""

    def put_in(text: re.Match[str]) -> str:
        is_for_people = text[0] not in kept and is_prose(text[0])
        return "".join(_PUT_IN.findall(text[0])) if is_for_people else text[0]

    return _TEXT.sub(put_in, code) if code.count(" ") > 1 else code


def asked_for(node: ast.AST) -> Iterator[str]:
    """The texts that something is compared with, looked up by or opened by: a name, whatever it reads like."""
    for one in ast.walk(node):
        if asks(one) or (isinstance(one, ast.keyword) and OPENED_BY.fullmatch(one.arg or "")):
            yield from (ast.unparse(text) for text in ast.walk(one) if isinstance(text, ast.Constant))


def asks(node: ast.AST) -> bool:
    """`x == "a"`, `x["a"]`, `x.has("a")`"""
    match node:
        case ast.Compare() | ast.Subscript():
            return True
        case ast.Call(func=ast.Attribute(attr=name)):
            return _ASKING.fullmatch(name) is not None
    return False


def names(node: ast.AST) -> set[str]:
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def is_prose(text: str) -> bool:
    """`"No such place"`, and not `"openid email"`, `"a = ? AND b > 1"`"""
    return text.count(" ") >= _WORDS and _PROSE.match(text) is not None and _CODE.search(text) is None


def leaves(body: list[ast.stmt]) -> bool:
    return isinstance(body[-1], LEAVING)
