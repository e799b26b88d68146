"""Logs with the newest line first, as Grafana, Kibana and the clouds hand them out: turned round, so that they read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from kintsugi.capture.wrappers import TIME

LARGEST = 64 * 1024 * 1024  # bytes of a log that is turned round, for which it is held whole
_LOOKED_AT = 64 * 1024  # bytes at its beginning, and at its end
_MOST = 100  # lines there
_NEAR = 400  # characters of a line, in which its time stands
_FEWEST = 3  # steps back in time

_DATED = re.compile(r"\d{4}[-/.]|\d{9,}|\d{8}T")
_CLOCK = re.compile(r"\d{1,2}:\d\d.*")


def is_newest_first(start: bytes, end: bytes = b"") -> bool:
    """Whether time runs backwards in it, all the way: at its beginning, and not forwards at its end."""
    first, last = start[:_LOOKED_AT].split(b"\n", _MOST), end[-_LOOKED_AT:].rsplit(b"\n", _MOST)
    return _steps_back(first[:_MOST]) >= _FEWEST and _steps_back(last[-_MOST:]) >= 0


def turned_round(raw: bytes) -> tuple[bytes, list[int]]:
    """The lines in the order in which they were written, and the number that each had. Lines without a time stay below
    the one that has."""
    records: list[list[tuple[int, bytes]]] = []
    for number, line in enumerate(raw.removesuffix(b"\n").split(b"\n"), 1):
        if not records or _time_of(line) is not None:
            records.append([])
        records[-1].append((number, line))
    ordered = [each for record in reversed(records) for each in record]
    return b"\n".join(line for _, line in ordered) + b"\n", [number for number, _ in ordered]


def _steps_back(lines: Sequence[bytes]) -> int:
    """How often time goes back from one line to the next; -1 where it goes on."""
    count = 0
    times = (time for line in lines if (time := _time_of(line)) is not None)
    for one, other in pairwise(times):
        if len(one) == len(other) and one < other:
            return -1
        count += len(one) == len(other) and one > other
    return count


def _time_of(line: bytes) -> tuple[int, ...] | None:
    """Comparable with those of lines alike; where the date does not begin with its year, the time of day alone."""
    found = [each[0] for each in TIME.finditer(line[:_NEAR].decode("utf-8", "replace"))]
    dated = next((told for told in found if _DATED.match(told)), None)  # a place, as in a.js:9:11, looks like a clock
    clock = next((clock[0] for told in found[:1] if (clock := _CLOCK.search(told))), "")
    return tuple(map(int, re.findall(r"\d+", dated or clock))) or None
