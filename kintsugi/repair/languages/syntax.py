"""Syntax trees of languages other than Python, by tree-sitter: read, compared and cut, never run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

_GRAMMARS = {
    "go": ("tree_sitter_go", "language"),
    "js": ("tree_sitter_javascript", "language"),
    "ts": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
}
_BLOCKS = ("block", "statement_block")
_HOLD_STATEMENTS = (*_BLOCKS, "statement_list", "program")
Node = Any
"""tree_sitter.Node: type, children, named_children, child_by_field_name, parent, text, start_byte, end_byte."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes `start` to `end` of a source, and what is to stand there instead."""

    start: int
    end: int
    text: str

    @classmethod
    def of(cls, node: Node, text: str) -> Piece:
        return cls(node.start_byte, node.end_byte, text)


@lru_cache(maxsize=256)
def tree_of(grammar: str, source: str) -> Node | None:
    """The top node; None for what is no syntax of this grammar."""
    top = parsed(grammar, source)
    return None if top.has_error else top


def parsed(grammar: str, source: str) -> Node:
    """The top node, of what is no syntax too: what cannot be read is left out."""
    return _parser(grammar).parse(source.encode("utf-8", "surrogatepass")).root_node


@lru_cache
def _parser(grammar: str) -> Any:
    sitter = import_module("tree_sitter")
    module, function = _GRAMMARS[grammar]
    return sitter.Parser(sitter.Language(getattr(import_module(module), function)()))


def text_of(node: Node | None) -> str:
    return "" if node is None else node.text.decode("utf-8", "replace")


def nodes(top: Node, *types: str) -> Iterator[Node]:
    """All below `top` and itself, in the order of the source; of these types, or of any."""
    stack = [top]
    while stack:
        node = stack.pop()
        if not types or node.type in types:
            yield node
        stack += reversed(node.children)


def above(node: Node) -> Iterator[Node]:
    """What a node stands in, the innermost first."""
    while (node := node.parent) is not None:
        yield node


def written_with(source: str, pieces: Iterable[Piece]) -> str:
    """The source with pieces replaced; of two that overlap, the outer one."""
    content = source.encode("utf-8", "surrogatepass")
    done = len(content) + 1
    for piece in sorted(pieces, key=lambda one: (-one.end, one.start)):
        if piece.end <= done:
            content = content[: piece.start] + piece.text.encode() + content[piece.end :]
            done = piece.start
    return content.decode("utf-8", "surrogatepass")


def tokens(top: Node, left_out: Callable[[Node], bool]) -> list[str]:
    """What is written below `top`, without its layout, blocks that only group, and what is below nodes left out."""
    found: list[str] = []
    stack = [top]
    while stack:
        node = stack.pop()
        if left_out(node):
            continue
        if node.children and node.type not in ("string", "interpreted_string_literal"):
            only_groups = node.type in _BLOCKS and node.parent is not None and node.parent.type in _HOLD_STATEMENTS
            stack += reversed(node.children[1:-1] if only_groups else node.children)
        elif node.start_byte < node.end_byte:
            text = text_of(node)
            if text in (")", "]", "}") and found and found[-1] == ",":
                found.pop()
            if text not in (";", "\n"):
                found.append(f'"{text[1:-1]}"' if node.type == "string" and "\\" not in text else text)
    return found


def line_of(node: Node) -> int:
    """From 1."""
    return int(node.start_point[0]) + 1


def by_name(named: Iterable[tuple[str, Node]]) -> Mapping[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for name, node in named:
        found.setdefault(name, []).append(node)
    return found
