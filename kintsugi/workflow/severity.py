"""How bad an incident is: by a rule from how often it came, how many people it hit and where; or as somebody set it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MOST_PEOPLE = 100
"""So many people are counted for the rule, as more would not make it worse."""

_MANY, _SOME = 100, 10  # people, or times in one hour
_FOR_TRYING = re.compile(
    r"(?i)(?<![a-z])(dev|develop|development|local|localhost|tests?|testing|ci|qa|stage|staging|preview|sandbox|demo)"
    r"(?![a-z])"
)


class Severity(StrEnum):
    """The worst comes first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    def is_at_least(self, other: Severity) -> bool:
        order = list(Severity)
        return order.index(self) <= order.index(other)


@dataclass(frozen=True, slots=True)
class Rating:
    """A severity, and why: "it hit 12 people", "set by alice"."""

    severity: Severity
    why: str


def rated(times_an_hour: int, people: int, environment: str) -> Rating:
    """By the rule. `times_an_hour`: in its busiest hour. `people`: those it hit, counted up to MOST_PEOPLE.

    100 people or 100 times in an hour are critical, 10 are high, less is medium. Where the environment's name says that
    it is for trying things (dev, test, staging, ...), it is low.
    """
    if _FOR_TRYING.search(environment):
        return Rating(Severity.LOW, f"the environment is {environment}")
    for severity, least in ((Severity.CRITICAL, _MANY), (Severity.HIGH, _SOME)):
        if people >= least:
            more = " or more" if people >= MOST_PEOPLE else ""
            return Rating(severity, f"it hit {people}{more} people")
        if times_an_hour >= least:
            return Rating(severity, f"it came {times_an_hour} times in an hour")
    return Rating(Severity.MEDIUM, "fewer than 10 people and times in an hour")
