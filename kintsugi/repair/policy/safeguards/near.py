"""Which edits of a function go together: a fix in the same function is no reason for an edit that has no part in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from kintsugi.repair.policy.safeguards.exchanged import Exchange, Pair
from kintsugi.repair.policy.safeguards.pieces import heads, names

_FEW = 3  # groups of edits: in more, the function was rewritten, and nothing in it stands alone


def apart(pair: Pair) -> Iterator[Pair]:
    """The exchanges of each group, with what came for them. What went or came by itself goes with all that names it.

    Edits go together where one name came or went in both: `x.name` → `key` and `key = of(x)`.
    """
    groups = list[tuple[set[str], set[int]]]()
    for named, statement in _edits(pair):
        together = [one for one in groups if not one[0].isdisjoint(named)]
        groups = [one for one in groups if one not in together]
        groups.append((named.union(*(one[0] for one in together)), {statement}.union(*(one[1] for one in together))))
    if len(groups) > _FEW:
        yield pair
        return
    for _, held in groups:
        if exchanged := [one for one in pair.exchanged if id(one.statement) in held]:
            yield replace(pair, exchanged=exchanged, beside=[one for one in pair.beside if id(one) in held])


def _edits(pair: Pair) -> Iterator[tuple[set[str], int]]:
    """The names that came or went with each, and its statement."""
    by_statement = dict[int, list[Exchange]]()
    for one in pair.exchanged:
        by_statement.setdefault(id(one.statement), []).append(one)
    for statement, exchanged in by_statement.items():
        yield set().union(*(names(one.old) ^ names(one.new) for one in exchanged)), statement
    for gone_or_come in (*pair.unpaired, *pair.beside):
        yield _names(gone_or_come), id(gone_or_come)


def _names(statement: ast.stmt) -> set[str]:
    return set().union(*map(names, heads(statement)))
