"""Calling people about incidents that nobody has: one message a round, however many there are.

Each call is written into the incident's history before it is made, under a key of its own: of several processes one
calls, and one that dies in between has called once too little rather than twice. A call that Discord did not take is
made again in the next message, as the history holds it already.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from kintsugi.workflow.calling import Calling
from kintsugi.workflow.errors import Conflict, Refusal, StepFailed, StoreUnavailable
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.ports import Clock, Outcome, Receipt, Store
from kintsugi.workflow.triggers import Called, Trigger

log = logging.getLogger("kintsugi.bot")

_EVERY = 10.0  # seconds between two looks
_STORM = timedelta(minutes=5)  # from one message to the next at least: what comes between is in that one
_NEWEST = 200  # incidents that are looked at

Post = Callable[[Sequence[Incident]], Awaitable[None]]


class Caller:
    """`whom` is for the history, as the settings name them; `post` tells them of these incidents in one message."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        fire: Callable[[Trigger], Awaitable[Receipt]],
        calling: Calling,
        *,
        whom: str,
        post: Post,
    ) -> None:
        self._store, self._clock, self._fire = store, clock, fire
        self._calling, self._whom, self._post = calling, whom, post
        self._called_at: datetime | None = None
        self._unsent: frozenset[int] = frozenset()  # incidents whose last call Discord did not take

    async def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                await self.round()
            except (StoreUnavailable, StepFailed) as error:
                log.warning("ping_failed", extra={"why": str(error)})
            await asyncio.sleep(_EVERY)

    async def round(self) -> tuple[Incident, ...]:
        """Call about all that call now, unless people were called just before. Answers those it called about."""
        now = self._clock.now()
        if self._called_at and now - self._called_at < _STORM:
            return ()
        found = await self._store.incidents(limit=_NEWEST)
        new = [each for each in self._calling.due(found, now) if await self._is_ours(each, now)]
        again = [each for each in found if each.id in self._unsent and each not in new and _is_nobodys(each)]
        ours = (*new, *again)
        if ours:
            self._called_at, self._unsent = now, frozenset(each.id for each in ours)
            await self._post(ours)
            log.info("ping_sent", extra={"whom": self._whom, "incidents": [each.name for each in ours]})
        self._unsent = frozenset()
        return ours

    async def _is_ours(self, incident: Incident, now: datetime) -> bool:
        key = f"call:{incident.id}:{len(incident.calls) + 1}"
        try:
            receipt = await self._fire(Called(incident=incident.id, key=key, at=now, whom=self._whom))
        except (Refusal, Conflict, StoreUnavailable) as error:  # it ended meanwhile, or a later round comes to it
            log.info("ping_skipped", extra={"incident_id": incident.name, "why": str(error)})
            return False
        return receipt.outcome == Outcome.APPLIED


def _is_nobodys(incident: Incident) -> bool:
    return not (incident.ended or incident.acknowledged_at)
