"""The plots of the numbers, as places: across in percent of the width, down in pixels. The templates draw them.

So drawn, a plot takes any width and its words keep their size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log10

from kintsugi.workflow.numbers import SOMEBODY, Spread, Week

BAR_HEIGHT = 120  # pixels, of the tallest week
RATE_OVER = timedelta(days=7)
_RATE_HEIGHT, _RATE_SPAN = 32, timedelta(hours=6)  # pixels of the tallest bar; what one bar covers
_MOST_MARKS = 200
_TICKS = (
    (1, "1 s"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3600, "1 h"),
    (6 * 3600, "6 h"),
    (86_400, "1 d"),
    (7 * 86_400, "7 d"),
    (30 * 86_400, "30 d"),
)
STAGES = {
    SOMEBODY: "until somebody has it",
    "diagnose": "to the diagnosis",
    "approve": "to the approval",
    "merge": "to the merge",
    "deploy": "to the deployment",
    "heal": "to the cure",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a bar: its kind, where its top is, and how high it is."""

    kind: str
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One week: its left edge and its middle, its parts from the bottom up, and where its top is."""

    week: Week
    left: float
    middle: float
    blocks: tuple[Block, ...]
    top: float


@dataclass(frozen=True, slots=True)
class Strip:
    """How long one stage took, along the axis: each mark an incident, the band eight in ten, the line half of them."""

    words: str
    says: str
    marks: tuple[float, ...]
    band: tuple[float, float]
    half: float


@dataclass(frozen=True, slots=True)
class Strips:
    """All stages on one axis, of powers: each tick with its words."""

    ticks: tuple[tuple[float, str], ...]
    rows: tuple[Strip, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """How often it was seen in the hours from `since` on: the left edge, and how high."""

    since: datetime
    times: int
    left: float
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a failure came of late. `says` is the same in words."""

    columns: tuple[Column, ...]
    wide: float
    height: int
    says: str


def rate(hours: Mapping[datetime, int], now: datetime) -> Rate | None:
    """The last seven days, a column for every six hours; None where it was not seen in them."""
    if not hours:
        return None
    first = now.replace(hour=now.hour // 6 * 6, minute=0, second=0, microsecond=0) + _RATE_SPAN - RATE_OVER
    spans = [first + _RATE_SPAN * number for number in range(RATE_OVER // _RATE_SPAN)]
    counts = [sum(n for hour, n in hours.items() if since <= hour < since + _RATE_SPAN) for since in spans]
    most, total, wide = max(counts), sum(counts), 100 / len(spans)
    columns = (
        Column(since, times, round(at * wide, 2), _RATE_HEIGHT - high, high)
        for at, (since, times) in enumerate(zip(spans, counts, strict=True))
        if times and (high := max(2.0, round(_RATE_HEIGHT * times / most, 1)))
    )
    says = f"{total} in seven days, at most {most} in six hours"
    return Rate(tuple(columns), round(wide * 0.8, 2), _RATE_HEIGHT, says) if total else None


def bars(weeks: Sequence[Week], parts: dict[str, Callable[[Week], float]]) -> list[Bar]:
    """A bar for each week, made of `parts`, the tallest as high as BAR_HEIGHT."""
    tallest = max((sum(part(week) for part in parts.values()) for week in weeks), default=0) or 1
    wide = 100 / max(len(weeks), 1)
    return [_bar(week, number * wide, wide, parts, BAR_HEIGHT / tallest) for number, week in enumerate(weeks)]


def strips(spreads: Sequence[Spread]) -> Strips:
    """The stages on an axis that ends at the first tick nothing exceeds."""
    longest = max((spread.seconds[-1] for spread in spreads), default=1)
    ticks = [tick for tick in _TICKS if tick[0] < longest]
    ticks += _TICKS[len(ticks) : len(ticks) + 1]
    end = max(ticks[-1][0], longest)
    return Strips(
        tuple((_along(seconds, end), words) for seconds, words in ticks),
        tuple(_strip(spread, end) for spread in spreads),
    )


def took(seconds: float) -> str:
    """A time in the unit a person would say: 40 s, 3 min, 2.5 h, 4 d; what took less than a second took one."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.2g} {unit}" if seconds < 10 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "a second"


def _bar(week: Week, left: float, wide: float, parts: dict[str, Callable[[Week], float]], scale: float) -> Bar:
    top, blocks = float(BAR_HEIGHT), []
    for kind, part in parts.items():
        height = part(week) * scale
        top -= height
        if height:
            blocks.append(Block(kind, top, height))
    return Bar(week, left, left + wide / 2, tuple(blocks), top)


def _strip(spread: Spread, end: float) -> Strip:
    tenth, half, nine = spread.tenths
    count = len(spread.seconds)
    says = f"half within {took(half)}, nine in ten within {took(nine)}, of {count}" if count > 1 else took(half)
    step = max(count / _MOST_MARKS, 1)
    marks = [spread.seconds[int(number * step)] for number in range(min(count, _MOST_MARKS))]
    return Strip(
        STAGES[spread.stage],
        says,
        tuple(_along(seconds, end) for seconds in marks),
        (_along(tenth, end), _along(nine, end)),
        _along(half, end),
    )


def _along(seconds: float, end: float) -> float:
    """Where on the axis, in percent; what took less than a second stands at its beginning."""
    return round(100 * log10(max(seconds, 1)) / max(log10(end), 1e-9), 2)
