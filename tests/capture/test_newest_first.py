"""Logs whose newest line stands first are read as they were written; others are not turned round."""

from __future__ import annotations

import io
import json

import pytest

from kintsugi.capture.newest_first import turned_round
from kintsugi.capture.reading import Reading
from kintsugi.capture.report import Report
from tests.capture.printed import GO, JAVA, NODE, PYTHON, Printed


def read(lines: list[str]) -> list[Report]:
    return list(Reading("a.log", io.BytesIO("".join(f"{line}\n" for line in lines).encode())).reports())


def stamped(text: str) -> list[str]:
    lines = ["up", "here", *text.split("\n"), "there", "down"]
    return [f"2026-11-28T10:00:00.{at:03d}Z {line}" for at, line in enumerate(lines)]


@pytest.mark.parametrize("printed", [PYTHON, NODE, JAVA, GO], ids=lambda printed: printed.language)
def test_the_newest_line_may_stand_first(printed: Printed):
    lines = stamped(printed.text)

    (there,) = read(lines)
    (turned,) = read(lines[::-1])

    assert turned.failure == there.failure
    assert (turned.first_line, turned.last_line) == (
        len(lines) + 1 - there.last_line,
        len(lines) + 1 - there.first_line,
    )


def test_each_record_may_be_json():
    records = [json.dumps({"line": line[25:], "timestamp": line[:24]}) for line in stamped(NODE.text)]

    assert [one.failure.final.type for one in read(records[::-1])] == ["TypeError"]


def test_a_record_of_several_lines_stays_as_it_is():
    above = [f"2026-11-28 10:00:{second:02d} INFO going on" for second in (9, 8, 7)]
    record = f"2026-11-28 10:00:06 ERROR failed\n{PYTHON.text}".split("\n")

    (found,) = read([*above, *record, "2026-11-28 10:00:05 INFO going on"])

    assert (found.failure.final.type, found.first_line) == ("KeyError", 5)


@pytest.mark.parametrize(
    "said", ["    at total (/srv/cart.js:120:15)", "KeyError: no cart since 2026-11-28 10:00:03", "took 12:30"]
)
def test_a_time_that_a_record_speaks_of_does_not_part_it(said: str):
    above = [f"2026-11-28 10:00:{second:02d} INFO going on" for second in (9, 8, 7)]
    record = ["2026-11-28 10:00:06 ERROR failed", "first", said, "last"]

    text, numbers = turned_round("\n".join([*above, *record]).encode())

    assert text.decode().splitlines() == [*record, *reversed(above)]
    assert list(numbers) == [4, 5, 6, 7, 3, 2, 1]


def test_what_counts_down_takes_no_report_apart():
    counting = [f"copying, {minutes:02d}:00 left" for minutes in (12, 11, 10, 9)]
    cut = PYTHON.text.split("\n")

    (found,) = read([*counting, *cut[:-1], f"{cut[-1]} at 2026-11-28 10:00:03"])

    assert (found.failure.final.type, found.first_line) == ("KeyError", len(counting) + 1)


def test_a_log_that_goes_on_in_time_is_not_turned_round():
    backwards = [f"2026-11-28 10:00:{second:02d} listed" for second in range(59, 40, -1)]
    onwards = [f"2026-11-28 10:01:{second:02d} INFO going on" for second in range(9)]

    (found,) = read([*backwards, *onwards, *PYTHON.text.split("\n")])

    assert found.first_line == len(backwards) + len(onwards) + 1
