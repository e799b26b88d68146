"""Whether the cures of a program's failures can be shown with what it reports, judged by its newest incidents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from kintsugi.workflow.cure import all_runs_of
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Store
from kintsugi.workflow.replay import request_of

_NEWEST = 20
_COUNTED_WITHIN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Curable:
    """Of so many incidents, how many can be shown cured, in which way; and why most of the others cannot."""

    incidents: int = 0
    replayed: int = 0
    counted: int = 0
    neither: int = 0
    why_not: str = ""

    def __str__(self) -> str:
        if not self.incidents:
            return "no incident yet, so it is not known what the program reports"
        if self.neither == self.incidents:
            return f"no cure can be shown for the newest incidents ({self.incidents}), most often as {self.why_not}"
        ways = f"{self.replayed} by sending the request again, {self.counted} by counting runs"
        says = f"a cure can be shown for {self.incidents - self.neither} of the newest {self.incidents}: {ways}"
        return f"{says}. Most others: {self.why_not}" if self.neither else says


async def curable(store: Store, *, can_ask: bool) -> Curable:
    """`can_ask`: whether it is known where the program answers."""
    replayed = counted = neither = 0
    why_not: Counter[str] = Counter()
    incidents = [each for each in await store.incidents(limit=_NEWEST) if not each.pruned_at]
    for incident in incidents:
        payload = await store.payload(incident.id)
        request = request_of(payload) if can_ask else "it is not known where the program answers"
        is_counted = await _is_counted(store, incident, payload)
        if isinstance(request, str) and not is_counted:
            why_not[request] += 1
        replayed += not isinstance(request, str)
        counted += is_counted
        neither += isinstance(request, str) and not is_counted
    most = why_not.most_common(1)
    return Curable(len(incidents), replayed, counted, neither, most[0][0] if most else "")


async def _is_counted(store: Store, incident: Incident, payload: Payload) -> bool:
    since = incident.opened_at - _COUNTED_WITHIN
    for intent in (payload.request.intent, all_runs_of(incident.opened_by)):
        if intent and await store.runs(intent, since):
            return True
    return False
