"""Migrations: what the way back of a new one drops of what its way there makes is no loss that it brings.

Of Alembic here, `downgrade` and `upgrade`; of SQL in `migrations_sql.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from kintsugi.parsing import parsed
from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.migrations_sql import without_way_back
from kintsugi.repair.policy.names import text_of
from kintsugi.repair.trees import Tree

_OF = ("op", "batch_op")
_KINDS = {
    "table": "table",
    "column": "column",
    "index": "index",
    "constraint": "constraint",
    "foreign_key": "constraint",
}
_Kept = tuple[str, str, str]  # table, column, index or constraint; the table that it is part of, for columns; its name


def way_there(path: str, after: Mapping[str, bytes | None], tree: Tree) -> str | None:
    """What `Change.way_there` says. A migration that comes before another may be gone back from without the way there,
    and one in the place of another has been gone already.
    """
    there = f"{path.removesuffix('.down.sql')}.up.sql" if path.endswith(".down.sql") else path
    if not path.endswith(".sql") or any(one.endswith(".sql") and after[one] is None for one in after):
        return None
    known = [one for one in tree.paths() if one.endswith(".sql") and one.rpartition("/")[0] == path.rpartition("/")[0]]
    if {path, there} & {*known} or any(_number(one) >= _number(path) for one in known):
        return None
    return (after.get(there) or b"").decode("utf-8", "replace") if there != path else ""


def _number(path: str) -> int:
    found = re.match(r"\d+", path.rpartition("/")[2])
    return int(found[0]) if found else 0


def without_undoing(change: Change) -> str:
    """The added text without such drops, where they stand alone in their lines."""
    text = change.added_text
    if change.way_there is not None:
        return without_way_back(change.new, change.way_there)
    if change.before is not None or "def downgrade" not in text or "drop_" not in text:
        return text
    tree = parsed(change.new)
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)] if tree is not None else []
    bodies = {one.name: one.body for one in functions if not one.decorator_list}
    if tree is None or not {"upgrade", "downgrade"} <= bodies.keys() or len(bodies) < len(functions):
        return text
    said = [one for one in ast.walk(tree) if isinstance(one, ast.Name)]
    if any(one.id in ("downgrade", "globals", "locals", "vars") for one in said):
        return text  # somebody calls it
    if any(one.id == "op" and not isinstance(one.ctx, ast.Load) for one in said):
        return text
    made = {one for call, table in _calls(bodies["upgrade"]) for one in _made(call, table)}
    lines = change.new.encode().split(b"\n")
    for call, table in _calls(bodies["downgrade"]):
        if _is_made(call, table, made) and _is_alone(call, lines):
            for number in range(call.lineno - 1, call.end_lineno or call.lineno):
                lines[number] = b""
    return b"\n".join(lines).decode()


def _calls(body: Sequence[ast.stmt], table: str = "") -> Iterator[tuple[ast.Call, str]]:
    """What is done whatever happens, until a `return`, each with the table that `batch_op` stands for."""
    for one in body:
        match one:
            case ast.Return() | ast.Raise():
                return
            case ast.With(items=[ast.withitem(context_expr=ast.Call(args=[name, *_]))], body=inner):
                yield from _calls(inner, text_of(name))
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=on))) as call) if on in _OF:
                yield call, table if on == "batch_op" else ""


def _made(call: ast.Call, table: str) -> Iterator[_Kept]:
    """What it makes for sure: a table that may be there already was perhaps somebody else's."""
    assert isinstance(call.func, ast.Attribute)
    does, _, what = call.func.attr.partition("_")
    if does in ("create", "add") and not any(one.arg == "if_not_exists" for one in call.keywords):
        yield from _named(
            what, table, [one.args[0] if isinstance(one, ast.Call) and one.args else one for one in call.args]
        )


def _is_made(call: ast.Call, table: str, made: set[_Kept]) -> bool:
    """A constraint's name is put together of the one that it was made by."""
    assert isinstance(call.func, ast.Attribute)
    if not all(isinstance(one, ast.Constant) for one in (*call.args, *(each.value for each in call.keywords))):
        return False
    does, _, what = call.func.attr.partition("_")
    dropped = list(_named(what, table, call.args)) if does == "drop" else []
    return any(
        kind == one[0]
        and within == one[1]
        and (name == one[2] or (kind == "constraint" and name.endswith(f"_{one[2]}")))
        for kind, within, name in dropped
        for one in made
    )


def _named(what: str, table: str, given: Sequence[ast.expr]) -> Iterator[_Kept]:
    kind = next((_KINDS[one] for one in _KINDS if what.endswith(one)), "")
    names = [text_of(one) for one in given]
    if kind == "column":
        names = names if table else names[1:]
        table = table or (text_of(given[0]) if given else "")
        yield from [(kind, table, names[0])] if table and names and names[0] else []
    elif kind and names and names[0]:
        yield kind, "", names[0]


def _is_alone(call: ast.Call, lines: Sequence[bytes]) -> bool:
    first, last = lines[call.lineno - 1], lines[(call.end_lineno or call.lineno) - 1]
    return not first[: call.col_offset].strip() and not last[call.end_col_offset :].strip()
