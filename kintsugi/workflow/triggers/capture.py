"""What is captured, held back, or told better later."""

from __future__ import annotations

from dataclasses import dataclass

from kintsugi.workflow.incident import Incident
from kintsugi.workflow.patch import Change, Reproduction
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.quiet import FOR_GOOD, Wish, ignored
from kintsugi.workflow.triggers.base import Command, Fact, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured(Command):
    """A failure was seen. `incident` is 0: the store gives the number."""

    incident: int = 0
    payload: Payload
    dry_run: bool = False
    rounds_allowed: int = 3
    believed: bool = True  # false: told by a source that anybody can write to
    opens: bool = True  # false: it only counts, on the newest incident of the failure
    who: str = ""  # a digest that tells those apart whom it hit
    contains: str = ""  # a commit that its build is known to contain

    @property
    def says(self) -> str:
        return self.payload.incident.summary

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(last_seen=self.payload.occurred.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Command):
    """A staged payload was released to the analyst."""

    @property
    def says(self) -> str:
        return "The staged payload was sent on."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(dry_run=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMadeAgain(Trigger):
    """The failing call was made again in the sandbox, before any model was asked."""

    reproduction: Reproduction

    @property
    def says(self) -> str:
        if self.reproduction.is_reproduced:
            return f"Reproduced before any model was asked: {self.reproduction.says}"
        return self.reproduction.says

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(reproduction=self.reproduction)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFound(Fact):
    """The failing call was made at deployed commits, and one of them brought the failure."""

    change: Change

    @property
    def says(self) -> str:
        return f"Brought by {self.change.words}: the failing call fails there, and not at the deployed commit before."

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(brought_by=self.change)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored(Command):
    """A human wants to hear nothing of this failure, for as long as they wish; it is counted all the while."""

    wish: Wish = FOR_GOOD
    why: str = ""

    @property
    def says(self) -> str:
        return f"Ignored by {self.actor} {self.wish.words}{': ' + self.why if self.why else '.'}"

    def apply_to(self, incident: Incident) -> Incident:
        return incident.without_ask().but(quiet=ignored(self.actor, self.at, self.wish, incident.builds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unignored(Command):
    """The failure may open incidents again: a human took it back, or (`why`) what it was to last until is here."""

    why: str = ""

    @property
    def says(self) -> str:
        return f"No longer ignored: {self.why or f'{self.actor} took it back.'}"

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(quiet=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BetterTold(Fact):
    """A source that is believed tells of the failure, of which what is kept came from one that anybody can write to."""

    payload: Payload

    @property
    def says(self) -> str:
        told = self.payload.incident
        return f"What {told.opened_by} tells takes the place of what came first: {told.summary}"

    def apply_to(self, incident: Incident) -> Incident:
        told = self.payload
        return incident.but(summary=told.incident.summary, build_sha=told.build.sha, believed=True)
