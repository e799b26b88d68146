"""What a part that is gone, or is weaker now, took care of: told by its own words, whatever is around it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from kintsugi.repair.policy.expressions import chained, words
from kintsugi.repair.policy.safeguards.exchanged import Exchange
from kintsugi.repair.policy.vocabulary import DENIAL, HEADER, LIMIT, PROTECTING, ROUTES
from kintsugi.telemetry import lazy_re as re

CHECKS = "It no longer checks."
# By its words, what is said of it; the first counts.
_CARE: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (sentence, re.compile(rf"(?:^|[ _])(?:{pattern})", re.IGNORECASE))
    for sentence, pattern in (
        (
            "It changes a limit.",
            r"limit|throttl|cooldown|timeout|deadline|expir|ttl(?:$|_)|(?:max|min|clamp)(?:$|_(?!int))|cap(?:$|_)|debounce"
            r"|wait_for$",
        ),
        ("It can be used again.", r"mark_\w*used|consume|redeem"),
        ("It no longer waits.", r"sleep$|backoff"),
        ("It changes who sees it.", r"ephemeral|allowed_mentions|private(?:$|_)|hidden|visib|silent"),
        (
            "It no longer escapes or cleans.",
            r"(?:html_?)?escap|quot|saniti[sz]|(?:d?om)?purif|clean|strip_tags|bleach|encode_(?:uri|for)|sql$|html$",
        ),
        (
            "It no longer signs, hashes or hides.",
            r"hash(?!tag)|sign(?:$|_|ed)|hmac|encrypt|bcrypt|scrypt|pbkdf|digest|mask|redact|censor|obfusc",
        ),
        (
            "It no longer tells users apart.",
            r"(?:for|by|of)_(?:user|owner|member|me|account|tenant|org|guild)"
            r"|(?:user|owner|member|guild|tenant|org)(?:_?id)?$",
        ),
        (
            CHECKS,
            r"verif|valid|check|ensure|require|guard|assert|safe|secure|resolved|resolve_|realpath|canonical|authori|authenti|permi|allow"
            r"|can_|may_|trust|has_(?:perm|role|access|right)|csrf|captcha|helmet|csurf|revoke|invalidat|clear_|lock|confirm|unauthori|forbid|den(?:y|ied)",
        ),
        ("It reaches more rows than before.", r"(?:and_)?where|filter|exclude|having|scope"),
        ("It no longer keeps who did what.", r"audit"),
    )
)
_LOOKUP = re.compile(
    r"(?:^|_)(?:get|find|filter|where|select|query|exists?|count|fetch|exclude|one|all|delete|update)(?:_|$)"
)
_OK = re.compile(r"(?:^| )ok$|\b20\d\b|accepted|created|no content", re.IGNORECASE)
_PROTECTS = "It changes what protects a call."
_OF_ROWS = re.compile(r"(?:^|[ _])(?:quer(?:y|ies)|filter\w*|where|objects|session|table|rows|repo\w*)(?:$|[ _])")
_ROWS = "It reaches more rows than before."


def care_of(name: str) -> str:
    """What is said where what has this name is gone; "" if it took no care by its name."""
    return next((sentence for sentence, pattern in _CARE if pattern.search(name)), "")


def lost(one: Exchange, done: str) -> str:
    """What is said of what a part took care of; "" if it did not by its words."""
    return next(filter(None, _lost(one, done)), "")


def _is_put_in(call: ast.Call, given: ast.AST) -> bool:
    """`settings.update({"a": 1})`, and not `rows.filter(id=1).update({"a": 1})`"""
    return isinstance(given, ast.Dict) and last_of(call.func) == "update" and not _OF_ROWS.search(words(call.func))


def _lost(one: Exchange, done: str) -> Iterator[str]:
    old, new = one.old, one.new
    if done == "finds more":
        yield _ROWS
    if done in ("less of it", "another value", "read from elsewhere", "another condition", "always the same"):
        called = _more_often(_called(old), chained(new).split())
        yield from map(care_of, called)
        if any(DENIAL.search(name) for name in called):
            yield "It turns away less than before."
    if done == "read from elsewhere" and isinstance(old, ast.Name | ast.Attribute):
        yield care_of(last_of(old)) if _is_clean(old) and not _is_clean(new) else ""
        if isinstance(one.within, ast.Call) and one.within.func is old and is_careless(old, new):
            yield care_of(last_of(old))
        of = one.within
        if isinstance(of, ast.Attribute) and of.value is old and isinstance(new, ast.expr):
            yield care_of(last_of(of)) if is_careless(of, ast.Attribute(new, of.attr)) else ""  # `hmac.Equal` of Go
    if done == "less of it" and isinstance(old, ast.Subscript):
        yield "It changes a limit." if isinstance(old.slice, ast.Slice) and old.slice.upper else ""
    if done == "less of it" and isinstance(old, ast.Tuple | ast.BinOp | ast.JoinedStr):
        yield next((said for said in map(care_of, words(old).split()) if "apart" in said), "")
    if done in ("given less", "says less"):
        yield from _given_less(old, new)
        if isinstance(one.within, ast.Call) and _LOOKUP.search(last_of(one.within.func)):
            yield "" if _is_put_in(one.within, old) else _ROWS
    if done in ("another constant", "another text") and isinstance(one.within, ast.Call):
        yield (
            _PROTECTS if any(HEADER.fullmatch(str(getattr(part, "value", ""))) for part in one.within.args[:1]) else ""
        )
    if done in ("emptied", "another constant", "read from elsewhere") and isinstance(one.within, ast.Call):
        yield _PROTECTS if care_of(last_of(one.within.func)) else ""
        yield _ROWS if done == "emptied" and _LOOKUP.search(last_of(one.within.func)) else ""


def _more_often(called: list[str], kept: list[str]) -> list[str]:
    """What is called more often than it is kept: one `where` of two is gone too."""
    left = Counter(kept)
    left.subtract(called)
    return [name for name in called if left[name] < 0]


def lets_in(old: ast.AST, new: ast.AST) -> bool:
    """`http.StatusForbidden` → `http.StatusOK`, `403` → `200`"""
    was, now = (
        str(node.value if isinstance(node.value, int) else "")
        if isinstance(node, ast.Constant)
        else words(node).replace("_", " ")
        for node in (old, new)
    )
    return DENIAL.search(was) is not None and _OK.search(now) is not None


def _called(node: ast.AST) -> list[str]:
    """The names of the calls on the outside of it: `escape(strip(x))`, `x.limit(9)`, `await check(x)`."""
    match node:
        case ast.Await(value=value):
            return _called(value)
        case ast.Call(func=called, args=args):
            inner = called.value if isinstance(called, ast.Attribute) else args[0] if args else None
            return [last_of(called), *(_called(inner) if inner is not None else ())]
    return []


def last_of(called: ast.AST) -> str:
    """The name that is called; `validate` for `schema.parse`."""
    name = words(called)
    return "validate" if _SCHEMA.search(name) else name.rpartition(" ")[2]


def is_careless(old: ast.AST, new: ast.AST) -> bool:
    """Whether it took care by its name, and what stands there now does not: `jwt.verify` → `jwt.decode`."""
    return bool(care_of(last_of(old))) and not care_of(last_of(new))


_SCHEMA = re.compile(r"schema.* (?:safe_)?parse|validat|hmac|subtle")
_CLEAN = re.compile(
    r"(?:^|_)(?:cleaned|hashed|safe|escaped|saniti[sz]ed|signed|verified|validated|encrypted|quoted|checked)(?:_|$)"
)


def _is_clean(node: ast.AST) -> bool:
    return _CLEAN.search(words(node).replace(" ", "_")) is not None


def _given_less(old: ast.AST, new: ast.AST) -> Iterator[str]:
    was, now = ([*_given(node)] for node in (old, new))
    inside = {one.arg for one in ast.walk(new) if isinstance(one, ast.keyword)} | set(words(new).split())
    gone = [name for name in was if name not in now and name not in inside]
    name = words(old.func).rpartition(" ")[2] if isinstance(old, ast.Call) else ""
    for one in gone:
        yield care_of(one) if isinstance(old, ast.Call) else _PROTECTS if care_of(one) else ""
        if LIMIT.search(one):
            yield "It changes a limit."
    yield care_of(name) if name != "dict" else ""
    if name in ROUTES and isinstance(old, ast.Call) and any(map(_is_route, old.args[:1])):
        yield "It touches who may."
    if _LOOKUP.search(name) and name != "dict":
        yield _ROWS
    if any(PROTECTING.fullmatch(one) for one in gone):
        yield _PROTECTS


def _is_route(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).startswith("/")


def _given(node: ast.AST) -> Iterator[str]:
    """What it is given, by its names."""
    match node:
        case ast.Call(args=args, keywords=keywords):
            yield from (one.arg or "" for one in keywords)
            yield from (words(one).rpartition(" ")[2] for one in args)
        case ast.Dict(keys=keys, values=values):
            yield from (words(one) for one in (*keys, *values) if one)
