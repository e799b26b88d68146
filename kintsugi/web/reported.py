"""What becomes of a failure that a program reported by itself: counted, left aside, or an incident of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

from kintsugi.capture.intake import Intake
from kintsugi.capture.quota import Opened, counts_on, held_back, opened_today
from kintsugi.telemetry.fingerprint import plain_message
from kintsugi.web.reading import Failed, Ran
from kintsugi.web.reports import Taken
from kintsugi.web.sentry import Project
from kintsugi.workflow.cure import Counted
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Clock, CodeHost, Outcome, Receipt, Store
from kintsugi.workflow.scheduled import CheckIn

log = logging.getLogger("kintsugi.service")


_FIXED_WORDS, _VALUES = 3, 2  # of a template that was not told: at least, and incidents with another word in its place


class Jobs(Protocol):
    """Where check-ins are kept."""

    async def check_in(self, key: str, counted: Counted, project: str, check: CheckIn) -> bool: ...


def of_template(opened: Opened, kin: str, said: str) -> list[Incident]:
    """Those of the kin whose words are these but for one, which stands in the same place in all of them."""
    words, at_place = _words(said), defaultdict[int, list[Incident]](list)
    for each in opened.of_kin(kin):
        places = _differing(words, _words(each.summary))
        if len(places) == 1 and len(words) > _FIXED_WORDS:
            at_place[places[0]].append(each)
    return max(at_place.values(), key=len, default=[])


def _words(said: str) -> list[str]:
    return plain_message(said).split()


def _differing(one: list[str], other: list[str]) -> list[int]:
    if len(one) != len(other):
        return []
    return [at for at, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]


class Openers:
    """How many incidents each known peer opened today, in each project, as far as this process was told."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._counts = Counter[tuple[str, str]]()

    def count(self, name: str, peer: str, at: datetime) -> None:
        if peer:
            self._of_today(at)[name, peer] += 1

    def of(self, name: str, peer: str, at: datetime) -> int:
        return self._of_today(at)[name, peer]

    def _of_today(self, at: datetime) -> Counter[tuple[str, str]]:
        """By midnight, UTC; no more of them than projects may open incidents in a day."""
        if self._day != at.date():
            self._day = at.date()
            self._counts.clear()
        return self._counts


