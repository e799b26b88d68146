"""Who has to act next for an incident that is open, and since when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kintsugi.workflow.incident import Incident
from kintsugi.workflow.names import ENDED, State


class Party(StrEnum):
    """Who is waited for, in words."""

    PEOPLE = "you"
    KINTSUGI = "Kintsugi"
    CODE_HOST = "the review and merge"
    DEPLOYER = "the deployer"
    PROGRAM = "proof of the cure"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open incident, and since when it is in its state."""

    incident: Incident
    since: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for one party, the longest first. `longest` is how long that one has."""

    party: Party
    waiting: tuple[Waiting, ...]
    longest: timedelta


def waits_for(incident: Incident) -> Party | None:
    """Who has to act next; None for an incident that ended."""
    if incident.rolling_back:
        return Party.DEPLOYER
    return None if incident.ended else _PARTIES[incident.state]


def queues(waiting: Iterable[Waiting], now: datetime) -> list[Queue]:
    """A queue for each party that something waits for, people first."""
    longest_first = sorted(waiting, key=lambda each: (each.since, each.incident.id))
    found = {party: tuple(each for each in longest_first if waits_for(each.incident) is party) for party in Party}
    return [Queue(party, line, max(now - line[0].since, timedelta())) for party, line in found.items() if line]


_PARTIES = {
    State.STAGED: Party.PEOPLE,
    State.CAPTURED: Party.KINTSUGI,
    State.DIAGNOSED: Party.KINTSUGI,
    State.AWAITING_CONFIRM: Party.PEOPLE,
    State.CONFIRMED: Party.KINTSUGI,
    State.PR_OPENED: Party.CODE_HOST,
    State.MERGED: Party.DEPLOYER,
    State.DEPLOYED: Party.PROGRAM,
    State.NEEDS_HUMAN: Party.PEOPLE,
    State.STUCK: Party.PEOPLE,
}
assert _PARTIES.keys() == set(State) - ENDED
