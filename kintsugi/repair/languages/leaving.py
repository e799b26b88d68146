"""Where a test may leave before it comes to what it asserts, by the syntax trees of languages other than Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kintsugi.repair.languages.syntax import Node, above, nodes, text_of

_BY_LABEL = ("statement_identifier", "label_name")
_TO_FUNCTION = ("return_statement", "goto_statement")
_LOOPS = ("for_statement", "for_in_statement", "while_statement", "do_statement")
_SWITCHES = ("switch_statement", "expression_switch_statement", "type_switch_statement", "select_statement")


@dataclass(frozen=True, slots=True)
class WayOut:
    """A `return`, `break` or the like, and what it leaves: a function, a loop, a statement with a label."""

    jump: Node
    left: Node

    def passes_by(self, node: Node) -> bool:
        within = self.left.start_byte <= node.start_byte < self.left.end_byte
        return bool(within and self.jump.end_byte <= node.start_byte)


def ways_out(top: Node, functions: Sequence[str]) -> list[WayOut]:
    """All of them below a node. `functions`: the types of nodes that `return` leaves."""
    jumps = nodes(top, *_TO_FUNCTION, "break_statement", "continue_statement")
    return [WayOut(one, _left_by(one, functions) or top) for one in jumps]


def _left_by(jump: Node, functions: Sequence[str]) -> Node | None:
    label = next((text_of(one) for one in jump.named_children if one.type in _BY_LABEL), "")
    leaves = (*_LOOPS, *(_SWITCHES if jump.type == "break_statement" else ()))
    for one in above(jump):
        if one.type in functions:
            return one
        if jump.type in _TO_FUNCTION:
            continue
        if (
            (one.type == "labeled_statement" and text_of(one.named_children[0]) == label)
            if label
            else one.type in leaves
        ):
            return one
    return None
