"""The path of an incident and its mood, which every surface paints in its own way: terminal, Discord, pages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from kintsugi.workflow.names import ENDED, MAIN_LINE, State


class Mood(StrEnum):
    """A state at a glance."""

    GOOD = "good"
    BAD = "bad"
    WAITS = "waits"  # for a human
    MOVES = "moves"


@dataclass(frozen=True, slots=True)
class Station:
    """A state on the path. `here`: it is the present one; `siding`: it is off the main line."""

    state: State
    passed: bool
    here: bool
    siding: bool = False


def path(state: State, passed: Collection[State]) -> tuple[Station, ...]:
    """The main line; where the present state is off it, that follows the last station that was passed."""
    line = [Station(each, each in passed, each is state) for each in MAIN_LINE]
    if state in MAIN_LINE:
        return tuple(line)
    last = max((number for number, each in enumerate(line) if each.passed), default=0)
    return (*line[: last + 1], Station(state, passed=True, here=True, siding=True), *line[last + 1 :])


def mood(state: State) -> Mood:
    """How it stands with an incident in this state."""
    if state is State.HEALED:
        return Mood.GOOD
    if state in ENDED or state is State.STUCK:
        return Mood.BAD
    return Mood.WAITS if state in (State.AWAITING_CONFIRM, State.NEEDS_HUMAN, State.STAGED) else Mood.MOVES
