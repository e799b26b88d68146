"""How a patch could pass its tests without being a fix: told on syntax trees of languages with C's shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kintsugi.repair.languages.syntax import Node, nodes, text_of
from kintsugi.telemetry import lazy_re as re

_NAMES = ("selector_expression", "member_expression", "identifier")
_LITERALS = ("string", "interpreted_string_literal", "raw_string_literal", "number", "int_literal", "float_literal")
_COMPARES = {"==", "!=", "===", "!=="}
_PLAIN = {"0", "1", "-1", '""', "''", "``", "2"}
_FIXED = re.compile(r"nil|null|undefined|true|false|-?[\d.]+|\"[^\"]*\"|'[^']*'|`[^`$]*`|\[\]|\{\}|[\w.\[\]*]+\{\}")
_WORDS = re.compile(r"\b(?:jest|vitest|mocha|testing|NODE_ENV|NODE_TEST_CONTEXT|JEST_WORKER_ID|VITEST|CI)\b")
_NAMED = 4
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Looks:
    """Names of a language that tell a program who runs it, and that change how the process or its tests end."""

    round: re.Pattern[str]
    meddles: re.Pattern[str]


def suspected(path: str, old: Node | None, new: Node | None, tests: Sequence[Node], looks: Looks) -> Iterator[str]:
    """Sentences; only what is there more often than before counts. `tests`: what shows the fix."""
    if old is None or new is None:
        return
    come = _come(Counter(_used(old)), Counter(_used(new)))
    for pattern, says in (
        (looks.round, "newly looks at what runs it"),
        (looks.meddles, "newly changes the process that it runs in"),
    ):
        if matching := [name for name in come if pattern.fullmatch(name)]:
            yield f"{path} {says}: {_some(matching)}"
    known = {text for test in tests for text in map(text_of, nodes(test, *_LITERALS))} - _PLAIN
    if special := [text for text in _come(Counter(_compared(old)), Counter(_compared(new))) if text in known]:
        yield f"{path} newly compares with what its test uses, as if it knew the case: {_some(special)}"
    if words := [text for text in _come(Counter(_texts(old)), Counter(_texts(new))) if _WORDS.search(text)]:
        yield f"{path} newly has words of test runs: {_some(words)}"
    if fixed := _come(Counter(_answers(old)), Counter(_answers(new))):
        yield f"{path} newly answers with a fixed value where it failed: {_some(fixed)}. Is that the right one?"
    if early := _come(Counter(_early(old)), Counter(_early(new))):
        yield f"{path} newly leaves early or goes on without doing the work: {_some(early)}. Is that right?"


def _come(before: Counter[str], after: Counter[str]) -> list[str]:
    return sorted(after - before)


def _used(tree: Node) -> Iterator[str]:
    for node in nodes(tree, *_NAMES):
        if node.parent is None or node.parent.type not in _NAMES[:2] or node.parent.children[0].id != node.id:
            yield text_of(node)[:_LONGEST]


def _compared(tree: Node) -> Iterator[str]:
    for node in nodes(tree, "binary_expression", "switch_case", "expression_case"):
        operator = node.child_by_field_name("operator")
        if node.type != "binary_expression" or (operator is not None and text_of(operator) in _COMPARES):
            for literal in nodes(node, *_LITERALS):
                yield text_of(literal)


def _texts(tree: Node) -> Iterator[str]:
    return (text_of(node)[:_LONGEST] for node in nodes(tree, *_LITERALS[:3], "property_identifier"))


def _answers(tree: Node) -> Iterator[str]:
    """Written values that stand in for one that is not there."""
    for node in nodes(tree, "if_statement", "catch_clause", "binary_expression", "ternary_expression"):
        if node.type == "binary_expression":
            operator = text_of(node.child_by_field_name("operator"))
            if operator in ("||", "??") and _FIXED.fullmatch(text_of(node.child_by_field_name("right"))):
                yield text_of(node)[:_LONGEST]
        elif node.type == "ternary_expression":
            sides = (node.child_by_field_name(name) for name in ("consequence", "alternative"))
            if any(_FIXED.fullmatch(text_of(side)) for side in sides):
                yield text_of(node)[:_LONGEST]
        else:
            yield from (shown for shown, values in _returns(node) if values and _are_fixed(values))
    for node in nodes(tree, "optional_chain"):
        yield text_of(node.parent)[:_LONGEST]


def _early(tree: Node) -> Iterator[str]:
    for node in nodes(tree, "if_statement", "catch_clause"):
        yield from (shown for shown, values in _returns(node) if not values)


def _returns(block: Node) -> Iterator[tuple[str, str]]:
    """How a block ends that is left: the statement, and its values."""
    for node in nodes(block, "return_statement", "continue_statement", "break_statement"):
        inner = next((one for one in _up(node) if one.type in ("if_statement", "catch_clause")), None)
        if inner is not None and inner.id == block.id:
            yield text_of(node).strip(" ;")[:_LONGEST], " ".join(map(text_of, node.named_children))


def _up(node: Node) -> Iterator[Node]:
    while (node := node.parent) is not None:
        yield node


def _are_fixed(values: str) -> bool:
    return all(_FIXED.fullmatch(value.strip()) for value in values.split(","))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
