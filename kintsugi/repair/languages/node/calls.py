"""JavaScript and TypeScript as syntax: calls by the names they are made of, and what of a program matters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from kintsugi.repair.languages.syntax import Node, nodes, text_of, tokens, tree_of
from kintsugi.telemetry import lazy_re as re

_GRAMMARS = {".ts": "ts", ".mts": "ts", ".cts": "ts", ".tsx": "tsx"}
_GRAMMARS |= dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), "js")
ENDINGS = tuple(_GRAMMARS)
TEST_NAME = re.compile(r"(?:[._-](?:test|tests|spec)|^tests?|^test[-_.].*)\.[cm]?[jt]sx?$")
_TESTS = {"test", "it", "specify", "xit", "xtest", "fit", "xspecify"}
_SUITES = {"describe", "context", "suite", "xdescribe", "fdescribe", "xcontext"}
_LEFT_OUT_ROOTS = {"xit", "xtest", "fit", "xspecify", "xdescribe", "fdescribe", "xcontext"}
_LEFT_OUT_PROPERTIES = {"skip", "only", "todo", "failing", "fails", "skipIf", "runIf"}
FUNCTIONS = ("arrow_function", "function_expression", "function")
_LOGGERS = re.compile(r"^(?:console|log|logger|debug|winston|pino|(?:this|self|app|ctx)\.log(?:ger)?)$")
_LOG_CALLS = {"log", "info", "warn", "error", "debug", "trace", "verbose", "fatal"}
_TYPES = {"type_annotation", "interface_declaration", "type_alias_declaration", "type_arguments", "type_parameters"}
_TYPES |= {"ambient_declaration", "opting_type_annotation", "omitting_type_annotation", "accessibility_modifier"}


def grammar_of(path: str) -> str:
    return _GRAMMARS.get(PurePosixPath(path).suffix, "js")


def tree_of_file(path: str, source: str) -> Node | None:
    """TypeScript's grammar reads what Flow and decorators add to JavaScript as well."""
    grammar = grammar_of(path)
    return tree_of(grammar, source) or (tree_of("tsx", source) if grammar == "js" else None)


@dataclass(frozen=True, slots=True)
class Call:
    """A call by the names it is made of: `describe.only.each(…)(…)` has the root describe and properties only, each."""

    node: Node
    root: str
    properties: tuple[str, ...]

    @property
    def last(self) -> str:
        return self.properties[-1] if self.properties else self.root

    @property
    def arguments(self) -> list[Node]:
        given = self.node.child_by_field_name("arguments")
        return [one for one in given.named_children if one.type != "comment"] if given is not None else []

    @property
    def is_left_out(self) -> bool:
        """Skipped, or the one that others are skipped for."""
        options = [one for one in self.arguments if one.type == "object"]
        keys = {
            text_of(pair.child_by_field_name("key"))
            for one in options
            for pair in one.named_children
            if pair.type == "pair" and text_of(pair.child_by_field_name("value")) != "false"
        }
        return self.root in _LEFT_OUT_ROOTS or bool(_LEFT_OUT_PROPERTIES & {*self.properties, *keys})


def call_of(node: Node) -> Call:
    properties: list[str] = []
    inner = node.child_by_field_name("function")
    while inner is not None:
        if inner.type == "member_expression":
            properties.append(text_of(inner.child_by_field_name("property")))
            inner = inner.child_by_field_name("object")
        elif inner.type == "call_expression":
            inner = inner.child_by_field_name("function")
        elif inner.type in ("await_expression", "parenthesized_expression", "non_null_expression"):
            inner = inner.named_children[0] if inner.named_children else None
        else:
            break
    root = text_of(inner) if inner is not None and inner.type in ("identifier", "this", "super") else ""
    return Call(node, root, tuple(reversed(properties)))


def _is_titled(call: Call) -> bool:
    return bool(call.arguments) and any(one.type in FUNCTIONS for one in call.arguments[1:])


def is_test(call: Call, others: Collection[str] = ()) -> bool:
    """`others`: further names that tests have in the file, as `other_names` finds them."""
    named = call.root in _TESTS or (call.last == "test" and bool(call.properties)) or call.root == "Deno"
    named = named or (call.root in others and not call.properties)
    return named and (_is_titled(call) or (call.is_left_out and bool(call.arguments)))


def is_suite(call: Call) -> bool:
    return call.root in _SUITES and bool(call.arguments)


def other_names(tree: Node) -> dict[str, bool]:
    """`const run = only ? it.only : it`: names that stand for a test, and whether one may be left out by it."""
    found: dict[str, bool] = {}
    for node in nodes(tree, "variable_declarator"):
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if value is None or name.type != "identifier" or value.type not in ("ternary_expression", "identifier"):
            continue
        chains = [chain_of(one) for one in _chosen(value)]
        if all(chain[:1] and chain[0] in _TESTS for chain in chains):
            found[text_of(name)] = any(_LEFT_OUT_PROPERTIES & set(chain) for chain in chains)
    return found


def _chosen(value: Node) -> list[Node]:
    """What a choice between values may give."""
    if value.type == "parenthesized_expression":
        return _chosen(value.named_children[0])
    if value.type != "ternary_expression":
        return [value]
    return [one for side in ("consequence", "alternative") for one in _chosen(value.child_by_field_name(side))]


def chain_of(node: Node) -> list[str]:
    """The names of a chain in order, without arguments."""
    call = call_of(node) if node.type == "call_expression" else None
    if call is None and node.type == "member_expression":
        inner = node.child_by_field_name("object")
        return [*chain_of(inner), text_of(node.child_by_field_name("property"))] if inner is not None else []
    if call is not None:
        return [call.root, *call.properties]
    return [text_of(node)] if node.type == "identifier" else [""]


def last_name_of(node: Node) -> str:
    return (chain_of(node) or [""])[-1]


def tokens_of(node: Node | None) -> list[str]:
    return [] if node is None else tokens(node, lambda one: bool(one.type == "comment"))


def is_log(node: Node) -> bool:
    if (
        node.type != "expression_statement"
        or not node.named_children
        or node.named_children[0].type != "call_expression"
    ):
        return False
    call = call_of(node.named_children[0])
    if call.root == "debug" and not call.properties:
        return True
    on = ".".join((call.root, *call.properties[:-1]))
    return _LOGGERS.match(on) is not None and call.last in _LOG_CALLS


def says_nothing(node: Node) -> bool:
    return node.type in ("comment", "debugger_statement") or node.type in _TYPES or is_log(node)


def without_imports(node: Node) -> bool:
    return says_nothing(node) or node.type == "import_statement"
