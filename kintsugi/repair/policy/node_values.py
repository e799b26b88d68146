"""What the names of a JavaScript file may hold: all that each is given anywhere in the file, where it is declared."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from kintsugi.repair.languages.node.calls import FUNCTIONS, call_of
from kintsugi.repair.languages.syntax import Node, above, nodes, text_of

UNWRAPPED = (
    *("parenthesized_expression", "as_expression", "non_null_expression", "satisfies_expression"),
    *("type_assertion", "await_expression"),
)
_PATTERNS = ("identifier", "shorthand_property_identifier_pattern")
_CALLS_BACK = {"it", "test", "specify", "before", "after", "beforeEach", "afterEach", "beforeAll", "afterAll"}
_SCOPES = (
    "program",
    "statement_block",
    "for_statement",
    "for_in_statement",
    "function_declaration",
    "method_definition",
)
_HOLDERS = ("globalThis", "global", "window", "self")
_DEEPEST = 6
_MOST = 20_000
"""Names that are followed in one file: each may be given many others."""


@dataclass(frozen=True, slots=True)
class Given:
    """One value that a name is given: a node, or its property `of`; None for what is not seen. `called_back`: it is
    a function that a runner of tests or a promise hands in.
    """

    node: Node | None
    of: str = ""
    called_back: bool = False


@dataclass
class Bindings:
    """By name, all that it is given. A name that is given something unseen holds a `Given` without a node."""

    tree: Node
    _given: dict[str, list[Given]] = field(default_factory=dict)
    _scopes: dict[str, set[int]] = field(default_factory=dict)
    _asked: int = 0

    def __post_init__(self) -> None:
        for node in nodes(self.tree):
            match node.type:
                case "variable_declarator":
                    self._declare(node, node.child_by_field_name("name"))
                    if (value := node.child_by_field_name("value")) is not None:
                        self._bind(node.child_by_field_name("name"), value)
                case "assignment_expression":
                    self._bind(node.child_by_field_name("left"), node.child_by_field_name("right"))
                case "function_declaration" | "generator_function_declaration":
                    self._declare(node, node.child_by_field_name("name"))
                    self._add(text_of(node.child_by_field_name("name")), Given(node))
                case "class_declaration" | "abstract_class_declaration" | "enum_declaration" | "import_require_clause":
                    self._add(text_of(node.child_by_field_name("name") or node.named_children[0]), Given(None))
                case "formal_parameters":
                    self._declare(node, node)
                    self._of_parameters(node, node.parent)
                case "arrow_function" if (one := node.child_by_field_name("parameter")) is not None:
                    self._declare(one, one)
                    self._add(text_of(one), Given(None, called_back=_is_called_back(node)))
                case "augmented_assignment_expression" | "for_in_statement":
                    self._unseen(node.child_by_field_name("left"))
                case "catch_clause":
                    self._unseen(node.child_by_field_name("parameter"))
                case "import_clause" | "import_specifier" | "namespace_import":
                    self._unseen(node)

    def of(self, name: str) -> list[Given]:
        """All that a name is given anywhere."""
        return self._given.get(name, [])

    def held_by(self, name: Node) -> list[Given]:
        """What a name may hold where it stands: nothing where another file, or the language, gave it."""
        self._asked += 1
        if self._asked > _MOST:
            return []
        scopes = self._scopes.get(text_of(name), set())
        return self.of(text_of(name)) if any(one.id in scopes for one in above(name)) else []

    def is_of_package(self, name: str, packages: str = r"[^./].*") -> bool:
        """Whether nobody but an import from such a package gives a name."""
        quoted = rf"['\"](?:node:)?(?:{packages})['\"]"
        loading = re.compile(rf"(?:import|require)\({quoted}\)(?:\.\w+)?")
        sources = self._imports.get(name, [])
        seen = [text_of(bare(one.node)) for one in self.of(name) if one.node is not None]
        unseen = sum(one.node is None for one in self.of(name))
        return (
            unseen <= len(sources)
            and all(re.fullmatch(quoted, one) for one in sources)
            and all(loading.fullmatch(one) for one in seen)
        )

    def _declare(self, node: Node, names: Node) -> None:
        scope = next((int(one.id) for one in above(node) if one.type in (*_SCOPES, *FUNCTIONS)), 0)
        for one in nodes(names, *_PATTERNS):
            self._scopes.setdefault(text_of(one), set()).add(scope)

    def _add(self, name: str, given: Given) -> None:
        self._given.setdefault(name, []).append(given)

    def _unseen(self, top: Node | None) -> None:
        for one in nodes(top, *_PATTERNS) if top is not None else ():
            self._add(text_of(one), Given(None))

    def _bind(self, target: Node, value: Node) -> None:
        if target.type == "identifier":
            self._add(text_of(target), Given(value))
        elif target.type == "object_pattern":
            for one in target.named_children:
                if one.type == "shorthand_property_identifier_pattern":
                    self._add(text_of(one), Given(value, text_of(one)))
                else:
                    self._unseen(one)
        elif target.type == "array_pattern":
            self._unseen(target)
        elif target.type == "member_expression" and text_of(target.child_by_field_name("object")) in _HOLDERS:
            self._add(text_of(target.child_by_field_name("property")), Given(None))

    def _of_parameters(self, parameters: Node, function: Node) -> None:
        for one in parameters.named_children:
            inner = (one.child_by_field_name("pattern") or one) if one.type == "required_parameter" else one
            if inner.type == "identifier":
                self._add(text_of(inner), Given(None, called_back=_is_called_back(function)))
            else:
                self._unseen(one)

    def is_function(self, node: Node, deep: int = 0) -> bool:
        """Whether it can be nothing but a function."""
        node = bare(node)
        if node.type in FUNCTIONS or node.type == "function_declaration":
            return True
        if deep > _DEEPEST:
            return False
        if node.type == "identifier":
            given = self.held_by(node)
            return bool(given) and all(
                (one.called_back and self._is_only_called(text_of(node)))
                or (one.node is not None and not one.of and self.is_function(one.node, deep + 1))
                for one in given
            )
        if node.type == "call_expression":
            returned = self.returned_by(node)
            return bool(returned) and all(self.is_function(one, deep + 1) for one in returned)
        return False

    def _is_only_called(self, name: str) -> bool:
        """Whether nothing is set on what a runner hands in, which may be an object."""
        return all(map(_is_as_it_was, self.uses.get(name, ())))

    @cached_property
    def uses(self) -> dict[str, list[Node]]:
        """Where each name stands."""
        found: dict[str, list[Node]] = {}
        for one in nodes(self.tree, "identifier", "shorthand_property_identifier"):
            found.setdefault(text_of(one), []).append(one)
        return found

    @cached_property
    def _imports(self) -> dict[str, list[str]]:
        """What imports give each name, as it is quoted."""
        found: dict[str, list[str]] = {}
        for one in nodes(self.tree, "import_statement"):
            for name in nodes(one, "identifier"):
                found.setdefault(text_of(name), []).append(text_of(one.child_by_field_name("source")))
        return found

    def returned_by(self, call: Node) -> list[Node]:
        """What a call of the file's own function may return; nothing where that is not seen."""
        function = call.child_by_field_name("function")
        given = self.held_by(function) if function is not None and function.type == "identifier" else []
        found: list[Node] = []
        for one in given:
            returned = _returned(one.node) if one.node is not None and not one.of else []
            if not returned:
                return []
            found += returned
        return found


