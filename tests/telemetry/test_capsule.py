"""The call that failed, written down: it makes the same call again, in caps, without a secret, and runs nobody's code."""

from __future__ import annotations

import array
import ast
import asyncio
import collections
import contextvars
import dataclasses
import datetime
import decimal
import enum
import functools
import gc
import importlib
import io
import itertools
import random
import re
import sqlite3
import sys
import threading
import time
import traceback
import tracemalloc
import types
import uuid
import warnings
import weakref
import zoneinfo
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ForwardRef, Literal, NamedTuple, Optional, TypeVar, Union

import pytest
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy
from werkzeug.local import LocalProxy

from kintsugi.telemetry.capsule import LARGEST, Capsule, raw, record
from kintsugi.telemetry.capsule.graph import CPU_SECONDS, MOST_OBJECTS, Entry, Graph, leave_out
from kintsugi.telemetry.capsule.inside import taken_by
from kintsugi.telemetry.redact import redact
from tests.telemetry.made_up import keyed_cases, special_cases, vendor_cases
from tests.world import object_graphs
from tests.world.object_graphs import TOUCHED, a_graph

SENTINEL = object()
T = TypeVar("T")


class Size(enum.Enum):
    SMALL = "s"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Item:
    name: str
    price: decimal.Decimal = decimal.Decimal(1)


@dataclass(frozen=True, slots=True)
class Frozen:
    name: str


@dataclass
class Checked:
    name: str

    def __post_init__(self) -> None:
        self.upper = self.name.upper()


WIDE = collections.namedtuple("WIDE", [f"field_{number}" for number in range(300)])  # type: ignore[misc]


class Headers(dict[str, str]):
    kind = "headers"


class OwnItems(dict[str, Any]):
    def __init__(self, **items: Any) -> None:
        super().__init__(items)
        self.__dict__ = self


class Broken(Exception):
    def __init__(self, code: int) -> None:
        super().__init__("broken", code)
        self.code = code


class Zone(datetime.tzinfo):
    def __init__(self, hours: int) -> None:
        self.hours = hours

    def utcoffset(self, when: datetime.datetime | None) -> datetime.timedelta:
        return datetime.timedelta(hours=self.hours)

    def dst(self, when: datetime.datetime | None) -> None:
        return None

    def tzname(self, when: datetime.datetime | None) -> str:
        return "ours"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Zone) and other.hours == self.hours

    __hash__ = None  # type: ignore[assignment]


class Slotted:
    __slots__ = ("_hidden", "never_set")

    def __init__(self) -> None:
        self._hidden = [1]


class SlottedAgain(Slotted):
    __slots__ = ("__dict__", "_hidden")  # type: ignore[misc]


class Nameless:
    """Equal to itself alone."""


class HashedByState:
    """By what it is called, and by what it belongs to."""

    def __init__(self, owner: Any) -> None:
        self.name, self.owner, self.called = "mug", owner, functools.partial(name_of, self)

    def __hash__(self) -> int:
        return hash((self.called(), self.owner["name"]))


def name_of(one: HashedByState) -> str:
    return one.name


class OfEachThread(threading.local):
    def __init__(self, size: int = 5) -> None:
        self.size, self.items = size, [Item("mug")]


def a_function(*_: object) -> None: ...


def inspect(value: object) -> None:
    raise LookupError(value)


def that_keeps(password: str) -> Callable[[], str]:
    return lambda: password


def with_default(value: object, *, how: Callable[[], object] = lambda: None) -> None:
    raise LookupError(value, how)


def handed_over(value: object) -> None:
    raise LookupError(value)


COMPARED: list[object] = []


class Compares(type):
    def __eq__(cls, other: object) -> bool:
        COMPARED.append(other)
        return False

    __hash__ = type.__hash__


def with_one_that_compares(function: Callable[[str], None]) -> Callable[[str], None]:
    kept = Compares("Kept", (), {})()

    def hides(value: str) -> None:
        function(value) if kept else None

    vars(hides)["kept"] = kept
    return hides


@with_one_that_compares
def beside_a_class_that_compares(value: str) -> None:
    raise LookupError(value)


class OwnHeaders(CIMultiDict[str]):
    """As Sanic has its own: what is in it is read past that."""

    def items(self) -> Any:
        raise AssertionError


QUERY: MultiDict[Any] = MultiDict([("n", "1"), ("n", ["2"])])

