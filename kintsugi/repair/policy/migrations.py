"""Migrations of Alembic: what a new one's `downgrade` drops of what its `upgrade` makes is no loss that it brings."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kintsugi.parsing import parsed
from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.names import text_of

_OF = ("op", "batch_op")


def without_undoing(change: Change) -> str:
    """The added text without the lines of such drops."""
    text = change.added_text
    if change.before is not None or "def downgrade" not in text or "drop_" not in text:
        return text
    tree = parsed(change.new)
    bodies = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)} if tree is not None else {}
    if tree is None or not {"upgrade", "downgrade"} <= bodies.keys():
        return text
    if any(isinstance(one, ast.Name) and one.id == "downgrade" for one in ast.walk(tree)):
        return text  # somebody calls it
    made = {name for call in _calls(bodies["upgrade"].body, ("create_", "add_")) for name in _made(call)}
    lines = change.new.split("\n")
    for call in _calls(bodies["downgrade"].body, ("drop_",)):
        if _is_made(call, made):
            for number in range(call.lineno - 1, call.end_lineno or call.lineno):
                lines[number] = ""
    return "\n".join(lines)


def _calls(body: list[ast.stmt], beginnings: tuple[str, ...]) -> Iterator[ast.Call]:
    for one in (part for statement in body for part in ast.walk(statement)):
        match one:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=does)) if name in _OF:
                yield from [one] if does.startswith(beginnings) else []


def _made(call: ast.Call) -> Iterator[str]:
    """What it makes, by the names that it is handed, and those of columns."""
    for one in call.args:
        first = one.args[0] if isinstance(one, ast.Call) and one.args else one
        yield from [text] if (text := text_of(first)) else []


def _is_made(call: ast.Call, made: set[str]) -> bool:
    """A constraint's name is put together of the one that it was made by."""
    assert isinstance(call.func, ast.Attribute)
    names = [text_of(one) for one in call.args]
    if call.func.attr in ("drop_constraint", "drop_index"):
        return bool(names) and any(names[0].endswith(one) for one in made)
    return bool(names) and all(names) and set(names) <= made
