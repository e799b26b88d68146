"""The loop that notices what did not come: a check-in of a scheduled job, or the end of its run.

It is where the reports come in, so that it knows when nobody listened: what would have come then is not missing. Any
number of processes may look: a failure has a key of its own, and a job is moved on by whoever still finds it as it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from kintsugi.capture.checkins import payload_of_missing
from kintsugi.web.reading import Failed
from kintsugi.web.reports import Take
from kintsugi.web.sentry import Project
from kintsugi.workflow.errors import Conflict, StoreUnavailable
from kintsugi.workflow.scheduled import Missing, NoSchedule, ScheduledJob

log = logging.getLogger("kintsugi.service")

LOOK_EVERY = timedelta(seconds=15)
_AWAY = 3 * LOOK_EVERY  # after which nobody is taken to have listened


class Jobs(Protocol):
    """Scheduled jobs, as they are kept."""

    async def overdue(self) -> list[ScheduledJob]: ...

    async def all(self) -> list[ScheduledJob]: ...

    async def settle(self, before: ScheduledJob, after: ScheduledJob) -> bool: ...

    async def listens(self) -> tuple[datetime | None, datetime]: ...


@dataclass(slots=True, kw_only=True)
class Watch:
    """Looks after the jobs of the projects whose check-ins are watched."""

    jobs: Jobs
    take: Take
    projects: Mapping[str, Project]
    _has_looked: bool = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except (Conflict, StoreUnavailable) as error:  # the next look finds what this one did not come to
                log.warning("check_in_watch_failed", extra={"why": str(error)})
            await asyncio.sleep(LOOK_EVERY.total_seconds())

    async def look(self) -> None:
        """Once. Raises StoreUnavailable."""
        before, now = await self.jobs.listens()
        if not self._has_looked or before is None or now - before > _AWAY:
            for job in await self.jobs.all():
                await self._following_its_schedule(job, self._pass_over(job, before or job.last.at, now))
        self._has_looked = True
        for job in await self.jobs.overdue():
            if missing := job.overdue(now):
                await self._following_its_schedule(job, self._notice(job, missing))

    async def _following_its_schedule(self, job: ScheduledJob, step: Awaitable[None]) -> None:
        try:
            await step
        except NoSchedule as error:  # a time zone that is gone
            log.warning("schedule_unreadable", extra={"job": job.slug, "why": str(error)})

    async def _pass_over(self, job: ScheduledJob, since: datetime, until: datetime) -> None:
        """Nobody listened in between, and what SDKs cannot deliver they drop."""
        heard = job.unheard(since, until)
        if heard != job and await self.jobs.settle(job, heard):
            log.warning("check_in_missed_offline", extra={"job": job.slug, "due": f"{job.due:%Y-%m-%dT%H:%M:%SZ}"})

    async def _notice(self, job: ScheduledJob, missing: Missing) -> None:
        """The failure first: where this is as far as it gets, it is found again, and known by its key."""
        after, project = job.without(missing), self.projects.get(job.project)
        if project and project.check_ins and after.is_told:
            payload = payload_of_missing(missing, after, program=project.program)
            id = f"missing:{payload.incident.fingerprint}:{missing.due:%Y%m%dT%H%M%S}"
            await self.take(job.project, project, Failed(id, payload), "")
        await self.jobs.settle(job, after)
