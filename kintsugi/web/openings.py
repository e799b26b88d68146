"""What each project opened today, what it is opening just now, and whether a failure may open another one.

Different failures open incidents at once, so that their transactions are committed together. Those that one limit, or
one incident, may be about wait for each other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from kintsugi.capture.quota import Listed, Opened, held_back, opened_today
from kintsugi.telemetry.fingerprint import plain_message
from kintsugi.web.sentry import Project
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Clock

log = logging.getLogger("kintsugi.service")

_FIXED_WORDS, _VALUES = 3, 2  # of a template that was not told: at least, and incidents with another word in its place


@dataclass(frozen=True, slots=True, eq=False)
class _UnderWay:
    """An opening that may still come to nothing."""

    payload: Payload
    peer: str
    over: asyncio.Future[None]

    def decides_about(self, payload: Payload) -> bool:
        """Whether the two may be one failure, or differ in words alone."""
        ours, theirs = self.payload.incident, payload.incident
        return not set(ours.names).isdisjoint(theirs.names) or bool(ours.kin and ours.kin == theirs.kin)


class Openings:
    """Of all projects of this process, each by its name."""

    def __init__(self, store: Listed, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._today: dict[str, Opened] = {}
        self._reading = defaultdict[str, asyncio.Lock](asyncio.Lock)
        self._under_way = defaultdict[str, list[_UnderWay]](list)
        self._day: date | None = None
        self._of_peers = Counter[tuple[str, str]]()

    async def today(self, name: str) -> Opened:
        """What it opened, as far as this process was told. Raises StoreUnavailable."""
        async with self._reading[name]:
            known = self._today.get(name)
            if known is None or not known.is_of(self._clock.now()):
                read = await opened_today(self._store, self._clock, f"sentry:{name}")
                meanwhile = self._today.get(name)
                self._today[name] = known = read.and_also(*meanwhile.incidents) if meanwhile else read
        return known

    def to_wait_for(self, name: str, project: Project, payload: Payload, peer: str) -> Sequence[asyncio.Future[None]]:
        """The openings that have to be over before it is known whether this failure may open one."""
        under_way = self._under_way[name]
        close = [each for each in under_way if each.decides_about(payload)]
        if not close and _reaches(project.a_day, len(self._today[name].incidents), len(under_way)):
            close = under_way
        if not close and not project.believed:
            of_peer = [each for each in under_way if peer and each.peer == peer]
            close = of_peer if _reaches(project.a_peer, self._of_peer(name, peer), len(of_peer)) else []
        return [each.over for each in close]

    def is_enough(self, name: str, project: Project, peer: str) -> bool:
        """Whether the project opened enough for today; or by a key that anybody can read, this one of its peers did."""
        if len(self._today[name].incidents) >= project.a_day:
            log.warning("report_limited", extra={"project": name, "a_day": project.a_day})
            return True
        floods = not project.believed and self._of_peer(name, peer) >= project.a_peer
        if floods:
            log.warning("report_flood", extra={"project": name, "peer": peer, "a_peer": project.a_peer})
        return floods

    @contextmanager
    def under_way(self, name: str, payload: Payload, peer: str) -> Iterator[None]:
        """While it is opened, it counts as if it had been."""
        opening = _UnderWay(payload, peer, asyncio.get_running_loop().create_future())
        self._under_way[name].append(opening)
        try:
            yield
        finally:
            self._under_way[name].remove(opening)
            opening.over.set_result(None)

    def opened(self, name: str, project: Project, incident: Incident, peer: str) -> None:
        """Count one that was opened, for the project, for the peer and for its kin."""
        if peer:
            self._peers_today(incident.opened_at)[name, peer] += 1
        self._today[name] = opened = self._today[name].and_also(incident)
        if len(opened.of_kin(incident.kin)) == project.a_kin:
            extra = {"project": name, "a_day": project.a_kin, "incident_id": incident.name}
            log.warning("failure_limit_reached", extra=extra)

    def _of_peer(self, name: str, peer: str) -> int:
        return self._peers_today(self._clock.now())[name, peer]

    def _peers_today(self, now: datetime) -> Counter[tuple[str, str]]:
        """By midnight, UTC; no more of them than projects may open incidents in a day."""
        if self._day != now.date():
            self._day = now.date()
            self._of_peers.clear()
        return self._of_peers


def _reaches(limit: int, opened: int, under_way: int) -> bool:
    """Whether it hangs on what becomes of those under way."""
    return opened < limit <= opened + under_way


def counts_instead(payload: Payload, last: Incident | None, opened: Opened, project: Project) -> Payload | None:
    """What only counts, where its failure opened enough for today, or those that differ from it in words alone.

    None where it may open an incident.
    """
    alike = _of_template(opened, payload.incident.kin, payload.incident.summary)
    return held_back(payload, last, opened, project, alike if len(alike) >= _VALUES else ())


def _of_template(opened: Opened, kin: str, said: str) -> list[Incident]:
    """Those of the kin whose words are these but for one, which stands in the same place in all of them."""
    words, at_place = _words(said), defaultdict[int, list[Incident]](list)
    for each in opened.of_kin(kin):
        places = _differing(words, _words(each.summary))
        if len(places) == 1 and len(words) > _FIXED_WORDS:
            at_place[places[0]].append(each)
    return max(at_place.values(), key=len, default=[])


def _words(said: str) -> list[str]:
    return plain_message(said).split()


def _differing(one: list[str], other: list[str]) -> list[int]:
    if len(one) != len(other):
        return []
    return [at for at, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
