"""Random graphs of objects that do their worst to whoever looks at them: `a_graph(seed)`.

Whatever runs an object's own code on them hangs, ends the process or is told on: `TOUCHED` counts it.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import io
import itertools
import random
import re
import socket
import sqlite3
import threading
import types
import uuid
import weakref
import zoneinfo
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn


class Touched(BaseException):
    """Goes through whatever catches errors."""


TOUCHED: collections.Counter[str] = collections.Counter()


def _touched(*_: object, **__: object) -> NoReturn:
    TOUCHED["an object's own code"] += 1
    raise Touched("an object's own code was run")


class Color(enum.Enum):
    RED = 1
    BLUE = "blue"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Order:
    name: str
    items: list[object] = field(default_factory=list)


class Slotted:
    __slots__ = ("_hidden", "left", "right")


class Plain:
    """What most programs have."""


class Mean:
    """Each door of it is a trap."""

    __repr__ = __str__ = __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __getattr__ = _touched
    __reduce__ = __reduce_ex__ = __getstate__ = __format__ = __dir__ = __sizeof__ = __copy__ = _touched
    __class__ = property(_touched)

    @property
    def name(self) -> str:
        _touched()

    def __getattribute__(self, name: str) -> Any:
        _touched()


class MeanDict:
    __dict__ = property(_touched)


class _Meta(type):
    __hash__ = __eq__ = __repr__ = __instancecheck__ = __subclasscheck__ = _touched

    def __getattribute__(cls, name: str) -> Any:
        _touched()


MadeByMeta: Any = _Meta("MadeByMeta", (), {})


class MeanText(str):
    __slots__ = ()
    __eq__ = __hash__ = __repr__ = __str__ = __len__ = __iter__ = __getitem__ = _touched


class MeanList(list):  # type: ignore[type-arg]
    __iter__ = __len__ = __getitem__ = __repr__ = __bool__ = _touched


class Mapping(dict):  # type: ignore[type-arg]
    __iter__ = __len__ = __getitem__ = keys = items = copy = __repr__ = _touched


class MeanKey(str):
    """It lets itself be put into a dictionary, and then nothing more."""

    def __hash__(self) -> int:
        if vars(self):
            _touched()
        vars(self)["asked"] = True
        return str.__hash__(self)


class MeanZone(datetime.tzinfo):
    """It says that it is one of pytz."""

    zone, _transition_info, __module__ = "Europe/Berlin", [(1, 2, 3)], "pytz.tzfile"
    utcoffset = dst = tzname = _touched

    def __init__(self) -> None:
        vars(self)[MeanKey("_utcoffset")] = 1


class MeanLocal(threading.local):
    """A thread's first look runs its code."""

    def __init__(self) -> None:
        if threading.current_thread().name != "its own":
            _touched()

    __getattribute__ = _touched


class Failed(Exception):
    __str__ = __repr__ = _touched


def _awkward(maker: random.Random) -> object:
    """One value that is no plain one."""
    kinds: list[Any] = [
        Mean, MeanDict, lambda: object.__new__(MadeByMeta), lambda: MeanText("mean"), lambda: MeanList([1, 2]),
        lambda: Mapping(a=1), lambda: Failed("x", 1), lambda: MadeByMeta, lambda: weakref.proxy(_KEPT),
        lambda: weakref.ref(_KEPT), lambda: _CLOSED, threading.Lock, threading.Event, threading.local, object,
        lambda: (number for number in (1, 2)), lambda: lambda: 1, lambda: itertools.count(3), io.StringIO,
        lambda: io.BytesIO(b"\x00\xff"), lambda: array.array("i", [1, 2]), lambda: memoryview(b"abc"),
        lambda: range(10**12), lambda: [0] * 1_000_000, lambda: dict.fromkeys(range(200_000)), lambda: "x" * 2_000_000,
        lambda: b"\x00" * 500_000, lambda: 1 << 100_000, lambda: float("nan"), lambda: complex(1, -0.0), lambda: ...,
        lambda: "\ud800 \x00 \u202e \N{SNOWMAN} '\" \\ {name} {call}", lambda: datetime.datetime.now(datetime.UTC),
        lambda: datetime.timedelta(days=-1), lambda: decimal.Decimal("NaN"), uuid.uuid4, lambda: Path("/tmp") / "x",
        lambda: re.compile("a+", re.IGNORECASE), lambda: types.SimpleNamespace(a=1, **{"class": 2, "a-b": 3}),
        lambda: functools.partial(print, "x", end=""), lambda: [].append, lambda: Color.RED,
        lambda: Access.READ | Access.WRITE, lambda: types.MappingProxyType({"a": 1}), {}.items, lambda: types,
        lambda: fractions.Fraction(1, 3), lambda: collections.Counter("abca"), lambda: collections.OrderedDict(a=1),
        lambda: collections.deque([1], maxlen=3), lambda: _CONNECTION, lambda: type("Local", (), {})(),
        lambda: slice(1, None), lambda: super(Order, Order("x")), lambda: staticmethod(len), lambda: Slotted(),
        lambda: types.FunctionType(_touched.__code__, {}), lambda: collections.ChainMap({}, {"a": 1}),
        lambda: _GENERIC, lambda: _ROW, MeanZone, lambda: _ZONE, lambda: _LOCAL,
        lambda: types.MethodType(_badly_named, Mean()), lambda: _DISPATCHER,
        lambda: _inside(maker), lambda: type("Put", (Plain,), {"mean": Mean(), "__hash__": _touched})(),
    ]  # fmt: skip
    return maker.choice(kinds)()


