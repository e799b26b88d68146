"""Where an incident got stuck or ended, and how it goes on."""

from __future__ import annotations

from dataclasses import dataclass

from kintsugi.workflow.incident import Incident, Stuck
from kintsugi.workflow.names import Effect, State
from kintsugi.workflow.triggers.base import Command, Trigger
from kintsugi.workflow.triggers.deployment import NOTHING_DEPLOYED, DeployFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class StepGaveUp(Trigger):
    """An effect failed too often, or in a way that trying again cannot mend."""

    effect: Effect
    why: str

    @property
    def says(self) -> str:
        return f"Gave up on {self.effect.words}: {self.why}"

    def apply_to(self, incident: Incident) -> Incident:
        return incident.but(rolling_back=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried(Command):
    """A human wants the step that gave up, or the analyst, to try once more. `hint`: their words to the analyst."""

    hint: str = ""

    @property
    def says(self) -> str:
        return f"{self.actor} asked to try again{': ' + self.hint if self.hint else '.'}"

    def apply_to(self, incident: Incident) -> Incident:
        """A human may ask for one more round than the analyst has by itself."""
        rolling_back = incident.stuck is not None and incident.stuck.effect is Effect.ROLL_BACK
        again = incident.but(deploy_asks=(), rounds_allowed=max(incident.rounds_allowed, incident.rounds + 1))
        again = again.but(rolling_back=rolling_back) if incident.stuck else again
        return again.but(hint=self.hint) if self.hint else again


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(Command):
    """What was ended, or said to be fixed, by mistake goes on."""

    why: str = ""

    @property
    def says(self) -> str:
        return f"Reopened by {self.actor}{': ' + self.why if self.why else '.'}"

    def apply_to(self, incident: Incident) -> Incident:
        fix = incident.pull_request
        by_hand = fix is not None and fix.by and not incident.ended
        return incident.but(pull_request=None, **NOTHING_DEPLOYED) if by_hand else incident


def stuck_by(trigger: Trigger, incident: Incident) -> Stuck | None:
    """What an incident remembers of where it got stuck, if `trigger` is one that makes it so."""
    match trigger:
        case StepGaveUp(effect=effect, why=why):
            return incident.stuck or Stuck(incident.state, effect, why)
        case DeployFailed(why=why):
            return Stuck(incident.state, Effect.DEPLOY, why)
        case Reopened():
            return Stuck(State.MERGED, Effect.DEPLOY, "It was ended before its fix was deployed.")
        case _:
            return None