def bare(node: Node) -> Node:
    """Without brackets, types and `await` around it."""
    while node.type in UNWRAPPED and node.named_children:
        node = node.named_children[-1 if node.type == "type_assertion" else 0]
    return node


def _is_as_it_was(use: Node) -> bool:
    parent = use.parent
    if parent.type in ("member_expression", "subscript_expression"):
        return bool(parent.child_by_field_name("object").id != use.id)
    call = parent.parent if parent.type == "arguments" else None
    return call is None or not text_of(call.child_by_field_name("function")).startswith(("Object.", "Reflect."))


def _is_called_back(function: Node) -> bool:
    """Whether what a function is handed are functions: a test's `done`, a promise's `resolve`."""
    call = function.parent.parent if function.parent is not None and function.parent.type == "arguments" else None
    if call is None:
        return False
    if call.type == "new_expression":
        return text_of(call.child_by_field_name("constructor")) == "Promise"
    return call.type == "call_expression" and call_of(call).root in _CALLS_BACK


def _returned(function: Node) -> list[Node]:
    if function.type not in (*FUNCTIONS, "function_declaration"):
        return []
    body = function.child_by_field_name("body")
    if body.type != "statement_block":
        return [body]
    own = [one for one in nodes(body, "return_statement") if _function_around(one) == function.id]
    return [one.named_children[0] for one in own if one.named_children]


def _function_around(node: Node) -> int:
    while node.parent is not None:
        node = node.parent
        if node.type in (*FUNCTIONS, "function_declaration", "method_definition"):
            return int(node.id)
    return 0
