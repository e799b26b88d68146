"""What names of Go are given, and what calls are: the small readings that the rules on tests share."""

from __future__ import annotations

from collections.abc import Iterator

from kintsugi.repair.languages.syntax import Node, above, nodes, text_of
from kintsugi.telemetry import lazy_re as re

_FILLS = re.compile(r"^reflect\.|(?:\.|^)(?:Unmarshal|Decode|S?[Ss]can)\w*$")
"""What puts a value into the one that it is given."""
_FOLDER_CALL = re.compile(r"\w+\.(?:MkdirTemp|TempDir)\(")


def bindings(tree: Node) -> Iterator[tuple[str, Node | None, Node]]:
    """Names, what each is given, which is None where that is not seen, and where."""
    for node in nodes(tree, "short_var_declaration", "assignment_statement", "var_spec", "const_spec"):
        left = node.child_by_field_name("left")
        names = left.named_children if left is not None else node.children_by_field_name("name")
        values = node.child_by_field_name("right") or node.child_by_field_name("value")
        given = [one for one in values.named_children if one.type != "comment"] if values is not None else []
        for at, name in enumerate(names):
            if given or node.type not in ("var_spec", "const_spec"):
                makes = at == 0 and len(given) == 1 and _FOLDER_CALL.match(text_of(given[0])) is not None
                yield text_of(name), given[at] if len(given) == len(names) or makes else None, node
    for node in nodes(tree, "parameter_declaration", "variadic_parameter_declaration"):
        for name in node.children_by_field_name("name"):
            yield text_of(name), None, node
    for node in nodes(tree, "range_clause", "receive_statement"):
        if (left := node.child_by_field_name("left")) is not None:  # `case <-time.After(1):` gives nothing a name
            yield from ((text_of(name), None, node) for name in nodes(left, "identifier"))
    for node in nodes(tree, "type_switch_statement"):
        for name in nodes(node.child_by_field_name("alias"), "identifier"):
            yield text_of(name), None, node


def bindings_of(node: Node) -> Iterator[tuple[str, Node | None, int]]:
    """Names, what each is given, also by a call that returns several, and its place among these."""
    for name, value, by in bindings(node):
        left = by.child_by_field_name("left")
        names = left.named_children if left is not None else by.children_by_field_name("name")
        values = by.child_by_field_name("right") or by.child_by_field_name("value")
        whole = values.named_children if values is not None and by.type != "range_clause" else []
        place = next((at for at, one in enumerate(names) if text_of(one) == name), 0)
        is_one = value is None and len(whole) == 1 and whole[0].type == "call_expression"
        yield name, whole[0] if is_one else value, place if is_one else 0


def arguments(node: Node) -> list[Node]:
    """Of the call whose function it is; none where it is handed on."""
    call = node.parent
    function = call.child_by_field_name("function") if call.type == "call_expression" else None
    if function is None or function.id != node.id:
        return []
    return [one for one in call.child_by_field_name("arguments").named_children if one.type != "comment"]


def quoted(node: Node) -> str:
    is_text = node.type in ("interpreted_string_literal", "raw_string_literal")
    return text_of(node)[1:-1] if is_text else ""


def is_only_read(name: Node) -> bool:
    """Whether it is a field that is read, or `String()`: no method that changes it, no place that gives it another."""
    member = name.parent
    if member.type != "selector_expression" or member.named_children[0].id != name.id:
        return False
    around = member.parent
    is_called = around.type == "call_expression" and around.child_by_field_name("function").id == member.id
    is_set = around.type in ("unary_expression", "inc_statement", "selector_expression", "index_expression") or (
        around.type == "expression_list"
        and around.parent.type in ("assignment_statement", "range_clause", "receive_statement")
        and around.id == around.parent.child_by_field_name("left").id
    )
    return not is_set and (not is_called or text_of(member.named_children[-1]) in ("String", "Hostname", "Port"))


def lent(tree: Node) -> set[str]:
    """Names that get a value which nobody sees: by their address, or by what fills a value in."""
    taken = (one for one in nodes(tree, "unary_expression") if text_of(one).startswith("&"))
    found = {text_of(one).lstrip("&( ").rstrip(") ") for one in taken}
    for call in nodes(tree, "call_expression"):
        if _FILLS.search(text_of(call.child_by_field_name("function"))):
            found |= {text_of(one) for one in nodes(call.child_by_field_name("arguments"), "identifier")}
    return found


def unseen(tree: Node) -> set[str]:
    """Names within functions that stand for something else than at the file's top, and are given nothing there."""
    specs = nodes(tree, "var_spec", "type_spec", "type_alias")
    inner = (one for one in specs if any(each.type == "block" for each in above(one)))
    return {text_of(name) for one in inner for name in one.children_by_field_name("name")}


def has_path(node: Node) -> bool:
    """Whether an address that is put together has come to its path, so that what follows changes no host."""
    if node.type != "binary_expression":
        return False
    return re.match(r"[\"`][/?]", text_of(node.child_by_field_name("right"))) is not None or has_path(
        node.child_by_field_name("left")
    )


def is_of_closure(node: Node, function: Node) -> bool:
    """Whether a function within this one is the one that it belongs to."""
    for one in above(node):
        if one.id == function.id:
            return False
        if one.type == "func_literal":
            return True
    return True
