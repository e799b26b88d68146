"""Time zones of pytz: it makes a class of each name, and of that an object for each offset."""

from __future__ import annotations

import datetime
from typing import TypeGuard

from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.builder import Builders
from kintsugi.telemetry.capsule.graph import Entry, Graph

_LONGEST = 100  # characters of a name
_OFFSET = ("_utcoffset", "_dst", "_tzname")


def zone_of_pytz(builders: Builders, graph: Graph, value: object, entry: Entry) -> bool:
    """Whether it is one, and is written down: by its name, and by its offset where that is not the zone's first."""
    module, names = raw.home_of(type(value))[0], raw.names_of(type(value))
    zone, offsets = names.get("zone"), names.get("_transition_info")
    if module != "pytz.tzfile" or not is_a_name(zone) or not (made := builders.names.named("pytz", "timezone")):
        return False
    by_name = f"{made}({graph.text('', zone)})"
    state = {name: one for name, one in raw.state_of(value) if type(name) is str}
    which = tuple(state.get(name) for name in _OFFSET)
    if type(offsets) is list and offsets and not _is_first(offsets[0], which):
        ahead, summer, shown = which
        if type(ahead) is not datetime.timedelta or type(summer) is not datetime.timedelta or not is_a_name(shown):
            return False
        span = builders.names.of(datetime.timedelta)
        key = ", ".join(f"{span}(seconds={one.days * 86_400 + one.seconds})" for one in (ahead, summer))
        by_name += f"._tzinfos[{key}, {graph.text('', shown)}]"
    entry.opens = by_name
    return True


def is_a_name(zone: object) -> TypeGuard[str]:
    return type(zone) is str and len(zone) <= _LONGEST


def _is_first(first: object, which: tuple[object, ...]) -> bool:
    return type(first) is tuple and len(first) == len(which) and all(a is b for a, b in zip(first, which, strict=True))
