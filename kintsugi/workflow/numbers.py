"""What incidents took and what came of them, week by week and step by step. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import quantiles

from kintsugi.workflow.history import Past
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.names import State
from kintsugi.workflow.times import times

WEEKS = 12
SOMEBODY = "somebody"
"""Not a stage of the main line: until somebody has it."""

_TAKEN = frozenset({"Acknowledged", "Assigned"})


@dataclass(frozen=True, slots=True)
class Week:
    """The incidents that were opened in the week of `monday`, as they stand now.

    `usd`: what their models cost, but for the `unpriced` calls, whose price is not known.
    """

    monday: date
    healed: int = 0
    under_way: int = 0
    ended: int = 0  # without a cure that was shown
    usd: float = 0.0
    unpriced: int = 0

    @property
    def opened(self) -> int:
        return self.healed + self.under_way + self.ended

    @property
    def fix_rate(self) -> float | None:
        """The share that was healed, of those that ended; None where none did."""
        over = self.healed + self.ended
        return self.healed / over if over else None


@dataclass(frozen=True, slots=True)
class Spread:
    """How long one stage took, in seconds, shortest first; a stage is told as in `kintsugi.workflow.times`."""

    stage: str
    seconds: tuple[float, ...]

    @property
    def tenths(self) -> tuple[float, float, float]:
        """What one in ten, half, and nine in ten stayed below."""
        if len(self.seconds) == 1:
            return (self.seconds[0],) * 3
        cuts = quantiles(self.seconds, n=10, method="inclusive")
        return cuts[0], cuts[4], cuts[8]


def by_week(pasts: Iterable[Past], now: datetime) -> list[Week]:
    """The last WEEKS weeks, oldest first, this one included; a week without incidents too."""
    this = _monday(now)
    weeks = {this - timedelta(weeks=ago): Week(this - timedelta(weeks=ago)) for ago in range(WEEKS - 1, -1, -1)}
    for past in pasts:
        monday = _monday(past.incident.opened_at)
        if monday in weeks:
            weeks[monday] = _with(weeks[monday], past.incident)
    return list(weeks.values())


def per_healed(weeks: Iterable[Week]) -> str:
    """What one healed incident cost, with all that was spent on those that were not. A sentence."""
    weeks = list(weeks)
    healed, usd = sum(week.healed for week in weeks), sum(week.usd for week in weeks)
    if unpriced := sum(week.unpriced for week in weeks):
        calls = "1 call has a price" if unpriced == 1 else f"{unpriced:,} calls have a price"
        return f"Cost per healed incident: unknown, as {calls} that is not known. Set KINTSUGI_LLM_PRICES."
    if not healed:
        return "Cost per healed incident: none was healed yet."
    return f"Cost per healed incident: ${usd / healed:.2f}, with what was spent on all others."


def to_somebody(pasts: Iterable[Past]) -> Spread | None:
    """How long it took until somebody had an incident: took it, or was given it. None where nobody had one yet."""
    took = sorted(seconds for past in pasts if (seconds := _to_somebody(past)) is not None)
    return Spread(SOMEBODY, tuple(took)) if took else None


def _to_somebody(past: Past) -> float | None:
    taken = next((step.at for step in past.history if step.trigger in _TAKEN), None)
    return None if taken is None else max((taken - past.incident.opened_at).total_seconds(), 0.0)


def by_stage(pasts: Iterable[Past]) -> list[Spread]:
    """How long each stage took, of the incidents that came through it. A stage nobody came through is left out."""
    found: dict[str, list[float]] = {}
    for past in pasts:
        for stage, seconds in times(past.incident.opened_at, past.history).seconds().items():
            found.setdefault(stage, []).append(seconds)
    found.pop("detect", None)  # needs the first failure, which stands in the payload
    return [Spread(stage, tuple(sorted(seconds))) for stage, seconds in found.items()]


def _with(week: Week, incident: Incident) -> Week:
    healed = incident.state is State.HEALED
    ended = incident.ended and not healed
    return Week(
        week.monday,
        week.healed + healed,
        week.under_way + (not healed and not ended),
        week.ended + ended,
        week.usd + incident.cost.usd,
        week.unpriced + incident.cost.unpriced,
    )


def _monday(at: datetime) -> date:
    return at.date() - timedelta(days=at.weekday())
