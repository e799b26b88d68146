"""A piece of Python with its syntax tree, parsed and walked once however many ask for it."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Collection
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from kintsugi.parsing import parsed

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_LEAVES = frozenset((int, str, type(None), ast.Load, ast.Store, ast.Del))


@dataclass(frozen=True)
class Source:
    """Python as it was written. Its tree is for reading only, as it is shared."""

    text: str

    @cached_property
    def tree(self) -> ast.Module | None:
        """None where this Python cannot read it."""
        return parsed(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return [] if self.tree is None else walked(self.tree)

    def lines_of(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str] | None:
        """The lines of a function with its decorators; None where its end is not known."""
        first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        return None if self._lines is None or node.end_lineno is None else self._lines[first - 1 : node.end_lineno]

    @cached_property
    def _lines(self) -> list[str] | None:
        return None if "\r" in self.text else self.text.split("\n")

    def may_have(self, *words: str) -> bool:
        """Whether it can have one of these words, in any case: beyond ASCII, Python reads names otherwise."""
        return not self.text.isascii() or any(word in self._lowered for word in words)

    @cached_property
    def _lowered(self) -> str:
        return self.text.lower()


def encoding_of(content: bytes) -> str | None:
    """The encoding that the interpreter reads Python source in; None where it refuses to (PEP 263)."""
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(content).readline)[0]
        b" ".decode(encoding, "replace")  # a codec may be one of bytes to bytes, as rot13
        if is_plain(encoding):  # what is not is refused anyway, and some of it warns where it is decoded
            content.decode(encoding)
    except (SyntaxError, LookupError, ValueError):
        return None
    return encoding


def is_plain(encoding: str | None) -> bool:
    """Whether what looks like ASCII is it: in others (UTF-7, unicode_escape) a comment can hold code."""
    if encoding is None:
        return False
    try:
        return all(bytes([code]).decode(encoding) == chr(code) for code in range(128))
    except (LookupError, ValueError):
        return False


def why_unreadable(before: bytes | None, after: bytes) -> str | None:
    """Why source may say something else to the interpreter than to who reads it, as words after its path."""
    now = encoding_of(after)
    if now is None:
        return "cannot be read in the encoding that it names"
    known = before is not None and encoding_of(before) == now
    if not is_plain(now) or not (known or now.startswith("utf-8")):
        return f"comes in the encoding {now}: write it in UTF-8"
    return None


def read_source(content: bytes) -> str:
    """Python source as the interpreter reads it; what it refuses as well as can be."""
    encoding = encoding_of(content)
    return content.decode(encoding or "utf-8", "replace")


def same_lines(before: str, after: str, numbers: Collection[int]) -> tuple[int, ...]:
    """Where statements that begin in these lines stand in a changed source; none where any of them was changed.

    A statement with a block counts by its head. Layout and comments are none of it.
    """
    old, new = parsed(before), parsed(after)
    if old is None or new is None:
        return ()
    was, now = _statements(old), _statements(new)
    matching = SequenceMatcher(None, [text for text, _, _ in was], [text for text, _, _ in now], autojunk=False)
    found: list[int] = []
    for number in numbers:
        at = max((at for at, (_, first, last) in enumerate(was) if first <= number <= last), default=None)
        block = next(
            (one for one in matching.get_matching_blocks() if at is not None and one.a <= at < one.a + one.size), None
        )
        if at is None or block is None:
            return ()
        _, first, last = now[block.b + at - block.a]
        found += range(first, last + 1)
    return tuple(found)


def _statements(tree: ast.Module) -> list[tuple[str, int, int]]:
    """Each statement without its blocks: as text, with its first and last line; in the order of the file."""
    found = []
    for node in walked(tree):
        if isinstance(node, ast.stmt):
            blocks = [one for name in _BLOCKS for one in getattr(node, name, [])]
            inner = min((one.lineno for one in blocks if hasattr(one, "lineno")), default=None)
            last = node.end_lineno or node.lineno
            head = {name: value for name, value in ast.iter_fields(node) if name not in _BLOCKS}
            text = f"{type(node).__name__} {[_dumped(value) for value in head.values()]}"
            found.append((text, node.lineno, last if inner is None else max(inner - 1, node.lineno)))
    return sorted(found, key=lambda one: (one[1], -one[2]))


def _dumped(value: object) -> str:
    if isinstance(value, list):
        return str([_dumped(one) for one in value])
    return ast.dump(value) if isinstance(value, ast.AST) else repr(value)


def walked(top: ast.AST) -> list[ast.AST]:
    """What `ast.walk` gives, in its order, without what only says how a name is used; several times as fast."""
    found = [top]
    for node in found:
        found += children(node)
    return found


def children(node: ast.AST) -> list[ast.AST]:
    """What `ast.iter_child_nodes` gives, without what only says how a name is used."""
    found: list[ast.AST] = []
    for value in vars(node).values():
        kind = type(value)
        if kind is list:
            found += [one for one in value if isinstance(one, ast.AST)]
        elif kind not in _LEAVES and isinstance(value, ast.AST):
            found.append(value)
    return found
