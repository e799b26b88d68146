"""Where the plots of the numbers put things."""

from datetime import date
from operator import attrgetter

import pytest

from kintsugi.web.plots import BAR_HEIGHT, bars, strips, took
from kintsugi.workflow.numbers import Spread, Week


def test_the_tallest_week_fills_the_height_and_parts_lie_on_one_another():
    weeks = [Week(date(2026, 1, 5), healed=2, ended=2), Week(date(2026, 1, 12), healed=1), Week(date(2026, 1, 19))]

    tall, low, none = bars(weeks, {kind: attrgetter(kind) for kind in ("healed", "ended")})

    assert [(block.kind, block.top, block.height) for block in tall.blocks] == [("healed", 60, 60), ("ended", 0, 60)]
    assert low.top == BAR_HEIGHT * 3 / 4
    assert none.blocks == ()
    assert [round(bar.middle) for bar in (tall, low, none)] == [17, 50, 83]


def test_stages_share_an_axis_of_powers():
    found = strips([Spread("diagnose", (0.0, 10.0)), Spread("merge", (60.0, 90.0))])

    assert found.ticks == ((0.0, "1 s"), (36.0, "10 s"), (64.0, "1 min"), (100.0, "10 min"))
    assert found.rows[0].marks == (0.0, 36.0)
    assert found.rows[1].words == "to the merge"


def test_however_many_incidents_there_are_marks_are_few():
    (row,) = strips([Spread("heal", tuple(float(second) for second in range(5000)))]).rows

    assert len(row.marks) == 200


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "a second"), (9.4, "9 s"), (59, "59 s"), (90, "1.5 min"), (2460, "41 min"), (9000, "2.5 h"), (4e6, "46 d")],
)
def test_a_time_is_told_in_its_unit(seconds: float, said: str):
    assert took(seconds) == said
