"""Our tracebacks read as Python's own, whatever was raised."""

import logging
import traceback

import pytest

from kintsugi.telemetry.lines import LineFormatter
from kintsugi.telemetry.traces import written


class Unsayable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def deep(n):
    return deep(n - 1) if n else {}["discount"]


def chained(cause):
    try:
        deep(1)
    except KeyError as error:
        raise ValueError("no price") from (error if cause else None)


def meanwhile():
    try:
        chained(True)
    except ValueError:
        _ = 1 / 0


def noted():
    error = ValueError("no")
    error.add_note("a note")
    raise error


def grouped():
    raise ExceptionGroup("two", [KeyError("a"), ValueError("b")])


class Empty(Exception):
    def __len__(self):
        return 0


def after_one_that_is_empty():
    try:
        raise Empty("of nothing")
    except Empty as error:
        raise ValueError("no price") from error


def circular():
    one, two = ValueError("one"), ValueError("two")
    one.__context__, two.__context__ = two, one
    raise one


def misnamed():
    return undefined_name  # noqa: F821


def empty():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "fails",
    [
        lambda: deep(0), lambda: deep(2), lambda: deep(90), lambda: chained(True), lambda: chained(False), meanwhile, noted,
        grouped, circular, misnamed, empty, after_one_that_is_empty, lambda: compile("x x", "f", "exec"), lambda: (_ for _ in ()).throw(KeyError(1)),
    ],
)  # fmt: skip
def test_it_reads_as_pythons_own_also_the_second_time(fails):
    for _ in range(2):
        with pytest.raises(BaseException) as caught:
            fails()
        error = caught.value
        assert written(type(error), error, error.__traceback__) == "".join(traceback.format_exception(error))


def test_an_error_that_cannot_be_said_is_still_told():
    try:
        raise Unsayable
    except Unsayable as error:
        record = logging.LogRecord(
            "shop", logging.ERROR, "f.py", 1, "failed", (), (type(error), error, error.__traceback__)
        )

    assert '"msg":"failed"' in LineFormatter().format(record)