VALUES: dict[str, Any] = {
    "of multidict": [QUERY, MultiDictProxy(QUERY), CIMultiDict(A="1"), CIMultiDictProxy(CIMultiDict(A="1"))],
    "built on multidict": [OwnHeaders(A="1")],
    "numbers": [0, -1, 1.5, True, None, ..., complex(1, -2), 10**30],
    "texts": ["", "it's", 'say "hi"\n', "\N{SNOWMAN} {call} {one}", "\ud800", b"\x00\xff", bytearray(b"x")],
    "containers": [(1,), (), set(), {1, 2}, frozenset({3}), {"a": {"b": [1]}, 2: (3, 4)}],
    "collections": [
        collections.deque([1, 2], maxlen=3),
        collections.OrderedDict(b=1, a=2),
        collections.Counter("abca"),
        collections.defaultdict(list, {"a": [1]}),
        types.MappingProxyType({"a": 1}),
    ],
    "times": [
        datetime.date(2026, 2, 28),
        datetime.datetime(2026, 2, 28, 1, 2, 3, 4, tzinfo=datetime.UTC),
        datetime.datetime(2026, 2, 28, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"), fold=1),
        datetime.timezone(datetime.timedelta(hours=-5)),
        datetime.datetime(2026, 2, 28, tzinfo=Zone(3)),
        datetime.time(23, 59),
        datetime.timedelta(days=-1, microseconds=5),
    ],
    "small things": [decimal.Decimal("1.10"), uuid.UUID(int=5), Path("/a/b"), range(1, 9, 2), slice(None, 3)],
    "enumerations": [Size.SMALL, Access.READ | Access.WRITE],
    "records": [Point(1, 2), Item("mug"), Frozen("x"), Checked("x")],
    "forms of types": [
        *(int | None, list[int], Optional["Item"], Callable[[int], str], Callable[..., T], Literal["a"], Any, T),
        *(Annotated[int, 5], dict[str, Optional["Item"]], Union, type(None), types.FunctionType, ForwardRef("Item")),
    ],
    "names": [a_function, len, Item, dict, Path, SENTINEL, collections],
    "built on builtins": [Headers(a="b")],
}


@pytest.mark.parametrize("what", VALUES)
def test_a_value_is_rebuilt(what: str) -> None:
    again = rebuilt_from(handed_over, VALUES[what])

    assert again == VALUES[what]
    assert [type(one) for one in again] == [type(one) for one in VALUES[what]]


def test_what_cannot_be_rebuilt_takes_only_what_it_is_a_key_of_or_the_object_of_its_class() -> None:
    hidden = (n for n in (1, 2))
    gone = type(Path)("Gone", (), {"__module__": __name__})()
    held = collections.defaultdict(list, {(hidden, 1): [1]})

    again = rebuilt_from(handed_over, [{hidden: 1}, {hidden}, held, gone, "kept"])

    assert again[4] == "kept"
    assert [type(one).__name__ for one in again[:3]] == ["NotRebuiltValue"] * 3


def test_a_dictionary_that_is_its_own_attributes_stays_so() -> None:
    again = rebuilt_from(handed_over, OwnItems(size=3))
    again["more"] = 4

    assert (again.size, again.more, type(again)) == (3, 4, OwnItems)


def test_an_error_keeps_its_arguments_and_state_without_being_made_anew() -> None:
    again = rebuilt_from(handed_over, Broken(5))

    assert (type(again), again.args, again.code) == (Broken, ("broken", 5), 5)


def test_slots_and_hidden_names_are_state_too() -> None:
    again = rebuilt_from(handed_over, Slotted())

    assert again._hidden == [1]
    assert not hasattr(again, "never_set")


def test_a_syntax_tree_is_rebuilt() -> None:
    tree = ast.parse("def f(x):\n    return [y.z + 1 for y in x]")

    again = rebuilt_from(handed_over, tree)

    assert ast.dump(again, include_attributes=True) == ast.dump(tree, include_attributes=True)


def test_a_pattern_a_file_in_memory_and_a_lock_are_made_anew() -> None:
    file = io.StringIO("one\ntwo\n")
    file.readline()

    pattern, again, lock = rebuilt_from(handed_over, [re.compile("a+", re.IGNORECASE), file, threading.Lock()])

    assert pattern.fullmatch("AA")
    assert again.read() == "two\n"
    assert lock.acquire(blocking=False)


def test_a_file_that_the_call_has_read_is_read_again_from_its_beginning() -> None:
    def parsed(file: io.StringIO, kept: list[io.StringIO]) -> None:
        raise LookupError(file.read(), kept[0].readline())

    error = _raised(lambda: parsed(io.StringIO("a\nb"), [io.StringIO("a\nb\n")]))

    assert run(made_of(error)).args == ("a\nb", "b\n")


def test_a_file_in_memory_stays_as_it_is_and_a_large_one_is_not_copied() -> None:
    kinds: tuple[Callable[[], Any], ...] = (lambda: io.StringIO("x" * 2_000_000), lambda: io.BytesIO(b"x" * 2_000_000))
    for file in (kind() for kind in kinds):
        file.seek(7)
        file.write(file.read(1))
        made_of(_raised(lambda: handed_over(Item("mug"))))  # what is kept of this class is kept now
        tracemalloc.start()
        try:
            source = made_of(_raised(lambda file=file: handed_over(file))).source
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert "a file in memory of 2,000,000 characters" in source
        assert file.tell() == 9
        assert most < 1_000_000


def test_what_was_one_object_is_one_object() -> None:
    item = Item("mug")

    one, two, (three,) = rebuilt_from(handed_over, [item, item, (item,)])

    assert one is two is three


def test_what_is_nothing_but_itself_is_taken_from_the_module_of_its_class() -> None:
    assert rebuilt_from(handed_over, dataclasses.MISSING) is dataclasses.MISSING


def test_a_zone_of_pytz_is_asked_for_by_its_name_and_its_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in that makes a class of the name, and an object of each offset, as pytz does."""
    first, summer = ((datetime.timedelta(hours=at), datetime.timedelta(hours=at - 1), f"Z{at}") for at in (1, 2))
    body = {"zone": "Europe/Berlin", "_transition_info": [first, summer], "__module__": "pytz.tzfile"}
    kind, known = type("Europe/Berlin", (datetime.tzinfo,), body), dict[Any, Any]()
    for offset in (first, summer):
        known[offset] = kind()
        vars(known[offset]).update(zip(("_utcoffset", "_dst", "_tzname"), offset, strict=True), _tzinfos=known)
    monkeypatch.setitem(sys.modules, "pytz", types.ModuleType("pytz"))
    monkeypatch.setattr(sys.modules["pytz"], "timezone", {"Europe/Berlin": known[first]}.get, raising=False)

    again = rebuilt_from(handed_over, [known[first], known[summer]])

    assert again == [known[first], known[summer]]
    mixed = [known[first], datetime.datetime(2026, 2, 28, tzinfo=datetime.UTC)]  # two that are called `timezone`
    assert rebuilt_from(handed_over, mixed) == mixed


def test_a_function_that_is_called_like_a_module_of_the_file_comes_through_its_own_module() -> None:
    assert rebuilt_from(handed_over, [asyncio.Lock, ast.walk, inspect, Item("mug")])[2] is inspect
    assert run(made_of(_raised(lambda: inspect([Item("mug")])))).args == ([Item("mug")],)


def test_a_weak_reference_leads_to_what_is_alive_while_the_call_is_made() -> None:
    item = Item("mug")

    alive, item_again, gone = rebuilt_from(handed_over, [weakref.ref(item), item, weakref.ref(Item("gone"))])

    assert alive() is item_again
    assert gone() is None


def test_an_empty_list_that_two_share_is_one_list() -> None:
    shared: list[object] = []

    again = rebuilt_from(handed_over, ([shared], {"into": shared}))

    assert again[0][0] is again[1]["into"]


def test_a_key_that_is_equal_to_itself_alone_stays_one_key_where_a_circle_is_closed_under_it() -> None:
    value: dict[object, object] = {}
    value[Item] = {Nameless(): value, Nameless(): Item("tea")}

    again = rebuilt_from(handed_over, value)

    first, second = again[Item].items()
    assert first[1] is again
    assert second[1] == Item("tea")


def test_a_slot_that_a_class_and_its_base_both_have_is_set_once() -> None:
    value = SlottedAgain()
    vars(Slotted)["_hidden"].__set__(value, [2])  # which no name leads to
    value.__dict__["never_set"] = 3  # nor to this

    again = rebuilt_from(handed_over, value)

    assert again._hidden == [1]
    assert not hasattr(again, "never_set")


def test_what_is_called_like_a_keyword_is_called_otherwise() -> None:
    item = Item("mug")

    again = rebuilt_from(handed_over, {"from": item, "class": [item], "not": item})

    assert again["from"] is again["not"] is again["class"][0]


def test_circles_are_closed() -> None:
    owner = types.SimpleNamespace(children=[])
    owner.children.append({"owner": owner, "pair": (owner, owner.children)})
    owner.itself = owner

    again = rebuilt_from(handed_over, owner)

    assert again.itself is again
    assert again.children[0]["owner"] is again
    assert again.children[0]["pair"] == (again, again.children)


def test_what_is_hashed_is_whole_by_then_though_a_circle_leads_through_it() -> None:
    owner: dict[str, Any] = {"name": "shop"}
    owner["by_key"] = {HashedByState(owner): 1}
    owner["in_a_set"] = [frozenset({HashedByState(owner)})]

    again = rebuilt_from(handed_over, owner)

    for (one,) in (again["by_key"], again["in_a_set"][0]):
        assert one.owner is again
        assert one.called.args == (one,)
        assert one in again["by_key"] or one in again["in_a_set"][0]


def test_a_circle_that_nothing_can_close_is_left_out_with_the_reason() -> None:
    inner: list[Any] = []
    outer = (inner,)
    inner.append(functools.partial(a_function, outer))

    again = rebuilt_from(handed_over, outer)

    assert again[0][0].args[0] is again


class Shop:
    """Each way by which a function is called."""

    def __init__(self) -> None:
        self.open = True

    def took_out(self, *, first: int, **rest: Any) -> None:
        size = rest.pop("size")
        second = rest.pop("second", None)
        absent = rest.pop("absent", first)
        raise LookupError(self.open, first, size, second, absent, rest)

    def took_out_otherwise(self, first: int, third: int = 0, **rest: Any) -> None:
        key = "size"
        size = rest.pop(key, 0)
        twice = rest.pop("one", 1)
        twice = rest.pop("other", 2)
        absent = rest.pop("absent", third)
        if first > size:
            first = rest.pop("number", 5)
        raise LookupError(first, third, size, twice, absent, rest)

    def took_out_a_secret(self, **rest: Any) -> None:
        password = rest.pop("given", None)
        raise LookupError(password)

    def method(self, first: int, /, second: int, *more: int, third: int = 3, **rest: int) -> None:
        raise LookupError(self.open, first, second, more, third, rest)

    def __hidden(self) -> None:
        raise LookupError("hidden")

    def call_hidden(self) -> None:
        self.__hidden()

    def makes_one(self) -> Callable[..., None]:
        self.__kept = 5

        def inner(*, __more: int) -> None:
            raise LookupError(self.__kept, __more, (lambda: 0).__qualname__)

        return inner

    @classmethod
    def of_the_class(cls, value: int) -> None:
        raise LookupError(cls, value)

    @staticmethod
    def alone(value: int) -> None:
        raise LookupError(value)

    @property
    def asked(self) -> int:
        raise LookupError("asked")

    @functools.cached_property
    def kept(self) -> int:
        raise LookupError("kept")

    async def later(self, value: int) -> None:
        raise LookupError(value)

    def one_by_one(self, value: int) -> Iterator[int]:
        yield 1
        raise LookupError(value)

    async def later_one_by_one(self, value: int) -> AsyncIterator[int]:
        yield 1
        raise LookupError(value)


class Unmade:
    def __init__(self, value: int, *more: str, size: int) -> None:
        seen = hasattr(self, "value")
        self.value = value
        raise LookupError(seen, value, more, size)


class UnmadeAgain(Unmade):
    def __init__(self, value: int) -> None:
        super().__init__(value, "c", size=8)


class UnmadeByNew(Unmade):
    own: int

    def __new__(cls, value: int) -> UnmadeByNew:
        made = super().__new__(cls)
        made.own = value
        return made

    def __init__(self, value: int) -> None:
        raise LookupError(self.own, value)


@functools.lru_cache
def cached(value: int) -> int:
    raise LookupError(value)


def _passed_over() -> Callable[[AsyncIterator[int]], Coroutine[Any, Any, None]]:
    """It is no code of the program."""
    names: dict[str, Any] = {}
    exec("async def all_of(values):\n    async for _ in values:\n        pass\n", names)
    return names["all_of"]  # type: ignore[no-any-return]


WAYS: dict[str, Callable[[], object]] = {
    "a method with arguments of every kind": lambda: Shop().method(1, 2, 4, 5, third=6, seven=7),
    "a method by keywords": lambda: Shop().method(1, second=2),
    "a method that takes out of its rest": lambda: Shop().took_out(first=1, size=2, second=3, more=4),
    "a method that takes out of its rest by a name of its own": lambda: Shop().took_out_otherwise(1, size=2, more=4),
    "the making of an object": lambda: Unmade(5, "b", size=7),
    "the making of an object of a class with a base": lambda: UnmadeAgain(5),
    "an __init__ that its object was made for otherwise": lambda: UnmadeByNew(5),
    "a method of a class": lambda: Shop.of_the_class(1),
    "a function in a class": lambda: Shop.alone(1),
    "a property": lambda: Shop().asked,
    "a cached property": lambda: Shop().kept,
    "a coroutine": lambda: asyncio.run(Shop().later(1)),
    "a generator": lambda: list(Shop().one_by_one(1)),
    "an asynchronous generator": lambda: asyncio.run(_passed_over()(Shop().later_one_by_one(1))),
    "a decorated function": lambda: cached(1),
    "a method with a mangled name": lambda: Shop().call_hidden(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_call_is_made_in_the_same_way(way: str) -> None:
    error = _raised(WAYS[way])

    again = run(made_of(error))

    assert repr(again) == repr(error)


def test_what_only_wraps_the_next_call_is_passed_over() -> None:
    function = handed_over

    def wrapper(value: int) -> None:
        function(value)

    capsule = made_of(_raised(lambda: wrapper(5)))

    assert (capsule.module, capsule.function) == (__name__, "handed_over")


def test_a_function_inside_of_another_is_called_with_what_it_takes_from_there() -> None:
    taken, unset = {"a": 1}, 5

    def inner(value: int) -> None:
        raise LookupError(value, taken, inner.__name__, unset)

    capsule = made_of(_raised(lambda: inner(5)))

    assert capsule.function.endswith(".<locals>.inner")
    assert run(capsule).args == (5, {"a": 1}, "inner", 5)


def test_a_function_inside_of_a_method_has_the_hidden_names_of_its_class() -> None:
    inner = Shop().makes_one()

    again = run(made_of(_raised(lambda: inner(_Shop__more=6))))

    assert again.args == (5, 6, "Shop.makes_one.<locals>.inner.<locals>.<lambda>")


def test_what_is_done_once_a_process_takes_none_of_the_time_of_a_call() -> None:
    graph = Graph(lambda *_: None)

    with graph.uncounted():
        burn(2 * CPU_SECONDS)

    assert not graph.is_late()


class ShowsATraceback:
    """As a task of asyncio does whose exception nobody fetched, when it is collected."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        ast.parse("a + b")


def test_what_is_collected_while_a_function_is_made_anew_may_show_a_traceback() -> None:
    inner = Shop().makes_one()
    capsule = made_of(_raised(lambda: inner(_Shop__more=6)))
    kept = gc.get_threshold()
    try:
        gc.set_threshold(700, 1, 1)
        ShowsATraceback()
        assert run(capsule).args == (5, 6, "Shop.makes_one.<locals>.inner.<locals>.<lambda>")
    finally:
        gc.set_threshold(*kept)


def test_functions_and_classes_inside_of_others_are_values_too() -> None:
    more = 2

    class Base(int):
        pass

    class Child(Base):
        kept: Base

        def __init__(self, name: int) -> None:
            self.name = name

        def twice(self) -> int:
            return super().__add__(more)

    @dataclass
    class Record:
        one: Child
        kind: type[Base] = Base

    class Local(enum.Enum):
        ONE = 1

    child = Child(5)
    record, function, key, local, wrapped = rebuilt_from(
        handed_over, [Record(child), lambda value: value + more, child.twice, Local.ONE, cached.__wrapped__]
    )

    assert (record.one + 1, record.one.name, type(record).__name__) == (6, 5, "Record")
    assert record.kind in type(record.one).mro()
    assert type(record.one).__qualname__ == Child.__qualname__
    assert type(record.one).twice.__qualname__ == Child.twice.__qualname__
    assert (function(1), key(), local.value, wrapped.__name__) == (3, 7, 1, "cached")


class StandIn:
    """Says that it is what it holds, as a queue's tasks do until they are asked for."""

    __slots__ = ("__dict__", "maker")

    def __init__(self, maker: Callable[[], Any], made: object = None) -> None:
        self.maker = maker
        object.__setattr__(self, "__thing", made)

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        return type(self._made())

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return self._made().__dict__

    def _made(self) -> Any:
        return object.__getattribute__(self, "__thing") or object.__getattribute__(self, "maker")()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)


