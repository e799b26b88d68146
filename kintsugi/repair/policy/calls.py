"""What a call says of what a human has to see: by its name, its numbers, its arguments by name, and what is logged.

Each fact is (kind, what it is about, how it stands).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kintsugi.repair.policy.expressions import amount, is_limit, is_number, is_small, quantity, words
from kintsugi.repair.policy.vocabulary import (
    AMOUNT,
    CLAMPING,
    CLEANING,
    GUARD,
    GUARDING,
    HELD_BACK,
    KEYED,
    LIMIT,
    LIMITING,
    LOGGED_BY,
    LOGGING,
    MOUNTING,
    NARROWED,
    NO_SECRET,
    OWNED,
    QUERIES,
    ROUTES,
    SAYING,
    SCHEMA,
    SECRET,
    SETTINGS,
    WHO,
    WHOLE,
)
from kintsugi.repair.syntax import children

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
        if keyword.arg:
            yield from _of_keyword(node, last, keyword.arg, keyword.value)
    yield from _of_numbers(node, last)
    yield from _of_settings(node, last)
    yield from _of_who(node, last)
    yield from _of_cleaning(node, last, name.partition(" ")[0])
    if LOGGING.match(name.partition(" ")[0]) or last in SAYING or _is_log(name):
        yield from secrets_told(node)
    if name == "recover" and not node.args:  # Go's, which ends a panic
        yield "caught", "recover()", ""
    if last in ("basicConfig", "setLevel") and "DEBUG" in words(node):
        yield "logged", "DEBUG", ""


def _of_keyword(node: ast.Call, called: str, name: str, value: ast.expr) -> Iterator[Told]:
    if called in QUERIES and any(OWNED.fullmatch(part) for part in name.split("__")):  # whom a query is for
        yield "who", f"{called}({name})", f"{name}={ast.unparse(value)}"
    if LIMIT.search(name) and not name.endswith(("_id", "_key", "_name", "_message")):
        yield "limit value", f"{called}({name})", amount(value)
        if is_number(value):
            yield "limit", f"{called}({name})", ast.unparse(value)
        is_field = called.endswith(("Field", "Column", "column"))
        if CLAMPING.search(name) and not is_field and _is_much(value):
            yield "clamp", f"{name}={ast.unparse(value)}", ""
    if name == "default" and (called in _WITH_DEFAULT or called.endswith("_field")):  # the tag of a field in Go
        yield "default", ast.unparse(node.args[0]) if node.args else called, ast.unparse(value).strip("'")


def _is_much(value: ast.expr) -> bool:
    """A number that is not small, or a text as `500mb`."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return AMOUNT.fullmatch(value.value) is not None
    return is_number(value) and not is_small(value)


def _of_numbers(node: ast.Call, last: str) -> Iterator[Told]:
    numbers = [ast.unparse(one) for one in node.args if is_number(one)]
    numbers = numbers[1:] if last == "range" and numbers[:1] == ["0"] and len(node.args) == 2 else numbers
    numbers += [words(one) for one in node.args if last in ("min", "max") and is_limit(one)]
    if last in ("min", "max", "range", "timedelta") and numbers:
        yield "limit", last, " ".join(numbers)
        if last in ("min", "max") and any(
            is_number(one) and not (last == "max" and is_small(one)) for one in node.args
        ):
            yield "clamp", ast.unparse(node), ""
    elif numbers and last in (*LIMITING, "sleep"):
        yield "limit value" if last == "sleep" else "limit", f"{last}()", numbers[0]
    for place, one in enumerate(node.args):
        if (much := quantity(one)) is not None:
            yield "quantity", f"{last} {place}", f"{much:g}"
    if last == "range" and isinstance(node.args[-1] if node.args else None, ast.Name):
        name = ast.unparse(node.args[-1])
        if LIMIT.search(name.lower()):
            yield "limit", "range", name
    if last in HELD_BACK:
        yield "held back", last, ""
    if node.args and KEYED.search(last):
        yield "keyed", last, "one for each" if words(node.args[0]) else "one for all"


def _of_settings(node: ast.Call, last: str) -> Iterator[Told]:
    of_settings = isinstance(node.func, ast.Attribute) and SETTINGS.search(words(node.func.value))
    if last == "getenv" or (last in _ASKED and of_settings):
        given = " ".join(map(ast.unparse, node.args[1:])).removesuffix("None").strip("'")
        if not any(map(words, node.args[1:])):
            yield "default", ast.unparse(node.args[0]) if node.args else "", given


def _of_who(node: ast.Call, last: str) -> Iterator[Told]:
    if last in MOUNTING and (WHO.search(words(node)) or GUARDING.search(words(node))):
        yield "who", " ".join(map(words, node.args)), ast.unparse(node)
    if GUARD.match(last):
        yield "who", last, f"{last}({', '.join(map(ast.unparse, node.args))})"
    if "Intents" in words(node.func):
        yield "who", "Intents", ast.unparse(node)
    for one in node.args[1:-1] if last in ROUTES else ():  # what stands before the handler of a route
        text = ast.unparse(one)
        if WHO.search(text) or GUARDING.search(text.replace(".", " ")) or GUARD.match(text):
            yield "who", f"{last} {ast.unparse(node.args[0])}", text


def _of_cleaning(node: ast.Call, last: str, first: str) -> Iterator[Told]:
    if last == "max" and any(map(is_small, node.args)):
        yield "cleaned", last, ""
    if CLEANING.search(last) or (last in NARROWED and SCHEMA.match(first)):
        yield "cleaned", last, ""
    text = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    if last in _PATTERNS and isinstance(text, str):
        yield "pattern", _ENDS.sub("", text), f"{last}({text!r})"
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
