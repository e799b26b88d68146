"""What the values of the standard library are made of: a small set of builders, by exact type."""

from __future__ import annotations

import array
import ast
import builtins
import collections
import datetime
import decimal
import functools
import gc
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
from kintsugi.telemetry.capsule.builder import Builder, Builders, Content
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
    MOST_ITEMS,
    OF_THE_CALL,
    Entry,
    Graph,
    Part,
    called,
    leave_out,
)
from kintsugi.telemetry.capsule.inside import Place
from kintsugi.telemetry.capsule.zones import is_a_name
from kintsugi.telemetry.encoding import names_of_items


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
    entry.parts = _items_of_array(builders, graph, value, entry)
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


def _method(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """`one.name`, where that leads to the same function."""
    function, one = value.__func__, value.__self__
    name = function.__name__ if type(function) is types.FunctionType else ""
    name = name if type(name) is str else ""
    owner = one if issubclass(type(one), type) else type(one)
    found = raw.found_in(owner, name) if name.isidentifier() else None
    if type(found) is classmethod or type(found) is staticmethod:
        found = found.__func__
    if found is not function:
        return leave_out(entry, f"the method {name}, which its class no longer has under this name")
    made = builders.value(graph, one, "", entry.depth + 1, entry.hint)
    entry.parts, entry.closes = [graph.made_of(entry, made)], f".{name}"
    return None


def _builtin(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    one, name = value.__self__, value.__name__
    if type(one) is types.ModuleType or one is None or not name.isidentifier():
        return leave_out(entry, f"the function {name}")
    entry.parts, entry.closes = [graph.made_of(entry, builders.value(graph, one, "", entry.depth + 1))], f".{name}"
    return None


def _function(builders: Builders, graph: Graph, value: types.FunctionType, entry: Entry) -> None:
    """One that no module holds by its name: a lambda, one inside of another, or what a decorator has put away."""
    code, home = value.__code__, builders.names.home(value)
    if not home or code.co_filename.startswith("<"):
        return leave_out(entry, f"the function {code.co_qualname}, which no module holds by its name")
    if forms.dispatcher(builders, graph, value, entry):
        return None
    place = Place(home, code.co_qualname, code.co_firstlineno)
    own = [(name, one) for name, one in dict.copy(value.__dict__).items() if type(name) is str]
    if not own or too_many(value, entry, len(own)):
        return None if own else builders.function_inside(graph, entry, place, value)
    made = Entry(entry.hint, entry.depth + 1, uses=1)
    builders.function_inside(graph, made, place, value)
    entry.opens, entry.closes, entry.parts = "with_state(", ")", [Part(made)]
    return builders.add(graph, own, entry)


def _cached(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """What keeps a function's results, with none of them."""
    function = value.__wrapped__  # which a decorator may have set to another one
    if not any(one is function for one in gc.get_referents(value)):
        return leave_out(entry, "a cached function that is called another one's wrapper")
    entry.opens, entry.closes = f"{builders.names.of(functools.cache)}(", ")"
    entry.parts = [graph.made_of(entry, builders.value(graph, function, "", entry.depth + 1, entry.hint))]
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


def _partial(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    entry.opens, entry.closes = f"{builders.names.of(functools.partial)}(", ")"
    entry.parts = [Part(builders.value(graph, value.func, "", entry.depth + 1))]
    entry.parts += [
        Part(builders.value(graph, one, called(name, entry), entry.depth + 1))
        for one, name in itertools.zip_longest(value.args, _parameters(value.func)[: len(value.args)], fillvalue="")
    ]
    entry.parts += [
        Part(builders.value(graph, one, called(name, entry), entry.depth + 1), graph.keyword(name))
        for name, one in value.keywords.items()
    ]


def _parameters(function: object) -> tuple[str, ...]:
    """The names of what it takes by position, as far as it is written in Python."""
    kind, skipped = type(function), 0
    if kind is types.MethodType:
        function, skipped = function.__func__, 1  # type: ignore[attr-defined]
    code = raw.code_of(function)
    return code.co_varnames[skipped : code.co_argcount] if code else ()


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


def _no_content(builders: Builders, graph: Graph, value: Any, entry: Entry) -> list[Part]:
    return []


def _plain_content(read: Callable[[Any], Any]) -> Content:
    """A builtin's own content, which is a value like any other."""

    def content(builders: Builders, graph: Graph, value: Any, entry: Entry) -> list[Part]:
        return [Part(builders.value(graph, read(value), entry.hint, entry.depth + 1, entry.hint))]

    return content


def _inside(build: Builder, read: Callable[[Any], Any]) -> Content:
    """A container's content, which is read without hashing or comparing anything of it."""

    def content(builders: Builders, graph: Graph, value: Any, entry: Entry) -> list[Part]:
        inner = Entry(entry.hint, entry.depth + 1, uses=1)
        build(builders, graph, read(value), inner)
        graph.is_hashed_for(entry, inner)
        for part in inner.parts:
            part.later = ""  # it is copied: what is put into it afterwards would be lost
        return [Part(inner)]

    return content


def _arguments(builders: Builders, graph: Graph, value: Any, entry: Entry) -> list[Part]:
    given = BaseException.__dict__["args"].__get__(value)
    names = names_of_items(given, called("", entry))
    return [Part(builders.value(graph, one, name, entry.depth + 1)) for one, name in zip(given, names, strict=True)]


def _pairs_of(value: Any) -> list[tuple[Any, Any]]:
    return list(itertools.islice(dict.items(value), MOST_ITEMS + 1))


def _pairs(builders: Builders, graph: Graph, pairs: list[tuple[Any, Any]], entry: Entry) -> None:
    if not too_many({}, entry, len(pairs)):
        entry.opens, entry.closes = "{", "}"
        of_pairs(builders, graph, pairs, entry)


def _items_of_array(builders: Builders, graph: Graph, value: Any, entry: Entry) -> list[Part]:
    """Letters are written as a text, and bytes as bytes: a secret in them is seen as one."""
    code, inner = vars(array.array)["typecode"].__get__(value), Entry(entry.hint, entry.depth + 1, uses=1)
    if code not in "uwbB":
        items = _inside(of_list, lambda one: array.array.tolist(array.array.__getitem__(one, slice(MOST_ITEMS + 1))))
        return [Part(repr(code)), *items(builders, graph, value, entry)]
    if array.array.__len__(value) > LONGEST_TEXT:
        leave_out(inner, f"an array of {array.array.__len__(value):,} items")
    elif code in "bB":
        inner.opens = graph.octets(entry.hint, array.array.tobytes(value))
    else:
        inner.opens = graph.text(entry.hint, array.array.tounicode(value))
    return [Part(repr(code)), Part(inner)]


_BASES: dict[type, Content | None] = {
    object: None,
    datetime.tzinfo: _no_content,
    dict: _inside(_pairs, _pairs_of),
    list: _inside(of_list, lambda value: list.__getitem__(value, slice(MOST_ITEMS + 1))),
    tuple: _inside(of_tuple, lambda value: tuple.__getitem__(value, slice(MOST_ITEMS + 1))),
    set: _inside(of_list, lambda value: [*itertools.islice(set.__iter__(value), MOST_ITEMS + 1)]),
    frozenset: _inside(of_list, lambda value: [*itertools.islice(frozenset.__iter__(value), MOST_ITEMS + 1)]),
    collections.OrderedDict: _inside(_pairs, _pairs_of),
    collections.deque: _inside(
        of_list, lambda value: [*itertools.islice(collections.deque.__iter__(value), MOST_ITEMS + 1)]
    ),
    str: _plain_content(lambda value: str.__getitem__(value, slice(LONGEST_TEXT + 1))),
    bytes: _plain_content(lambda value: bytes.__getitem__(value, slice(LONGEST_TEXT + 1))),
    array.array: _items_of_array,
    int: _plain_content(int.__int__),
    float: _plain_content(float.__float__),
}
_BASES |= {
    kind: _arguments
    for kind in vars(builtins).values()
    if isinstance(kind, type) and issubclass(kind, BaseException) and kind.__basicsize__ == Exception.__basicsize__
}
"""Builtin bases of classes made in Python, and what they hold; None where it is nothing but the state."""

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
    types.MethodType: _method,
    types.BuiltinFunctionType: _builtin,
    types.FunctionType: _function,
    functools.partial: _partial,
    weakref.ref: _weak,
    weakref.WeakValueDictionary: _weak_values,
    type(functools.cache(len)): _cached,
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

CONTENT = {id(kind): content for kind, content in _BASES.items()}  # by identity: a metaclass may hash its classes
BUILD = {id(kind): build for kind, build in _BUILDERS.items()}
SMALL = {
    id(kind) for kind in (datetime.timezone, datetime.timedelta, zoneinfo.ZoneInfo, decimal.Decimal, uuid.UUID, type)
}  # made of nothing that could be large: nobody has to wait for them
