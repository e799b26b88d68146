"""What a test of Node may do that a program may not: ask its own machine, and set `Object.prototype` until its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from kintsugi.repair.languages.node.calls import FUNCTIONS, call_of
from kintsugi.repair.languages.syntax import Node, above, nodes, text_of
from kintsugi.repair.policy.node_loopback import MODULES, Loopback
from kintsugi.repair.policy.node_names import NodeNames, is_exported
from kintsugi.repair.policy.node_values import bare
from kintsugi.telemetry import lazy_re as re

EVERY_OBJECT = "which every object goes by"
_STAYS = "which stays set where the test fails first"
_AFTERWARDS = {"after", "afterEach", "afterAll", "teardown", "onTestFinished"}
_LOOKED_UP = {
    # What the language, its runners and their options are asked for: setting one of these steers them.
    *("__proto__", "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString"),
    *("toString", "valueOf", "toJSON", "then", "catch", "finally", "get", "set", "value", "writable", "enumerable"),
    *("configurable", "length", "name", "message", "stack", "cause", "code", "inspect", "asymmetricMatch", "equals"),
    *("skip", "only", "todo", "fails", "failing", "retry", "retries", "timeout", "signal", "concurrency", "bail"),
    *("repeats", "shuffle", "sequential", "actual", "expected", "operator", "generatedMessage", "pass", "passed"),
    *("fail", "failed", "failure", "failures", "state", "status", "ok", "error", "errors", "err", "result", "results"),
    *("env", "shell", "cwd", "argv0", "execPath", "execArgv", "stdio", "uid", "gid", "input", "host", "hostname"),
    *("port", "path", "socketPath", "lookup", "agent", "createConnection", "main", "exports", "paths", "filename"),
    *("parent", "loaded", "mode", "flag", "encoding", "recursive", "force", "isNot", "promise", "test", "tests"),
}
_SAID = ("identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern")
_READS = re.compile(r"read|open|stream|exec|spawn|copy|\bcp|link|load|require|fetch|request|\bget\b", re.IGNORECASE)
_SPIES = {"spyOn", "stub", "spy"}
_FUNCTIONS = (*FUNCTIONS, "function_declaration", "method_definition")
_AT_TIMES = (
    "if_statement",
    "ternary_expression",
    "switch_statement",
    "for_statement",
    "for_in_statement",
    "while_statement",
)
_MADE = ("call_expression", "new_expression", "method_definition", "identifier", "this", *FUNCTIONS)


@dataclass
class InTest:
    """One test file. `seen` says what stays of a use that a program would be refused for."""

    tree: Node
    names: NodeNames

    def seen(self, node: Node, rule: str, what: str) -> tuple[str, str] | None:
        if node.type in ("string_fragment", "template_string"):
            return (rule, what) if rule != "network" or _is_read(node) else ("look", what)
        if self._is_stubbed(node) or self._is_spied_on(node):
            return None
        if rule == "network":
            return None if self._stays_here(node, what) else (rule, what)
        if rule == "eval" and what.endswith(EVERY_OBJECT):
            return self._of_every_object(node, what)
        return rule, what

    def _is_stubbed(self, node: Node) -> bool:
        """`net.connect = stub`, and the name that keeps what was there until it is set back."""
        if _is_set(node):
            return bool(node.type == "member_expression")
        if node.type == "member_expression":
            declaring = node.parent
            name = declaring.child_by_field_name("name") if declaring.type == "variable_declarator" else None
            return name is not None and name.type == "identifier" and self._is_set_back(name)
        return node.type == "identifier" and self._is_set_back(node)

    def _is_set_back(self, name: Node) -> bool:
        """Whether all that is done with a name is to keep a member of a module, and to set that to it."""
        kept, said = set[str](), [one for one in nodes(self.tree, *_SAID) if text_of(one) == text_of(name)]
        for one in said:
            parent = one.parent
            if parent.type == "variable_declarator" and parent.child_by_field_name("name").id == one.id:
                if is_exported(parent):
                    return False
                kept.add(text_of(parent.child_by_field_name("value")))
            elif (
                parent.type == "assignment_expression"
                and parent.child_by_field_name("right").id == one.id
                and parent.parent.type == "expression_statement"  # else its value is handed on
            ):
                kept.add(text_of(parent.child_by_field_name("left")))
            else:
                return False
        return len(kept) == 1 and len(said) > 1

    def _is_spied_on(self, node: Node) -> bool:
        """`spyOn(process, "exit")`: a stand-in for one function that is named, by a library of those."""
        call = node.parent.parent if node.parent is not None and node.parent.type == "arguments" else None
        if call is None or call.type != "call_expression" or node.type != "identifier" or text_of(node) != "process":
            return False
        given = [one for one in node.parent.named_children if one.type != "comment"]
        is_named = len(given) > 1 and given[0].id == node.id and given[1].type == "string"
        return call_of(call).last in _SPIES and is_named and self._is_of_library(call_of(call).root)

    def _is_of_library(self, root: str) -> bool:
        bindings = self._loopback.bindings
        if not bindings.of(root) or bindings.is_of_package(root):
            return root != "require"
        made = [call_of(one.node).root for one in bindings.of(root) if one.node and one.node.type == "call_expression"]
        return len(made) == len(bindings.of(root)) and root not in made and all(map(self._is_of_library, made))

    @cached_property
    def _loopback(self) -> Loopback:
        return Loopback(self.tree)

    def _stays_here(self, node: Node, what: str) -> bool:
        if node.type in ("import_statement", "call_expression"):
            loads = what.removeprefix("the module ") in MODULES and what.startswith("the module ")
            return loads and (node.type == "import_statement" or _is_named(node))
        named = node.type in ("identifier", "member_expression")
        return named and self._loopback.keeps(node, self.names.full(node))

    def _of_every_object(self, node: Node, what: str) -> tuple[str, str] | None:
        """None where it is taken back whatever happens; a look where only a test that passes takes it back."""
        key = self._key(node)
        if not key or key in _LOOKED_UP or not _is_written(node):
            return "eval", what
        back = [one for one in self._deleted if self._key_of(one) == key]
        if any(self._is_after_all(one, node) for one in back):
            return None
        around = _function_around(node)
        is_last = any(_function_around(one) == around and one.start_byte > node.end_byte for one in back)
        return ("look", f"Object.prototype.{key}, {_STAYS}") if is_last else ("eval", what)

    @cached_property
    def _deleted(self) -> list[Node]:
        removing = nodes(self.tree, "unary_expression")
        return [one for one in removing if text_of(one.child_by_field_name("operator")) == "delete"]

    def _key(self, node: Node) -> str:
        """The property of Object.prototype that is set; empty for what else is."""
        if node.type == "assignment_expression":
            return self._property(node.child_by_field_name("left"))
        given = [one for one in node.child_by_field_name("arguments").named_children if one.type != "comment"]
        if text_of(node.child_by_field_name("function")) != "Object.defineProperty" or len(given) != 3:
            return ""
        is_its = self.names.full(given[0]) == "Object.prototype" and given[1].type == "string"
        return text_of(given[1])[1:-1] if is_its else ""

    def _key_of(self, removing: Node) -> str:
        return self._property(removing.child_by_field_name("argument"))

    def _property(self, node: Node) -> str:
        node = bare(node)
        if node.type == "member_expression":
            on, _, key = self.names.full(node).rpartition(".")
            return key if on == "Object.prototype" else ""
        if node.type != "subscript_expression" or node.child_by_field_name("index").type != "string":
            return ""
        on = self.names.full(node.child_by_field_name("object"))
        return text_of(node.child_by_field_name("index"))[1:-1] if on == "Object.prototype" else ""

    def _is_after_all(self, removing: Node, node: Node) -> bool:
        """Whether it is done however the test ends: in a `finally` behind, or by what the runner calls afterwards."""
        within = _function_around(removing)
        for one in above(removing):
            if one.type in _AT_TIMES:
                return False
            if one.type == "finally_clause":
                tried = one.parent
                is_behind = tried.start_byte >= node.end_byte or tried.start_byte <= node.start_byte < one.start_byte
                return bool(is_behind) and within == _function_around(tried) == _function_around(node)
            if one.type == "call_expression" and call_of(one).last in _AFTERWARDS:
                return self._is_asked_of_runner(one, node)
        return False

    def _is_asked_of_runner(self, call: Node, node: Node) -> bool:
        """Whether a hook is set wherever what is taken back is set, and is the runner's."""
        if _function_around(call) not in {0, *(int(one.id) for one in above(node) if one.type in _FUNCTIONS)}:
            return False
        if any(one.type in _AT_TIMES for one in above(call)):
            return False
        root = call_of(call).root
        given = self._loopback.bindings.of(root)
        return all(one.called_back for one in given) or self._loopback.bindings.is_of_package(root)


