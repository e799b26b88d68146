"""Calls that serve a request: what holds a request, and what of a framework is kept.

Every request of a user who is logged in holds a secret, which hardly any view reads. So in such a call a secret is left
out, and whatever comes to it is told so; any other call is refused for one.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from types import CodeType, FrameType, FunctionType, MethodType, TracebackType
from typing import Any

from kintsugi.telemetry.build import is_installed
from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.builder import Builders
from kintsugi.telemetry.capsule.standard import BUILD

_HOLD = frozenset(("environ", "scope", "env", "_request", "request"))  # what a request, or a view, has what it is of by
_NEXT = frozenset(("get_response", "app", "wsgi_app", "application", "handler"))  # what a middleware calls the next one
_OF_A_REQUEST, _OF_A_SERVER = ("method", "headers"), ("transport", "protocol", "connection")
NAMES_OF_SECRETS = frozenset(("headers", "cookies", "environ", "scope", "META", "COOKIES"))
"""Where a request has what the one who sent it is known by. It comes first: a secret that is not known yet may stand
anywhere else.
"""
_DEEPEST = 2
_WIRING = frozenset(  # in the names of a framework's modules
    ("routing", "applications", "app", "web_app", "web_urldispatcher", "web_protocol", "web_runner", "resolvers")
)
_OF_THE_PROGRAM = frozenset(("state", "extra", "args", "kwargs", "app", "current_app"))
_WAITS = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
PLAIN = frozenset(map(id, (str, bytes, int, float, bool, type(None))))
_MOST_FRAMES, _MOST_ATTRIBUTES, _FEW = 200, 100, 4


def is_of_the_wire(value: object) -> bool:
    """Whether it is what a server makes of a request: WSGI's environ, or ASGI's scope."""
    if type(value) is not dict:
        return False
    kind = value.get("type")
    return "REQUEST_METHOD" in value or ("path" in value and type(kind) is str and kind in ("http", "websocket"))


class Requests:
    """Tells what holds a request. The frames of a stack hold the same objects: each is looked at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[object, bool]] = {}  # the object too: so its id stays its own
        self._layouts: dict[int, tuple[type, raw.Layout]] = {}

    def serves(self, stack: TracebackType | None, frames: Sequence[FrameType], running: set[FrameType]) -> bool:
        """Whether a request was served where the project's `frames` were called.

        The values of a frame that goes on are not looked at: that would keep them alive until it ends.
        """
        for _ in range(_MOST_FRAMES):
            if stack is None:
                return False
            frame, stack = stack.tb_frame, stack.tb_next
            if frame not in running and any(map(self.is_of_one, frame.f_locals.values())):
                return True
            if frame is frames[-1]:
                return False
        return False

    def handing_on(self, stack: TracebackType | None, running: set[FrameType]) -> set[FrameType]:
        """The frames that are handed a request, and call what they were given for that: middleware."""
        found: set[FrameType] = set()
        while stack is not None and stack.tb_next is not None:
            frame, stack = stack.tb_frame, stack.tb_next
            names = _given(frame.f_code) if frame not in running else ()
            values = frame.f_locals if names else {}
            given = [one for name in names if (one := values.get(name)) is not None]
            if any(map(self.is_of_one, given)) and any(self._leads_to(one, stack.tb_frame.f_code) for one in given):
                found.add(frame)
        return found

    def is_of_one(self, value: object, depth: int = 0) -> bool:
        """Whether it holds what a server makes of a request: one does, and a view that has one."""
        kind = type(value)
        if kind is dict:
            return is_of_the_wire(value)
        if depth > _DEEPEST or not raw.is_of_python(kind):
            return False
        known = self._known.get((id(value), depth))
        if known is None:
            layout = self._layout(kind)
            is_one = _is_read_from_a_connection(value, layout) or any(
                self.is_of_one(one, depth + 1) for one in _held(value, _HOLD, layout)
            )
            known = self._known[id(value), depth] = value, is_one
        return known[1]

    def _leads_to(self, value: Any, code: CodeType, depth: int = 0) -> bool:
        """Whether to call it, or what it holds, is to call this function."""
        kind = type(value)
        if kind is MethodType:
            value = value.__func__
        elif kind is functools.partial:
            value = value.func
        elif raw.is_of_python(kind):
            call = raw.code_of(raw.found_in(kind, "__call__"))
            held = _held(value, _NEXT, self._layout(kind)) if depth < 1 else ()
            return call is code or any(self._leads_to(one, code, 1) for one in held)
        return raw.code_of(value) is code

    def comes_last(self, value: Any, _: str) -> bool:
        """Whether it is of a library and has many attributes, as what leads to all of a framework or a server has."""
        kind = type(value)
        if kind is FunctionType:
            return "<locals>" in value.__qualname__ and is_of_library(f"{value.__module__}")
        if not raw.is_of_python(kind) or id(kind) in BUILD or not is_of_library(raw.home_of(kind)[0]):
            return False
        layout = self._layout(kind)
        own = layout.dictionary.__get__(value) if layout.dictionary is not None else None
        return len(layout.slots) + (len(own) if type(own) is dict else 0) > _FEW

    def have_read_rows(self, frames: Sequence[FrameType]) -> bool:
        """Whether the first of these, or what it called, had read rows of a database: another one has others."""
        first, *others = frames
        known = set(map(id, (first.f_locals.get(name) for name in _given(first.f_code))))
        seen: list[Iterable[object]] = [first.f_locals.values()]
        for frame in others:
            own = frame.f_locals.get(frame.f_code.co_varnames[0]) if frame.f_code.co_argcount else None
            state = raw.state_of(own, self._layout(type(own)))
            seen += [frame.f_locals.values(), (one for _, one in islice(state, _MOST_ATTRIBUTES))]
        found = {id(one): one for values in seen for one in map(_first_of, values)}
        return any(id(one) not in known and self._is_row(one) for one in found.values())

    def _is_row(self, value: object) -> bool:
        """An object of Django's (which says whether it is new) or SQLAlchemy's that was read; a row of SQLite."""
        kind = type(value)
        if raw.home_of(kind) == ("sqlite3", "Row"):
            return True
        if not raw.is_of_python(kind):
            return False
        layout = self._layout(kind)
        states = _held(value, ("_state",), layout)
        told = next((one for state in states for one in _held(state, ("adding",))), True)
        return told is False or any(True for _ in _held(value, ("_sa_instance_state",), layout))

    def _layout(self, kind: type) -> raw.Layout:
        if id(kind) not in self._layouts:
            self._layouts[id(kind)] = kind, raw.layout_of(kind)
        return self._layouts[id(kind)][1]


