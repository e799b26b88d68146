"""Scheduled jobs: what each said last, and which of them something is awaited from that did not come.

A job's row is written under its lock, so that two check-ins of one moment both count.
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import func, select

from kintsugi.persistence.codec import job_from_json, job_to_json
from kintsugi.persistence.counting import add_runs
from kintsugi.persistence.ledger import SqlLedger
from kintsugi.persistence.store import SqlStore
from kintsugi.persistence.tables import LEASE
from kintsugi.persistence.tables import SCHEDULED_JOB as _JOB
from kintsugi.workflow.cure import Counted
from kintsugi.workflow.ports import Ledger
from kintsugi.workflow.scheduled import CheckIn, NoSchedule, ScheduledJob, begun

log = logging.getLogger("kintsugi.service")

_MOST = 1000  # of one project: more would be no jobs, but names made up for each run
_PAGE = 200
_LISTENING = "listening for check-ins"  # of the leases: until when somebody was


class ScheduledJobs:
    """Those in the database of this store; of one project so many at `most`."""

    def __init__(self, store: SqlStore, *, most: int = _MOST) -> None:
        self._store, self._most = store, most

    async def check_in(self, key: str, counted: Counted, project: str, check: CheckIn) -> bool:
        """Keep what a job said, and count its run. False: the report with this key was taken before."""

        def keep(ledger: Ledger) -> bool:
            assert isinstance(ledger, SqlLedger)
            if not add_runs(ledger, key, counted):
                return False
            before = _locked(ledger, project, check.slug, check.environment)
            try:
                after = before.checked_in(check) if before else begun(project, check)
            except NoSchedule as error:
                log.warning("schedule_unreadable", extra={"job": check.slug, "why": str(error)})
                return True
            if after and (before or _has_room(ledger, after, self._most)):
                _write(ledger, after)
            return True

        return await self._store.transact(keep)

    async def overdue(self) -> list[ScheduledJob]:
        """Jobs of which something is awaited that did not come, the longest due first."""

        def look(ledger: Ledger) -> list[ScheduledJob]:
            assert isinstance(ledger, SqlLedger)
            query = select(_JOB.c.facts).where(_JOB.c.deadline <= ledger.now).order_by(_JOB.c.deadline).limit(_PAGE)
            return [job_from_json(facts) for facts in ledger.connection.execute(query).scalars()]

        return await self._store.transact(look)

    async def settle(self, before: ScheduledJob, after: ScheduledJob) -> bool:
        """Put one in the place of the other. False: meanwhile something came, or another process did."""

        def settle(ledger: Ledger) -> bool:
            assert isinstance(ledger, SqlLedger)
            if _locked(ledger, before.project, before.slug, before.environment) != before:
                return False
            _write(ledger, after)
            return True

        return await self._store.transact(settle)

    async def listens(self) -> tuple[datetime | None, datetime]:
        """Say that somebody listens now; until when somebody did before, and now, by the database's clock."""

        def say(ledger: Ledger) -> tuple[datetime | None, datetime]:
            assert isinstance(ledger, SqlLedger)
            before = select(LEASE.c.until).where(LEASE.c.name == _LISTENING)
            until: datetime | None = ledger.connection.execute(before).scalar()
            row = ledger.insert(LEASE).values(name=_LISTENING, holder="", until=ledger.now)
            ledger.connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"until": ledger.now}))
            return until, ledger.now

        return await self._store.transact(say)

    async def all(self) -> list[ScheduledJob]:
        """Every job that is known, by which nobody is held up."""
        query = select(_JOB.c.facts)
        return await self._store.read_aside(
            lambda connection: [job_from_json(facts) for facts in connection.execute(query).scalars()]
        )


def _locked(ledger: SqlLedger, project: str, slug: str, environment: str) -> ScheduledJob | None:
    this = (_JOB.c.project == project, _JOB.c.slug == slug, _JOB.c.environment == environment)
    facts: str | None = ledger.connection.execute(select(_JOB.c.facts).where(*this).with_for_update()).scalar()
    return job_from_json(facts) if facts else None


def _has_room(ledger: SqlLedger, job: ScheduledJob, most: int) -> bool:
    known = ledger.connection.execute(select(func.count()).where(_JOB.c.project == job.project)).scalar_one()
    if known >= most:
        log.warning("too_many_scheduled_jobs", extra={"project": job.project, "job": job.slug, "known": known})
    return bool(known < most)


def _write(ledger: SqlLedger, job: ScheduledJob) -> None:
    key = {"project": job.project, "slug": job.slug, "environment": job.environment}
    told = {"deadline": job.deadline, "facts": job_to_json(job)}
    row = ledger.insert(_JOB).values(**key, **told)
    ledger.connection.execute(row.on_conflict_do_update(index_elements=list(key), set_=told))
