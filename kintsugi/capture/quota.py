"""How many incidents a program may open by itself in a day, and what counts on another instead."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from kintsugi.workflow.incident import Incident
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Clock

_COUNTED_AGAIN = timedelta(minutes=1)  # what other processes opened meanwhile
_NEWEST = 1000


class Quota(Protocol):
    """`a_day` in all, `a_failure` of one failure, `a_kin` of failures that differ in words alone."""

    @property
    def a_day(self) -> int: ...
    @property
    def a_failure(self) -> int: ...
    @property
    def a_kin(self) -> int: ...


class Listed(Protocol):
    """Where incidents are kept. Raises StoreUnavailable."""

    async def incidents(self, *, limit: int) -> list[Incident]:
        """The newest ones, the newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """The incidents that a program opened since midnight, the newest first, as they stood at `at`."""

    at: datetime
    incidents: tuple[Incident, ...]

    def of_kin(self, kin: str) -> list[Incident]:
        """Those of failures that differ from each other in words alone."""
        return [each for each in self.incidents if kin and each.kin == kin]

    def newer(self, last: Incident | None, names: Collection[str]) -> Incident | None:
        """The one that was opened after `last`, of the failure with these fingerprints; `last` where none was."""
        found = next((each for each in self.incidents if each.fingerprint in names), None)
        return found if found and (last is None or found.id > last.id) else last

    def and_also(self, *incidents: Incident) -> Opened:
        """These as well, as far as they were opened on its day and are not known yet."""
        known = {each.id for each in self.incidents}
        fresh = [each for each in incidents if each.id not in known and each.opened_at.date() == self.at.date()]
        both = sorted((*fresh, *self.incidents), key=lambda each: each.id, reverse=True)
        return replace(self, incidents=tuple(both)) if fresh else self

    def is_of(self, now: datetime) -> bool:
        """Whether it can be gone by still."""
        return self.at.date() == now.date() and now - self.at < _COUNTED_AGAIN


async def opened_today(store: Listed, clock: Clock, program: str) -> Opened:
    """By `program`, which is the whole of a name, or a name's beginning up to its colon. Raises StoreUnavailable."""
    now = clock.now()
    newest = await store.incidents(limit=_NEWEST)
    names = (program, program + ":")
    ours = [
        each
        for each in newest
        if (each.opened_by == names[0] or each.opened_by.startswith(names[1])) and each.opened_at.date() == now.date()
    ]
    return Opened(now, tuple(ours))


def held_back(
    payload: Payload, last: Incident | None, opened: Opened, quota: Quota, alike: Sequence[Incident] = ()
) -> Payload | None:
    """Where a failure, or one that differs in words alone, opened enough for today: what only counts instead.

    A new one counts on the newest of its kin, by whose fingerprint it then goes; or on the newest of those that are
    `alike`, newest first, which are enough where there are any.
    """
    kin = opened.of_kin(payload.incident.kin)
    if last:
        own = [each for each in opened.incidents if each.fingerprint == last.fingerprint]
        return payload if len(own) >= quota.a_failure or len(kin) >= quota.a_kin else None
    if not alike and len(kin) < quota.a_kin:
        return None
    newest = (alike or kin)[0]
    about = payload.incident.model_copy(update={"fingerprint": newest.fingerprint, "earlier": ()})
    return payload.model_copy(update={"incident": about})


def counts_on(last: Incident, now: datetime, build: str | None) -> bool:
    """Whether a failure counts on the newest incident of it, and opens none, whatever else is allowed today."""
    return not last.ended or bool(last.quiet and not last.quiet.over(now, build))
