"""The output of a program that runs: each failure is told once, and none is let go of before it was looked at."""

from __future__ import annotations

import json

from kintsugi.capture.window import Window
from tests.capture.printed import CHAIN, PYTHON

NOISE = b"2026-11-28 10:00:00 INFO going on\n"
MUCH = NOISE * 60_000  # more than a window keeps


def told(window: Window, *, silent: float = 5) -> list[str]:
    return [report.failure.final.type for report in window.look(silent=silent)]


def test_two_that_fail_at_once_are_two():
    window = Window()
    lines = zip(PYTHON.text.split("\n"), CHAIN.text.split("\n"), strict=False)
    window.add("".join(f"web-1  | {one}\nbot-1  | {other}\n" for one, other in lines).encode())
    window.add(
        "".join(f"bot-1  | {line}\n" for line in CHAIN.text.split("\n")[len(PYTHON.text.split("\n")) :]).encode()
    )

    assert sorted(told(window)) == ["KeyError", "shop.LoadError"]
    assert told(window) == []


def test_what_was_not_looked_at_is_kept():
    window = Window()

    window.add(f"{PYTHON.text}\n".encode() + MUCH)

    assert window.is_full
    assert told(window) == ["KeyError"]


def test_what_was_looked_at_is_let_go_also_of_a_line_without_an_end():
    window = Window()

    for _ in range(4):
        window.add(b"x" * len(MUCH))
        told(window)

    assert len(window._kept) <= len(MUCH)


def test_two_that_fail_at_once_are_two_however_often_it_is_looked():
    window, found = Window(), list[str]()

    for line in PYTHON.text.split("\n"):
        window.add(f"web-1  | {line}\nbot-1  | {line.replace('KeyError', 'ValueError')}\n".encode())
        found += told(window, silent=0)

    assert sorted([*found, *told(window)]) == ["KeyError", "ValueError"]


def test_what_else_is_printed_does_not_hold_a_report_up():
    window, found = Window(), list[str]()
    window.add(f"{PYTHON.text}\n".encode())

    for number in range(8):
        window.add(f"step {number} is done\n".encode())
        found += told(window, silent=0)

    assert found == ["KeyError"]


def test_two_in_one_line_are_two():
    window = Window()

    window.add(f"{json.dumps([{'message': PYTHON.text}, {'message': CHAIN.text}])}\n".encode())

    assert told(window) == ["KeyError", "shop.LoadError"]
    assert told(window) == []


def test_what_failed_before_a_gap_is_told():
    window = Window()

    window.add(f"{PYTHON.text}\n".encode())

    assert [report.failure.final.type for report in window.gap()] == ["KeyError"]
    assert told(window) == []
