"""What becomes of a failure that a program reported by itself: counted, left aside, or an incident of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from kintsugi.capture.intake import Intake
from kintsugi.web.reading import Failed, Ran
from kintsugi.web.reports import Taken
from kintsugi.web.sentry import Project
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Clock, CodeHost, Outcome, Store

log = logging.getLogger("kintsugi.service")


_COUNTED_AGAIN = timedelta(minutes=1)  # what other processes opened meanwhile


@dataclass(frozen=True, slots=True)
class Opened:
    """How many incidents a project opened since midnight, as counted at `at`."""

    at: datetime
    count: int


@dataclass(slots=True)
class Reported:
    """Takes what was read of the reports of Sentry's SDKs."""

    store: Store
    clock: Clock
    intake: Intake
    host: CodeHost
    _opened: dict[str, Opened] = field(default_factory=dict)
    _opening: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def take(self, name: str, project: Project, told: Failed | Ran) -> Taken:
        """Raises StoreUnavailable."""
        return await (self._heard(name, project, told) if isinstance(told, Failed) else self._count(name, told))

    async def _count(self, name: str, ran: Ran) -> Taken:
        return Taken.STORED if await self.store.add_runs(f"sentry:{name}:{ran.key}", ran.counted) else Taken.KNOWN

    async def _heard(self, name: str, project: Project, failed: Failed) -> Taken:
        payload = failed.payload
        last = await self.store.newest_of(*payload.incident.names)
        if last and not last.ended:
            return _taken(await self._fire(name, project, failed))
        if not project.opens or await self._is_before_the_fix(payload, last):
            return Taken.IGNORED
        async with self._opening[name]:  # one at a time, so that it is known what the one before came to
            return await self._open(name, project, failed)

    async def _open(self, name: str, project: Project, failed: Failed) -> Taken:
        """Only what opened an incident counts for the day: no duplicate, and nothing that met one just opened."""
        last = await self.store.newest_of(*failed.payload.incident.names)
        opened = await self._opened_today(name)
        if (last is None or last.ended) and opened.count >= project.a_day:
            log.warning("report_limited", extra={"project": name, "a_day": project.a_day})
            return Taken.LIMITED
        receipt = await self._fire(name, project, failed)
        if receipt.outcome == Outcome.APPLIED:
            opened = replace(opened, count=opened.count + 1)
        self._opened[name] = opened
        return _taken(receipt)

    async def _fire(self, name: str, project: Project, failed: Failed) -> Receipt:
        actor = f"sentry:{name}"
        key = f"{actor}:{failed.id}"
        return await self.intake.take(failed.payload, key=key, actor=actor, believed=project.believed)

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
        now, known = self.clock.now(), self._opened.get(name)
        if known and known.at.date() == now.date() and now - known.at < _COUNTED_AGAIN:
            return known
        newest = await self.store.incidents(limit=1000)
        ours = [each for each in newest if each.opened_by == f"sentry:{name}" and each.opened_at.date() == now.date()]
        return Opened(now, len(ours))


def _taken(receipt: Receipt) -> Taken:
    return Taken.KNOWN if receipt.outcome == Outcome.DUPLICATE else Taken.STORED
