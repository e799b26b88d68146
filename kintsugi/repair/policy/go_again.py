"""What a test of Go does again: a call that its file had before, of the same things, made in the same way.

`os.RemoveAll(user.GetHomeDir())` of a user that is made as in another test removes no more than that one does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from kintsugi.repair.languages.go.tests import is_comment
from kintsugi.repair.languages.syntax import Node, above, nodes, text_of, tokens
from kintsugi.repair.policy.go_bindings import bindings_of

_DEEPEST = 5
_MOST = 60_000
_PLAIN = ("int_literal", "float_literal", "true", "false")
Uses = Iterable[tuple[Node, tuple[str, str]]]
_FUNCTIONS = ("function_declaration", "method_declaration")


class _UnknownError(Exception):
    """What a name stands for is not seen."""


@dataclass
class Calls:
    """The calls of a file, told by what they are made of. `imports`: paths by the name that they go by; `known`: what
    is called in the file as it was.
    """

    tree: Node
    imports: Mapping[str, str]
    known: frozenset[str]
    _bound: dict[int, dict[str, list[tuple[Node | None, int]]]] = field(default_factory=dict)
    _steady: dict[tuple[int, str], bool] = field(default_factory=dict)
    _asked: int = 0

    def told(self, node: Node) -> str:
        """The call whose function, or the value whose type this is, with what its names stand for; "" if unknown."""
        made = node.parent
        role = made.child_by_field_name("function" if made.type == "call_expression" else "type")
        around = next((one for one in above(node) if one.type in _FUNCTIONS), None)
        if made.type not in ("call_expression", "composite_literal") or role is None or role.id != node.id:
            return ""
        try:
            return self._told(made, around, 0) if around is not None else ""
        except _UnknownError:
            return ""

    def _told(self, node: Node, around: Node, deep: int) -> str:
        self._asked += 1
        if deep > _DEEPEST or self._asked > _MOST:
            raise _UnknownError
        if node.type == "func_literal":
            raise _UnknownError
        if node.type == "identifier":
            return self._named(node, around, deep)
        if node.type in ("selector_expression", "keyed_element"):
            first, *rest = node.named_children
            first_told = text_of(first) if node.type == "keyed_element" else self._told(first, around, deep)
            return f"{first_told}.{' '.join(self._told(one, around, deep) for one in rest)}"
        if not node.children:
            return text_of(node)
        return " ".join(self._told(one, around, deep) for one in node.children if not is_comment(one))

    def _named(self, name: Node, around: Node, deep: int) -> str:
        given = self._bound_in(around).get(text_of(name))
        if given is None:
            return self._of_file(text_of(name))
        if not self._is_steady(text_of(name), around):
            raise _UnknownError
        values = set()
        for value, at in given:
            if value is None:
                raise _UnknownError
            values.add(f"{self._told(value, around, deep + 1)}#{at}")
        return "{" + " | ".join(sorted(values)) + "}"

    def _of_file(self, name: str) -> str:
        """A package by its path; what the file declares as it is declared."""
        if name in self.imports:
            return self.imports[name]
        declared = self._declared.get(name)
        return name if declared is None else f"{name}={' '.join(tokens(declared, is_comment))}"

    @cached_property
    def _declared(self) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for one in self.tree.named_children:
            inner = () if one.type in _FUNCTIONS else nodes(one, "var_spec", "const_spec", "type_spec")
            for spec in (one, *inner):
                if (name := text_of(spec.child_by_field_name("name"))) and spec.type != "package_clause":
                    found[name] = spec
        return found

    def _bound_in(self, around: Node) -> dict[str, list[tuple[Node | None, int]]]:
        """All that a function's names are given, each with its place among what a call returns; None: not seen."""
        if int(around.id) not in self._bound:
            found: dict[str, list[tuple[Node | None, int]]] = {}
            for name, value, place in bindings_of(around):
                found.setdefault(name, []).append((value, place))
            self._bound[int(around.id)] = found
        return self._bound[int(around.id)]

    def _is_steady(self, name: str, around: Node) -> bool:
        key = int(around.id), name
        if key not in self._steady:
            self._steady[key] = not self._may_change(name, around)
        return self._steady[key]

    def _may_change(self, name: str, around: Node) -> bool:
        """A name whose parts are set to more than a number, or that is handed on by its address, may be anything; and
        so may one that something is done to that was not done before.
        """
        for one in nodes(around, "call_expression"):
            does = one.child_by_field_name("function")
            given = [text_of(each) for each in one.child_by_field_name("arguments").named_children]
            on = text_of(does.named_children[0]) if does.type == "selector_expression" else ""
            if name in (on, *given) and last_of(does) not in self.known:
                return True
        for one in nodes(around, "assignment_statement", "unary_expression"):
            if one.type == "unary_expression":
                operand = one.child_by_field_name("operand")
                if text_of(one).startswith("&") and text_of(operand).partition(".")[0] == name:
                    return True
                continue
            left, right = (one.child_by_field_name(side).named_children for side in ("left", "right"))
            parts = [each for each in left if each.type != "identifier" and _root(each) == name]
            if parts and not all(each.type in _PLAIN for each in right):
                return True
        return False


def called_in(tree: Node) -> frozenset[str]:
    """The last names of all that is called."""
    return frozenset(last_of(one.child_by_field_name("function")) for one in nodes(tree, "call_expression"))


def last_of(function: Node) -> str:
    return text_of(function).rpartition(".")[2]


def _root(node: Node) -> str:
    while node.type != "identifier" and node.named_children:
        node = node.named_children[0]
    return text_of(node)


def again(before: Calls, after: Calls, had: Uses, has: Uses) -> Counter[tuple[str, str]]:
    """How many more calls a file `has`, by node and use, that repeat one it `had`."""
    known = Counter((use, told) for node, use in had if (told := before.told(node)))
    repeated = [use for node, use in has if (told := after.told(node)) and (use, told) in known]
    return Counter(repeated) - Counter(use for use, _ in known.elements())
