"""What every trigger has, and the three kinds by who it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from kintsugi.workflow.incident import Incident


class Origin(StrEnum):
    """Who a trigger comes from decides what becomes of one that does not fit the present state."""

    COMMAND = "command"  # a human's: refused with a sentence
    FACT = "fact"  # the outside world's: waits in the inbox until the state allows it
    RESULT = "result"  # an effect's own: stale, and dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Something that happened to `incident` at `at`, known by `key`, done by `actor` (source:name)."""

    origin: ClassVar[Origin] = Origin.RESULT

    incident: int
    key: str
    at: datetime
    actor: str = "kintsugi"

    @property
    def says(self) -> str:
        """One sentence for the history."""
        return ""

    def apply_to(self, incident: Incident) -> Incident:
        return incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Trigger):
    """What a human asked for."""

    origin: ClassVar[Origin] = Origin.COMMAND


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Trigger):
    """What the outside world tells."""

    origin: ClassVar[Origin] = Origin.FACT


def words(trigger: type[Trigger] | str) -> str:
    """A trigger's name as it is read aloud: `PullRequestMerged` is "pull request merged"."""
    name = trigger if isinstance(trigger, str) else trigger.__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