class Task:
    def ask(self) -> str:
        return "asked"


def in_background(function: Any, *, late: bool = False) -> Any:
    """A class for each task, of which no module has the name; `late`: not made before it is asked for."""
    takes_itself = function.__code__.co_varnames[0] == "self"
    made = type("made", (Task,), {"run": function if takes_itself else staticmethod(function)})()
    return StandIn(lambda: made, None if late else made) if not late else StandIn(lambda: (function, made)[1])


class Actor:
    def __init__(self, does: Any) -> None:
        self.broker, self.does = object(), does


@in_background
def in_a_queue(value: object) -> None:
    raise LookupError(value)


@in_background
def on_itself(self: Any, value: object) -> None:
    raise LookupError(value, self.ask())


@functools.partial(in_background, late=True)
def late(value: object) -> None:
    raise LookupError(value)


@Actor
def acts(value: object) -> None:
    raise LookupError(value)


def plainly(function: Any) -> Any:
    def handles(value: object) -> object:
        return function(value)

    return staticmethod(handles)


class Handlers:
    @plainly
    def handler(value: object) -> None:  # type: ignore[misc]  # noqa: N805
        raise LookupError(value)


@pytest.mark.parametrize("task", [in_a_queue, on_itself, late, acts, Handlers.handler])
def test_a_task_is_called_however_its_queue_hides_it(task: Any) -> None:
    does = task.does if isinstance(task, Actor) else getattr(task, "run", task)
    capsule = made_of(_raised(lambda: does(5)))

    assert capsule.function in (does.__name__, "Handlers.handler")
    assert run(capsule).args[0] == 5


