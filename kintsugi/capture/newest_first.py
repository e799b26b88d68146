"""Logs with the newest line first, as Grafana, Kibana and the clouds hand them out: turned round, so that they read."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from kintsugi.capture.wrappers import TIME
from kintsugi.telemetry import lazy_re as re

LARGEST = 64 * 1024 * 1024  # bytes of a log that is turned round, for which it is held whole, twice
_LOOKED_AT = 64 * 1024  # bytes at its beginning, and at its end
_MOST = 100  # lines there
_NEAR = 400  # characters of a line, in which its time stands
_FEWEST = 3  # steps back in time

_DATED = re.compile(r"\d{4}[-/.]|\d{9,}|\d{8}T")
_CLOCK = re.compile(r"\d{1,2}:\d\d.*")
_NUMBER = re.compile(r"\d+")
_WITHIN = re.compile(r"[\w:.]$")  # a place, as in a.js:9:11, looks like a clock


def is_newest_first(start: bytes, end: bytes | bytearray = b"") -> bool:
    """Whether time runs backwards in it, all the way: at its beginning, and not forwards at its end."""
    first, last = start[:_LOOKED_AT].split(b"\n")[:_MOST], bytes(end[-_LOOKED_AT:]).split(b"\n")
    last = last[len(end) > _LOOKED_AT :][-_MOST:]  # without the line that was cut
    kind = _first_kind(first)
    return _steps_back(first, kind) >= _FEWEST and _steps_back(last, kind) >= 0


def turned_round(raw: bytes | bytearray) -> tuple[bytearray, Sequence[int]]:
    """The lines in the order in which they were written, and the number that each had. Lines without a time stay below
    the one that has."""
    kind = _first_kind(bytes(raw[:_LOOKED_AT]).split(b"\n"))
    starts, firsts = array("Q"), array("Q")  # of each record: where it begins, and the number of its first line
    at, number = 0, 1
    while at < len(raw):
        if not starts or _time_of(bytes(raw[at : at + _NEAR]).partition(b"\n")[0], kind):
            starts.append(at)
            firsts.append(number)
        at, number = raw.find(b"\n", at) + 1 or len(raw), number + 1
    starts.append(len(raw))
    firsts.append(number)
    text, numbers = bytearray(), array("Q")
    for record in range(len(starts) - 2, -1, -1):
        text += raw[starts[record] : starts[record + 1]]
        text += b"" if text.endswith(b"\n") else b"\n"
        numbers.extend(range(firsts[record], firsts[record + 1]))
    return text, numbers


class _Kind(NamedTuple):
    """How the lines of a log tell their time, so that one that a line speaks of is told apart."""

    is_dated: bool
    has_clock: bool
    words: int  # before it; -1 within JSON, where fields have no order


def _first_kind(lines: Iterable[bytes]) -> _Kind | None:
    return next((found[1] for line in lines if (found := _found(line))), None)


def _steps_back(lines: Sequence[bytes], kind: _Kind | None) -> int:
    """How often time goes back from one line to the next; -1 where it goes on."""
    count = 0
    times = (time for line in lines if (time := _time_of(line, kind)))
    for one, other in pairwise(times):
        if len(one) == len(other) and one < other:
            return -1
        count += len(one) == len(other) and one > other
    return count


def _time_of(line: bytes, kind: _Kind | None) -> tuple[int, ...]:
    """When the line was written, if it tells that as those of this kind do; comparable with those of lines alike."""
    found = _found(line)
    return found[0] if found and found[1] == kind else ()


def _found(line: bytes) -> tuple[tuple[int, ...], _Kind] | None:
    """The first date, else the first time of day: also where a date does not begin with its year."""
    text = line[:_NEAR].decode("utf-8", "replace")
    clock: re.Match[str] | None = None
    for told in TIME.finditer(text):
        if _DATED.match(told[0]):
            return _numbers(told[0]), _Kind(True, ":" in told[0], _words(text, told.start()))
        clock = clock or told
    if clock is None or _WITHIN.search(text[: clock.start()]) or not (time := _CLOCK.search(clock[0])):
        return None
    return _numbers(time[0]), _Kind(False, True, _words(text, clock.start()))


def _numbers(time: str) -> tuple[int, ...]:
    return tuple(map(int, _NUMBER.findall(time)))


def _words(text: str, at: int) -> int:
    return -1 if text.startswith("{") else len(text[:at].split())
