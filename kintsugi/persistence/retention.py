"""Pruning what was captured of incidents that ended: by age, and by the room that all of it takes.

Looked for in pages of an index beside the work, pruned a few at a time in transactions of their own. Each is judged
again in its transaction, as an end can be left: whoever comes second finds nothing to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select, update

from kintsugi.persistence.codec import payload_from_json, payload_to_json
from kintsugi.persistence.keep import Keep
from kintsugi.persistence.ledger import SqlLedger
from kintsugi.persistence.store import SqlStore
from kintsugi.persistence.tables import INCIDENT, LOOK, PAYLOAD, SIGHTING
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.ports import Clock, Ledger
from kintsugi.workflow.states import ENDED

log = logging.getLogger("kintsugi.retention")

PRUNE_EVERY = timedelta(hours=1)
_PAGE = 500  # payloads looked at in one go
_MOST = 20  # pruned in one transaction


@dataclass(frozen=True, slots=True)
class Pruned:
    """Of how many incidents what was captured was pruned, and how many bytes that were."""

    incidents: int = 0
    bytes: int = 0

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(self.incidents + other.incidents, self.bytes + other.bytes)


class Kept(NamedTuple):
    """A payload that is whole. `over_since`: the last move of an incident that ended, else None."""

    incident: int
    bytes: int
    over_since: datetime | None


class Pruner:
    """One round of pruning, by the time `now`. A dry run only counts."""

    def __init__(self, store: SqlStore, keep: Keep, now: datetime, *, dry_run: bool = False) -> None:
        self._store, self._keep, self._now, self._dry_run = store, keep, now, dry_run

    async def run(self) -> Pruned:
        """First what is too old; then, where the rest takes too much room, from the oldest incident on."""
        found, left = await self._by_age()
        if self._keep.bytes is None or left <= self._keep.bytes:
            return found
        return found + await self._by_size(left - self._keep.bytes)

    async def _by_age(self) -> tuple[Pruned, int]:
        """What was pruned, and the bytes that are left."""
        found, left, after = Pruned(), 0, 0
        while page := await self._store.read_aside(_page_after(after)):
            gone = await self._all_of([each for each in page if self._is_old(each)])
            left, after = left + sum(each.bytes for each in page) - gone.bytes, page[-1].incident
            found += gone
        return found, left

    async def _by_size(self, excess: int) -> Pruned:
        found, after = Pruned(), 0
        while excess > 0 and (page := await self._store.read_aside(_page_after(after))):
            chosen: list[Kept] = []
            for each in page:
                if excess > 0 and each.over_since and not self._is_old(each):
                    chosen.append(each)
                    excess -= each.bytes
            found += await self._all_of(chosen)
            after = page[-1].incident
        return found

    def _is_old(self, kept: Kept) -> bool:
        time, since = self._keep.time, kept.over_since
        return time is not None and since is not None and since < self._now - time

    async def _all_of(self, chosen: list[Kept]) -> Pruned:
        """Prune them, a few in each transaction."""
        if self._dry_run:
            return Pruned(len(chosen), sum(each.bytes for each in chosen))
        found = Pruned()
        for start in range(0, len(chosen), _MOST):
            found += await self._store.transact(partial(_few, chosen[start : start + _MOST], self._now))
        return found


def _page_after(incident: int) -> Callable[[Connection], list[Kept]]:
    """The next payloads that are whole, by number. One from before bytes were counted is measured."""

    def look(connection: Connection) -> list[Kept]:
        whole = select(PAYLOAD.c.incident_id, PAYLOAD.c.bytes).where(PAYLOAD.c.pruned_at.is_(None))
        page = whole.where(PAYLOAD.c.incident_id > incident).order_by(PAYLOAD.c.incident_id).limit(_PAGE).subquery()
        body = select(func.length(PAYLOAD.c.body)).where(PAYLOAD.c.incident_id == page.c.incident_id)
        size = case((page.c.bytes > 0, page.c.bytes), else_=body.scalar_subquery())
        over = case((INCIDENT.c.state.in_([state.value for state in ENDED]), INCIDENT.c.updated_at))
        query = select(page.c.incident_id, size, over).join_from(page, INCIDENT, INCIDENT.c.id == page.c.incident_id)
        return [Kept(*row) for row in connection.execute(query.order_by(page.c.incident_id))]

    return look


def _few(chosen: list[Kept], now: datetime, ledger: Ledger) -> Pruned:
    done = [each for each in chosen if _one(ledger, each, now)]
    return Pruned(len(done), sum(each.bytes for each in done))


def _one(ledger: Ledger, kept: Kept, now: datetime) -> bool:
    """Whether it was pruned: not where its incident was taken up again, or somebody else was here before."""
    assert isinstance(ledger, SqlLedger)
    incident = ledger.incident(kept.incident)
    if incident is None or not incident.ended or incident.pruned_at:
        return False
    mine = PAYLOAD.c.incident_id == kept.incident
    body = ledger.connection.execute(select(PAYLOAD.c.body).where(mine)).scalar_one()
    outline = payload_to_json(payload_from_json(body).outline())
    ledger.connection.execute(
        update(PAYLOAD).where(mine).values(body=outline, bytes=len(outline.encode()), pruned_at=now)
    )
    ledger.connection.execute(
        SIGHTING.delete().where(SIGHTING.c.incident_id == kept.incident, SIGHTING.c.kind == "user")
    )
    ledger.connection.execute(LOOK.delete().where(LOOK.c.incident_id == kept.incident))
    ledger.amend(incident.without_outputs(now))
    return True


async def keep_pruning(store: SqlStore, clock: Clock, keep: Keep, every: timedelta = PRUNE_EVERY) -> None:
    """Prune now and after each `every`, until cancelled. Any number of processes may."""
    while True:
        try:
            pruned = await Pruner(store, keep, clock.now()).run()
            if pruned.incidents:
                log.info("pruned", extra={"incidents": pruned.incidents, "bytes": pruned.bytes})
        except StoreUnavailable as error:
            log.warning("pruning_failed", extra={"why": str(error)})
        await asyncio.sleep(every.total_seconds())
