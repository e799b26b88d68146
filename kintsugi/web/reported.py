"""What becomes of a failure that a program reported by itself: counted, left aside, or an incident of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from kintsugi.capture.intake import Intake
from kintsugi.capture.quota import Opened, counts_on, held_back, opened_today
from kintsugi.web.reading import Failed, Ran
from kintsugi.web.reports import Taken
from kintsugi.web.sentry import Project
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Clock, CodeHost, Outcome, Store

log = logging.getLogger("kintsugi.service")


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
    _opened: dict[str, Opened] = field(default_factory=dict)
    _opening: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _openers: Openers = field(default_factory=Openers)

    async def take(self, name: str, project: Project, told: Failed | Ran, peer: str = "") -> Taken:
        """`peer`: who tells it, "" where that is not known. Raises StoreUnavailable."""
        return await (self._heard(name, project, told, peer) if isinstance(told, Failed) else self._count(name, told))

    async def _count(self, name: str, ran: Ran) -> Taken:
        return Taken.STORED if await self.store.add_runs(f"sentry:{name}:{ran.key}", ran.counted) else Taken.KNOWN

    async def _heard(self, name: str, project: Project, failed: Failed, peer: str) -> Taken:
        if not failed.whole:
            return await self._counted(name, project, failed)
        payload = failed.payload
        last = await self.store.newest_of(*payload.incident.names)
        build = payload.build.sha if project.believed else None
        if last and counts_on(last, self.clock.now(), build):
            return _taken(await self._fire(name, project, failed))
        if not project.opens or await self._is_before_the_fix(payload, last):
            return Taken.IGNORED
        if held := await self._held_back(name, project, payload, last):
            return _taken(await self._fire(name, project, replace(failed, payload=held), opens=False))
        async with self._opening[name]:  # one at a time, so that it is known what the one before came to
            return await self._open(name, project, failed, peer)

    async def _counted(self, name: str, project: Project, failed: Failed) -> Taken:
        receipt = await self.intake.take_outline(
            failed.payload,
            key=f"sentry:{name}:{failed.id}",
            actor=f"sentry:{name}",
            believed=project.believed,
            who=failed.who,
        )
        return _taken(receipt) if receipt else Taken.UNTOLD

    async def _held_back(self, name: str, project: Project, payload: Payload, last: Incident | None) -> Payload | None:
        return held_back(payload, last, await self._opened_today(name), project)

    async def _open(self, name: str, project: Project, failed: Failed, peer: str) -> Taken:
        """Only what opened an incident counts for the day: no duplicate, and nothing that met one just opened."""
        last = await self.store.newest_of(*failed.payload.incident.names)
        opened = await self._opened_today(name)
        if (last is None or last.ended) and self._is_enough(name, project, opened, peer):
            return Taken.LIMITED
        receipt = await self._fire(name, project, failed)
        if receipt.outcome == Outcome.APPLIED:
            self._openers.count(name, peer, receipt.incident.opened_at)
            opened = opened.and_also(receipt.incident)
            if len(opened.of_kin(receipt.incident.kin)) == project.a_kin:
                extra = {"project": name, "a_day": project.a_kin, "incident_id": receipt.incident.name}
                log.warning("failure_holds_back", extra=extra)
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
