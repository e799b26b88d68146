"""What people say about an incident, and that they are called."""

from __future__ import annotations

from dataclasses import dataclass

from kintsugi.workflow.incident import Incident
from kintsugi.workflow.quiet import cancelled, duplicate
from kintsugi.workflow.severity import Severity
from kintsugi.workflow.triggers.base import Command, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(Command):
    """Somebody has it."""

    @property
    def says(self) -> str:
        return f"{self.actor} has it."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(holder=self.actor, acknowledged_at=self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned(Command):
    """Somebody is to have it: `to`, as the history names people."""

    to: str = ""

    @property
    def says(self) -> str:
        return f"{self.actor} gave it to {self.to}."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(holder=self.to, acknowledged_at=incident.acknowledged_at or self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Released(Command):
    """Nobody has it any more."""

    @property
    def says(self) -> str:
        return f"{self.actor} released it: nobody has it."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(holder="", acknowledged_at=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Command):
    """Somebody wrote something down."""

    text: str = ""

    @property
    def says(self) -> str:
        return f"Note: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveritySet(Command):
    """Somebody said how bad it is. `level` None: the rule says it again."""

    level: Severity | None = None

    @property
    def says(self) -> str:
        return f"{self.actor} set the severity: {self.level or 'by the rule'}."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(severity_set=self.level, severity_set_by=self.actor if self.level else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicated(Command):
    """It is the same as incident `of`."""

    of: int = 0

    @property
    def says(self) -> str:
        return f"{self.actor} marked it as a duplicate of INC-{self.of}."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.without_ask().but(quiet=duplicate(self.actor, self.at, self.of))


@dataclass(frozen=True, slots=True, kw_only=True)
class Called(Trigger):
    """People were called: `whom`, as the settings name them."""

    whom: str

    @property
    def says(self) -> str:
        return f"Called {self.whom}."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(calls=(*incident.calls, self.at))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Command):
    """An admin ended the incident."""

    why: str = ""

    @property
    def says(self) -> str:
        return f"Cancelled by {self.actor}{': ' + self.why if self.why else '.'}"

    def apply_to(self, incident: Incident) -> Incident:
        quiet = cancelled(self.actor, self.at, incident.builds, incident.pace.most)
        return incident.without_ask().but(quiet=quiet)