def test_what_cannot_be_rebuilt_takes_only_those_calls_with_it_that_use_what_it_was_asked_for() -> None:
    reads = (line for line in ())
    asked = [reads.send, functools.cache(reads.send), iter([reads.send]), types.MappingProxyType({reads.send: 1})]

    for one in asked:
        again = run(made_of(_raised(lambda one=one: handed_over([5, one]))))  # type: ignore[misc]

        assert (type(again), again.args[0][0]) == (LookupError, 5)
    with pytest.raises(BaseException, match="a generator, which holds more than can be seen"):
        run(made_of(_raised(lambda: uses(functools.cache(reads.send)))))


def uses(one: Any) -> None:
    raise LookupError(one(None))


def test_what_lacks_two_things_is_left_out_once() -> None:
    graph = Graph(lambda *_: None)
    first, second, holder = (Entry(name, 1) for name in ("first", "second", "holder"))
    leave_out(first, "a lock")
    leave_out(second, "a socket")
    graph.hashed += [(first, holder), (second, holder)]
    graph.made_of(holder, second)

    graph.complete(holder)

    assert holder.opens == second.opens


def test_a_class_inside_of_a_function_has_base_and_decorator_by_the_names_they_have_there() -> None:
    def ended(base: type, marked: Any) -> None:
        @marked
        class Own(
            base,  # type: ignore[misc]
        ):
            size: int = 5

        raise LookupError(Own)

    error = _raised(lambda: ended(Slotted, functools.partial(dataclass, frozen=True)))
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)

    taken, _ = taken_by(error.args[0], frame, "Own")

    assert taken["base"] is Slotted
    assert isinstance(taken["marked"], functools.partial)


