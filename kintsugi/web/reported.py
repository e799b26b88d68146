"""What becomes of a failure that a program reported by itself: counted, left aside, or an incident of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Protocol

from kintsugi.capture.intake import Intake
from kintsugi.capture.quota import counts_on
from kintsugi.web.openings import Openings, counts_instead
from kintsugi.web.reading import Failed, Ran
from kintsugi.web.reports import Taken
from kintsugi.web.sentry import Project
from kintsugi.workflow.cure import Counted
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Clock, CodeHost, Outcome, Receipt, Store
from kintsugi.workflow.scheduled import CheckIn


class Jobs(Protocol):
    """Where check-ins are kept."""

    async def check_in(self, key: str, counted: Counted, project: str, check: CheckIn) -> bool: ...


@dataclass(slots=True)
class Reported:
    """Takes what was read of the reports of Sentry's SDKs."""

    store: Store
    clock: Clock
    intake: Intake
    host: CodeHost
    jobs: Jobs | None = None  # that check in by a schedule; None: nobody watches them
    _openings: Openings = field(init=False)

    def __post_init__(self) -> None:
        self._openings = Openings(self.store, self.clock)

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
        return await self._told_whole(name, project, failed, peer, last)

    async def _counted(self, name: str, project: Project, failed: Failed) -> Taken:
        receipt = await self.intake.take_outline(
            failed.payload,
            key=f"sentry:{name}:{failed.id}",
            actor=f"sentry:{name}",
            believed=project.believed,
            who=failed.who,
        )
        return _taken(receipt) if receipt else Taken.UNTOLD

    async def _told_whole(self, name: str, project: Project, failed: Failed, peer: str, last: Incident | None) -> Taken:
        """An incident of its own, within what may be opened; else it counts on another one, or is left aside."""
        payload, openings = failed.payload, self._openings
        while True:
            opened = await openings.today(name)
            last = opened.newer(last, payload.incident.names)
            if last and not last.ended:  # opened meanwhile
                return _taken(await self._fire(name, project, failed))
            if counts := counts_instead(payload, last, opened, project):
                return _taken(await self._fire(name, project, replace(failed, payload=counts), opens=False))
            if not (others := openings.to_wait_for(name, project, payload, peer)):
                break
            await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        if openings.is_enough(name, project, peer):
            return Taken.LIMITED
        with openings.under_way(name, payload, peer):
            receipt = await self._fire(name, project, failed)
            if receipt.outcome == Outcome.APPLIED:  # no duplicate, and nothing that met one just opened
                openings.opened(name, project, receipt.incident, peer)
        return _taken(receipt)

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


def _taken(receipt: Receipt) -> Taken:
    return Taken.KNOWN if receipt.outcome == Outcome.DUPLICATE else Taken.STORED
