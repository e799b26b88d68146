import gc
import json
import logging
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kintsugi.telemetry import bind


class Unprintable:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


class Logging:
    """An argument that logs while it is being printed."""

    def __str__(self):
        logging.getLogger("tests.inner").warning("from within %s", self)
        return "printed"


def nested(levels):
    value = {}
    for _ in range(levels):
        value = {"a": [value]}
    return value


def itself():
    value = {}
    value["me"] = value
    return value


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("%d orders", ("many",)), ("%s %s", (1,)), ("%", (1,)), ("%(a)s", ({"b": 1},)), ("plain", (1, 2)),
        ("%s", (Unprintable(),)), (Unprintable(), ()), (None, ()), (b"\xff\x00", ()), ("\ud800 %s", ("\udfff",)),
        (nested(300), ()), ("%s", (nested(300),)), ("%s", (itself(),)), ("%999999999d", ("x",)), ("%.5s", (10**5000,)),
    ],
)  # fmt: skip
def test_a_hostile_message_is_one_line(installed, message, arguments):
    before = len(installed.telemetry.ring)

    installed.log.info(message, *arguments)

    assert len(installed.telemetry.ring) == before + 1
    assert isinstance(installed.last()["msg"], str)


@pytest.mark.parametrize(
    "extra",
    [
        {"message": "mine", "asctime": 1, "name": "x", "args": 3}, {"a": itself()}, {"a": nested(300)}, {"a": Unprintable()},
        {1: 2, None: 3}, {"a": float("nan"), "b": float("inf"), "c": 10**400, "d": 1 << 64}, {"\ud800": "\udfff"},
        {"exc_info": "text", "levelname": None, "msg": Unprintable()}, {"a": {Unprintable(): 1}}, {"a": object()},
        {"a": {1, 2}, "b": b"\xff", "c": range(10**9)}, {"stack_info": 5}, "not a mapping", 7,
    ],
)  # fmt: skip
def test_hostile_extra_is_one_line(installed, extra):
    before = len(installed.telemetry.ring)

    installed.log.info("with extra", extra=extra)

    assert len(installed.telemetry.ring) == before + 1
    assert installed.last()["msg"] == "with extra"


def test_reserved_keys_in_extra_keep_their_values_under_another_name(installed):
    installed.log.info("x", extra={"message": "mine", "other": 1})

    assert installed.last()["extra"] == {"message_": "mine", "other": 1}


def test_hostile_context_is_bound_all_the_same(installed):
    with bind(user=Unprintable(), entities={"a": itself(), "b": nested(300)}, intent="\ud800"):
        installed.log.info("x")

    assert installed.last()["msg"] == "x"


def test_an_argument_that_logs_neither_recurses_nor_loses_a_line(installed):
    installed.log.info("outer %s", Logging())

    messages = [line["msg"] for line in installed.lines()]
    assert "from within %s" in messages
    assert "outer printed" in messages
    assert len(messages) < 20


def test_a_finaliser_that_logs_neither_recurses_nor_loses_a_line(installed):
    class Dying:
        def __del__(self):
            logging.getLogger("tests.inner").warning("collected")

    cycle = Dying()
    cycle.me = cycle
    del cycle
    gc.collect()

    assert installed.last()["msg"] == "collected"


def test_a_handler_that_logs_does_not_recurse(installed):
    class Chatty(logging.Handler):
        def emit(self, record):
            if record.name == "tests.shop":
                logging.getLogger("tests.chat").info("heard %s", record.getMessage())

    chatty = Chatty()
    installed.log.addHandler(chatty)
    installed.log.info("hello")
    installed.log.removeHandler(chatty)

    assert sorted(line["msg"] for line in installed.lines()[-2:]) == ["heard hello", "hello"]


def test_an_exception_that_cannot_be_printed_is_logged(installed):
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError("no")

    installed.log.error("failed", exc_info=Odd())
    installed.log.error("failed", exc_info="not an exception")
    installed.log.error("failed", exc_info=(None, None, None))

    assert "Odd" in installed.lines()[-3]["exception"]
    assert [line["msg"] for line in installed.lines()[-3:]] == ["failed"] * 3


def test_eight_threads_at_once_lose_nothing_and_mix_nothing(installed):
    def chatter(number):
        for count in range(200):
            installed.log.info("thread %s line %s", number, count, extra={"number": number})

    threads = [threading.Thread(target=chatter, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        installed.telemetry.recent(contains="line 1")

    lines = [json.loads(line) for line in installed.written().splitlines()]
    assert len([line for line in lines if line["logger"] == "tests.shop"]) == 1_600
    assert all(line["msg"].startswith(f"thread {line['extra']['number']} ") for line in lines)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(Unprintable),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
    max_leaves=12,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | VALUES, st.lists(VALUES, max_size=3), st.dictionaries(st.text(), VALUES, max_size=4) | VALUES)
def test_any_call_is_one_line_of_json(installed, message, arguments, extra):
    before = len(installed.telemetry.ring)

    installed.log.warning(message, *arguments, extra=extra)

    assert len(installed.telemetry.ring) == min(before + 1, 2_000)
    assert installed.last()["level"] == "WARNING"