def test_a_class_that_took_more_from_a_function_that_has_ended_says_so_and_is_no_other_failure() -> None:
    def ended(first: int) -> object:
        class Counted:
            begins = first

        return Counted()

    with pytest.raises(BaseException, match=r"ended\.<locals>\.Counted cannot be made: NameError") as seen:
        _ = rebuilt_from(handed_over, ended(5)).begins
    assert seen.type.__name__ == "NotRebuilt"


def test_a_class_inside_has_annotations_as_its_module_has_them_and_a_default_is_outside_of_its_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = "class Kept:\n    def go(self, make=lambda: 7): ...\n"
    made = "def made():\n    class One:\n        size: int = 5\n\n    return One()\n"
    (tmp_path / "not_of_the_future.py").write_text(kept + made)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("not_of_the_future")

    one, make, kept = rebuilt_from(
        handed_over, [module.made(), *module.Kept.go.__defaults__, functools.cache(module.Kept.go.__defaults__[0])]
    )

    assert type(one).__annotations__ == {"size": int}
    assert (make(), kept(), kept.cache_info().misses) == (7, 7, 1)


def test_a_class_that_was_put_together_at_run_time_is_so_again() -> None:
    kind = type("Put", (Slotted,), {"limit": 5, "twice": lambda self: self.limit * 2})

    again = rebuilt_from(handed_over, [kind(), kind])

    assert (again[0].twice(), again[0]._hidden, type(again[0]) is again[1]) == (10, [1], True)


def test_what_the_function_takes_by_itself_is_left_out_unless_it_may_have_been_changed() -> None:
    with pytest.raises(LookupError) as seen:
        with_default(1)
    with pytest.raises(LookupError) as filled:
        with_filled_default("b")

    assert "with_default(1)" in made_of(seen.value).source.replace("value=", "")
    assert run(made_of(filled.value)).args == (["a", "b", "b"],)


