"""Webhooks are hints: this asks the code host how things really are, and fires what nobody told us."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from kintsugi.workflow import triggers as t
from kintsugi.workflow.by_hand import ByHand
from kintsugi.workflow.errors import Refusal, StepFailed, StoreUnavailable
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.names import Effect, State
from kintsugi.workflow.ports import Clock, CodeHost, Standing, Store
from kintsugi.workflow.pull_requests import changes_requested, checks_failed, closed, merged, pushed
from kintsugi.workflow.states import OWING

log = logging.getLogger("kintsugi.reconcile")

_AT_LEAST_EVERY = timedelta(hours=6)
_MOST_OF_A_STATE = 100  # incidents that a hint has looked at
_ROLLS_BACK = tuple(state for state, effect in OWING if effect is Effect.ROLL_BACK)
_NEVER = datetime.min.replace(tzinfo=UTC)
_AS_LONG = 20  # times as long as looking at a nearby repository took, nobody looks
_RESTS_AT_MOST = timedelta(minutes=3)
_OF_ITS_AGE = 20  # what last moved an hour ago is looked at every three minutes


class Reconciler:
    """Compares every open pull request with the code host's own answer: the older, the less often."""

    def __init__(
        self,
        store: Store,
        code_host: CodeHost,
        clock: Clock,
        fire: Callable[[t.Trigger], Awaitable[object]],
        by_hand: ByHand | None = None,
        *,
        nearby: bool = False,
    ) -> None:
        self._by_hand = by_hand
        self._nearby = nearby  # each round looks at all, and a round may come soon
        self._failed = False  # something in the last round
        self._store = store
        self._code_host = code_host
        self._clock = clock
        self._fire = fire
        self._looked: dict[int, datetime] = {}
        self._not_before: datetime | None = None
        self._tried: frozenset[str] = frozenset()  # hints that could not be followed in the last round
        self._hinted = asyncio.Event()
        self.last: datetime | None = None  # when a round ended in which all was read

    def hinted(self) -> None:
        """A hint was stored: follow it now."""
        self._hinted.set()

    async def run(self, every: timedelta, glance: timedelta = timedelta(seconds=2)) -> None:
        """Look now, again after each `every`, and at hints: those of other processes within `glance`."""
        while True:
            began = self._clock.now()
            try:
                await self.round(every)
                await self._rest(self.pause(every, self._clock.now() - began), glance)
            except StoreUnavailable as error:
                log.warning("reconcile_failed", extra={"why": str(error)})
                await asyncio.sleep(glance.total_seconds())

    async def once(self) -> None:
        """Look at every incident with an open pull request."""
        await self.round(timedelta())

    async def round(self, every: timedelta) -> None:
        """Look at those that are due by their age, at the most after each `every`, and those hinted at."""
        self._hinted.clear()
        if self._not_before and self._clock.now() < self._not_before:
            return
        self._failed = False
        hints, began = await self._store.hints(), self._clock.now()
        if self._by_hand and not await self._by_hand.look():
            self._failed = True
        watched = await self._store.with_open_pull_requests()
        for incident in watched:
            if incident.id in hints.values() or self._is_due(incident, every):
                await self._look(incident)
        kept = {incident.id for incident in watched}
        self._looked = {id: at for id, at in self._looked.items() if id in kept}
        unseen = {id for id in kept if self._looked.get(id, _NEVER) < began}
        self._tried = frozenset(key for key, incident in hints.items() if incident in unseen)
        if followed := hints.keys() - self._tried:
            await self._store.looked(followed)
        self.last = self.last if self._failed else self._clock.now()

    def pause(self, every: timedelta, took: timedelta) -> timedelta:
        """How long until the next round: longer where a repository nearby is slow, has much to look at, or is away."""
        if not self._nearby:
            return every
        return _RESTS_AT_MOST if self._failed else min(max(every, took * _AS_LONG), _RESTS_AT_MOST)

    async def _rest(self, every: timedelta, glance: timedelta) -> None:
        """Until it is time for the next round, or there is a new hint."""
        ends = asyncio.get_running_loop().time() + every.total_seconds()
        while (left := ends - asyncio.get_running_loop().time()) > 0 and not self._hinted.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hinted.wait(), min(left, glance.total_seconds()))
            if (await self._store.hints()).keys() - self._tried or (self._by_hand and await self._by_hand.settled()):
                return

    def _is_due(self, incident: Incident, every: timedelta) -> bool:
        looked, now = self._looked.get(incident.id), self._clock.now()
        if looked is None or not every or self._nearby:
            return True
        age = now - (incident.updated_at or incident.opened_at)
        return now - looked >= min(max(every, age / _OF_ITS_AGE), _AT_LEAST_EVERY)

    async def _look(self, incident: Incident) -> None:
        if self._not_before and self._clock.now() < self._not_before:
            return
        try:
            standing = await self._code_host.standing(incident)
        except StepFailed as error:  # one that cannot be read now must not hide the others
            log.warning("reconcile_failed", extra={"incident_id": incident.name, "why": str(error)})
            self._failed = True
            self._not_before = self._clock.now() + error.retry_after if error.retry_after else None
            return
        self._looked[incident.id] = self._clock.now()
        for fact in facts(incident, self._code_host.name, standing, self._clock.now()) if standing else ():
            await self._tell(incident, fact)

    async def _tell(self, incident: Incident, fact: t.Trigger) -> None:
        try:
            await self._fire(fact)
        except Refusal as refusal:
            log.info("reconcile_refused", extra={"incident_id": incident.name, "why": str(refusal)})


