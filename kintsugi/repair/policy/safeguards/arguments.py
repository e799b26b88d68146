"""Arguments that protect a call: gone though the call is still there, or given otherwise."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.policy.vocabulary import HANDED, LIMIT, OF_PROTECTION, PROTECTING, QUERIES
from kintsugi.repair.syntax import Source

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
        if now is not None:
            return short(f"{name}={value} → {now}" if name else f"{value} → {now}")
        if called == "PermissionOverwrite" or after.calls[called] >= before.calls[called]:
            return short(f"{name}={value} is gone" if name else f"{value} is not given to {called}")
    return ""


class _Called:
    """How often each name is called, and the arguments that protect: (what is called, which, its value)."""

    def __init__(self, source: Source, matters: _Matters) -> None:
        self._matters = matters
        self.calls = Counter[str]()
        self.arguments = Counter[tuple[str, str, str]]()
        for node in source.nodes:
            if isinstance(node, ast.Call):
                self._call(node)

    def _call(self, node: ast.Call) -> None:
        called = words(node.func).rpartition(" ")[2]
        self.calls[called] += 1
        for name, value in _named(node):
            if self._matters(called, name, value):
                self.arguments[(called, name, ast.unparse(value))] += 1
        for one in node.args if self._matters is _protects else ():
            if HANDED.search(handed := words(one)) or (called == "read" and handed.isupper()):
                self.arguments[(called, "", handed.replace(" ", "."))] += 1


def _named(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The arguments by name, and those in a dictionary that is written out."""
    for keyword in node.keywords:
        yield keyword.arg or "", keyword.value
    for one in (*node.args, *(keyword.value for keyword in node.keywords)):
        if isinstance(one, ast.Dict):
            for key, value in zip(one.keys, one.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value


def _is_of_reach(_called: str, name: str, value: ast.expr) -> bool:
    if name == "flags":
        return "ephemeral" in words(value).lower()
    return name == "allowed_mentions" or (name == "ephemeral" and ast.unparse(value) != "False")


def _protects(called: str, name: str, value: ast.expr) -> bool:
    if LIMIT.search(name):
        return not words(value) or words(value).isupper()
    if OF_PROTECTION.search(called) or (name == "json" and ast.unparse(value) == "'-'"):
        return True
    return PROTECTING.fullmatch(name) is not None or (called in QUERIES and _is_switch(value))


def _is_switch(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)
