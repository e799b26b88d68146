"""Where a program in Go handles a failure, and whether it goes on as if nothing had been."""

from __future__ import annotations

from collections.abc import Iterator

from kintsugi.repair.languages.dropping import Droppings, Handler
from kintsugi.repair.languages.go.tests import ERR, called, condition_of, id_of, is_comment, tokens_of
from kintsugi.repair.languages.syntax import Node, Piece, above, line_of, nodes, text_of, tokens, tree_of
from kintsugi.telemetry import lazy_re as re

_ZERO = re.compile(r"nil|0|0\.0|\"\"|``|false|[\w.\[\]]*\{\}")
_LOGS = re.compile(r"^(?:log|slog|logger|logrus|zap|glog|klog|l|lg|logging)$|^(?:\w+\.)*(?:log|logger|Log|Logger)$")
_LOG_CALLS = re.compile(r"^(?:Print|Debug|Info|Warn|Error|Trace|Log)\w*$")


def _is_log(node: Node) -> bool:
    """A statement that only writes a log line."""
    if node.type != "expression_statement" or node.named_child_count != 1:
        return False
    call = node.named_children[0]
    on, name = called(call) if call.type == "call_expression" else ("", "")
    if on == "fmt":
        return name.startswith("Print")
    return _LOGS.match(on) is not None and _LOG_CALLS.match(name) is not None


def says_nothing(node: Node) -> bool:
    return is_comment(node) or _is_log(node)


def _without_imports(node: Node) -> bool:
    return says_nothing(node) or node.type == "import_declaration"


def _handlers(tree: Node) -> Iterator[Handler]:
    """New calls of recover, and errors that are looked at and dropped."""
    for node in nodes(tree, "call_expression", "if_statement"):
        if node.type == "call_expression" and called(node) == ("", "recover"):
            yield _recovering(node)
        elif node.type == "if_statement" and (dropped := _dropped(node)):
            yield dropped


def _recovering(call: Node) -> Handler:
    """Without it there is no deferred function that only recovers, or nothing is recovered by a named one."""
    around = [one for one in above(call) if one.type in ("func_literal", "function_declaration", "method_declaration")]
    body = around[0].child_by_field_name("body")
    deferred = next((one for one in above(around[0]) if one.type == "defer_statement"), None)
    drops = not _acts(body)
    if around[0].type == "func_literal" and deferred is not None and drops:
        piece = Piece.of(deferred, "")
    elif call.parent.type == "expression_statement":
        piece = Piece.of(call.parent, "_ = interface{}(nil)")
    else:
        piece = Piece.of(call, "interface{}(nil)")
    return Handler(line_of(call), "a panic", " ".join(tokens_of(around[-1])), " ".join(tokens_of(body)), drops, [piece])


def _acts(body: Node) -> bool:
    """Whether it raises again, or calls for something else than a log."""
    logged = {id_of(inner) for node in nodes(body, "expression_statement") if _is_log(node) for inner in nodes(node)}
    calls = [node for node in nodes(body, "call_expression") if id_of(node) not in logged]
    return any(called(node) != ("", "recover") for node in calls)


def _dropped(node: Node) -> Handler | None:
    """`if err != nil { … }` that goes on as if nothing had been: it leaves, continues, or answers with nothing."""
    subject, _, rest = condition_of(node).partition(" ")
    if rest != "!= nil" or not ERR.match(subject) or node.child_by_field_name("alternative"):
        return None
    body = node.child_by_field_name("consequence")
    statements = [one for block in body.named_children for one in (block.named_children or [])] if body else []
    statements = [one for one in statements if one.type != "comment" and not _is_log(one)]
    if not all(_is_nothing(one) for one in statements):
        return None
    before = node.prev_named_sibling
    tried = " ".join(tokens_of(node.child_by_field_name("initializer") or before))
    return Handler(
        line_of(node), subject, tried, " ".join(tokens_of(body)), True, [Piece.of(body, f"{{ panic({subject}) }}")]
    )


def _is_nothing(statement: Node) -> bool:
    if statement.type in ("continue_statement", "break_statement"):
        return True
    if statement.type != "return_statement":
        return False
    values = [one for block in statement.named_children for one in block.named_children]
    return all(_ZERO.fullmatch(text_of(one)) for one in values) and (not values or text_of(values[-1]) == "nil")


DROPPINGS = Droppings(
    tree=lambda _, source: tree_of("go", source),
    handlers=_handlers,
    essence=lambda tree: tokens(tree, _without_imports),
)
