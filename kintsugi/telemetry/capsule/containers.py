"""How containers become source: their items, nearest first, each under the name that says what it is."""

from __future__ import annotations

import collections
import gc
import types
from typing import Any

from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.builder import Builder, Builders
from kintsugi.telemetry.capsule.graph import MOST_ITEMS, Entry, Graph, Part, called, leave_out
from kintsugi.telemetry.encoding import names_of_items
from kintsugi.telemetry.redact.keys import Grade, grade


def of_items(
    builders: Builders, graph: Graph, items: list[Any], entry: Entry, later: str = "", *, in_order: bool = True
) -> None:
    """`in_order`: the first of a pair says what the other one is."""
    names = names_of_items(items, entry.hint) if in_order else [entry.hint] * len(items)
    parts, depth = entry.parts, entry.depth + 1
    for at, (one, name) in enumerate(zip(items, names, strict=True)):
        graph.step()
        value = builders.value(graph, one, name, depth)
        is_plain = type(value) is str or not later
        parts.append(Part(value) if is_plain else Part(value, "", later.replace("{at}", str(at))))


def of_pairs(builders: Builders, graph: Graph, pairs: list[tuple[Any, Any]], entry: Entry) -> None:
    names = [called(_name_of(key), entry) for key, _ in pairs]
    of_keys = "token" if grade(entry.hint) > Grade.WEAK else ""  # of `tokens` the keys may be some: what looks random
    for name, (key, one) in zip(names, pairs, strict=True):
        graph.step()
        lead = builders.value(graph, key, "" if type(key) is int else of_keys, entry.depth + 1)
        if type(lead) is Entry:
            graph.hashed.append((lead, entry))
        value = builders.value(graph, one, name[:80], entry.depth + 1, name[:40] or entry.hint)
        entry.parts.append(Part(value, lead, "{one}[{key}] = {value}"))


def _name_of(key: object) -> str:
    """What a value is called that lies under this key; the texts of a tuple are one name."""
    if type(key) is tuple:
        return "_".join(one for one in key if type(one) is str)
    return key if type(key) is str else key.decode("latin-1") if type(key) is bytes else ""


def too_many(value: Any, entry: Entry, count: int) -> bool:
    if count > MOST_ITEMS:
        leave_out(entry, f"a {raw.shown_kind(value)} of {count:,} items")
    return count > MOST_ITEMS


def of_list(builders: Builders, graph: Graph, value: list[Any], entry: Entry) -> None:
    if not too_many(value, entry, len(value)):
        entry.opens, entry.closes = "[", "]"
        of_items(builders, graph, value[:MOST_ITEMS], entry, later="{one}[{at}] = {value}")


def of_tuple(builders: Builders, graph: Graph, value: tuple[Any, ...], entry: Entry) -> None:
    if not too_many(value, entry, len(value)):
        entry.opens, entry.closes = "(", ",)" if len(value) == 1 else ")"
        of_items(builders, graph, list(value), entry)


def of_dict(builders: Builders, graph: Graph, value: dict[Any, Any], entry: Entry) -> None:
    if not too_many(value, entry, len(value)):
        entry.opens, entry.closes = "{", "}"
        of_pairs(builders, graph, list(value.items()), entry)


def of_set(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    if not too_many(value, entry, len(value)):
        frozen = type(value) is frozenset
        entry.opens, entry.closes = ("frozenset({", "})") if frozen else ("{", "}")
        if not value:
            entry.opens, entry.closes = ("frozenset(" if frozen else "set(", ")")
        items = sorted(value, key=_tells) if len(value) > 1 else list(value)
        of_items(builders, graph, items, entry, in_order=False)
        graph.hashed += [(part.value, entry) for part in entry.parts if type(part.value) is Entry]


def _tells(item: object) -> Grade:
    """A name such as `password` comes last in a set: what stands after it looks like one."""
    return grade(item) if type(item) is str else Grade.NONE


def of_deque(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    if not too_many(value, entry, len(value)):
        most = "" if value.maxlen is None else f", maxlen={value.maxlen}"
        entry.opens, entry.closes = f"{builders.names.of(collections.deque)}([", f"]{most})"
        of_items(builders, graph, list(value), entry, later="{one}[{at}] = {value}")


def wrapped(kind: type) -> Builder:
    """A mapping of the standard library, made of a plain one."""

    def build(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
        if too_many(value, entry, dict.__len__(value)):
            return
        entry.opens, entry.closes = f"{builders.names.of(kind)}({{", "})"
        of_pairs(builders, graph, list(dict.items(value)), entry)

    return build


def with_default(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    plain = Entry(entry.hint, entry.depth + 1, uses=1)
    of_dict(builders, graph, dict.copy(value), plain)
    graph.is_hashed_for(entry, plain)
    for part in plain.parts:
        part.later = ""  # it is copied: what is put into it afterwards would be lost
    entry.opens, entry.closes = f"{builders.names.of(collections.defaultdict)}(", ")"
    entry.parts = [Part(builders.value(graph, value.default_factory, "", entry.depth + 1)), Part(plain)]


def of_view(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """Keys, values, items, or what shows a dictionary without letting it be changed."""
    behind = gc.get_referents(value)
    if len(behind) != 1:
        return leave_out(entry, f"a {raw.shown_kind(value)}")
    is_proxy = type(value) is types.MappingProxyType
    name = "" if is_proxy else raw.home_of(type(value))[1].rpartition("_")[2]
    entry.opens, entry.closes = (
        (f"{builders.names.named('types', 'MappingProxyType')}(", ")") if is_proxy else ("", f".{name}()")
    )
    entry.parts = [graph.made_of(entry, builders.value(graph, behind[0], entry.hint, entry.depth + 1))]
    return None
