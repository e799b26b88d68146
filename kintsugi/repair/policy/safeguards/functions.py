"""The functions of a piece of Python by their names, and what is in each."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kintsugi.repair.syntax import Source, walked

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: Source) -> dict[str, Function]:
    """Of several of one name, the last."""
    return {node.name: node for node in source.nodes if isinstance(node, Function)}


def kept(old: Source, new: Source) -> Iterator[tuple[Function, Function]]:
    """Functions that are there before and after: what went with a whole function is no loosening of it."""
    after = functions(new)
    for name, node in functions(old).items():
        if name in after:
            yield node, after[name]


def texts(node: ast.AST) -> Iterator[str]:
    """The texts in it, those that are put together without what is put in."""
    for one in walked(node):
        match one:
            case ast.Constant(value=str(text)):
                yield text


def short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else f"{text[:89]}…"