@dataclass(slots=True)
class Reported:
    """Takes what was read of the reports of Sentry's SDKs."""

    store: Store
    clock: Clock
    intake: Intake
    host: CodeHost
    jobs: Jobs | None = None  # that check in by a schedule; None: nobody watches them
    _opened: dict[str, Opened] = field(default_factory=dict)
    _opening: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _openers: Openers = field(default_factory=Openers)

    async def take(self, name: str, project: Project, told: Failed | Ran, peer: str = "") -> Taken:
        """`peer`: who tells it, "" where that is not known. Raises StoreUnavailable."""
        return await (self._heard(name, project, told, peer) if isinstance(told, Failed) else self._count(name, told))

    async def _count(self, name: str, ran: Ran) -> Taken:
        key = f"sentry:{name}:{ran.key}"
        if ran.check and self.jobs:
            fresh = await self.jobs.check_in(key, ran.counted, name, ran.check)
        else:
            fresh = await self.store.add_runs(key, ran.counted)
        return Taken.STORED if fresh else Taken.KNOWN

    async def _heard(self, name: str, project: Project, failed: Failed, peer: str) -> Taken:
        if not failed.whole:
            return await self._counted(name, project, failed)
        payload = failed.payload
        last = await self.store.newest_of(*payload.incident.names)
        if last and counts_on(last, self.clock.now(), payload.build.sha if project.believed else None):
            return _taken(await self._fire(name, project, failed))
        if not project.opens or await self._is_before_the_fix(payload, last):
            return Taken.IGNORED
        if taken := await self._held_back(name, project, failed, last):
            return taken
        async with self._opening[name]:  # one at a time, so that it is known what the one before came to
            last = (await self._opened_today(name)).newer(last, payload.incident.names)
            opens = last is None or last.ended
            return (opens and await self._held_back(name, project, failed, last)) or await self._open(
                name, project, failed, peer, opens=opens
            )

    async def _counted(self, name: str, project: Project, failed: Failed) -> Taken:
        receipt = await self.intake.take_outline(
            failed.payload,
            key=f"sentry:{name}:{failed.id}",
            actor=f"sentry:{name}",
            believed=project.believed,
            who=failed.who,
        )
        return _taken(receipt) if receipt else Taken.UNTOLD

    async def _held_back(self, name: str, project: Project, failed: Failed, last: Incident | None) -> Taken | None:
        """Only count it, where its failure opened enough for today, or those that differ from it in words alone."""
        counts = self._instead(project, failed.payload, last, await self._opened_today(name))
        if counts is None:
            return None
        return _taken(await self._fire(name, project, replace(failed, payload=counts), opens=False))

    def _instead(self, project: Project, payload: Payload, last: Incident | None, opened: Opened) -> Payload | None:
        """As what it counts; None where it may open."""
        alike = of_template(opened, payload.incident.kin, payload.incident.summary)
        return held_back(payload, last, opened, project, alike if len(alike) >= _VALUES else ())

    async def _open(self, name: str, project: Project, failed: Failed, peer: str, *, opens: bool) -> Taken:
        """Only what opened an incident counts for the day: no duplicate, and nothing that met one just opened."""
        opened = await self._opened_today(name)
        if opens and self._is_enough(name, project, opened, peer):
            return Taken.LIMITED
        receipt = await self._fire(name, project, failed)
        if receipt.outcome == Outcome.APPLIED:
            self._openers.count(name, peer, receipt.incident.opened_at)
            opened = opened.and_also(receipt.incident)
            if len(opened.of_kin(receipt.incident.kin)) == project.a_kin:
                extra = {"project": name, "a_day": project.a_kin, "incident_id": receipt.incident.name}
                log.warning("failure_limit_reached", extra=extra)
        self._opened[name] = opened
        return _taken(receipt)

    def _is_enough(self, name: str, project: Project, opened: Opened, peer: str) -> bool:
        """Whether the project opened enough for today; or by a key that anybody can read, this one of its peers did."""
        if len(opened.incidents) >= project.a_day:
            log.warning("report_limited", extra={"project": name, "a_day": project.a_day})
            return True
        floods = not project.believed and self._openers.of(name, peer, opened.at) >= project.a_peer
        if floods:
            log.warning("report_flood", extra={"project": name, "peer": peer, "a_peer": project.a_peer})
        return floods

    async def _fire(self, name: str, project: Project, failed: Failed, *, opens: bool = True) -> Receipt:
        actor = f"sentry:{name}"
        return await self.intake.take(
            failed.payload,
            key=f"{actor}:{failed.id}",
            actor=actor,
            believed=project.believed,
            opens=opens,
            who=failed.who,
        )

    async def _is_before_the_fix(self, payload: Payload, last: Incident | None) -> bool:
        """Whether a build of which it is known that it lacks the fix of this failure reports it once more."""
        build, fix = payload.build.sha, last.merge_sha if last else None
        if not (build and fix):
            return False
        try:
            head = await self.host.head()
            known = await self.host.contains(head, build)
            return known and not await self.host.contains(build, fix)
        except StepFailed:  # the code host cannot be asked: an incident too many is better than one too few
            return False

    async def _opened_today(self, name: str) -> Opened:
        known = self._opened.get(name)
        if known is None or not known.is_of(self.clock.now()):
            self._opened[name] = known = await opened_today(self.store, self.clock, f"sentry:{name}")
        return known


def _taken(receipt: Receipt) -> Taken:
    return Taken.KNOWN if receipt.outcome == Outcome.DUPLICATE else Taken.STORED
