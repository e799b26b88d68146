"""Webhooks are hints: this asks the code host how things really are, and fires what nobody told us."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from workflow import triggers as t
from workflow.errors import Refusal, StepFailed, StoreUnavailable
from workflow.incident import Incident
from workflow.ports import Clock, CodeHost, Store

log = logging.getLogger("kintsugi.reconcile")


class Reconciler:
    """Compares every open pull request with the code host's own answer."""

    def __init__(
        self, store: Store, code_host: CodeHost, clock: Clock, fire: Callable[[t.Trigger], Awaitable[object]]
    ) -> None:
        self._store = store
        self._code_host = code_host
        self._clock = clock
        self._fire = fire

    async def run(self, every: timedelta) -> None:
        """Look now, and again after each `every`, until cancelled."""
        while True:
            try:
                await self.once()
            except StoreUnavailable as error:
                log.warning("reconcile_failed", extra={"why": str(error)})
            await asyncio.sleep(every.total_seconds())

    async def once(self) -> None:
        """Look at every incident with an open pull request."""
        for incident in await self._store.with_open_pull_requests():
            try:
                await self._compare(incident)
            except (Refusal, StepFailed) as error:  # one that cannot be read now must not hide the others
                log.warning("reconcile_failed", extra={"incident_id": incident.name, "why": str(error)})

    async def _compare(self, incident: Incident) -> None:
        ours = incident.pull_request
        theirs = await self._code_host.find_pull_request(incident)
        if ours is None or theirs is None:
            return
        repository = self._code_host.name
        if theirs.merged_as:
            await self._fire(merged(incident, repository, theirs.number, theirs.merged_as, self._clock))
        elif not theirs.open:
            key = f"{repository}:closed#{theirs.number}:{incident.seq}"
            await self._fire(
                t.PullRequestClosed(incident=incident.id, key=key, at=self._clock.now(), number=theirs.number)
            )


def merged(incident: Incident, repository: str, number: int, sha: str, clock: Clock) -> t.PullRequestMerged:
    """The fact of a merge. Its key is the fact's own, so that a webhook and our own look at the world are one."""
    key = f"{repository}:merged#{number}:{sha}"
    return t.PullRequestMerged(incident=incident.id, key=key, at=clock.now(), number=number, sha=sha)
