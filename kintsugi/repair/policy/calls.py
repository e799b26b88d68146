"""What a call says of what a human has to see: by its name, its numbers, its arguments by name, and what is logged.

Each fact is (kind, what it is about, how it stands).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.vocabulary import (
    GUARD,
    GUARDING,
    KEYED,
    LOGGED_BY,
    LOGGING,
    MOUNTING,
    NO_SECRET,
    ROUTES,
    SAYING,
    SECRET,
    SETTINGS,
    WHO,
    WHOLE,
)
from kintsugi.repair.syntax import children
from kintsugi.telemetry import lazy_re as re

Told = tuple[str, str, str]
_ANYTHING = re.compile(r"\^?\.(?:[*+]|\{\d*,\d*\})\??\$?|")
_WITH_DEFAULT = ("add_argument", "option", "Option", "Field", "config", "getenv")
_ASKED = ("get", "setdefault", "getboolean", "getint")
_PATTERNS = ("compile", "match", "fullmatch", "search", "RegExp", "must_compile")
_ENDS = re.compile(r"^(?:\^|\\A)|(?:\$|\\[Zz])$")
_LOGGER = re.compile(r"(?:^|[ _])log(?:ger)?(?:$| )")
_PRINTER = re.compile(r"(?:^|[ _])(?:fmt|l)$")


def told_of_call(node: ast.Call) -> Iterator[Told]:
    name = words(node.func)
    last = name.rpartition(" ")[2]
    for keyword in node.keywords:
        if keyword.arg == "default" and (last in _WITH_DEFAULT or last.endswith("_field")):  # the tag of a field in Go
            about = ast.unparse(node.args[0]) if node.args else last
            yield "default", about, ast.unparse(keyword.value).strip("'")
    if node.args and KEYED.search(last):
        yield "keyed", last, "one for each" if words(node.args[0]) else "one for all"
    yield from _of_settings(node, last)
    yield from _of_who(node, last)
    yield from _of_patterns(node, last)
    if LOGGING.match(name.partition(" ")[0]) or last in SAYING or _is_log(name):
        yield from secrets_told(node)
    if name == "recover" and not node.args:  # Go's, which ends a panic
        yield "caught", "recover()", ""
    if last in ("basicConfig", "setLevel") and "DEBUG" in words(node):
        yield "logged", "DEBUG", ""


def _of_settings(node: ast.Call, last: str) -> Iterator[Told]:
    of_settings = isinstance(node.func, ast.Attribute) and SETTINGS.search(words(node.func.value))
    if last == "getenv" or (last in _ASKED and of_settings):
        given = " ".join(map(ast.unparse, node.args[1:])).removesuffix("None").strip("'")
        if not any(map(words, node.args[1:])):
            yield "default", ast.unparse(node.args[0]) if node.args else "", given


def _of_who(node: ast.Call, last: str) -> Iterator[Told]:
    if last in MOUNTING and (WHO.search(words(node)) or GUARDING.search(words(node))):
        yield "who", " ".join(map(words, node.args)), ast.unparse(node)
    if "Intents" in words(node.func):
        yield "who", "Intents", ast.unparse(node)
    for one in node.args[1:-1] if last in ROUTES else ():  # what stands before the handler of a route
        text = ast.unparse(one)
        if WHO.search(text) or GUARDING.search(text.replace(".", " ")) or GUARD.match(text):
            yield "who", f"{last} {ast.unparse(node.args[0])}", text


def _of_patterns(node: ast.Call, last: str) -> Iterator[Told]:
    text = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    if last in _PATTERNS and isinstance(text, str):
        is_whole = last == "fullmatch"
        yield "pattern", _ENDS.sub("", text), f"match('^{text}$')" if is_whole else f"{last}({text!r})"
        if last != "must_compile" and _ANYTHING.fullmatch(text):
            yield "anything", ast.unparse(node), ""


def secrets_told(node: ast.expr | None, of: re.Pattern[str] | None = None) -> Iterator[Told]:
    """Names of secrets in what is logged, sent or raised."""
    if isinstance(node, ast.Call):
        names = sorted(name for name in _secrets_in(node) if of is None or of.search(name))
        if names:
            yield "logged", " ".join(names), ""


def _secrets_in(node: ast.Call) -> set[str]:
    found = set()
    for argument in _given(node):
        for part in _told_of(argument):
            key = part.slice if isinstance(part, ast.Subscript) else None
            name = part.id if isinstance(part, ast.Name) else part.attr if isinstance(part, ast.Attribute) else ""
            key = part.args[0] if isinstance(part, ast.Call) and part.args and _is_variable(part.args[0]) else key
            name = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else name
            if (SECRET.search(name) and not NO_SECRET.search(name)) or name in WHOLE:
                found.add(name)
    return found


def _given(node: ast.expr) -> Iterator[ast.expr]:
    """What a call is given, and those that it is chained to: `log.Error().Err(x).Msg("y")`."""
    while isinstance(node, ast.Call):
        yield from (*node.args, *(keyword.value for keyword in node.keywords))
        node = node.func.value if isinstance(node.func, ast.Attribute) else node.func


def _told_of(node: ast.AST) -> Iterator[ast.AST]:
    """What of an expression is told: not what only its length or its truth comes from, nor what it is a part of."""
    match node:
        case ast.Call(func=ast.Name(id="len" | "bool" | "type")) | ast.Compare():
            return
        case ast.IfExp(body=body, orelse=other):
            inner: list[ast.AST] = [body, other]
        case ast.Subscript(slice=ast.Constant()):
            inner = []
        case ast.Call(func=ast.Attribute(attr="get", value=ast.Attribute(attr=held)), args=args) if held in WHOLE:
            inner = [*args]  # one of them
        case _:
            inner = children(node)
    yield node
    for one in inner:
        yield from _told_of(one)


def _is_variable(node: ast.expr) -> bool:
    """The name of a variable of the environment: `getenv("BOT_TOKEN")`."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isupper()


def _is_log(name: str) -> bool:
    """`fmt.Println`, `this.logger.error`, `req.log.info`, `log.Error().Err(x).Msg`"""
    on, _, last = name.rpartition(" ")
    return _LOGGER.search(on) is not None or (LOGGED_BY.match(last) is not None and _PRINTER.search(on) is not None)