def with_filled_default(value: str, into: list[str] = ["a"]) -> None:  # noqa: B006 (which programs do have)
    into.append(value)
    raise LookupError(into)


def test_what_a_function_inside_takes_by_itself_and_what_a_thread_has_is_known() -> None:
    factor, local = [2], threading.local()
    local.size = Item("mug")

    def scaled(one: int, by: list[int] = factor, *, more: int = factor[0] + 1) -> int:
        return one * by[0] + more

    again, taken, there = rebuilt_from(handed_over, [scaled, lambda one, more=factor: more, local])

    assert (again(3), taken(1), there.size, type(there)) == (9, [2], Item("mug"), threading.local)


def test_a_dispatcher_keeps_what_is_registered_and_a_function_what_was_set_on_it() -> None:
    add = functools.singledispatch(lambda value: "any")
    add.register(int, lambda value: value + 1)
    marked: Any = lambda: 7  # noqa: E731
    marked.__dict__.update({"of": add, "a-b": [1]})

    again, function = rebuilt_from(handed_over, [add, marked])

    assert (again(1), again("a"), again.dispatch(str) is again.dispatch(object)) == (2, "any", True)
    assert (function(), function.of, vars(function)["a-b"]) == (7, again, [1])


def test_a_row_of_sqlite_is_one_again() -> None:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    (row,) = connection.execute("select 1 as name, 'mug' as [a \"b c]")
    connection.close()

    again = rebuilt_from(handed_over, [row])[0]

    assert (type(again), again, again.keys()) == (sqlite3.Row, row, row.keys())


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="there its inside is another one, and it is refused")
def test_what_a_thread_has_of_an_object_is_read_without_its_code_where_it_is_the_only_one() -> None:
    one, other, ends, is_seen = OfEachThread(), OfEachThread(), threading.Event(), threading.Event()
    one.size, other.size = 6, 7

    def look() -> None:
        is_seen.set() if other.size else None
        ends.wait()

    thread = threading.Thread(target=look)
    thread.start()
    is_seen.wait()

    again, unknown = rebuilt_from(handed_over, [one, other])
    ends.set()
    thread.join()

    assert (type(again), again.size, again.items) == (OfEachThread, 6, one.items)
    with pytest.raises(BaseException, match="not known what this thread has"):
        _ = unknown.size


