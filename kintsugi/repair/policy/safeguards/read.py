"""Texts that say by themselves what is read: one of strangers reads whatever it is given."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.syntax import Source
from kintsugi.telemetry import lazy_re as re

_OWN = re.compile(r"(?:^| )(?:self|bot|client|app|config|settings|ctx|interaction|request)$")
_FRAME = re.compile(r"(?:^|[ _])(?:df|frame|dataframe|data_frame)$", re.IGNORECASE)


def reads_by_text(old: Source, new: Source) -> Iterator[str]:
    """New: `text.format(self.bot)`, where a text can name any attribute, and `df.query(text)`, which runs it."""
    return (short(text) for text in _texts(new) - _texts(old))


def _texts(source: Source) -> Counter[str]:
    return Counter(ast.unparse(node) for node in source.nodes if isinstance(node, ast.Call) and _reads(node))


def _reads(node: ast.Call) -> bool:
    match node.func:
        case ast.Attribute(value=ast.Constant()):
            return False
        case ast.Attribute(attr="format" | "format_map"):
            given = [*node.args, *(one.value for one in node.keywords)]
            return any(_OWN.search(words(one)) for whole in given for one in _values(whole))
        case ast.Attribute(value=on, attr="query" | "eval"):
            return (
                _FRAME.search(words(on)) is not None and bool(node.args) and not isinstance(node.args[0], ast.Constant)
            )
    return False


def _values(node: ast.expr) -> list[ast.expr]:
    return node.values if isinstance(node, ast.Dict) else [node] if isinstance(node, ast.Name | ast.Attribute) else []
