"""What a translator of JavaScript and TypeScript asks of a node: whether it says nothing, and what stands inside."""

from __future__ import annotations

import ast

from kintsugi.repair.languages.syntax import Node, text_of

SILENT = (
    *("import_statement", "interface_declaration", "type_alias_declaration", "empty_statement", "ambient_declaration"),
    *("function_signature", "hash_bang_line", "debugger_statement", "import_alias"),
)
_OF_FUNCTIONS = (
    *("arrow_function", "function_expression", "function", "function_declaration", "method_definition"),
    *("generator_function", "generator_function_declaration"),
)


def parts_of(node: Node | None) -> list[Node]:
    if node is None:
        return []
    if node.type == "template_string":  # a tagged one
        return [node]
    return [one for one in node.named_children if one.type != "comment"]


def inner_of(node: Node) -> Node:
    return next((one for one in node.named_children if one.type not in ("comment", "statement_identifier")), node)


def is_tried(node: Node) -> bool:
    """Whether a `catch` of the same function hears of it where it fails."""
    inner, around = node, node.parent
    while around is not None and around.type not in _OF_FUNCTIONS:
        if around.type == "try_statement" and around.child_by_field_name("handler") is not None:
            body = around.child_by_field_name("body")
            if body is not None and body.id == inner.id:
                return True
        inner, around = around, around.parent
    return False


def is_one(of: ast.expr, values: list[ast.expr]) -> ast.expr:
    if len(values) == 1:
        return ast.Compare(of, [ast.Eq()], values)
    return ast.Compare(of, [ast.In()], [ast.Tuple(values)])


def loads(value: Node | None) -> bool:
    """`require("x")`, `await import("x")`, `require("x").y`"""
    while value is not None and value.type in ("await_expression", "member_expression"):
        value = value.child_by_field_name("object") or inner_of(value)
    if value is None or value.type != "call_expression":
        return False
    return text_of(value.child_by_field_name("function")) in ("require", "import")
