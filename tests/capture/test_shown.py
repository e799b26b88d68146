"""The failing call as far as a report shows it: from literals alone, and nothing of what is shown is run."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from kintsugi.capture.shown import shown_call
from kintsugi.workflow.payload import Capsule, Failure, Frame, Raised

TILL = """\
import functools
from dataclasses import dataclass


class noted_first:
    def __init__(self, function):
        self.func = function


@dataclass
class Order:
    name: str
    price: int = 0

    def total(self, codes, *more, rest=3, **others):
        raise LookupError(self.name, self.price, codes, more, rest, others)


class Shop:
    def buy(self, amount):
        raise LookupError(amount, self.double(2))

    def double(self, amount):
        return amount * 2

    def pay(self, amount):
        return self.purse[amount]

    @classmethod
    def named(cls, name):
        raise LookupError(cls.__name__, name)

    @staticmethod
    def alone(name):
        raise LookupError(name)

    @property
    def owner(self):
        return "bob"

    @owner.setter
    def owner(self, name):
        raise LookupError(name)

    @noted_first
    @staticmethod
    def noted(value):
        raise LookupError(value)


def noting(function):
    @functools.wraps(function)
    def wrapper(*given):
        raise AssertionError("what decorates it is not called")

    return wrapper


@noting
def decorated(value):
    raise LookupError(value)


def plain(value, other=None):
    raise LookupError(value)


async def later(value):
    raise LookupError(value)


def each(value):
    yield 1
    raise LookupError(value)
"""


@pytest.fixture(autouse=True)
def till() -> Iterator[None]:
    module = types.ModuleType("of_a_till")
    sys.modules["of_a_till"] = module
    exec(TILL, module.__dict__)
    yield
    del sys.modules["of_a_till"]


def lines(path: str) -> Sequence[str]:
    return TILL.splitlines() if path == "shop/of_a_till.py" else ()


def shown(function: str, **variables: str) -> Capsule:
    """What is made of a report in which this function of the program, called from outside of it, failed."""
    [*_, line] = (at for at, text in enumerate(TILL.splitlines(), 1) if f"def {function}(" in text)
    frame = Frame(
        path="shop/of_a_till.py", line=line + 1, function=function, in_project=True, variables=dict(variables)
    )
    server = Frame(path="/usr/lib/server.py", line=1, function="run", variables={"value": "1"})
    failure = Failure(chain=(Raised(type="LookupError", frames=(server, frame)),))
    found = shown_call(failure, lines)
    assert found
    return found


def what_it_raises(capsule: Capsule) -> tuple[str, str]:
    names: dict[str, Any] = {}
    exec(compile(capsule.source, "capsule", "exec"), names)
    with pytest.raises(BaseException) as seen:
        next(value for name, value in names.items() if name.startswith("test_"))()
    return type(seen.value).__name__, str(seen.value)


VALUES = {
    "{'a': [1, -2.5, None], 'b': (True,)}": "{'a': [1, -2.5, None], 'b': (True,)}",
    "datetime.datetime(2026, 2, 28, 1, 2, tzinfo=datetime.timezone.utc)": "2026-02-28 01:02:00+00:00",
    "[Decimal('1.10'), PosixPath('/a'), frozenset({3})]": "[Decimal('1.10'), PosixPath('/a'), frozenset({3})]",
    "Order(name='mug', price=5)": "Order(name='mug', price=5)",
    "b'\\x00'": "b'\\x00'",
}


@pytest.mark.parametrize("value", VALUES)
def test_a_literal_is_the_value(value: str) -> None:
    capsule = shown("plain", value=value)

    assert what_it_raises(capsule) == ("LookupError", VALUES[value])
    assert capsule.in_part == "as far as the report shows the call"


@pytest.mark.parametrize(
    "value",
    [
        "<Order object at 0x7f>", "[1, ...]", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]", "'cut her...", "x" * 9_000, "",
        "__import__('os').system('false')", "(lambda: 1)()", "Shop(a=1)", "[].__class__", "'" + "a" * 90 + "...aaaaaaaaaaa'",
    ],
)  # fmt: skip
def test_what_is_no_literal_or_was_cut_is_missing(value: str) -> None:
    capsule = shown("plain", value=value, other="1")

    assert capsule.in_part == "as far as the report shows the call, which is without value"
    assert "plain(value=missing(" in capsule.source


WAYS = {
    "total": (
        {"self": "Order(name='mug', price=5)", "codes": "{}", "more": "(1, 2)", "rest": "4", "others": "{'x': 1}"},
        "('mug', 5, {}, (1, 2), 4, {'x': 1})",
    ),
    "buy": ({"self": "<shop.Shop object at 0x7f>", "amount": "5"}, "(5, 4)"),
    "named": ({"cls": "<class 'Shop'>", "name": "'x'"}, "('Shop', 'x')"),
    "alone": ({"name": "'x'"}, "x"),
    "owner": ({"self": "<Shop>", "name": "'x'"}, "x"),
    "noted": ({"value": "'x'"}, "x"),
    "decorated": ({"value": "'x'"}, "x"),
    "later": ({"value": "'x'"}, "x"),
    "each": ({"value": "'x'"}, "x"),
}


@pytest.mark.parametrize("function", WAYS)
def test_it_is_called_as_it_was(function: str) -> None:
    variables, said = WAYS[function]

    capsule = shown(function, **variables)

    assert what_it_raises(capsule) == ("LookupError", said)
    assert ("without self" in capsule.in_part) == (function in ("buy", "owner"))


def test_a_state_that_is_not_shown_is_told_to_whoever_asks_for_it() -> None:
    assert what_it_raises(shown("pay", self="<Shop>", amount="1")) == ("NotRebuilt", "Shop.purse: not shown")


@pytest.mark.parametrize("variables", [{"value": "'[Filtered]'"}, {"value": "{'password': 'correct-horse'}"}])
def test_what_was_masked_or_is_a_secret_refuses_the_whole(variables: dict[str, str]) -> None:
    capsule = shown("plain", **variables)

    assert (capsule.source, capsule.why_not) == ("", "a secret: a value")


def test_where_no_values_are_shown_there_is_no_call() -> None:
    frame = Frame(path="shop/of_a_till.py", line=46, function="plain", in_project=True)

    assert shown_call(Failure(chain=(Raised(type="KeyError", frames=(frame,)),)), lines) is None
    assert shown_call(None, lines) is None
