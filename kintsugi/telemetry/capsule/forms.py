"""What hides what it is made of: forms of types, what threads have, dispatchers, rows of SQLite, multidicts."""

from __future__ import annotations

import functools
import gc
import io
import operator
import sys
import tempfile
import threading
import types
import typing
import weakref
from typing import Any

from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.builder import Builders
from kintsugi.telemetry.capsule.graph import MOST_ITEMS, Entry, Graph, Part, called, leave_out

_OF_GENERIC, _OF_UNION = vars(types.GenericAlias), vars(types.UnionType)
_OF_MULTIDICT = ("MultiDict", "MultiDictProxy", "CIMultiDict", "CIMultiDictProxy")
_VARIABLES = (typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple)
_DISPATCHES = functools.singledispatch(operator.not_).__code__  # type: ignore[attr-defined]


def union(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """`int | None`: `typing.Union` would make another kind of object of it."""
    inner = builders.value(graph, _OF_UNION["__args__"].__get__(value), "", entry.depth + 1)
    entry.opens, entry.closes = f"{builders.names.of(functools.reduce)}(", ")"
    entry.parts = [Part(builders.names.of(operator.or_)), Part(inner)]


def generic(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """`list[int]`; and `Callable[[int], str]`, which is of a class of its own."""
    kind = type(value)
    own = builders.names.of(kind)
    if not own or _OF_GENERIC["__unpacked__"].__get__(value) or raw.layout_of(kind).dictionary:
        return leave_out(entry, f"a {raw.shown_kind(value)}, which holds more than can be seen")
    is_plain = kind is types.GenericAlias
    entry.opens = f"{own}(" if is_plain else f"filled({own}, {builders.names.of(types.GenericAlias)}"
    inner = (_OF_GENERIC[name].__get__(value) for name in ("__origin__", "__args__"))
    entry.parts = [Part(builders.value(graph, one, "", entry.depth + 1)) for one in inner]
    entry.closes = ")"
    return None


def forward(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """A type that is only named yet."""
    known = {name: one for name, one in raw.state_of(value) if type(name) is str}
    name = known.get("__forward_arg__")
    entry.opens, entry.closes = f"{builders.names.of(typing.ForwardRef)}(", ")"
    entry.parts = [Part(builders.value(graph, name, "", entry.depth + 1))]


def held(builders: Builders, value: object, entry: Entry) -> bool:
    """What `typing` makes is often nothing but itself, as a variable is: what its module holds, or typing itself."""
    if any(type(value) is one for one in _VARIABLES):
        homes = [value.__module__]
    else:
        homes = [one for name, one in raw.state_of(value) if type(name) is str and name == "__module__"]
    homes = [one for one in homes if type(one) is str]
    entry.opens = next(filter(None, (builders.names.held_by(one, value) for one in (*homes, "typing"))), "")
    return bool(entry.opens)


def of_each_thread(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """As this thread sees it. Its first look at an object of a subclass would run the `__init__` of that."""
    kind = type(value)
    if kind is threading.local:
        entry.opens, entry.closes = f"with_state({builders.names.of(kind)}()", ")"
    elif own := builders.names.of(kind):
        entry.opens, entry.closes = f"filled({own}, {builders.names.of(threading.local)}", ")"
    else:
        return leave_out(entry, f"of the class {raw.shown_kind(value)}, which no module holds by its name")
    runs_nothing = raw.found_in(kind, "__init__") is object.__init__
    state = threading.local.__getattribute__(value, "__dict__") if runs_nothing else _of_the_only_thread(value)
    if state is None:
        return leave_out(entry, f"a {raw.shown_kind(value)}, of which it is not known what this thread has")
    entry.parts = [
        Part(builders.value(graph, one, called(name, entry), entry.depth + 1, name), graph.keyword(name))
        for name, one in dict.copy(state).items()
        if type(name) is str
    ]
    return None


def _of_the_only_thread(value: object) -> dict[Any, Any] | None:
    """If this is another thread than the one that used it, then the call has not come to it."""
    tables = [dict.copy(one) for one in gc.get_referents(value) if type(one) is dict and len(one) == 1]
    pairs = (next(iter(one.items())) for one in tables)
    return next((one for key, one in pairs if type(key) is weakref.ref and type(one) is dict), None)


def hidden(builders: Builders, graph: Graph, value: object, entry: Entry, base: type) -> bool:
    """Whether it is one that can be read all the same, and is written down."""
    if base is threading.local or base is types.GenericAlias:
        (generic if base is types.GenericAlias else of_each_thread)(builders, graph, value, entry)
        return True
    if type(value) is tempfile.SpooledTemporaryFile:
        return upload(builders, graph, value, entry)
    return row(builders, graph, value, entry) or pairs(builders, graph, value, entry)


def upload(builders: Builders, graph: Graph, value: object, entry: Entry) -> bool:
    """The file in memory that it keeps until it is large; whether it is not, yet."""
    kept = dict(raw.state_of(value)).get("_file")
    if type(kept) is not io.BytesIO:
        return False
    entry.parts = [Part(builders.value(graph, kept, "", entry.depth + 1, entry.hint))]
    return True


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


def pairs(builders: Builders, graph: Graph, value: Any, entry: Entry) -> bool:
    """Of multidict, as queries, forms and headers are in aiohttp, or of a class that builds on one, as Sanic's headers;
    whether it is one. It is asked past what such a class does.
    """
    known = {id(one): one for one in map(raw.globals_of(sys.modules.get("multidict")).get, _OF_MULTIDICT) if one}
    base = next((one for one in raw.mro(type(value)) if id(one) in known), None) if known else None
    own, made = builders.names.of(type(value)), builders.names.of(base) if base else ""
    if base is None or not own or base.__len__(value) > MOST_ITEMS:  # type: ignore[attr-defined]
        return False
    entry.opens, entry.closes = f"{made}([", "])"
    if type(value) is not base:
        entry.opens, entry.closes = f"filled({own}, {made}, [", "])"
    elif raw.home_of(base)[1].endswith("Proxy"):
        inner = raw.globals_of(sys.modules["multidict"])[raw.home_of(base)[1].removesuffix("Proxy")]
        entry.opens, entry.closes = f"{made}({builders.names.of(inner)}([", "]))"
    for key, one in base.items(value):  # type: ignore[attr-defined]
        graph.step()
        name = str.__getitem__(key, slice(None))  # a key may be a text of its own kind
        pair = Entry(entry.hint, entry.depth + 1, "(", closes=")", uses=1)
        pair.parts = [
            Part(graph.text("", name)),
            Part(builders.value(graph, one, called(name, entry), entry.depth + 2)),
        ]
        entry.parts.append(Part(pair))
    return True
