"""A source file cut into units: functions, class heads, imports, constants. By its syntax; nothing is run. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from kintsugi.parsing import parsed
from kintsugi.repair.context.spans import Span, spans_of
from kintsugi.telemetry import lazy_re as re

_WORD = re.compile(r"[^\W\d]\w*")
_CALLED = re.compile(r"\.([^\W\d]\w*)|([^\W\d]\w*)\(")  # an attribute may be a property, so it counts as a call
_PARAGRAPH = 40  # lines of a unit in a file that cannot be parsed


@dataclass(frozen=True, slots=True)
class Unit:
    """Lines `start` to `end` (inclusive, from 1) of a file that belong together.

    `owner` is the class a method belongs to, or empty. `names` are all identifiers in it, `calls` those of what
    it calls or takes from another object, `bases` those of a class head.
    """

    path: str
    start: int
    end: int
    kind: str  # function, class, imports, constant or text
    name: str
    owner: str = ""
    names: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    bases: tuple[str, ...] = ()

    @property
    def lines(self) -> int:
        return self.end - self.start + 1

    def holds(self, line: int) -> bool:
        return self.start <= line <= self.end


@dataclass(frozen=True, slots=True)
class Module:
    """One file: its units in order, and where its imported names come from (module, name), by local name.

    `reaches` is what a file of another language than Python imports (`spans_of`).
    """

    path: str
    units: tuple[Unit, ...]
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    reaches: tuple[str, ...] = ()

    def at(self, line: int) -> Unit | None:
        return next((unit for unit in self.units if unit.holds(line)), None)


def parse(path: str, text: str) -> Module:
    """The file's units; those of one that cannot be parsed, or is of a language not read here, are its paragraphs."""
    tree = parsed(text) if path.endswith((".py", ".pyi")) else None
    lines = text.split("\n")
    if tree is None and (read := spans_of(path, text)) is not None:
        units = tuple(_of_span(path, span, lines) for span in read[0])
        return Module(path, units, reaches=read[1])
    if tree is None:
        return Module(path, tuple(_paragraphs(path, lines)))
    imports = {local: source for node in _shallow(tree.body) for local, source in _imported(node, path)}
    return Module(path, tuple(_units(path, tree.body, lines)), imports)


def _of_span(path: str, span: Span, lines: list[str]) -> Unit:
    unit = _unit(_Span(path, span.start, span.end), lines, span.kind, span.name, span.owner)
    return replace(unit, bases=span.bases)


def words(text: str) -> list[str]:
    """The identifiers in a text, in order."""
    return _WORD.findall(text)


def _units(path: str, body: Iterable[ast.stmt], lines: list[str], owner: str = "") -> Iterator[Unit]:
    """Functions one by one, neighbouring statements of another kind together."""
    together: list[ast.stmt] = []
    for node in body:
        if together and (_stands_alone(node) or _kind(node) != _kind(together[0])):
            yield _joined(path, together, lines, owner)
            together = []
        if isinstance(node, ast.ClassDef):
            yield from _class_units(path, node, lines)
        elif _stands_alone(node):
            yield _function(path, node, lines, owner)
        else:
            together.append(node)
    if together:
        yield _joined(path, together, lines, owner)


def _class_units(path: str, node: ast.ClassDef, lines: list[str]) -> Iterator[Unit]:
    """The class statement with what stands before its first method, then its members."""
    first = next((at for at, inner in enumerate(node.body) if _stands_alone(inner)), len(node.body))
    end = (node.body[first - 1].end_lineno if first else None) or node.lineno
    head = _unit(_Span(path, _start(node), end), lines, "class", node.name, node.name)
    yield replace(head, bases=tuple(name for base in node.bases for name in words(ast.unparse(base))[-1:]))
    yield from _units(path, node.body[first:], lines, node.name)


def _function(path: str, node: ast.stmt, lines: list[str], owner: str) -> Unit:
    span = _Span(path, _start(node), node.end_lineno or node.lineno)
    return _unit(span, lines, "function", getattr(node, "name", ""), owner)


def _joined(path: str, nodes: list[ast.stmt], lines: list[str], owner: str) -> Unit:
    span = _Span(path, _start(nodes[0]), nodes[-1].end_lineno or nodes[-1].lineno)
    return _unit(span, lines, _kind(nodes[0]), " ".join(name for node in nodes for name in _assigned(node)), owner)


@dataclass(frozen=True, slots=True)
class _Span:
    path: str
    start: int
    end: int


def _unit(span: _Span, lines: list[str], kind: str, name: str, owner: str = "") -> Unit:
    text = "\n".join(lines[span.start - 1 : span.end])
    calls = frozenset(attribute or called for attribute, called in _CALLED.findall(text))
    return Unit(span.path, span.start, span.end, kind, name, owner, frozenset(words(text)), calls)


def _stands_alone(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _kind(node: ast.stmt) -> str:
    return "imports" if isinstance(node, ast.Import | ast.ImportFrom) else "constant"


def _start(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _assigned(node: ast.stmt) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    for target in targets:
        yield from (inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name)) if target else ()


def _shallow(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements and those within them; imports hide in functions and under conditions."""
    for node in body:
        yield node
        for name in ("body", "orelse", "handlers", "finalbody"):
            yield from _shallow(getattr(node, name, ()))


def _imported(node: ast.AST, path: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """(local name, (dotted module, name in it or empty)) of an import statement; relative ones made absolute."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], (alias.name, "")
    elif isinstance(node, ast.ImportFrom):
        package = path.split("/")[: -node.level] if node.level else []
        module = ".".join([*package, *([node.module] if node.module else [])])
        for alias in node.names:
            yield alias.asname or alias.name, (module, alias.name)


def _paragraphs(path: str, lines: list[str]) -> Iterator[Unit]:
    for start in range(1, len(lines) + 1, _PARAGRAPH):
        yield _unit(_Span(path, start, min(start + _PARAGRAPH - 1, len(lines))), lines, "text", "")
