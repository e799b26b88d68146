"""What becomes of the question whether a patch is to be pushed."""

from __future__ import annotations

from dataclasses import dataclass, field

from kintsugi.workflow.incident import Ask, Incident
from kintsugi.workflow.triggers.base import Command, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationAsked(Trigger):
    """A token was made for this patch; only its hash is told."""

    ask: Ask

    @property
    def says(self) -> str:
        return f"Confirmation asked; it is open until {self.ask.expires_at:%Y-%m-%d %H:%M} UTC."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.without_ask().but(ask=self.ask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed(Command):
    """A human approved the patch that was shown: by its token, or on a page where they are logged in by name.

    `shown` is what that page showed, as `Ask.shown`.
    """

    token: str = field(default="", repr=False)
    shown: str = ""

    @property
    def says(self) -> str:
        return f"Confirmed by {self.actor}{' on the page' if self.shown else ''}."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.without_ask().but(confirmed_by=self.actor, confirmed_at=self.at, shown_before=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Command):
    """A human said no to the patch."""

    why: str = ""

    @property
    def says(self) -> str:
        return f"Rejected by {self.actor}{': ' + self.why if self.why else '.'}"

    def apply_to(self, incident: Incident) -> Incident:
        reason = f"A human rejected the patch: {self.why}" if self.why else "A human rejected the patch."
        return incident.without_ask().but(feedback=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired(Trigger):
    """Nobody confirmed in time."""

    patch: str  # Patch.sha that the confirmation was asked for

    @property
    def says(self) -> str:
        return "Nobody confirmed in time."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.without_ask()


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseMoved(Trigger):
    """The target branch moved under the patch: what was shown is not what would be merged."""

    base: str  # the branch's present commit

    @property
    def says(self) -> str:
        return f"The target branch moved to {self.base[:10]}: the patch is checked and asked for again."

    def apply_to(self, incident: Incident) -> Incident:
        shown = incident.shown_before or incident.patch
        return incident.without_ask().but(confirmed_by="", confirmed_at=None, shown_before=shown)