class MeanTuple(tuple):  # type: ignore[type-arg]
    __iter__ = __len__ = __getitem__ = __bool__ = __eq__ = __hash__ = _touched


def _inside(maker: random.Random) -> object:
    """What a function makes inside of it, which closes over what is mean."""
    mean = MeanList([1])

    class Inside(Plain):
        held = mean

        def take(self) -> object:
            return mean

    def function(one: object = mean) -> object:
        return one, mean

    function.__defaults__ = MeanTuple((mean,))
    return maker.choice((Inside, Inside(), function, [function, Inside]))


class _Kept:
    def __getattr__(self, name: str) -> object:
        _touched()


_KEPT = _Kept()
_ANYTHING: Any = Mean()
_CLOSED, _CONNECTION = socket.socket(), sqlite3.connect(":memory:")
_CLOSED.close()
_CONNECTION.row_factory, _CONNECTION.text_factory = sqlite3.Row, lambda text: MeanText(text.decode())
_ROW = _CONNECTION.execute("select 'x' as a").fetchone()
_OF_UTC = b"TZif" + bytes(32) + b"\0\0\0\1\0\0\0\4" + bytes(6) + b"UTC\0"
_ZONE = zoneinfo.ZoneInfo.from_file(io.BytesIO(_OF_UTC), key=_ANYTHING)
_GENERIC = types.GenericAlias(_ANYTHING, (_ANYTHING,))
_DISPATCHER = functools.singledispatch(lambda _: None)
_DISPATCHER.register(dict, _ANYTHING)
_LOCALS: list[MeanLocal] = []
_OWN = threading.Thread(target=lambda: _LOCALS.append(MeanLocal()), name="its own")
_OWN.start()
_OWN.join()
_LOCAL = _LOCALS[0]


def _badly_named() -> None: ...


_badly_named.__name__ = _badly_named.__qualname__ = MeanText("mean")
_CONNECTION.close()


def a_graph(seed: int) -> list[object]:
    """Up to some hundreds of objects, shared and in circles; the first of them leads to most."""
    maker = random.Random(seed)
    made: list[object] = [_holder(maker) for _ in range(maker.choice((1, 3, 10, 60, 300)))]
    for one in made:
        for number in range(maker.randint(0, 6)):
            _put(one, _value(maker, made), maker, number)
    if maker.random() < 0.1:  # a long chain
        for before, after in itertools.pairwise(made):
            _put(before, after, maker, 99)
    return [*made[:3], _awkward(maker)]


def _holder(maker: random.Random) -> object:
    kind = maker.choice(
        (list, dict, Plain, Slotted, lambda: Order("an order"), collections.deque, types.SimpleNamespace)
    )
    return kind()


def _value(maker: random.Random, made: list[object]) -> object:
    other = maker.choice(made)
    chance = maker.random()
    if chance < 0.45:
        return other
    if chance < 0.6:
        return maker.choice(((other,), (1, (other, 2)), functools.partial(print, other), Order("inner", [other])))
    if chance < 0.75:
        return maker.choice((1, -0.5, "text", b"octets", None, True))
    return _awkward(maker)


def _put(one: Any, value: object, maker: random.Random, number: int) -> None:
    kind = type(one)
    if kind is list or kind is collections.deque:
        one.append(value)
    elif kind is dict:
        one[maker.choice((number, str(number), (number, "x")))] = value
    elif kind is Slotted:
        object.__setattr__(one, maker.choice(Slotted.__slots__), value)
    elif kind is Order:
        one.items.append(value)
    else:
        setattr(one, f"a{number}", value)
