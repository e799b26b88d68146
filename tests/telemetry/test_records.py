import logging
import runpy
import sys
from contextlib import ExitStack

import pytest

from kintsugi.telemetry import records
from kintsugi.telemetry.records import KNOWN, made, written_by_logging
from kintsugi.telemetry.sidedoors import SideDoors

ERROR = ValueError("no bill")
GIVEN = (
    ("shop", logging.INFO, "/srv/shop/cart.py", 7, "order %s", (4711,), None, "ship", {"order": 7}, None),
    ("shop", 35, "cart", 7, "%(a)s %(b)s", ({"a": 1, "b": 2},), (ValueError, ERROR, None), "ship", None, "Stack"),
    ("", logging.ERROR, "(unknown file)", 0, "all %s", ({},), None, None, {}, None),
    ("shop", logging.DEBUG, "/srv/a.b/c.d.py", 7, ERROR, (), None, "<lambda>", None, None),
    ("shop", logging.DEBUG, "C:\\shop\\cart.py", 7, "%s %s", ("a", [1]), None, "f", {"a": 1, "b": 2}, None),
)
CLOCK = ("created", "msecs", "relativeCreated")

makes_records = pytest.mark.skipif(not KNOWN, reason="Python 3.13 makes its records itself: run this on 3.11 or 3.12")


@makes_records
@pytest.mark.parametrize("given", GIVEN)
def test_a_record_is_made_as_python_makes_it(given):
    ours, theirs = made(*given), logging.Logger("shop").makeRecord(*given)

    assert type(ours) is logging.LogRecord
    assert list(vars(ours)) == list(vars(theirs))
    assert all(vars(ours)[name] == value for name, value in vars(theirs).items() if name not in CLOCK)
    assert all(abs(vars(ours)[name] - vars(theirs)[name]) < 1_000 for name in CLOCK)


@makes_records
@pytest.mark.parametrize("name", ["message", "asctime", "lineno"])
def test_a_field_that_each_record_has_is_refused_as_python_does(name):
    with pytest.raises(KeyError):
        made("shop", logging.INFO, "cart.py", 7, "order", (), None, "ship", {"order": 7, name: 1}, None)


def test_what_others_put_there_before_is_not_passed_by():
    assert written_by_logging(logging.Logger.makeRecord) is logging.Logger.makeRecord
    assert written_by_logging(lambda *given, **named: logging.Logger.makeRecord(*given, **named)) is None


def test_a_program_s_own_factory_is_asked():
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(lambda *given, **named: before(*given, **named))
    try:
        assert made(*GIVEN[0]) is None
    finally:
        logging.setLogRecordFactory(before)


class Traced(logging.LogRecord):
    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.request_id = "r-17"


@makes_records
def test_the_fields_of_a_factory_that_was_there_before_us_are_not_those_of_each_record():
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Traced)
    try:
        loaded = runpy.run_path(records.__file__)
    finally:
        logging.setLogRecordFactory(before)

    assert loaded["FIELDS"] == records.FIELDS
    assert "request_id" not in vars(loaded["made"](*GIVEN[0]))


class Asking(logging.Logger):
    """Hands out what it finds of its callers, through as many calls of its own as a program's may have."""

    def asked(self, level, deeper=0):
        return self.asked(level, deeper - 1) if deeper else self.findCaller(False, level)


@pytest.mark.parametrize("level", [1, 2, 3, 90])
def test_the_caller_is_found_as_python_finds_it(level):
    logger = Asking("shop")
    with ExitStack() as doors:
        found = []
        for _ in range(3):  # with Python's own function, with ours, and with ours twice
            found.append(logger.asked(level, deeper=2))
            doors.callback(SideDoors(logging.NullHandler(), logging.INFO).close)
        stack = logger.findCaller(stack_info=True)[3]

    assert found[0] == found[1] == found[2]
    assert stack.endswith("stack = logger.findCaller(stack_info=True)[3]")


def test_what_others_find_callers_with_is_called_by_logging_itself():
    before = logging.Logger.findCaller
    logging.Logger.findCaller = lambda logger, stack_info=False, stacklevel=1: sys._getframe(1).f_code.co_name
    try:
        doors = SideDoors(logging.NullHandler(), logging.INFO)
        found = Asking("shop").asked(1)
        doors.close()
    finally:
        logging.Logger.findCaller = before

    assert found == "asked"
