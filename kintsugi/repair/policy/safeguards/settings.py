"""Settings of security by their names: constants at the top, keys of a configuration, and what they list."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator

from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.policy.safeguards.texts import is_query
from kintsugi.repair.policy.vocabulary import OPENING, SECURITY
from kintsugi.repair.syntax import Source, walked


def of_security(old: Source, new: Source) -> Iterator[str]:
    before, after = _settings(old), _settings(new)
    for name, values in before.items():
        if name in after and (gone := values - after[name]):
            yield short(f"{name}: {next(iter(gone))} is gone")
        if name in after and OPENING.search(name) and (come := after[name] - values):
            yield short(f"{name}: {next(iter(come))} is new")


def _settings(source: Source) -> dict[str, Counter[str]]:
    """By name, the plain values in it, each with the key that it stands at."""
    found = defaultdict[str, Counter[str]](Counter)
    for node in source.nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                _take(found, name, value)
            case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=str(name)))], value=value):
                _take(found, name, value)
            case ast.keyword(arg=str(name), value=value):
                _take(found, name, value)
    return found


def _take(found: defaultdict[str, Counter[str]], name: str, value: ast.expr) -> None:
    if not name.isupper() or is_query(value) or not (SECURITY.search(name) or OPENING.search(name)):
        return
    found[name].update()
    for node in walked(value):
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found[name].update(
                f"{ast.unparse(key)}: {ast.unparse(one)}" for key, one in pairs if key and _is_plain(one)
            )
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            found[name].update(ast.unparse(one) for one in node.elts if _is_plain(one))
    if _is_plain(value):
        found[name][ast.unparse(value)] += 1


def _is_plain(node: ast.expr) -> bool:
    return not any(isinstance(one, ast.List | ast.Tuple | ast.Set | ast.Dict | ast.Call) for one in walked(node))
