"""The functions of a piece of Python by their names, and what is in each."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache

from kintsugi.repair.syntax import Source, children, walked

_FEW = 3  # functions that have a line, for it to tell them apart
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: Source) -> dict[str, Function]:
    """By the names of what they are in, too; several of one name are counted."""
    found, counted = dict[str, Function](), Counter[str]()
    inside: list[tuple[str, ast.AST]] = [("", source.tree)] if source.tree else []
    for name, node in inside:
        if isinstance(node, Function):
            found[name] = node
        for one in children(node):
            if not isinstance(one, ast.ClassDef | Function):
                inside.append((name, one))
                continue
            called = f"{name}.{one.name}"
            counted[called] += 1
            inside.append((called if counted[called] == 1 else f"{called}~{counted[called]}", one))
    return found


def kept(old: Source, new: Source) -> tuple[tuple[Function, Function], ...]:
    """Functions that are there before and after: what went with a whole function is no loosening of it.

    One that stands under another name is kept as well: it has half of its statements.
    """
    return _kept(old, new, (old.tree, new.tree))


@lru_cache(maxsize=2)
def _kept(
    old: Source, new: Source, read: tuple[ast.Module | None, ast.Module | None]
) -> tuple[tuple[Function, Function], ...]:
    """`read`: sources of the same text are equal, and yet each has its own nodes."""
    before, after = functions(old), functions(new)
    numbered = any("~" in name for name in (*before, *after))
    if numbered:
        before, after = _without_same(before, after)
    come = _ByLines({name: _lines(node) for name, node in after.items() if name not in before})
    named = ((node, name if name in after else come.like(_lines(node))) for name, node in before.items())
    return tuple((node, after[now]) for node, now in named if now in after)


def fresh(old: Source, new: Source) -> list[tuple[str, Function]]:
    """The functions that are new, by their names: `kept` leaves out those of a common name that are as they were."""
    known = {id(after) for _, after in kept(old, new)}
    named = {name.partition("~")[0] for name in functions(old)}
    return [
        (name, node)
        for name, node in functions(new).items()
        if id(node) not in known and name.partition("~")[0] not in named
    ]


def _without_same(
    before: dict[str, Function], after: dict[str, Function]
) -> tuple[dict[str, Function], dict[str, Function]]:
    """Without the functions of which several have one name and that only stand at another place among them."""
    texts = [{name: ast.unparse(one) for name, one in named.items()} for named in (before, after)]
    shared = Counter(texts[0].values()) & Counter(texts[1].values())
    left: list[dict[str, Function]] = []
    for named, text in zip((before, after), texts, strict=True):
        counted, many, kept_ = Counter(shared), Counter[str](), dict[str, Function]()
        for name, one in named.items():
            if counted[text[name]]:
                counted[text[name]] -= 1
                continue
            base = re.sub(r"~\d+", "", name)
            many[base] += 1
            kept_[base if many[base] == 1 else f"{base}~{many[base]}"] = one
        left.append(kept_)
    return left[0], left[1]


class _ByLines:
    """Functions by the statements that few of them have: what all have tells none apart, and would take all pairs."""

    def __init__(self, lines: dict[str, frozenset[str]]) -> None:
        self._lines = lines
        self._same = {held: name for name, held in lines.items()}
        self._having = defaultdict[str, list[str]](list)
        for name, held in lines.items():
            for line in held:
                self._having[line].append(name)

    def like(self, lines: frozenset[str]) -> str:
        """The one that has most of these, if it has half of them."""
        if lines in self._same:
            return self._same[lines]
        having = (self._having.get(line, []) for line in sorted(lines))
        found = dict.fromkeys(name for names in having if len(names) <= _FEW for name in names)
        best = max(found, key=lambda name: len(self._lines[name] & lines), default="")
        return best if best and 2 * len(self._lines[best] & lines) >= len(lines) else ""


def _lines(function: Function) -> frozenset[str]:
    """Its statements, without the head."""
    return frozenset(line.strip() for one in function.body for line in ast.unparse(one).split("\n"))


def texts(node: ast.AST) -> Iterator[str]:
    """The texts in it, those that are put together without what is put in."""
    for one in walked(node):
        match one:
            case ast.Constant(value=str(text)):
                yield text


def short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else f"{text[:89]}…"
