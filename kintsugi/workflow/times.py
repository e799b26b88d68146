"""How long an incident took, stage by stage, from its history. Pure.

A stage ends when its state was first reached after the stage before it was: what was done again counts in the stage
that had to wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kintsugi.workflow.history import Step
from kintsugi.workflow.names import State

_ENDS = (
    ("diagnose", State.DIAGNOSED),
    ("approve", State.CONFIRMED),
    ("merge", State.MERGED),
    ("deploy", State.DEPLOYED),
    ("heal", State.HEALED),
)
DETECT = "detect"
STAGES = (DETECT, *(name for name, _ in _ENDS))
STAGE_ENDS = frozenset(state for _, state in _ENDS)


@dataclass(frozen=True, slots=True)
class Times:
    """To detect: from the first failure to the incident. The others: each from the end of the one before it.

    None: it has not ended yet.
    """

    detect: timedelta | None = None
    diagnose: timedelta | None = None
    approve: timedelta | None = None
    merge: timedelta | None = None
    deploy: timedelta | None = None
    heal: timedelta | None = None

    def seconds(self) -> dict[str, float]:
        """Those that ended, by name."""
        found = {name: getattr(self, name) for name in STAGES}
        return {name: time.total_seconds() for name, time in found.items() if time is not None}


def times(first_failure: datetime, history: Sequence[Step]) -> Times:
    """Of one incident. `history` is oldest first; a clock that was set back makes no time negative."""
    if not history:
        return Times()
    found = {DETECT: max(history[0].at - first_failure, timedelta())}
    return Times(**found, **{name: took for name, _, took in _stages(history)})


def ended_by(history: Sequence[Step]) -> tuple[str, timedelta] | None:
    """The stage that the last step of a history ended, and how long it took; None where it ended none."""
    return next(((name, took) for name, step, took in _stages(history) if step is history[-1]), None)


def under_way(history: Sequence[Step]) -> tuple[str, datetime] | None:
    """The stage that has not ended yet, and since when it is under way; None after the last."""
    ended = list(_stages(history))
    if not history or len(ended) == len(_ENDS):
        return None
    return _ENDS[len(ended)][0], (ended[-1][1] if ended else history[0]).at


def roughly(time: timedelta) -> str:
    """A length of time as people say it: 12 s, 4 min, 3 h, 2 days."""
    seconds = time.total_seconds()
    for least, unit, name in ((2 * 86400, 86400, "days"), (2 * 3600, 3600, "h"), (120, 60, "min")):
        if seconds >= least:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds:.0f} s"


def stages(history: Sequence[Step]) -> list[tuple[str, State, timedelta]]:
    """The stages that ended, in order: the name, the state that ended it, and how long it took."""
    return [(name, step.dest, took) for name, step, took in _stages(history)]


def _stages(history: Sequence[Step]) -> Iterator[tuple[str, Step, timedelta]]:
    if not history:
        return
    before = history[0]
    for name, state in _ENDS:
        ended = next((step for step in history if step.dest is state and step.seq > before.seq), None)
        if ended is None:
            return
        yield name, ended, max(ended.at - before.at, timedelta())
        before = ended
