"""Values of the standard library that hide what they are made of: forms of types, what threads have, dispatchers, rows."""

from __future__ import annotations

import functools
import gc
import operator
import sys
import threading
import types
import typing
import weakref
from typing import TYPE_CHECKING, Any

from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.graph import MOST_ITEMS, Entry, Graph, Part, called, leave_out

if TYPE_CHECKING:
    from kintsugi.telemetry.capsule.builders import Builders

_OF_GENERIC, _OF_UNION = vars(types.GenericAlias), vars(types.UnionType)
_VARIABLES = (typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple)
_DISPATCHES = functools.singledispatch(operator.not_).__code__  # type: ignore[attr-defined]


def union(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """`int | None`: `typing.Union` would make another kind of object of it."""
    inner = builders.value(graph, _OF_UNION["__args__"].__get__(value), "", entry.depth + 1)
    entry.opens, entry.closes = f"{builders.names.of(functools.reduce)}(", ")"
    entry.parts = [Part(builders.names.of(operator.or_)), Part(inner)]


def generic(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """`list[int]`."""
    if _OF_GENERIC["__unpacked__"].__get__(value):
        return leave_out(entry, "types that were unpacked")
    entry.opens, entry.closes = f"{builders.names.of(types.GenericAlias)}(", ")"
    inner = (_OF_GENERIC[name].__get__(value) for name in ("__origin__", "__args__"))
    entry.parts = [Part(builders.value(graph, one, "", entry.depth + 1)) for one in inner]
    return None


def held(builders: Builders, value: object, entry: Entry) -> bool:
    """What `typing` makes is often nothing but itself, as a variable is: the one that its own module holds, or typing."""
    if any(type(value) is one for one in _VARIABLES):
        homes = [value.__module__]
    else:
        homes = [one for name, one in raw.state_of(value) if type(name) is str and name == "__module__"]
    homes = [one for one in homes if type(one) is str]
    entry.opens = next(filter(None, (builders.names.held_by(one, value) for one in (*homes, "typing"))), "")
    return bool(entry.opens)


def of_each_thread(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """As this thread sees it. A thread's first look at an object of a subclass runs its `__init__`."""
    kind = type(value)
    if kind is threading.local:
        entry.opens, entry.closes = f"with_state({builders.names.of(kind)}()", ")"
    elif raw.found_in(kind, "__init__") is not object.__init__ and not _has_been_seen(value):
        return leave_out(entry, f"a {raw.shown_kind(value)}, of which it is not known what this thread has")
    elif not (own := builders.names.of(kind)):
        return leave_out(entry, f"of the class {raw.shown_kind(value)}, which no module holds by its name")
    else:
        entry.opens, entry.closes = f"filled({own}, {builders.names.of(threading.local)}", ")"
    state: dict[Any, Any] = threading.local.__getattribute__(value, "__dict__")
    entry.parts += [
        Part(builders.value(graph, one, called(name, entry), entry.depth + 1, name), graph.keyword(name))
        for name, one in dict.copy(state).items()
        if type(name) is str
    ]
    return None


def hidden(builders: Builders, graph: Graph, value: object, entry: Entry, base: type) -> bool:
    """Whether it is one that can be read all the same, and is written down."""
    if base is threading.local:
        of_each_thread(builders, graph, value, entry)
        return True
    return row(builders, graph, value, entry)


def _has_been_seen(value: object) -> bool:
    """Whether this thread has looked at it before: there is no other, and one has."""
    behind = [list(one) for one in gc.get_referents(value) if type(one) is dict and len(one) == 1]
    return len(sys._current_frames()) == 1 and any(type(key) is weakref.ref for (key,) in behind)


def dispatcher(builders: Builders, graph: Graph, value: types.FunctionType, entry: Entry) -> bool:
    """What `functools.singledispatch` made, with all that is registered; whether it is one."""
    if value.__code__ is not _DISPATCHES:
        return False
    registry = _closed_over(_closed_over(value, "dispatch"), "registry")
    if type(registry) is not dict or len(registry) > MOST_ITEMS:
        return False
    entry.opens, entry.closes = "dispatching(", ")"
    plain = Entry(entry.hint, entry.depth + 1, "{", closes="}", uses=1)  # it is copied: nothing can be put in later
    for pair in registry.items():
        graph.step()
        kind, made = (builders.value(graph, one, "", entry.depth + 2) for one in pair)
        plain.parts.append(Part(made, kind))
    entry.parts = [Part(plain)]
    return True


def _closed_over(function: object, name: str) -> object:
    code, cells = raw.code_of(function), function.__closure__ if type(function) is types.FunctionType else ()
    names = code.co_freevars if code else ()
    return cells[names.index(name)].cell_contents if cells and name in names else None


def row(builders: Builders, graph: Graph, value: Any, entry: Entry) -> bool:
    """Of SQLite, by the names of its columns; whether it is one."""
    if type(value) is not raw.globals_of(sys.modules.get("sqlite3")).get("Row"):
        return False
    names, values = value.keys(), tuple(value)
    if len(names) != len(values) or len(names) > MOST_ITEMS:
        return False
    entry.opens, entry.closes = "row_of(", ")"
    entry.parts = [Part(builders.value(graph, tuple(names), "", entry.depth + 1))]
    for name, one in zip(names, values, strict=True):
        graph.step()
        entry.parts.append(Part(builders.value(graph, one, called(name, entry), entry.depth + 1, name)))
    return True
