"""Python source is parsed rightly whatever other threads do meanwhile."""

from __future__ import annotations

import ast
import gc
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kintsugi.parsing import parse, parsed, parsed_expression

SOURCE = "\n".join(f"def f{number}(a):\n    return [a.b{number} + (1, (2, (3, a[4])))]" for number in range(40))


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads take turns in the middle of parsing: what is collected then runs code."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)


class Cycle:
    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        sum(range(300))


def test_what_cannot_be_read_is_none():
    assert parsed("def f(:") is parsed(b"\xff") is parsed("a\0b") is None
    assert parsed_expression("a = 1") is parsed_expression("(" * 400) is None


def test_nothing_is_warned_of_and_what_is_said_of_warnings_stays():
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("error")
        filters = [*warnings.filters]

        assert isinstance(parsed("a = '\\d' is 1"), ast.Module)

        assert warnings.filters == filters
        assert shown == []


@pytest.mark.usefixtures("hurried")
def test_threads_that_parse_at_once_do_not_disturb_each_other():
    """As one does that formats a traceback: Python 3.11 counts the depth of all of them as one."""
    ended, wrong = threading.Event(), list[BaseException]()

    def beside() -> None:
        while not ended.is_set():
            made = [Cycle() for _ in range(20)]
            with suppress(SystemError):  # the fault is in theirs, too
                ast.parse(SOURCE)
            del made

    def ours() -> None:
        try:
            for _ in range(60):
                made = [Cycle() for _ in range(20)]
                parse(SOURCE)
                del made
        except BaseException as error:
            wrong.append(error)

    others = [threading.Thread(target=beside) for _ in range(2)]
    us = [threading.Thread(target=ours) for _ in range(2)]
    for thread in (*others, *us):
        thread.start()
    for thread in us:
        thread.join()
    ended.set()
    for thread in others:
        thread.join()

    assert wrong == []