async def look_at_deployments(store: Store, hasten: Callable[[int, Effect], Awaitable[object]]) -> None:
    """Have the deployments and rollbacks under way looked at now: somebody hinted that something changed."""
    for state in (State.MERGED, *_ROLLS_BACK):
        for incident in await store.incidents(state, limit=_MOST_OF_A_STATE):
            if state is State.MERGED or incident.rolling_back:
                with suppress(Refusal):  # it is being looked at this moment
                    await hasten(incident.id, Effect.DEPLOY if state is State.MERGED else Effect.ROLL_BACK)


def facts(incident: Incident, host: str, standing: Standing, at: datetime) -> Iterator[t.Trigger]:
    """What the host's answer says that the incident does not know."""
    theirs, ours = standing.pull_request, incident.pull_request
    if ours is None:
        return
    if incident.state is State.ABANDONED and (theirs.open or theirs.merged_as):
        key = f"{host}:reopened#{theirs.number}:{incident.seq}"
        yield t.PullRequestReopened(incident=incident.id, key=key, at=at, number=theirs.number)
    if theirs.merged_as and incident.was_taken and theirs.head != ours.head:
        yield pushed(incident.id, host, theirs.number, theirs.head, at)
    if theirs.merged_as:
        yield merged(incident.id, host, theirs.number, theirs.merged_as, at)
    elif not theirs.open:
        if ours.open:
            yield closed(incident.id, host, theirs.number, standing.closed_at, at)
    elif ours.by:
        return  # a human's: only its end is followed
    elif incident.state is State.PR_OPENED and theirs.head != ours.head:
        yield pushed(incident.id, host, theirs.number, theirs.head, at)
    elif incident.state is State.PR_OPENED:
        yield from _objections(incident, host, standing, at)


def _objections(incident: Incident, host: str, standing: Standing, at: datetime) -> Iterator[t.Trigger]:
    number, head = standing.pull_request.number, standing.pull_request.head
    for review in standing.reviews:
        if review.head == head:
            yield changes_requested(incident.id, host, number, review=review, at=at)
    if standing.failed:
        yield checks_failed(incident.id, host, number, head=head, log=standing.failed, at=at)
