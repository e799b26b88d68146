"""In what order the objects of a call are made: what is below comes first, and no circle is left.

What lies in a set or under a key is hashed as that is made. So a circle is closed as soon as what it leads through is
there, and not at the end: an object that is hashed by its state has to have it by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from kintsugi.telemetry.capsule.graph import Entry, Part, leave_out

_ROUNDS = 8
_DONE = -1
_Way = list[
    tuple[Entry, Iterator[tuple[Part, Entry]], Part]
]  # down from the call: each with what is below, and its part
_SETS = ("{", "frozenset({")


@dataclass(frozen=True, slots=True)
class Closing:
    """A part that is set when both its holder and what it holds are there."""

    holder: Entry
    part: Part


def steps(call: Entry) -> list[Entry | Closing]:
    """What has to be made and set, one after the other, up to the call itself."""
    order, postponed = _without_circles(call)
    closings: dict[int, list[Closing]] = {}
    for closing in postponed:
        closings.setdefault(id(closing.holder), []).append(closing)
    return list(_each_once(order, closings) if closings else order)


def _each_once(order: Iterable[Entry], closings: dict[int, list[Closing]]) -> Iterator[Entry | Closing]:
    done: set[int] = set()
    waiting: list[Iterator[Entry | Closing]] = [iter(order)]
    while waiting:
        step = next(waiting[-1], None)
        if step is None:
            waiting.pop()
        elif isinstance(step, Closing):
            yield step
        elif id(step) not in done:
            done.add(id(step))
            yield step
            if (own := closings.get(id(step))) is not None:
                waiting.append(_closed(own, done))


def _closed(closings: Iterable[Closing], done: Set[int]) -> Iterator[Entry | Closing]:
    for closing in closings:
        part = closing.part
        yield from _ordered([one for one in (part.lead, part.value) if isinstance(one, Entry)], done)
        yield closing


def _below(entry: Entry) -> list[tuple[Part, Entry]]:
    """What has to be there before it."""
    found = [(Part(entry.on), entry.on)] if entry.on is not None else []
    for part in entry.parts:
        if type(part.lead) is Entry:
            found.append((part, part.lead))
        if type(part.value) is Entry and not part.postponed:
            found.append((part, part.value))
    return found


def _straight(call: Entry) -> list[Entry] | None:
    """What is below first; None where something is needed for its own making."""
    order: list[Entry] = []
    state = {id(call): False}  # False: under way, True: done
    path = [(call, iter(_needed(call)))]
    while path:
        entry, needed = path[-1]
        for one in needed:
            done = state.get(id(one))
            if done is None:
                more = _needed(one)
                state[id(one)] = not more
                if more:
                    path.append((one, iter(more)))
                    break
                order.append(one)
            elif not done:
                return None
        else:
            state[id(entry)] = True
            order.append(entry)
            path.pop()
    return order


def _needed(entry: Entry) -> list[Entry]:
    found = [entry.on] if entry.on is not None else []
    for part in entry.parts:
        if type(part.lead) is Entry:
            found.append(part.lead)
        if type(part.value) is Entry and not part.postponed:
            found.append(part.value)
    return found


def _without_circles(call: Entry) -> tuple[list[Entry], list[Closing]]:
    """What is below first, and the parts that are set when all is there: no object is needed for its own making."""
    postponed: list[Closing] = []
    for turn in range(_ROUNDS):
        order = _straight(call)
        if order is not None:
            return order, postponed
        postponed += _circles(call, last=turn == _ROUNDS - 1)
    return list(_ordered([call])), postponed


def _circles(call: Entry, *, last: bool) -> list[Closing]:
    found: list[Closing] = []
    place: dict[int, int] = {id(call): 0}  # on the way down; _DONE afterwards
    way: _Way = [(call, iter(_below(call)), Part(call))]
    hashing: list[int] = []  # the places on the way that are reached by being hashed
    while way:
        entry, parts, _ = way[-1]
        for part, below in parts:
            at = place.get(id(below))
            if at is None:
                more = _below(below)
                place[id(below)] = len(way) if more else _DONE
                if more:
                    if _is_hashed(entry, part, below):
                        hashing.append(len(way))
                    way.append((below, iter(more), part))
                    break
            elif at != _DONE:
                top = next((one for one in hashing if one > at), 0) if hashing else 0
                _cut(way, at, top, part, found, last=last)
        else:
            place[id(entry)] = _DONE
            way.pop()
            if hashing and hashing[-1] == len(way):
                hashing.pop()
    return found


def _is_hashed(holder: Entry, part: Part, one: Entry) -> bool:
    """Whether it has to be whole when its holder is made: it is a key, or lies in a set."""
    return part.lead is one or (not part.lead and holder.opens in _SETS)


def _cut(way: _Way, at: int, top: int, back: Part, found: list[Closing], *, last: bool) -> None:
    """Take the nearest part of a circle that can be set later; where there is none, leave out the last.

    The circle leads from the place `at` down to the end of the way, and `back` by its last part. Where something in it
    is hashed, at the place `top`, what can be set later above that is taken first.
    """
    target = way[at][0]
    end = len(way) - 1
    for place in (*range(top - 2, at - 1, -1), *range(end, max(top - 2, at - 1), -1)):
        holder, part = way[place][0], way[place + 1][2] if place < end else back
        if part.postponed:
            return
        is_key = part.lead is (way[place + 1][0] if place < end else target)
        if part.later and not is_key and not last:
            part.postponed = True
            holder.needs_name = target.needs_name = True
            if isinstance(part.lead, Entry):
                part.lead.needs_name = True  # a key is used twice: for its place, and when what lies under it is set
            found.append(Closing(holder, part))
            return
    gone = Entry(target.hint, target.depth)
    leave_out(gone, "it is part of a circle that cannot be closed")
    if back.lead is target:
        back.lead = gone
    else:
        back.value = gone


def _ordered(roots: Iterable[Entry], done: Set[int] = frozenset()) -> Iterator[Entry]:
    """What is below first, without what is done."""
    seen: set[int] = set()
    for root in roots:
        if id(root) in seen or id(root) in done:
            continue
        seen.add(id(root))
        path = [(root, iter(_needed(root)))]
        while path:
            entry, needed = path[-1]
            for below in needed:
                if id(below) not in seen and id(below) not in done:
                    seen.add(id(below))
                    path.append((below, iter(_needed(below))))
                    break
            else:
                yield entry
                path.pop()
