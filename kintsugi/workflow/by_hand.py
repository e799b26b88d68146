"""Pull requests that somebody opens by hand for an incident: proposals like any, whose merge is their author's.

Level by level, not event by event: each look asks the host what is open and the store what was proven of it. So a
delivery that came twice, late or never, and a restart in the middle, end alike.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from kintsugi.workflow.errors import BadInput, GuardRefused, NotAllowedNow, NotFound, Refusal, StepFailed
from kintsugi.workflow.incident import Incident, PullRequest
from kintsugi.workflow.machine import objection
from kintsugi.workflow.ports import Clock, Store
from kintsugi.workflow.proposals import Verdict, named, proposed, verdicts
from kintsugi.workflow.triggers import Trigger

log = logging.getLogger("kintsugi.by_hand")

_NAME = re.compile(r"(?<![\w-])INC-([1-9]\d{0,17})(?![\w-])")


class Light(StrEnum):
    """As a code host shows it beside a commit."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"  # nothing was found out


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of one head of a pull request."""

    light: Light
    says: str


@dataclass(frozen=True, slots=True)
class Opened:
    """An open pull request for `incident`, at the head it has now. `pull.by` is whose it is."""

    incident: int
    pull: PullRequest
    title: str
    body: str


class Pulls(Protocol):
    """Where they are opened. All raise StepFailed."""

    async def by_hand(self) -> Sequence[Opened]:
        """The open ones that name an incident, of people whose word counts there."""
        ...

    async def change(self, pull: PullRequest) -> tuple[str, str]:
        """Where it left the target branch, and what its head changes since, as a diff. Raises BadInput for neither."""
        ...

    async def judge(self, incident: int, head: str, judgement: Judgement) -> None:
        """Say it beside the commit, where it is not said yet."""
        ...


def incident_named(title: str, body: str) -> int | None:
    """The incident (`INC-7`) that a pull request names: in its title, else in its body; None for none or several."""
    for text in (title, body):
        if found := {int(number) for number in _NAME.findall(text)}:
            return found.pop() if len(found) == 1 else None
    return None


class ByHand:
    """Has them proven, and tells the host what came of it."""

    def __init__(self, store: Store, pulls: Pulls, clock: Clock, fire: Callable[[Trigger], Awaitable[object]]) -> None:
        self._store, self._pulls, self._clock, self._fire = store, pulls, clock, fire
        self._pending: dict[str, Opened] = {}  # the proposals that are being checked
        self._not_before: datetime | None = None
        self._all_read = True  # in the last look

    async def look(self) -> bool:
        """Look at all that are open, and at those that were closed while they were checked. Whether all was read."""
        if self._not_before and self._clock.now() < self._not_before:
            return False
        self._not_before, self._all_read = None, True
        try:
            found = await self._pulls.by_hand()
        except StepFailed as failed:
            self._wait(failed)
            return False
        listed = {each.pull.number for each in found}
        closed = [each for each in self._pending.values() if each.pull.number not in listed]
        self._pending = {}
        for each in (*found, *closed):
            await self._look_at(each)
        return self._all_read

    async def settled(self) -> bool:
        """Whether one that was being checked is no longer."""
        for name, theirs in self._pending.items():
            if _judged(await self._known(theirs.incident, name)).light is not Light.PENDING:
                return True
        return False

    async def _look_at(self, theirs: Opened) -> None:
        if self._not_before:
            self._all_read = False
            return
        try:
            incident = await self._store.incident(theirs.incident)
            judgement = await self._judgement(incident, theirs)
        except NotFound:
            log.info("pull_request_without_incident", extra={"number": theirs.pull.number})
            return
        except StepFailed as failed:  # one that cannot be read now must not hide the others
            self._all_read = False
            self._wait(failed, number=theirs.pull.number)
            return
        try:
            await self._pulls.judge(incident.id, theirs.pull.head, judgement)
        except StepFailed as failed:  # it was read, and only the host does not know the judgement
            self._wait(failed, number=theirs.pull.number)

    def _wait(self, failed: StepFailed, **about: int) -> None:
        log.warning("pull_request_check_failed", extra={"why": str(failed), **about})
        if failed.retry_after:
            self._not_before = self._clock.now() + failed.retry_after

    async def _judgement(self, incident: Incident, theirs: Opened) -> Judgement:
        name = named(incident, f"{theirs.pull.number}\0{theirs.pull.head}")
        known = await self._known(incident.id, name)
        if known is None:
            try:
                await self._propose(incident, theirs, name)
            except (Refusal, BadInput) as refused:
                return Judgement(Light.ERROR, f"Not looked at: {refused}")
            known = await self._known(incident.id, name)
        judgement = _judged(known)
        if judgement.light is Light.PENDING:
            self._pending[name] = theirs
        return judgement

    async def _propose(self, incident: Incident, theirs: Opened, name: str) -> None:
        """Hand it in. Raises BadInput, Refusal, StepFailed."""
        base, patch = await self._pulls.change(theirs.pull)
        by, at, title, body, pull = theirs.pull.by, self._clock.now(), theirs.title, theirs.body, theirs.pull
        proposal = proposed(incident, patch, by=by, at=at, title=title, body=body, name=name, base=base, pull=pull)
        if no := objection(incident, proposal):  # asked at each look: the history need not know each time
            raise Refusal(_why_not_now(incident, no))
        await self._fire(proposal)

    async def _known(self, incident: int, name: str) -> Verdict | None:
        found = verdicts(await self._store.history(incident))
        return next((each for each in found if each.id == name), None)


def _why_not_now(incident: Incident, no: NotAllowedNow | GuardRefused) -> str:
    if isinstance(no, GuardRefused):
        return str(no)
    fix = incident.pull_request
    by = f" by {fix.name}" if fix and (fix.open or fix.merged_as) else ""
    return f"{incident.name} {incident.state.says}{by}."


def _judged(verdict: Verdict | None) -> Judgement:
    if verdict is None or verdict.is_open:
        return Judgement(Light.PENDING, "It is being checked.")
    if verdict.proven is None:
        return Judgement(Light.ERROR, verdict.says)
    return Judgement(Light.SUCCESS if verdict.proven else Light.FAILURE, verdict.says)
