"""What the past of an incident is told with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kintsugi.workflow.incident import Incident, Turn
from kintsugi.workflow.names import State
from kintsugi.workflow.patch import Tier
from kintsugi.workflow.triggers import PatchProven, PatchRefused, words


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the history: who, what, when, from where to where; and what the effect behind it took."""

    seq: int
    trigger: str
    source: str
    dest: State
    actor: str
    at: datetime
    says: str
    attempts: int = 0
    seconds: float = 0.0
    usd: float = 0.0

    @property
    def proven(self) -> bool | None:
        """Of a patch that was checked: whether it was proven, None where nothing could be tried. None of other rows."""
        if self.trigger == PatchProven.__name__:
            return None if self.says.startswith(Tier.E0.value) else True  # as rows have begun at all times
        return False if self.trigger == PatchRefused.__name__ else None

    @property
    def words(self) -> str:
        """What happened, as it is read aloud."""
        is_untried = self.trigger == PatchProven.__name__ and self.proven is None
        return "patch not proven" if is_untried else words(self.trigger)


@dataclass(frozen=True, slots=True)
class Talk:
    """The conversation with a model that led to the history's row `seq`, oldest turn first."""

    seq: int
    analyst: str
    prompt: str
    at: datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """An incident with its history, oldest row first."""

    incident: Incident
    history: Sequence[Step]
