"""Arguments that protect a call: gone though the call is still there, or given otherwise."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator

from kintsugi.repair.policy.expressions import is_none, is_small, is_stricter, words
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.policy.vocabulary import FINDING, HANDED, LIMIT, OF_PROTECTION, PROTECTING, QUERIES, SEEN, WHOSE_ID
from kintsugi.repair.syntax import Source

_OPENS = re.compile(r"follow|allow|insecure|skip|trust|everyone|replied|docs|parse|intents|auto_error|nsfw")
_Matters = Callable[[str, str, ast.expr], bool]


def seen_by_others(old: Source, new: Source) -> str:
    return _given_otherwise(_Called(old, _is_of_reach), _Called(new, _is_of_reach))


def unprotected(old: Source, new: Source) -> str:
    return _given_otherwise(_Called(old, _protects), _Called(new, _protects))


def _given_otherwise(before: _Called, after: _Called) -> str:
    gone, come = before.arguments - after.arguments, after.arguments - before.arguments
    given = {(called, name): value for called, name, value in reversed(come.keys())}  # the first of each
    for called, name, value in gone:
        now = given.get((called, name))
        if now is not None and LIMIT.search(name) and is_stricter(name, value, now):
            continue
        if now is not None and not (_is_variable(value) and _is_variable(now)) and not _is_loose(name, value):
            return short(f"{name}={value} → {now}" if name else f"{value} → {now}")
        if now is None and (called == "PermissionOverwrite" or after.calls[called] >= before.calls[called]):
            return short(f"{name}={value} is gone" if name else f"{value} is not given to {called}")
    for (called, name), count in before.limits.items():
        if count > after.limits[(called, name)] and after.calls[called] >= before.calls[called]:
            return short(f"{name} is not given to {called}")
    return ""


class _Called:
    """How often each name is called, and the arguments that protect: (what is called, which, its value)."""

    def __init__(self, source: Source, matters: _Matters) -> None:
        self._matters = matters
        self.calls = Counter[str]()
        self.arguments = Counter[tuple[str, str, str]]()
        self.limits = Counter[tuple[str, str]]()
        for node in source.nodes:
            if isinstance(node, ast.Call):
                self._call(node)

    def _call(self, node: ast.Call) -> None:
        called = words(node.func).rpartition(" ")[2]
        self.calls[called] += 1
        for name, value in _named(node):
            if self._matters is _protects and _holds(called, name, value):
                self.limits[(called, name)] += 1
            if self._matters(called, name, value):
                self.arguments[(called, name, ast.unparse(value))] += 1
        for one in node.args if self._matters is _protects else ():
            if (whose := _handed(one)) or (called == "read" and words(one).isupper()):
                self.arguments[(called, "", whose or words(one))] += 1


def _named(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The arguments by name, and those in a dictionary that is written out."""
    for keyword in node.keywords:
        yield keyword.arg or "", keyword.value
    for one in (*node.args, *(keyword.value for keyword in node.keywords)):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "dict":
            yield from ((keyword.arg or "", keyword.value) for keyword in one.keywords)
        elif isinstance(one, ast.Dict):
            for key, value in zip(one.keys, one.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value


def _is_loose(name: str, value: str) -> bool:
    """What held nothing back before: any other value is stricter, but for what opens by being given."""
    return value in ("False", "None", "[]", "()", "''", "0") and not _OPENS.match(name)


def _holds(called: str, name: str, value: ast.expr) -> bool:
    """Whether it is a limit, whose something is, or what is looked for: whatever it is, it is given."""
    if called in ("timedelta", "relativedelta"):
        return False
    if SEEN.fullmatch(name) and FINDING.search(called):
        return True
    return LIMIT.search(name) is not None or (WHOSE_ID.fullmatch(name) is not None and not is_none(value))


def _handed(node: ast.expr) -> str:
    """Whose id is handed on, as `guild_id`: of an object, made a text, or by a name of its own."""
    while isinstance(node, ast.Call) and len(node.args) == 1:
        node = node.args[0]
    found = HANDED.search(words(node)) if isinstance(node, ast.Name | ast.Attribute) else None
    return found[0].strip(" _").replace(" ", "_") if found else ""


def _is_variable(value: str) -> bool:
    """A name in lower case, of something or not: who reads one for another sees no more than we."""
    return value.replace(".", "").isidentifier() and value.islower() and value not in ("true", "false", "none")


def _is_of_reach(_called: str, name: str, value: ast.expr) -> bool:
    if name == "flags":
        return "ephemeral" in words(value).lower()
    return name == "allowed_mentions" or (name == "ephemeral" and ast.unparse(value) != "False")


def _protects(called: str, name: str, value: ast.expr) -> bool:
    if LIMIT.search(name):
        return not is_small(value) and not name.endswith("_id") and (not words(value) or words(value).isupper())
    if OF_PROTECTION.search(called) or (name == "json" and ast.unparse(value) == "'-'"):
        return True
    if name == "tags":
        return called in ("clean", "Cleaner", "linkify", "dict")
    if isinstance(value, ast.Call) and words(value.func) == "dict":
        return False  # what an option is, not what it is set to
    return PROTECTING.fullmatch(name) is not None or (called in QUERIES and _is_switch(value))


def _is_switch(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)