def _is_read_from_a_connection(value: object, layout: raw.Layout) -> bool:
    """Whether it is a request of a server that hands over none of the two: aiohttp, Sanic, Tornado."""
    has = functools.partial(_has, value, layout)
    return all(map(has, _OF_A_REQUEST)) and any(map(has, _OF_A_SERVER))


def _has(value: object, layout: raw.Layout, name: str) -> bool:
    return any(True for _ in _held(value, (name, f"_{name}"), layout))


def _held(value: object, names: Iterable[str], layout: raw.Layout | None = None) -> Iterator[Any]:
    """What it has under these names: an object may have very many others."""
    layout = layout or raw.layout_of(type(value))
    own = layout.dictionary.__get__(value) if layout.dictionary is not None else {}
    for name in names:
        if name in layout.slots:
            with suppress(AttributeError):
                yield layout.slots[name].__get__(value)
        elif type(own) is dict and name in own:
            yield own[name]


def _first_of(value: object) -> object:
    return value[0] if type(value) is list and value else value


def _given(code: CodeType) -> tuple[str, ...]:
    return (*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], *code.co_freevars)


def is_wiring(kind: type) -> bool:
    """Whether it is a class of what leads to all of the server and the framework: an app, a route, a protocol."""
    module = raw.home_of(kind)[0]
    if not is_of_library(module):
        return False
    calls = raw.code_of(raw.found_in(kind, "__call__"))
    taken = calls.co_varnames[1 : calls.co_argcount] if calls else ()
    is_app = taken in (("environ", "start_response"), ("scope", "receive", "send"))
    return is_app or not _WIRING.isdisjoint(module.split("."))


@functools.lru_cache(maxsize=1024)
def is_of_library(module: str) -> bool:
    """Whether a module is of a package that was installed."""
    file = raw.globals_of(sys.modules.get(module.partition(".")[0])).get("__file__")
    return type(file) is str and is_installed(file)


def is_kept(builders: Builders, name: str, value: object) -> bool:
    """Of wiring: what it is itself, such as the name of a route, and what the program has put into it."""
    is_own = id(type(value)) in PLAIN or name.lstrip("_") in _OF_THE_PROGRAM
    return is_own or bool(builders.names.of(value))


def is_a_way_in(kind: type, value: Any) -> bool:
    """Whether it is what a server or a framework reads this request by: to wait for that could have no end."""
    made = value.__func__ if kind is MethodType else value
    if type(made) is not FunctionType or not made.__code__.co_flags & _WAITS:
        return False
    if kind is MethodType:
        return is_of_library(raw.home_of(type(value.__self__))[0])
    return "<locals>" in made.__qualname__ and is_of_library(f"{made.__module__}")


def from_the_wire(value: Any) -> Any:
    """Of WSGI's environ what a server for development puts into it of its own environment is left out."""
    if type(value) is not dict or "REQUEST_METHOD" not in value:
        return value
    own = {**os.environ}
    return {name: one for name, one in value.items() if type(one) is not str or own.get(name) != one}
