"""Where a program in JavaScript handles a failure, and whether it goes on as if nothing had been."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kintsugi.repair.languages.dropping import Droppings, Handler
from kintsugi.repair.languages.node.calls import FUNCTIONS, call_of, is_log, tokens_of, tree_of_file, without_imports
from kintsugi.repair.languages.syntax import Node, Piece, line_of, nodes, text_of, tokens


def _handlers(tree: Node) -> Iterator[Handler]:
    for node in nodes(tree, "try_statement", "call_expression"):
        found = _of_try(node) if node.type == "try_statement" else _of_promise(node)
        if found is not None:
            yield found


def _of_try(node: Node) -> Handler | None:
    handler, body = node.child_by_field_name("handler"), node.child_by_field_name("body")
    if handler is None:
        return None
    final = node.child_by_field_name("finalizer")
    instead = f"try {text_of(body)} {text_of(final)}" if final is not None else text_of(body)
    caught = handler.child_by_field_name("parameter")
    drops = _drops(handler.child_by_field_name("body"), text_of(caught))
    return Handler(
        line_of(handler),
        "everything",
        " ".join(tokens_of(body)),
        " ".join(tokens_of(handler)),
        drops,
        [Piece.of(node, instead)],
    )


def _of_promise(node: Node) -> Handler | None:
    """`.catch(() => {})`."""
    call = call_of(node)
    function = node.child_by_field_name("function")
    if call.last != "catch" or not call.arguments or function.type != "member_expression":
        return None
    handler, tried = call.arguments[0], function.child_by_field_name("object")
    if handler.type in FUNCTIONS:
        drops = _drops(handler.child_by_field_name("body"), text_of(handler.child_by_field_name("parameter")))
    else:
        drops = re.search(r"no-?op", text_of(handler), re.IGNORECASE) is not None
    return Handler(
        line_of(handler),
        "everything",
        " ".join(tokens_of(tried)),
        " ".join(tokens_of(handler)),
        drops,
        [Piece.of(node, text_of(tried))],
    )


def _drops(body: Node, caught: str) -> bool:
    """Whether it goes on as if nothing had been: it neither throws nor calls for anything but a log line.

    One that looks at what it caught is narrow, and may answer with a value, as many true fixes do.
    """
    logged = {inner.id for node in nodes(body, "expression_statement") if is_log(node) for inner in nodes(node)}
    acts = [
        node for node in nodes(body, "throw_statement", "call_expression", "new_expression") if node.id not in logged
    ]
    if acts or body.type in ("call_expression", "new_expression"):
        return False
    conditions = [
        node.child_by_field_name("condition") or node.child_by_field_name("value")
        for node in nodes(body, "if_statement", "switch_statement", "ternary_expression")
    ]
    is_narrow = any(
        caught and re.search(rf"\b{re.escape(caught)}\b", text_of(one)) for one in conditions if one is not None
    )
    if not is_narrow:
        return True
    return not any(node.named_children for node in nodes(body, "return_statement")) and not any(
        True for _ in nodes(body, "assignment_expression")
    )


DROPPINGS = Droppings(tree=tree_of_file, handlers=_handlers, essence=lambda tree: tokens(tree, without_imports))
