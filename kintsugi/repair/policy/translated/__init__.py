"""Other languages as Python's syntax, so that one set of rules tells what a human has to see in any of them.

Only the members of a file that differ are translated: what moved is the same member elsewhere.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from kintsugi.repair.languages.syntax import Node, parsed, text_of
from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.translated.base import Translator
from kintsugi.repair.policy.translated.go import GoTranslator
from kintsugi.repair.policy.translated.node import NodeTranslator
from kintsugi.repair.syntax import Source
from kintsugi.telemetry import lazy_re as re

_GRAMMARS: dict[str, tuple[str, type[Translator]]] = {
    **{f".{suffix}": ("js", NodeTranslator) for suffix in ("js", "mjs", "cjs", "jsx")},
    **{f".{suffix}": ("ts", NodeTranslator) for suffix in ("ts", "mts", "cts")},
    ".tsx": ("tsx", NodeTranslator),
    ".go": ("go", GoTranslator),
}
_BY_MACHINE = 2_000  # characters in a line, which nobody writes
_OF_SENTENCE = (
    "is gone|not given to|only if|also if|is new|is without|is outside of it now|is not asked for|else of|says no at"
)
_WORD = re.compile(rf"'(?:[^'\\]|\\.)*'|\b(?:{_OF_SENTENCE})\b|\bnot in\b|\bnot |\w+|[=!]=")
_OBJECT = re.compile(r"\bdict\(((?:[^()]|\([^()]*\))*)\)")
_KEY = re.compile(r"\b(\w+)=(?!=)")


@dataclass(frozen=True)
class Translated(Source):
    """Python that nobody wrote."""

    module: ast.Module

    @cached_property
    def tree(self) -> ast.Module | None:
        return self.module


def translated(change: Change) -> tuple[Source, Source, Translator] | None:
    """What differs, before and after, and who knows its names; None for what no translator reads."""
    known = _GRAMMARS.get(PurePosixPath(change.path).suffix.lower())
    if known is None or is_by_machine(change):
        return None
    grammar, translator = known[0], known[1]()
    old, new = ([*_members(parsed(grammar, text))] for text in (change.old, change.new))
    before, after = (Counter(text for text, _ in one) for one in (old, new))
    sides = ((old, before - after), (new, after - before))
    modules = [translator.module([node for text, node in members if text in differ]) for members, differ in sides]
    return Translated("", modules[0]), Translated("", modules[1]), translator


def could_be_read(change: Change) -> bool:
    """Whether what can be read now could be read before: marks of a merge and what is cut off hide what was there."""
    if change.path.endswith((".py", ".pyw")):
        return change.whole[0].tree is not None or change.whole[1].tree is None
    known = _GRAMMARS.get(PurePosixPath(change.path).suffix.lower())
    return known is None or not parsed(known[0], change.old).has_error or parsed(known[0], change.new).has_error


def is_by_machine(change: Change) -> bool:
    """Whether lines of code are so long that nobody wrote them."""
    is_known = PurePosixPath(change.path).suffix.lower() in _GRAMMARS
    return is_known and any(len(line) > _BY_MACHINE for line in (*change.added, *change.removed))


def as_written(told: str, translator: Translator) -> str:
    """With names as they stand in the file, and in the signs of its language."""
    said = _WORD.sub(lambda found: translator.signs.get(found[0]) or translator.names.get(found[0], found[0]), told)
    return _OBJECT.sub(lambda found: "{" + _KEY.sub(r"\1: ", found[1]) + "}", said)


def _members(top: Node) -> Iterator[tuple[str, Node]]:
    return ((text_of(node), node) for node in top.named_children if node.type != "comment")