def test_what_cannot_be_written_down_is_told_to_whoever_uses_it(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w") as file:
        again = rebuilt_from(handed_over, [file, [0] * 2_000])

    with pytest.raises(BaseException, match="TextIOWrapper, which holds more than can be seen"):
        again[0].write("x")
    with pytest.raises(BaseException, match="a list of 2,000 items"):
        len(again[1])


def test_a_loop_that_ran_then_says_so_where_none_runs_now_and_one_that_was_closed_is_left_out() -> None:
    one, closed = asyncio.new_event_loop(), asyncio.new_event_loop()
    closed.close()
    again = rebuilt_from(handed_over, [one, closed, array.array("i", [1, 2]), array.array("b", b"ab")])
    one.close()

    assert again[2:] == [array.array("i", [1, 2]), array.array("b", b"ab")]
    with pytest.raises(BaseException, match="asked for time, and none runs now"):
        again[0].time()
    with pytest.raises(BaseException, match="a loop that was closed"):
        again[1].time()


@pytest.mark.filterwarnings("ignore:The 'u' type code:DeprecationWarning")  # Python 3.13 says so
def test_a_secret_refuses_the_whole() -> None:
    planted: list[Any] = [
        {"password": "correct-horse"},
        {"flavour": "plain", "Cookie": f"id={'k9Zq7xQ2' * 4}"},
        [("Authorization", "Bearer abcdef123456789")],
        {"headers": [(b"authorization", b"Bearer abcdef123456789")]},
        {"passwords": ["", "correct-horse"]},
        {"tokens": {"k9Zq7xQ2vB4mT8wR": "bob"}},
        LookupError("password", "correct-horse"),
        {("db", "password"): "correct-horse"},
        functools.partial(log_in, "bob", "correct-horse"),
        Headers(api_key="k9Zq7xQ2vB4mT8wR"),
        MultiDict([("user", "bob"), ("api_key", "k9Zq7xQ2vB4mT8wR")]),
        OwnHeaders(Authorization="Bearer k9Zq7xQ2vB4mT8wR"),
        {"password": {"bob": types.SimpleNamespace(value="correct-horse")}},
        type("Settings", (), {"password": "correct-horse"}),
        that_keeps("correct-horse"),
        {"password": array.array("B", b"correct-horse")},
        array.array("u", "password=correct-horse"),
    ]
    for value in planted:
        capsule = made_of(_raised(lambda value=value: handed_over(value)))  # type: ignore[misc]

        assert (capsule.source, capsule.why_not[:8]) == ("", "a secret")
    taken_out = made_of(_raised(lambda: Shop().took_out_a_secret(given="correct-horse")))
    assert (taken_out.source, taken_out.why_not) == ("", "a secret: the value of password")


def answered(request: dict[str, Any], checks: Callable[[Any], object]) -> object:
    return checks(request)


def checks_a_field(request: dict[str, Any]) -> object:
    return handed_over(request["address"])


def test_where_a_call_holds_a_secret_the_next_one_without_it_is_kept_in_part() -> None:
    request = {"cookies": {"session_token": "k9Zq7xQ2vB4mT8wR"}, "address": "[foo]"}

    capsule = made_of(_raised(lambda: answered(request, checks_a_field)))
    alone = made_of(_raised(lambda: answered(request, handed_over)))

    assert capsule.function == "handed_over"
    assert capsule.in_part == "the call around it, answered, holds a secret: the value of session_token"
    assert run(capsule).args == ("[foo]",)
    assert made_of(_raised(lambda: answered(request, checks_by_a_pattern))).function == "handed_over"
    assert (alone.function, alone.source, alone.in_part) == ("answered", "", "")


def checks_by_a_pattern(request: dict[str, Any]) -> object:
    key = re.compile("|".join(f"(?:[^{sign}:@/]{{1,{at}}})" for at, sign in enumerate("abcdefghijklmnopqrstu", 1)))
    return handed_over([key, request["address"]])


def checks_a_part(request: dict[str, Any], part: Callable[[Any], object]) -> object:
    return handed_over(part(request))


def test_what_a_call_is_handed_of_a_secret_of_the_one_around_it_is_a_secret_by_any_name() -> None:
    secret = "k9Zq7xQ2vB4mT8wR"
    request = {"session_token": secret, "body": "password=correct-horse&user=bob", "more": ["--password", "correct"]}
    parts: list[Callable[[Any], object]] = [
        lambda request: request["session_token"],
        lambda request: {"given": [request["session_token"][:8]]},
        lambda request: request["session_token"].encode(),
        lambda request: f"Hello {request['session_token']}",
        lambda request: request["body"].split("&")[0].split("=")[1],
        lambda request: request["more"][1],
        lambda request: functools.partial(print, Item(request["session_token"])),
    ]
    for part in parts:
        capsule = made_of(_raised(lambda part=part: checks_a_part(request, part)))  # type: ignore[misc]

        assert (capsule.function, capsule.source, capsule.why_not[:8]) == ("checks_a_part", "", "a secret")
    assert made_of(_raised(lambda: checks_a_part(request, lambda _: "[foo]"))).function == "handed_over"


UNDER_WAY: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("UNDER_WAY")
request: Any = LocalProxy(UNDER_WAY)  # as Flask has it


def serves(checks: Callable[[str], object]) -> object:
    return checks(request["address"])


def serves_a_login() -> object:
    return handed_over(request["password"])


def asks_another(sql: Any) -> object:
    return handed_over(sql.request)


def test_of_a_call_that_reads_the_request_under_way_the_next_one_is_kept_in_part() -> None:
    UNDER_WAY.set({"address": "[foo]"})
    reads = "reads request, which may be there only while a request is served"

    inner = made_of(_raised(lambda: serves(handed_over)))
    alone = made_of(_raised(lambda: serves(int)))

    assert (inner.function, inner.in_part) == ("handed_over", f"the call around it, serves, {reads}")
    assert (alone.function, alone.source, alone.why_not) == ("serves", "", f"it {reads}")
    UNDER_WAY.set({"password": "correct-horse"})
    assert made_of(_raised(serves_a_login)).why_not == f"it {reads}"
    assert made_of(_raised(lambda: asks_another(types.SimpleNamespace(request=1)))).function == "asks_another"


def test_what_no_statement_can_import_is_no_module() -> None:
    assert raw.importable("shop.cart") == "shop.cart"
    assert [raw.importable(name) for name in ("my-bot", "app.0001_initial", "try", "shop.", "")] == [""] * 5


def test_the_shells_folders_are_no_secrets() -> None:
    assert made_of(_raised(lambda: handed_over({"PWD": "/srv/shop", "OLDPWD": "/"}))).source
    assert not made_of(_raised(lambda: handed_over({"DB_PWD": "correct-horse"}))).source


def test_a_secret_in_a_name_is_told_neither_in_the_file_nor_in_why_there_is_none() -> None:
    maker = random.Random(8)
    cases = [case for case in special_cases(maker) if case.secret]
    for case in maker.sample(cases, min(60, len(cases))):
        named: dict[str, Any] = {case.text: 1}
        for value in (named, types.SimpleNamespace(**named), functools.partial(dict, **named)):
            capsule = made_of(_raised(lambda value=value: handed_over(value)))  # type: ignore[misc]

            assert redact(case.text) == case.text or not case.leaks_in(capsule.source + capsule.why_not)


def log_in(user: str, password: str) -> None:
    """Whoever has half of its arguments has the password."""


def test_no_planted_secret_is_in_a_capsule() -> None:
    maker = random.Random(7)
    for case in (*vendor_cases(maker), *keyed_cases(maker), *special_cases(maker)):
        value = maker.choice(([case.text], {"a": {"b": case.text}}, Item(case.text), (b"x", case.text.encode())))

        capsule = made_of(_raised(lambda value=value: handed_over(value)))  # type: ignore[misc]

        assert not case.secret or not case.leaks_in(capsule.source)


class MeanToOthers:
    """A key that minds being compared."""

    __hash__ = object.__hash__

    def __eq__(self, _: object) -> bool:
        TOUCHED["a key"] += 1
        return False


class MeanNames(dict[str, Any]):
    """Globals as `exec` takes them."""

    def get(self, *names: Any) -> Any:
        TOUCHED["globals"] += 1
        return dict.get(self, *names)


def test_the_worst_objects_are_within_the_caps_and_none_of_their_code_is_run() -> None:
    before = TOUCHED.total()
    for graph in (*map(a_graph, range(50)), [[object.__new__(object_graphs.MadeByMeta), 1]]):
        capsule = made_of(_raised(lambda graph=graph: handed_over(graph)))  # type: ignore[misc]

        compile(capsule.source, "capsule", "exec")
        assert len(capsule.source) <= LARGEST
        assert "could not be written down" not in capsule.why_not
    names = MeanNames(handed_over=handed_over)
    exec(compile("def f(value): handed_over(value)", __file__, "exec"), names)
    made_of(_raised(lambda: dict.__getitem__(names, "f")(1)))
    holder = Shop()
    method = holder.call_hidden
    own: dict[Any, Any] = vars(holder)
    own[MeanToOthers()] = 1
    assert made_of(_raised(method)).function == "Shop.call_hidden"
    assert TOUCHED.total() == before


def test_many_small_things_are_looked_at_within_the_caps() -> None:
    looked_at = collections.Counter[str]()
    graph, things = Graph(lambda *_: looked_at.update("1")), [object() for _ in range(2 * MOST_OBJECTS)]

    for thing in things:
        graph.entry(thing, "", 3, at_once=True)

    assert 0 < looked_at.total() <= MOST_OBJECTS + 1


def test_what_would_take_long_to_look_through_is_too_much() -> None:
    dirty = "test_ {0} token 0.1.2.3 secrets of ghp_ and AKIA " * 4
    for value in (
        [f"{dirty}{number}" for number in range(900)],
        WIDE(*["x y " * 3_900 + str(number) for number in range(300)]),
        [(1 << 4_000) + number for number in range(900)],
    ):
        error, before = _raised(lambda value=value: handed_over(value)), time.thread_time()  # type: ignore[misc]
        made_of(error)

        assert time.thread_time() - before < 0.1  # of which most is room for a machine that is busy


def test_how_much_is_looked_at_does_not_depend_on_the_machine() -> None:
    few, many = [[Item(f"item {number}", number / 3) for number in range(count)] for count in (40, 900)]  # type: ignore[arg-type]

    for _ in range(2):  # a machine may be as busy as it likes in between
        first, again = (made_of(_raised(lambda: handed_over(many))).source for _ in range(2))
        assert first == again
        assert first.count("too much to write down") > 500
        assert "not looked at" not in first
    assert "missing(" not in made_of(_raised(lambda: handed_over(few))).source


def test_no_class_of_the_program_is_compared_where_a_function_is_looked_for() -> None:
    capsule = made_of(_raised(lambda: beside_a_class_that_compares("mug")))

    assert (capsule.function, capsule.why_not, COMPARED) == ("beside_a_class_that_compares", "", [])


def test_a_machine_that_is_slow_beyond_measure_is_not_held_up() -> None:
    graph = Graph(lambda *_: burn(CPU_SECONDS))

    entries = [graph.entry(object(), "", 3) for _ in range(9)]
    graph.complete(entries[0])

    assert [one.opens.count("the time there is") for one in entries][1:] == [1] * 8


def burn(seconds: float) -> None:
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


def test_what_is_nested_deeply_is_kept_as_far_as_a_file_can_be_read() -> None:
    deep: list[Any] = ["the end"]
    for _ in range(180):
        deep = [deep]

    again = rebuilt_from(handed_over, [deep])[0]

    while type(again[0]) is list:
        again = again[0]
    assert again == ["the end"]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="there they warn before they tell what they are made of")
