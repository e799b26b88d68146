"""What becomes of a failure that a program reported by itself: counted, left aside, or an incident of its own."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from kintsugi.capture.errors import CaptureError
from kintsugi.capture.event import Event, read_event
from kintsugi.capture.intake import Intake, digest_of
from kintsugi.capture.runs import is_replay, key_in, runs_in
from kintsugi.capture.sentry import payload_of
from kintsugi.web.github import Unreadable
from kintsugi.web.reports import Taken
from kintsugi.web.sentry import EVENT, Item, Project
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Clock, CodeHost, Outcome, Store

log = logging.getLogger("kintsugi.service")


_COUNTED_AGAIN = timedelta(minutes=1)  # what other processes opened meanwhile


@dataclass(frozen=True, slots=True)
class Opened:
    """The incidents that a project opened since midnight, the newest first, as they stood at `at`."""

    at: datetime
    incidents: tuple[Incident, ...]

    def of_kin(self, kin: str) -> list[Incident]:
        """Those of failures that differ from each other in words alone."""
        return [each for each in self.incidents if kin and each.kin == kin]


@dataclass(slots=True)
class Reported:
    """Takes the events of Sentry's SDKs."""

    store: Store
    clock: Clock
    intake: Intake
    host: CodeHost
    _opened: dict[str, Opened] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self, name: str, project: Project, item: Item) -> Taken:
        """Raises Unreadable, StoreUnavailable."""
        if is_replay(item.data):
            return Taken.IGNORED
        return await (self._heard(name, project, item.data) if item.kind == EVENT else self._count(name, project, item))

    async def _count(self, name: str, project: Project, item: Item) -> Taken:
        counted = runs_in(item.kind, item.data, f"sentry:{name}", believed=project.believed)
        if counted is None:
            return Taken.IGNORED
        key = f"sentry:{name}:{key_in(item.kind, item.data, item.digest)}"
        return Taken.STORED if await self.store.add_runs(key, counted) else Taken.KNOWN

    async def _heard(self, name: str, project: Project, data: dict[str, Any]) -> Taken:
        try:
            event, payload = await asyncio.to_thread(self._read, name, project, data)
        except CaptureError as error:
            raise Unreadable(str(error)) from error
        if payload is None:
            return Taken.IGNORED
        last = await self.store.newest_of(*payload.incident.names)
        if last and _counts(last, payload, project.believed, self.clock.now()):
            return _taken(await self._fire(name, project, event, payload))
        if not project.opens or await self._is_before_the_fix(payload, last):
            return Taken.IGNORED
        if held := await self._held_back(name, project, payload, last):
            return _taken(await self._fire(name, project, event, held, opens=False))
        async with self._opening:  # one at a time, so that it is known what the one before came to
            return await self._open(name, project, event, payload)

    async def _held_back(self, name: str, project: Project, payload: Payload, last: Incident | None) -> Payload | None:
        """Where a failure, or one that differs in words alone, opened enough for today: what only counts instead.

        A new one counts on the newest of its kin, by whose fingerprint it then goes.
        """
        kin = (await self._opened_today(name)).of_kin(payload.incident.kin)
        if len(kin) < project.a_failure:
            return None
        if last:
            return payload
        about = payload.incident.model_copy(update={"fingerprint": kin[0].fingerprint, "earlier": ()})
        return payload.model_copy(update={"incident": about})

    def _read(self, name: str, project: Project, data: dict[str, Any]) -> tuple[Event, Payload | None]:
        """No payload where it tells of no trouble. Takes its time: it is for a thread."""
        event = read_event(data)
        if not event.id:  # delivered again, it is the same
            event = replace(event, id=sha256(json.dumps(data, sort_keys=True).encode()).hexdigest())
        if not event.is_trouble:
            return event, None
        return event, payload_of(
            event,
            project=name,
            now=self.clock.now(),
            locate=self.intake.located,
            program=project.program,
            believed=project.believed,
        )

    async def _open(self, name: str, project: Project, event: Event, payload: Payload) -> Taken:
        """Only what opened an incident counts for the day: no duplicate, and nothing that met one just opened."""
        last = await self.store.newest_of(*payload.incident.names)
        opened = await self._opened_today(name)
        if (last is None or last.ended) and len(opened.incidents) >= project.a_day:
            log.warning("report_limited", extra={"project": name, "a_day": project.a_day})
            return Taken.LIMITED
        receipt = await self._fire(name, project, event, payload)
        if receipt.outcome == Outcome.APPLIED:
            opened = replace(opened, incidents=(receipt.incident, *opened.incidents))
            if len(opened.of_kin(receipt.incident.kin)) == project.a_failure:
                extra = {"project": name, "a_failure": project.a_failure, "incident_id": receipt.incident.name}
                log.warning("failure_holds_back", extra=extra)
        self._opened[name] = opened
        return _taken(receipt)

    async def _fire(
        self, name: str, project: Project, event: Event, payload: Payload, *, opens: bool = True
    ) -> Receipt:
        actor = f"sentry:{name}"
        return await self.intake.take(
            payload,
            key=f"{actor}:{event.id[:64]}",
            actor=actor,
            believed=project.believed,
            opens=opens,
            who=digest_of(event.user),
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
        now, known = self.clock.now(), self._opened.get(name)
        if known and known.at.date() == now.date() and now - known.at < _COUNTED_AGAIN:
            return known
        newest = await self.store.incidents(limit=1000)
        ours = [each for each in newest if each.opened_by == f"sentry:{name}" and each.opened_at.date() == now.date()]
        self._opened[name] = opened = Opened(now, tuple(ours))
        return opened


def _counts(last: Incident, payload: Payload, believed: bool, now: datetime) -> bool:
    """Whether it counts on the newest incident of its failure, and opens none, whatever else is allowed today."""
    if not last.ended:
        return True
    return bool(last.quiet and not last.quiet.over(now, payload.build.sha if believed else None))


def _taken(receipt: Receipt) -> Taken:
    return Taken.KNOWN if receipt.outcome == Outcome.DUPLICATE else Taken.STORED
