"""The door for Sentry's SDKs. What was answered with 200 is on disk, once."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from aiohttp import web

from kintsugi.telemetry.counts import Tally
from kintsugi.web.bodies import body_of
from kintsugi.web.deliveries import IGNORED, KNOWN, OUTCOME
from kintsugi.web.origins import ASKED, heard_from, shared
from kintsugi.web.peers import peer_of
from kintsugi.web.reading import Delivery, Failed, Fault, PassedOver, Ran, Read, Told
from kintsugi.web.seldom import Seldom
from kintsugi.web.sentry import LARGEST, LARGEST_EVENT, Project, is_known, key_of
from kintsugi.web.shares import Crowded, Shares
from kintsugi.web.together import Reading, Together
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.ports import Clock

log = logging.getLogger("kintsugi.web")

_LIMITED = 300  # seconds for which an SDK is to keep its errors to itself
_CROWDED = 5  # … and everything


class Taken(StrEnum):
    """What became of an event."""

    STORED = "stored"
    KNOWN = "known"
    IGNORED = "ignored"
    LIMITED = "limited"
    UNTOLD = "untold"  # nothing yet: it has to be told whole


Take = Callable[[str, Project, Failed | Ran, str], Awaitable[Taken]]
"""Takes one item of a project, by the project's name, from a peer ("": not known). Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """The projects that may report, who reads what they report, in what shares, and what is done with it."""

    take: Take
    readers: Reading
    shares: Shares
    clock: Clock
    projects: Mapping[str, Project] = field(default_factory=dict)
    crowded: Seldom = field(default_factory=Seldom)
    passed_over: Tally = field(default_factory=Tally)  # items from which nothing follows, by kind
    _together: Together = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_together", Together(self.readers, self.shares))

    def add_to(self, application: web.Application) -> None:
        application.cleanup_ctx.append(self._reading)
        for path, handler in (("envelope", self.envelope), ("store", self.store)):
            for end in ("/", ""):  # old SDKs leave the slash out
                application.router.add_post(f"/api/{{project}}/{path}{end}", handler)
                application.router.add_route("OPTIONS", f"/api/{{project}}/{path}{end}", self.asked)

    async def envelope(self, request: web.Request) -> web.Response:
        return await self._answered(request, bare=False)

    async def store(self, request: web.Request) -> web.Response:
        return await self._answered(request, bare=True)

    async def asked(self, request: web.Request) -> web.Response:
        """A browser asks before it reports."""
        return self._shared(request, web.Response(status=204, headers=ASKED))

    async def _reading(self, _: web.Application) -> AsyncIterator[None]:
        await self.readers.begin()
        yield
        await self.readers.close()

    async def _answered(self, request: web.Request, *, bare: bool) -> web.Response:
        return self._shared(request, await self._heard(request, bare=bare))

    def _shared(self, request: web.Request, answer: web.Response) -> web.Response:
        project = self.projects.get(request.match_info["project"])
        answer.headers.update(shared(project.origins if project else (), request.headers.get("Origin")))
        return answer

    async def _heard(self, request: web.Request, *, bare: bool) -> web.Response:
        """Whoever has a wrong key in the head, or comes from elsewhere, is answered before anything is read."""
        name, key = request.match_info["project"], key_of(request.headers, request.query)
        project = self.projects.get(name)
        if key and not is_known(project, key):
            return _says(403, _UNKNOWN)
        if project is None:
            return _says(403, _UNKNOWN)
        if not heard_from(project.origins, request.headers.get("Origin")):
            return _says(403, "This project does not hear pages from there.")
        try:
            return await self._delivered(request, name, project, key, bare=bare)
        except Crowded:
            if times := self.crowded.counts(name):
                log.warning("report_overload", extra={"project": name, "peer": peer_of(request), "times": times})
            return _crowded()
        except web.HTTPRequestEntityTooLarge:
            return _refused(Fault("", too_large=True))
        except StoreUnavailable as error:
            log.warning("delivery_not_stored", extra={"why": str(error)})
            return _says(503, "It could not be stored just now. Deliver it again.")

    async def _delivered(
        self, request: web.Request, name: str, project: Project, key: str, *, bare: bool
    ) -> web.Response:
        """In the project's share; where the head has no key, in that of all who come without. Raises Crowded."""
        share, peer = name if key else "", peer_of(request)
        encoding = request.headers.get("Content-Encoding", "")
        with self.shares.entered(share, peer):
            body = await body_of(request)
            delivery = Delivery(
                name=name,
                project=project,
                key=key,
                body=body,
                encoding=encoding,
                bare=bare,
                at=self.clock.now(),
                whole=False,
            )
            return await self._told(delivery, share, peer)

    async def _told(self, delivery: Delivery, share: str, peer: str) -> web.Response:
        """Most failures are known, and are counted by their outline: only what opens an incident is read whole."""
        read = await self._together.read(delivery, share, peer)
        if not read.known:
            return _says(403, _UNKNOWN)
        became = [await self._each(delivery, item, peer) for item in read.items]
        if Taken.UNTOLD in became:
            read = await self._together.read(replace(delivery, whole=True), share, peer)
            pairs = zip(became, read.items, strict=not read.fault)
            became = [await self._each(delivery, item, peer) if was is Taken.UNTOLD else was for was, item in pairs]
        return self._answer(delivery.name, read, became)

    def _answer(self, name: str, read: Read, became: list[Taken | Fault]) -> web.Response:
        """Each item stands for itself: one that cannot be read is refused only where it is alone."""
        if read.fault:
            return _refused(read.fault)
        faults = [each for each in became if isinstance(each, Fault)]
        taken = [each for each in became if isinstance(each, Taken)]
        if faults and not taken:
            return _refused(faults[0])
        if faults:
            log.warning("report_unreadable", extra={"project": name, "items": len(faults), "why": faults[0].says})
        return _answer(read.id, taken)

    async def _each(self, delivery: Delivery, item: Told, peer: str) -> Taken | Fault:
        if isinstance(item, Fault):
            return item
        if isinstance(item, PassedOver):
            self.passed_over.count(item.kind)
            return Taken.IGNORED
        return await self.take(delivery.name, delivery.project, item, peer)


_UNKNOWN = "No project has this key."


def _refused(fault: Fault) -> web.Response:
    if fault.too_large:
        return _says(413, f"More than {LARGEST // 2**20} MB, or {LARGEST_EVENT // 2**20} MB an event, is not read.")
    return _says(400, fault.says)


def _answer(id: str, became: list[Taken]) -> web.Response:
    if Taken.LIMITED in became:
        return _limited()
    answer = web.json_response({"id": id} if id else {})
    if Taken.STORED not in became:
        answer[OUTCOME] = KNOWN if Taken.KNOWN in became else IGNORED
    return answer


def _crowded() -> web.Response:
    """More at once than one program may have here: its SDK keeps everything to itself for a moment."""
    answer = _says(429, "Too many reports of this program at once.")
    answer.headers["Retry-After"] = str(_CROWDED)
    return answer


def _limited() -> web.Response:
    """As Sentry says it: an SDK drops its errors for a while, and sends what else it has."""
    headers = {"Retry-After": str(_LIMITED), "X-Sentry-Rate-Limits": f"{_LIMITED}:error:organization:kintsugi_a_day"}
    return web.Response(
        status=429, headers=headers, content_type="application/json", text=json.dumps({"detail": "Enough for today."})
    )


def _says(status: int, sentence: str) -> web.Response:
    return web.json_response({"detail": sentence}, status=status, headers={"X-Sentry-Error": sentence})
