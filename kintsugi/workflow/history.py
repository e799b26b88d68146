"""What the past of an incident is told with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kintsugi.workflow.incident import Incident, Turn
from kintsugi.workflow.names import State


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
