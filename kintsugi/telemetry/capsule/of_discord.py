"""What Discord's libraries make: their enumerations, and the wiring between them and Discord, which comes last.

These libraries keep what Discord tells them in objects with slots. What does the work has a dictionary: the client, its
connection, commands, the tree of commands. Each of these leads to all the others, and hardly any crash needs them.
"""

from __future__ import annotations

import collections
import keyword
import types
import weakref
from typing import TYPE_CHECKING, Any

from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.graph import Entry, Graph, Part

if TYPE_CHECKING:
    from kintsugi.telemetry.capsule.builders import Builders

_LIBRARIES = frozenset(("discord", "disnake", "nextcord", "interactions", "hikari"))
_CONTAINERS, _MANY = frozenset(map(id, (dict, list, collections.deque, collections.OrderedDict))), 50
_KNOWS = frozenset(("state", "connection"))  # by these names the data lead to what is known of the guilds


def is_of_library(kind: type) -> bool:
    return raw.home_of(kind)[0].partition(".")[0] in _LIBRARIES


def is_large(value: object) -> bool:
    """Whether it is a container of very many things, such as all members of a guild: few of these are needed."""
    if type(value) is weakref.WeakValueDictionary:
        value = value.__dict__["data"]
    return id(type(value)) in _CONTAINERS and len(value) > _MANY  # type: ignore[arg-type]


class Libraries:
    """Which objects are such wiring, by their classes: each of these is looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[type, bool]] = {}

    def is_wiring(self, value: Any, hint: str) -> bool:
        kind = type(value)
        if kind is types.MethodType:
            kind = type(value.__self__)
        known = self._known.get(id(kind))
        if known is None:
            wires = is_of_library(kind) and raw.layout_of(kind).dictionary is not None
            known = self._known[id(kind)] = kind, wires
        return known[1] and hint not in _KNOWS


def member(builders: Builders, graph: Graph, value: Any, entry: Entry) -> bool:
    """Of an enumeration as these libraries make it: a named tuple that knows the class of it; whether it is one."""
    kind = raw.names_of(type(value)).get("_actual_enum_cls_")
    own = builders.names.of(kind) if issubclass(type(kind), type) else ""
    if not own or tuple.__len__(value) != 2:
        return False
    name, held = tuple.__iter__(value)
    members = raw.names_of(kind).get("_enum_member_map_")  # type: ignore[arg-type]
    if type(name) is str and type(members) is dict and members.get(name) is value and name.isidentifier():
        entry.opens = f"getattr({own}, {name!r})" if keyword.iskeyword(name) else f"{own}.{name}"
        return True
    entry.opens, entry.closes = f"{own}._enum_value_cls_(", ")"  # one that Discord has and the library does not know
    entry.parts = [Part(builders.value(graph, one, "", entry.depth + 1)) for one in (name, held)]
    return True
