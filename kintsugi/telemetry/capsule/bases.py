"""What the builtin base of an object holds where its class is made in Python: items, characters, arguments."""

from __future__ import annotations

import array
import builtins
import collections
import datetime
import itertools
from collections.abc import Callable
from typing import Any

from kintsugi.telemetry.capsule.builder import Builder, Builders, Content
from kintsugi.telemetry.capsule.containers import of_list, of_pairs, of_tuple, too_many
from kintsugi.telemetry.capsule.graph import LONGEST_TEXT, MOST_ITEMS, Entry, Graph, Part, called, leave_out
from kintsugi.telemetry.encoding import names_of_items


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


def items_of_array(builders: Builders, graph: Graph, value: Any, entry: Entry) -> list[Part]:
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
    array.array: items_of_array,
    int: _plain_content(int.__int__),
    float: _plain_content(float.__float__),
}
_BASES |= {
    kind: _arguments
    for kind in vars(builtins).values()
    if isinstance(kind, type) and issubclass(kind, BaseException) and kind.__basicsize__ == Exception.__basicsize__
}
"""Builtin bases of classes made in Python, and what they hold; None where it is nothing but the state."""

CONTENT = {id(kind): content for kind, content in _BASES.items()}  # by identity: a metaclass may hash its classes