def _is_named(call: Node) -> bool:
    """Whether what a call loads gets a name, or is asked for a member: each use of these is looked at."""
    node = call
    while node.parent.type in ("await_expression", "parenthesized_expression", "as_expression"):
        node = node.parent
    parent = node.parent
    is_value = parent.type == "variable_declarator" and parent.child_by_field_name("value") == node
    return bool(is_value or parent.type == "member_expression")


def _is_written(node: Node) -> bool:
    """Whether the value is written down: nothing runs when it is read."""
    if node.type == "assignment_expression":
        return not any(nodes(node.child_by_field_name("right"), *_MADE))
    described = node.child_by_field_name("arguments").named_children[-1]
    pairs = described.named_children if described.type == "object" else []
    said = {
        text_of(one.child_by_field_name("key")): one.child_by_field_name("value") for one in pairs if one.type == "pair"
    }
    is_plain = len(said) == len(pairs) and "value" in said and not {"get", "set"} & set(said)
    is_taken_back = text_of(said.get("configurable")) == "true"  # else it can't be deleted
    return is_plain and is_taken_back and not any(nodes(described, *_MADE))


def _function_around(node: Node) -> int:
    functions: Iterator[Node] = (one for one in above(node) if one.type in _FUNCTIONS)
    return next((int(one.id) for one in functions), 0)


def _is_set(node: Node) -> bool:
    parent = node.parent
    return parent is not None and parent.type == "assignment_expression" and parent.child_by_field_name("left") == node


def _is_read(text: Node) -> bool:
    """Whether a text is handed to what opens, loads or runs it: as an argument, or within one."""
    calls = (one for one in above(text) if one.type in ("call_expression", "new_expression"))
    names = (text_of(one.child_by_field_name("function") or one.child_by_field_name("constructor")) for one in calls)
    return any(_READS.search(name.rpartition(".")[2]) for name in names if len(name) < 80)
