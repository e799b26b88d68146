"""What Discord's libraries make: their enumerations, and the wiring between them and Discord, which comes last.

These libraries keep what Discord tells them in objects with slots. What does the work has a dictionary: the client, its
connection, commands, the tree of commands. Each of these leads to all the others, and hardly any crash needs them. A
client has what the program has put into it, too, and a cog the commands that its class makes anew.
"""

from __future__ import annotations

import collections
import itertools
import keyword
import types
import weakref
from typing import Any

from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.builder import Builders
from kintsugi.telemetry.capsule.graph import Entry, Graph, Part

_LIBRARIES = frozenset(("discord", "disnake", "nextcord", "interactions", "hikari"))
_CONTAINERS, _MANY = frozenset(map(id, (dict, list, collections.deque, collections.OrderedDict))), 50
_OWNERS = ("_cog", "cog", "binding", "parent_cog")  # what a command calls the cog that it belongs to
KNOWS = frozenset(("state", "connection"))  # by these names the data lead to what is known of the guilds


def is_of_library(kind: type) -> bool:
    return raw.home_of(kind)[0].partition(".")[0] in _LIBRARIES


def is_large(value: object) -> bool:
    """Whether it is a container of very many things, such as all members of a guild: few of these are needed."""
    if type(value) is weakref.WeakValueDictionary:
        value = value.__dict__["data"]
    return id(type(value)) in _CONTAINERS and len(value) > _MANY  # type: ignore[arg-type]


def is_command(value: object) -> bool:
    """Whether it is a command of such a library, or of a class that a program makes of it."""
    kind = type(value)
    if raw.layout_of(kind).dictionary is None or not any(is_of_library(one) for one in raw.mro(kind)):
        return False
    return any(type(name) is str and name in ("_callback", "callback") for name, _ in raw.state_of(value))


def makes_its_commands(kind: type) -> bool:
    """Whether it is a class of cogs, to which the library's `__new__` gives copies of the commands of the class."""
    makes = raw.found_in(kind, "__new__")
    module = (
        raw.globals_of_function(getattr(makes, "__func__", None)).get("__name__") if type(makes) is staticmethod else ""
    )
    is_one = type(module) is str and module.partition(".")[0] in _LIBRARIES and module.endswith(".cog")
    return is_one and raw.found_in(kind, "__cog_commands__") is not None


def names_of_a_client(kind: type) -> frozenset[str]:
    """What a library's client has of the library itself: whatever its `__init__`s name. Empty for any other class."""
    if raw.found_in(kind, "dispatch") is None or raw.found_in(kind, "run") is None:
        return frozenset()
    makers = (raw.names_of(one).get("__init__") for one in raw.mro(kind) if is_of_library(one))
    return frozenset(name for made in makers if (code := raw.code_of(made)) for name in code.co_names)


def is_asked_for(name: str, value: object) -> bool:
    """Of what a client has of its library: its connection, which knows the guilds, and the table of its cogs."""
    first = next(iter(value.values()), None) if type(value) is dict else None
    return name in KNOWS or makes_its_commands(type(first))


def is_from_its_class(kind: type, name: object, value: object) -> bool:
    """Whether a cog has this attribute from its making already."""
    if type(name) is not str:
        return False
    return name.startswith("__cog_") or (raw.found_in(kind, name) is not None and is_command(value))


def of_its_cog(builders: Builders, graph: Graph, value: object, entry: Entry) -> bool:
    """A command by its cog's attribute; whether it is one that a cog has so."""
    if not is_command(value):
        return False
    for cog in (one for name, one in raw.state_of(value) if type(name) is str and name in _OWNERS):
        if not makes_its_commands(type(cog)):
            continue
        own = (name for name, one in raw.state_of(cog) if one is value and raw.found_in(type(cog), name) is not None)
        shared = (name for one in raw.mro(type(cog)) for name, held in raw.names_of(one).items() if held is value)
        if name := next((name for name in itertools.chain(own, shared) if name.isidentifier()), ""):
            entry.parts, entry.closes = [Part(builders.value(graph, cog, "", entry.depth + 1))], f".{name}"
            return True
    return False


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
            wires = any(map(is_of_library, raw.mro(kind))) and raw.layout_of(kind).dictionary is not None
            is_own = is_of_library(kind) and not names_of_a_client(kind)
            wires = wires and (is_own or is_command(value) or makes_its_commands(kind))
            known = self._known[id(kind)] = kind, wires
        return known[1] and hint not in KNOWS


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
