"""What the values of the standard library are made of: a small set of builders, by exact type."""

from __future__ import annotations

import array
import ast
import collections
import datetime
import decimal
import functools
import io
import ipaddress
import itertools
import logging
import pathlib
import re
import sys
import threading
import types
import typing
import uuid
import weakref
import zoneinfo
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from kintsugi.telemetry.capsule import forms, raw
from kintsugi.telemetry.capsule.bases import items_of_array
from kintsugi.telemetry.capsule.builder import Builder, Builders
from kintsugi.telemetry.capsule.callables import of_builtin, of_cached, of_function, of_method, of_partial
from kintsugi.telemetry.capsule.containers import (
    of_deque,
    of_dict,
    of_list,
    of_pairs,
    of_set,
    of_tuple,
    of_view,
    too_many,
    with_default,
    wrapped,
)
from kintsugi.telemetry.capsule.graph import (
    LONGEST_TEXT,
    OF_THE_CALL,
    Entry,
    Graph,
    Part,
    leave_out,
)
from kintsugi.telemetry.capsule.zones import is_a_name


def _plain(write: Callable[[Any], str], kind: type, most: int = 2_000) -> Builder:
    """A value that one text makes."""

    def build(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
        text = write(value)
        if len(text) > most:
            return leave_out(entry, f"a {raw.shown_kind(value)} of {len(text):,} characters")
        literal = graph.literal(graph.text, entry.hint, text, entry.depth)
        entry.opens = f"{builders.names.of(kind)}({literal})" if isinstance(literal, str) else literal.opens
        return None

    return build


def _moment(fields: tuple[str, ...], kind: type, least: int) -> Builder:
    """A date or a time: its numbers, as many as are needed, then its zone."""

    def build(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
        numbers = [getattr(value, name) for name in fields]
        while len(numbers) > least and not numbers[-1]:
            numbers.pop()
        entry.opens, entry.closes = f"{builders.names.of(kind)}(", ")"
        entry.parts = [Part(str(number)) for number in numbers]
        zone = getattr(value, "tzinfo", None)
        if zone is not None:
            made = builders.value(graph, zone, "", entry.depth + 1, "zone")
            entry.parts.append(replace(graph.made_of(entry, made), lead="tzinfo="))
        if getattr(value, "fold", 0):
            entry.parts.append(Part("1", "fold="))

    return build


def _span(builders: Builders, graph: Graph, value: datetime.timedelta, entry: Entry) -> None:
    entry.opens, entry.closes = f"{builders.names.of(datetime.timedelta)}(", ")"
    numbers = {"days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}
    entry.parts = [Part(str(number), f"{name}=") for name, number in numbers.items() if number]


def _zone(builders: Builders, graph: Graph, value: datetime.timezone, entry: Entry) -> None:
    if value is datetime.UTC:
        entry.opens = f"{builders.names.of(datetime.timezone)}.utc"
        return
    entry.opens, entry.closes = f"{builders.names.of(datetime.timezone)}(", ")"
    offset = value.utcoffset(None)
    entry.parts = [Part(builders.value(graph, offset, "", entry.depth + 1))]


def _named_zone(builders: Builders, graph: Graph, value: zoneinfo.ZoneInfo, entry: Entry) -> None:
    if not is_a_name(value.key):  # one that was read from a file has any key, or none
        return leave_out(entry, "a time zone without a name")
    entry.opens = f"{builders.names.of(zoneinfo.ZoneInfo)}({graph.text('', value.key)})"
    return None


def _pattern(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    entry.opens, entry.closes = f"{builders.names.of(re.compile)}(", ")"
    flags = value.flags & ~(re.UNICODE.value if type(value.pattern) is str else 0)
    entry.parts = [Part(builders.value(graph, value.pattern, "", entry.depth + 1))]
    entry.parts += [Part(str(flags))] if flags else []


def _slice(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    entry.opens, entry.closes = f"{'slice' if type(value) is slice else 'range'}(", ")"
    numbers = (value.start, value.stop, value.step)
    entry.parts = [Part(builders.value(graph, one, "", entry.depth + 1)) for one in numbers]


def _octets(builders: Builders, graph: Graph, value: bytearray, entry: Entry) -> None:
    if len(value) > LONGEST_TEXT:
        return leave_out(entry, f"{len(value):,} bytes")
    literal = graph.literal(graph.octets, entry.hint, bytes(value), entry.depth)
    entry.opens = f"bytearray({literal})" if isinstance(literal, str) else literal.opens
    return None


def _array(builders: Builders, graph: Graph, value: array.array[Any], entry: Entry) -> None:
    entry.opens, entry.closes = f"{builders.names.of(array.array)}(", ")"
    entry.parts = items_of_array(builders, graph, value, entry)
    made_of = entry.parts[-1].value
    if type(made_of) is Entry and made_of.opens.startswith("missing("):  # of which no array can be made
        entry.opens, entry.closes, entry.parts = made_of.opens, "", []


def _in_memory(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """One that was handed over itself begins again: what it was read since then, the call has read."""
    if value.closed:
        return leave_out(entry, "a closed file in memory")
    place = value.tell()
    size, _ = map(value.seek, (0, place), (io.SEEK_END, io.SEEK_SET))  # in C: nothing comes between
    if size > LONGEST_TEXT:
        return leave_out(entry, f"a file in memory of {size:,} characters")
    content = value.getvalue()
    kind = builders.names.of(type(value))
    literal = builders.value(graph, content, entry.hint, entry.depth + 1)
    if type(literal) is Entry:
        entry.opens = literal.opens
        return None
    entry.opens = f"{kind}({literal})"
    if place and entry.depth > OF_THE_CALL:
        entry.opens = f"at_place({entry.opens}, {place})"
    return None


def _weak(builders: Builders, graph: Graph, value: weakref.ref[Any], entry: Entry) -> None:
    """What it leads to gets a name in the file, which keeps it alive."""
    one = weakref.ref.__call__(value)
    entry.opens, entry.closes = f"{builders.names.of(weakref.ref)}(", ")"
    made = "set()" if one is None else builders.value(graph, one, "", entry.depth + 1, entry.hint)
    entry.parts = [Part(made)]
    if type(made) is Entry:
        made.needs_name = True


def _weak_values(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """What is alive by now. Each gets a name in the file, which keeps it so."""
    refs = dict.copy(value.__dict__["data"])
    entry.opens, entry.closes = f"{builders.names.of(weakref.WeakValueDictionary)}({{", "})"
    alive = [(key, one) for key, ref in refs.items() if (one := weakref.ref.__call__(ref)) is not None]
    if not too_many(refs, entry, len(alive)):
        of_pairs(builders, graph, alive, entry)
    for part in entry.parts:
        if type(part.value) is Entry:
            part.value.needs_name = True


def _logger(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    name = next((one for key, one in raw.state_of(value) if type(key) is str and key == "name"), "")
    entry.opens = f"{builders.names.of(logging.getLogger)}({name!r})" if type(name) is str else "None"


def _reduced(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """What the standard library itself says that it is made of, in C: an iterator half way, an element of a tree.

    Those of `itertools` only up to Python 3.11: from 3.12 on they warn before they tell, and to hush that would change
    the program's filters.
    """
    told = value.__reduce_ex__(4)
    made, arguments, state = (*told, None)[:3]
    if len(told) > 3 and any(part is not None for part in told[3:]):
        return leave_out(entry, f"a {raw.shown_kind(value)}")
    entry.opens, entry.closes = "restored(", ")"
    inner = [builders.value(graph, one, "", entry.depth + 1, entry.hint) for one in (made, arguments)]
    entry.parts = [graph.made_of(entry, one) for one in inner]
    if state is not None:
        later = "restored(lambda: {one}, (), {value})"
        entry.parts.append(Part(builders.value(graph, state, "", entry.depth + 1), later=later))
    return None


def _syntax(builders: Builders, graph: Graph, value: ast.AST, entry: Entry) -> None:
    kind = builders.names.of(type(value))
    entry.opens, entry.closes = f"with_state({kind}.__new__({kind})", ")"  # Python 3.13 warns where fields are left out
    builders.add_state(graph, value, entry)


def _anew(written: str, kind: Callable[[], Any]) -> Builder:
    """A new one does as well: a lock."""

    def build(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
        builders.names.module(written.partition(".")[0])
        entry.opens = f"{written}()"

    return build


def _namespace(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    entry.opens, entry.closes = f"{builders.names.of(types.SimpleNamespace)}(", ")"
    builders.add_state(graph, value, entry)


def member(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """Of an enumeration; flags that were joined have no name of their own."""
    kind = type(value)
    state = {name: one for name, one in raw.state_of(value) if type(name) is str}
    own, name, members = builders.names.of(kind), state.get("_name_"), raw.names_of(kind).get("_member_map_")
    if not own and type(name) is str and "<locals>" in raw.home_of(kind)[1]:
        entry.opens, entry.closes = "getattr(", ")"
        entry.parts = [Part(builders.value(graph, kind, "", entry.depth + 1)), Part(repr(name))]
        return None
    if not own:
        return leave_out(entry, f"of the class {raw.shown_kind(value)}, which no module holds by its name")
    if type(name) is str and type(members) is dict and members.get(name) is value:
        entry.opens = f"{own}.{name}" if name.isidentifier() else f"{own}[{name!r}]"
        return None
    if type(state.get("_value_")) is int:
        entry.opens = f"{own}({state['_value_']})"
        return None
    return leave_out(entry, f"a {raw.shown_kind(value)} without a name")


def _long(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    size = int.bit_length(value) if type(value) is int else len(value)
    leave_out(entry, f"{'a number of' if type(value) is int else 'a text of'} {size:,} {_unit(value)}")


def _unit(value: object) -> str:
    return {int: "bits", bytes: "bytes"}.get(type(value), "characters")


_OF_ITERTOOLS: tuple[type, ...] = (
    *(itertools.islice, itertools.chain, itertools.count, itertools.repeat, itertools.starmap, itertools.takewhile),
    *(itertools.dropwhile, itertools.filterfalse, itertools.accumulate, itertools.zip_longest, itertools.compress),
)

_BUILDERS: dict[type, Builder] = {
    list: of_list,
    tuple: of_tuple,
    dict: of_dict,
    set: of_set,
    frozenset: of_set,
    collections.deque: of_deque,
    collections.OrderedDict: wrapped(collections.OrderedDict),
    collections.defaultdict: with_default,
    collections.Counter: wrapped(collections.Counter),
    bytearray: _octets,
    array.array: _array,
    str: _long,
    bytes: _long,
    int: _long,
    complex: _plain(str, complex),
    slice: _slice,
    range: _slice,
    decimal.Decimal: _plain(str, decimal.Decimal),
    uuid.UUID: _plain(str, uuid.UUID),
    **{kind: _plain(str, kind) for kind in (ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network)},
    **{kind: _plain(str, pathlib.Path) for kind in (pathlib.PosixPath, pathlib.WindowsPath)},
    **{kind: _plain(str, kind) for kind in (pathlib.PurePosixPath, pathlib.PureWindowsPath)},
    datetime.date: _moment(("year", "month", "day"), datetime.date, 3),
    datetime.time: _moment(("hour", "minute", "second", "microsecond"), datetime.time, 2),
    datetime.datetime: _moment(
        ("year", "month", "day", "hour", "minute", "second", "microsecond"), datetime.datetime, 3
    ),
    datetime.timedelta: _span,
    datetime.timezone: _zone,
    zoneinfo.ZoneInfo: _named_zone,
    re.Pattern: _pattern,
    io.StringIO: _in_memory,
    io.BytesIO: _in_memory,
    types.MappingProxyType: of_view,
    type({}.keys()): of_view,
    type({}.values()): of_view,
    type({}.items()): of_view,
    types.MethodType: of_method,
    types.BuiltinFunctionType: of_builtin,
    types.FunctionType: of_function,
    functools.partial: of_partial,
    weakref.ref: _weak,
    weakref.WeakValueDictionary: _weak_values,
    type(functools.cache(len)): of_cached,
    types.SimpleNamespace: _namespace,
    types.UnionType: forms.union,
    types.GenericAlias: forms.generic,
    typing.ForwardRef: forms.forward,
    threading.local: forms.of_each_thread,
    **{kind: _syntax for kind in vars(ast).values() if type(kind) is type and issubclass(kind, ast.AST)},
    logging.Logger: _logger,
    type(threading.Lock()): _anew("threading.Lock", threading.Lock),
    type(threading.RLock()): _anew("threading.RLock", threading.RLock),
    object: _anew("object", object),
    **dict.fromkeys(
        (
            *(type(iter([])), type(iter(())), type(iter("")), type(iter(range(0)))),
            *(reversed, enumerate, zip, map, filter, ElementTree.Element),
            *(_OF_ITERTOOLS if sys.version_info < (3, 12) else ()),
        ),
        _reduced,
    ),
}

BUILD = {id(kind): build for kind, build in _BUILDERS.items()}
SMALL = {
    id(kind) for kind in (datetime.timezone, datetime.timedelta, zoneinfo.ZoneInfo, decimal.Decimal, uuid.UUID, type)
}  # made of nothing that could be large: nobody has to wait for them
