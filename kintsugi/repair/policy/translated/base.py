"""What a translator of any language needs: names in one spelling, and statements with the functions that they hold."""

from __future__ import annotations

import ast
import keyword
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, TypeVar

from kintsugi.repair.languages.syntax import Node, line_of, text_of
from kintsugi.telemetry import lazy_re as re

_WITHIN = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_NAME = re.compile(r"\W+")
_LONGEST = 2_000  # of what is not read further
_COMPARED: Mapping[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "===": ast.Eq,
    "!=": ast.NotEq,
    "!==": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
    "in": ast.In,
}
_COUNTED: Mapping[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "%": ast.Mod,
    "**": ast.Pow,
    "<<": ast.LShift,
    ">>": ast.RShift,
    ">>>": ast.RShift,
    "|": ast.BitOr,
    "&": ast.BitAnd,
    "^": ast.BitXor,
}


_Made = TypeVar("_Made", bound=ast.AST)
Made = ast.FunctionDef | ast.AsyncFunctionDef
Statements = Mapping[str, Callable[[Node], Iterable[ast.stmt]]]
Expressions = Mapping[str, Callable[[Node], ast.expr]]


class Translator(ABC):
    """Python's syntax tree of what another language says: its kinds of statements and its way to spell names.

    Only what the policy compares is kept. `names` gives back how a name was written, `signs` how the language writes
    what is `not`, `and` or `None` in Python.
    """

    signs: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self._hoisted: list[Made | ast.ClassDef] = []
        self._top: set[int] = set()
        self._statements, self._expressions = self._of_statements(), self._of_expressions()

    @abstractmethod
    def _of_statements(self) -> Statements:
        """What reads each kind of statement, by its name in the grammar."""

    @abstractmethod
    def _of_expressions(self) -> Expressions:
        """The same of expressions."""

    def module(self, members: Sequence[Node]) -> ast.Module:
        self._top = {one.id for one in members}
        return ast.Module(self.block(members), [])

    def block(self, statements: Iterable[Node]) -> list[ast.stmt]:
        """Each after the functions that stand within it."""
        found: list[ast.stmt] = []
        outer = self._hoisted
        for node in statements:
            self._hoisted = []
            made = self.statement(node)
            found += [*self._hoisted, *made]
        self._hoisted = outer
        return found

    def body(self, node: Node | None) -> list[ast.stmt]:
        return self.block(self._within(node)) or [ast.Pass()]

    def statement(self, node: Node) -> list[ast.stmt]:
        made = self._statements.get(node.type)
        if made is None:
            return [] if "comment" in node.type else [self.at(node, ast.Expr(self.expression(node)))]
        return [self.at(node, one) for one in made(node)]

    def expression(self, node: Node | None) -> ast.expr:
        if node is None:
            return ast.Constant(None)
        made = self._expressions.get(node.type)
        if made is not None:
            return self.at(node, made(node))
        inner = [one for one in node.named_children if "comment" not in one.type]
        if not inner:
            return self.name(text_of(node))
        return self.expression(inner[0]) if len(inner) == 1 else ast.Tuple([self.expression(one) for one in inner])

    def name(self, text: str) -> ast.expr:
        return ast.Name(self.word(text))

    def word(self, text: str) -> str:
        """One spelling for all: `isAdmin` and `IsAdmin` as `is_admin`, MAX_AGE as it is."""
        plain = _NO_NAME.sub("_", text[:_LONGEST]).strip("_") or "_"
        made = plain if plain.isupper() else _WITHIN.sub("_", plain).lower()
        return self.written(f"{made}_" if keyword.iskeyword(made) else made, text)

    def written(self, made: str, text: str) -> str:
        if len(text) < _LONGEST:
            self.names.setdefault(made, text)
        return made

    def function(self, name: str, given: ast.arguments, body: list[ast.stmt], node: Node) -> Made:
        kind = ast.AsyncFunctionDef if any(one.type == "async" for one in node.children) else ast.FunctionDef
        return self.at(node, kind(name=name, args=given, body=body or [ast.Pass()], decorator_list=[]))

    def hoist(self, made: Made | ast.ClassDef) -> None:
        self._hoisted.append(made)

    def call(self, function: ast.expr, *given: ast.expr, **named: ast.expr) -> ast.Call:
        return ast.Call(function, [*given], [ast.keyword(name, value) for name, value in named.items()])

    def two_sided(self, node: Node) -> ast.expr:
        """`a && b`, `a < b`, `a + b`: whatever stands on two sides of an operator; chains of one are one."""
        sign = text_of(node.child_by_field_name("operator"))
        if sign in ("&&", "||", "??"):
            parts = [self.expression(one) for one in _chain(node, sign)]
            return ast.BoolOp(ast.And() if sign == "&&" else ast.Or(), parts)
        left = self.expression(node.child_by_field_name("left"))
        right = self.expression(node.child_by_field_name("right"))
        if sign in _COMPARED:
            return ast.Compare(left, [_COMPARED[sign]()], [right])
        if sign in _COUNTED:
            return ast.BinOp(left, _COUNTED[sign](), right)
        return self.call(ast.Name(self.word(sign)), left, right)

    def added(self, target: ast.expr, value: ast.expr) -> ast.stmt:
        """`x += 1`"""
        if isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
            return ast.AugAssign(target, ast.Add(), value)
        return ast.Expr(value)

    def negated(self, node: ast.expr) -> ast.expr:
        return ast.UnaryOp(ast.Not(), node)

    def number(self, text: str) -> ast.expr:
        plain = text.replace("_", "").rstrip("n" if not text.lower().startswith("0x") else "")
        for made in (lambda: int(plain, 0), lambda: int(plain, 8), lambda: float(plain)):
            try:
                return ast.Constant(made())
            except ValueError:
                continue
        return self.name(text)

    def at(self, node: Node, made: _Made) -> _Made:
        if isinstance(made, ast.stmt | ast.expr) and not hasattr(made, "lineno"):
            made.lineno = line_of(node)
        return made

    @abstractmethod
    def _within(self, node: Node | None) -> list[Node]:
        """The statements of a block, or the one that stands in its place."""


def arguments(given: Iterable[tuple[str, ast.expr | None]]) -> ast.arguments:
    """What a function takes, all by name: (name, default)."""
    both = [*given]
    return ast.arguments(
        posonlyargs=[],
        args=[],
        kwonlyargs=[ast.arg(name) for name, _ in both],
        kw_defaults=[value for _, value in both],
        defaults=[],
    )


def _chain(node: Node, sign: str) -> list[Node]:
    """The parts of `a && b && c`, which stand one in another, in their order."""
    found: list[Node] = []
    stack = [node]
    while stack:
        one = stack.pop()
        if one.type == "binary_expression" and text_of(one.child_by_field_name("operator")) == sign:
            stack += [one.child_by_field_name("left"), one.child_by_field_name("right")]
        else:
            found.append(one)
    return found[::-1]
