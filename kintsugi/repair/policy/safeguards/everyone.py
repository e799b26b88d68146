"""What is done to all that there are: every member is banned, every channel deleted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.policy.vocabulary import ALL, DONE_TO_ALL
from kintsugi.repair.syntax import Source, walked


def is_done_to_all(old: Source, new: Source) -> Iterator[str]:
    """New, and not there before in any form."""
    before = {called for called, _ in _done(old)}
    return (short(text) for called, text in _done(new) if called not in before)


def _done(source: Source) -> Iterator[tuple[str, str]]:
    """(what is called, how it reads) in each loop, or comprehension, over all that there are."""
    for node in source.nodes:
        match node:
            case ast.For(iter=over) | ast.AsyncFor(iter=over) if _is_all(over):
                yield from _calls(node)
            case ast.ListComp(generators=[ast.comprehension(iter=over), *_]) if _is_all(over):
                yield from _calls(node)
            case ast.GeneratorExp(generators=[ast.comprehension(iter=over), *_]) if _is_all(over):
                yield from _calls(node)


def _is_all(over: ast.expr) -> bool:
    """`guild.members`, `list(guild.channels)`, `guild.fetch_members(limit=None)`"""
    if isinstance(over, ast.Call):
        made_of = over.args[0] if isinstance(over.func, ast.Name) and over.args else over.func
        return _is_all(made_of)
    return isinstance(over, ast.Name | ast.Attribute) and ALL.search(words(over)) is not None


def _calls(node: ast.AST) -> Iterator[tuple[str, str]]:
    for one in walked(node):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr in DONE_TO_ALL:
            yield one.func.attr, ast.unparse(one)
