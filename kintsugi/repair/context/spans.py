"""Which lines of a file in Go, JavaScript or TypeScript belong together, and what it imports. By tree-sitter."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from kintsugi.repair.languages.syntax import Node, nodes, text_of, tree_of
from kintsugi.telemetry import lazy_re as re

_GRAMMARS = {"ts": "ts", "mts": "ts", "cts": "ts", "tsx": "tsx", "js": "js", "mjs": "js", "cjs": "js", "jsx": "js"}
_GRAMMARS |= {"go": "go"}
_FUNCTIONS = ("arrow_function", "function_expression", "generator_function", "class")
_DECLARED = ("function_declaration", "generator_function_declaration", "method_declaration")
_CLASSES = ("class_declaration", "abstract_class_declaration", "interface_declaration", "type_declaration")
_MEMBERS = ("method_definition", "public_field_definition", "field_definition", "abstract_method_signature")
_PROTOTYPE = re.compile(r"^(\w+)\.prototype\.(\w+)$")


@dataclass(frozen=True, slots=True)
class Span:
    """Lines `start` to `end` (inclusive, from 1), as in a `Unit`."""

    start: int
    end: int
    kind: str
    name: str
    owner: str = ""
    bases: tuple[str, ...] = ()


def spans_of(path: str, text: str) -> tuple[list[Span], tuple[str, ...]] | None:
    """The spans in order, neighbouring statements of one kind together, and what is imported: for JavaScript paths in
    the project without their ending, for Go whole import paths. None for a file of another language, or of none.
    """
    grammar = _GRAMMARS.get(path.rpartition(".")[2], "")
    tree = tree_of(grammar, text) if grammar else None
    if tree is None and grammar == "js":
        tree = tree_of("tsx", text)
    if tree is None:
        return None
    return list(_joined(_spans(tree))), tuple(dict.fromkeys(_imported(tree, path)))


def _spans(tree: Node) -> Iterator[Span]:
    comment: Node | None = None
    for node in tree.named_children:
        if node.type == "comment":
            follows = comment is not None and comment.end_point[0] + 1 >= node.start_point[0]
            comment = comment if follows else node
            continue
        above = comment if comment is not None and _last_line_above(node) + 1 >= node.start_point[0] else None
        yield from _of(node, (above if above is not None else node).start_point[0] + 1)
        comment = None


def _last_line_above(node: Node) -> int:
    before = node.prev_named_sibling
    return int(before.end_point[0]) if before is not None else -2


def _of(node: Node, start: int) -> Iterator[Span]:
    end = node.end_point[0] + 1
    inner = node.child_by_field_name("declaration") if node.type == "export_statement" else node
    inner = inner if inner is not None else node
    if inner.type in _DECLARED:
        yield Span(start, end, "function", text_of(inner.child_by_field_name("name")), _receiver(inner))
    elif inner.type in _CLASSES:
        yield from _of_class(inner, start, end)
    elif inner.type in ("import_statement", "import_declaration") or _is_loading(inner):
        yield Span(start, end, "imports", "")
    elif (named := _function_named(inner)) is not None:
        owner, name = named
        yield Span(start, end, "function", name, owner)
    elif inner.type == "expression_statement" and end - start > 1:
        yield Span(start, end, "function", _title(inner))
    else:
        yield Span(start, end, "constant", " ".join(_names_of(inner)))


def _of_class(node: Node, start: int, end: int) -> Iterator[Span]:
    """The head with what stands before the first method, then each member."""
    name = text_of(node.child_by_field_name("name")) or text_of(next(nodes(node, "type_identifier"), None))
    heritage = next((one for one in node.named_children if one.type == "class_heritage"), None)
    bases = (
        tuple(text_of(one) for one in nodes(heritage, "identifier", "type_identifier")) if heritage is not None else ()
    )
    body = node.child_by_field_name("body")
    members = [one for one in body.named_children if one.type in _MEMBERS] if body is not None else []
    first = members[0].start_point[0] if members else end
    yield Span(start, max(start, min(first, end)), "class", name, name, bases)
    for at, member in enumerate(members):
        last = members[at + 1].start_point[0] if at + 1 < len(members) else member.end_point[0] + 1
        last = min(last, member.end_point[0] + 1)
        yield Span(
            member.start_point[0] + 1,
            max(last, member.start_point[0] + 1),
            "function",
            text_of(member.child_by_field_name("name")),
            name,
        )


def _receiver(node: Node) -> str:
    """The type that a method of Go belongs to."""
    receiver = node.child_by_field_name("receiver")
    return text_of(next(nodes(receiver, "type_identifier"), None)) if receiver is not None else ""


def _function_named(node: Node) -> tuple[str, str] | None:
    """(owner, name) of a function that is assigned to something."""
    for one in nodes(node, "variable_declarator", "assignment_expression"):
        value = one.child_by_field_name("value") or one.child_by_field_name("right")
        if value is None or value.type not in _FUNCTIONS:
            return None
        target = text_of(one.child_by_field_name("name") or one.child_by_field_name("left"))
        found = _PROTOTYPE.match(target)
        return (found[1], found[2]) if found else ("", target.rpartition(".")[2])
    return None


def _is_loading(node: Node) -> bool:
    """`const x = require("x")`, or a part of it."""
    if node.type not in ("lexical_declaration", "variable_declaration"):
        return False
    values = [one.child_by_field_name("value") for one in node.named_children]
    loads = [one for one in values if one is not None and one.type in ("call_expression", "member_expression")]
    calls = (call for one in loads for call in nodes(one, "call_expression"))
    return any(text_of(call.child_by_field_name("function")) == "require" for call in calls)


def _title(statement: Node) -> str:
    """Of `test("adds", …)`, as of any call that stands alone: what is called and its first text."""
    call = next(nodes(statement, "call_expression"), None)
    called = text_of(call.child_by_field_name("function")).partition("(")[0] if call is not None else ""
    text = next(nodes(statement, "string_fragment"), None)
    return f"{called} {text_of(text)}".strip()[:80]


def _names_of(node: Node) -> list[str]:
    named = nodes(node, "variable_declarator", "const_spec", "var_spec", "enum_declaration", "type_alias_declaration")
    return [text_of(one.child_by_field_name("name")) for one in named]


def _joined(spans: Iterator[Span]) -> Iterator[Span]:
    """Neighbours that are imports, or constants, together."""
    held: Span | None = None
    for span in spans:
        if held is not None and held.kind == span.kind and span.kind in ("imports", "constant"):
            held = Span(held.start, span.end, held.kind, f"{held.name} {span.name}".strip())
            continue
        if held is not None:
            yield held
        held = span
    if held is not None:
        yield held


def _imported(tree: Node, path: str) -> Iterator[str]:
    for node in nodes(tree, "import_statement", "export_statement", "import_spec", "call_expression"):
        if node.type == "call_expression":
            function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            loads = function is not None and (text_of(function) == "require" or function.type == "import")
            source = given.named_children[0] if loads and given is not None and given.named_children else None
        else:
            source = node.child_by_field_name("source") or node.child_by_field_name("path")
        said = text_of(source).strip("'\"`") if source is not None else ""
        if node.type == "import_spec":
            yield said
        elif said.startswith("."):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(path), said))