def test_an_iterator_goes_on_where_it_was() -> None:
    made = [itertools.islice(iter("abcdef"), 5), itertools.chain([1, 2], (3,)), itertools.count(7, 2)]
    for one in made:
        next(one)  # type: ignore[call-overload]

    letters, numbers, counter = rebuilt_from(handed_over, made)

    assert ([*letters], [*numbers], next(counter)) == (["b", "c", "d", "e"], [2, 3], 9)


def test_what_was_warned_of_once_is_not_warned_of_again() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(2):
            warnings.warn("once", UserWarning, stacklevel=1)
            for value in (iter([1]), itertools.islice([1], 1)):
                assert made_of(_raised(lambda value=value: handed_over(value))).source  # type: ignore[misc]

    assert [str(one.message) for one in seen] == ["once"]


def test_nothing_is_kept() -> None:
    class Watched:
        pass

    gone = threading.Event()
    value = Watched()
    weakref.finalize(value, gone.set)

    made_of(_raised(lambda value=value: handed_over([value])))  # type: ignore[misc]
    del value
    gc.collect()

    assert gone.is_set()


def test_without_code_of_the_project_there_is_no_capsule() -> None:
    assert record(_raised(lambda: int("x")), is_project=lambda file: False) is None


def _raised(call: Callable[[], object]) -> BaseException:
    """What it raises, without the frames of this file that led there."""
    with pytest.raises(Exception) as seen:
        call()
    return seen.value


def made_of(error: BaseException) -> Capsule:
    """The capsule, where this file is the program; its tests and what they start are not."""
    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_name in _NOT_THE_PROGRAM:
        error.__traceback__ = error.__traceback__.tb_next
    capsule = record(error, is_project=lambda file: file == __file__)
    assert capsule
    return capsule


_NOT_THE_PROGRAM = {"_raised", "<lambda>"}


def run(capsule: Capsule) -> BaseException:
    """What the file of a capsule raises."""
    names: dict[str, Any] = {}
    assert capsule.why_not == ""
    exec(compile(capsule.source, "capsule", "exec"), names)
    with pytest.raises(LookupError) as seen:
        next(value for name, value in names.items() if name.startswith("test_"))()
    return seen.value


def rebuilt_from(function: Callable[[Any], None], value: Any) -> Any:
    return run(made_of(_raised(lambda: function(value)))).args[0]
