"""The door for Sentry's SDKs. What was answered with 200 is on disk, once."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import web

from kintsugi.web.deliveries import IGNORED, KNOWN, OUTCOME
from kintsugi.web.github import Unreadable
from kintsugi.web.origins import ASKED, heard_from, shared
from kintsugi.web.sentry import (
    LARGEST,
    LARGEST_EVENT,
    Item,
    Project,
    TooLarge,
    event_in,
    expanded,
    is_known,
    items_in,
    key_of,
)
from kintsugi.workflow.errors import StoreUnavailable

log = logging.getLogger("kintsugi.web")

_LIMITED = 300  # seconds for which an SDK is to keep its errors to itself


class Taken(StrEnum):
    """What became of an event."""

    STORED = "stored"
    KNOWN = "known"
    IGNORED = "ignored"
    LIMITED = "limited"


_Items = list[Item | Unreadable | TooLarge]
_Read = Callable[[bytes], _Items]
Take = Callable[[str, Project, Item], Awaitable[Taken]]
"""Takes one item of a project, by the project's name. Raises Unreadable, StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Reports:
    """The projects that may report, and what is done with what they report."""

    take: Take
    projects: Mapping[str, Project] = field(default_factory=dict)

    def add_to(self, application: web.Application) -> None:
        for path, handler in (("envelope", self.envelope), ("store", self.store)):
            for end in ("/", ""):  # old SDKs leave the slash out
                application.router.add_post(f"/api/{{project}}/{path}{end}", handler)
                application.router.add_route("OPTIONS", f"/api/{{project}}/{path}{end}", self.asked)

    async def envelope(self, request: web.Request) -> web.Response:
        return await self._answered(request, lambda body: list(items_in(body)))

    async def store(self, request: web.Request) -> web.Response:
        return await self._answered(request, lambda body: [event_in(body)])

    async def asked(self, request: web.Request) -> web.Response:
        """A browser asks before it reports."""
        return self._shared(request, web.Response(status=204, headers=ASKED))

    async def _answered(self, request: web.Request, read: _Read) -> web.Response:
        return self._shared(request, await self._heard(request, read))

    def _shared(self, request: web.Request, answer: web.Response) -> web.Response:
        project = self.projects.get(request.match_info["project"])
        answer.headers.update(shared(project.origins if project else (), request.headers.get("Origin")))
        return answer

    async def _heard(self, request: web.Request, read: _Read) -> web.Response:
        try:
            project, items = await asyncio.to_thread(self._unpacked, request, await request.read(), read)
            if project is None:
                return _says(403, "No project has this key.")
            if not heard_from(project.origins, request.headers.get("Origin")):
                return _says(403, "This project does not hear pages from there.")
            return await self._taken(request.match_info["project"], project, items)
        except Unreadable as error:
            return _says(400, str(error))
        except (TooLarge, web.HTTPRequestEntityTooLarge):
            return _says(413, f"More than {LARGEST // 2**20} MB, or {LARGEST_EVENT // 2**20} MB an event, is not read.")
        except StoreUnavailable as error:
            log.warning("delivery_not_stored", extra={"why": str(error)})
            return _says(503, "It could not be stored just now. Deliver it again.")

    def _unpacked(self, request: web.Request, packed: bytes, read: _Read) -> tuple[Project | None, _Items]:
        """The project that the key is of, and the items. Takes its time: it is for a thread."""
        body = expanded(packed, request.headers.get("Content-Encoding", ""))
        project = self.projects.get(request.match_info["project"])
        known = is_known(project, key_of(request.headers, request.query, body))
        return (project, read(body)) if known else (None, [])

    async def _taken(self, name: str, project: Project, items: _Items) -> web.Response:
        """Each item stands for itself: one that cannot be read is refused only where it is alone."""
        results = [await self._each(name, project, item) for item in items]
        faults = [each for each in results if isinstance(each, Exception)]
        became = [each for each in results if isinstance(each, Taken)]
        if faults and not became:
            raise faults[0]
        if faults:
            log.warning("report_unread", extra={"project": name, "items": len(faults), "why": str(faults[0])})
        return _answer(items, became)

    async def _each(self, name: str, project: Project, item: Item | Unreadable | TooLarge) -> Taken | Exception:
        if not isinstance(item, Item):
            return item
        try:
            return await self.take(name, project, item)
        except Unreadable as error:
            return error


def _answer(items: _Items, became: list[Taken]) -> web.Response:
    if Taken.LIMITED in became:
        return _limited()
    id = next((str(item.data.get("event_id", "")) for item in items if isinstance(item, Item)), "")
    answer = web.json_response({"id": id} if id else {})
    if Taken.STORED not in became:
        answer[OUTCOME] = KNOWN if Taken.KNOWN in became else IGNORED
    return answer


def _limited() -> web.Response:
    """As Sentry says it: an SDK drops its errors for a while, and sends what else it has."""
    headers = {"Retry-After": str(_LIMITED), "X-Sentry-Rate-Limits": f"{_LIMITED}:error:organization:kintsugi_a_day"}
    return web.Response(
        status=429, headers=headers, content_type="application/json", text=json.dumps({"detail": "Enough for today."})
    )


def _says(status: int, sentence: str) -> web.Response:
    return web.json_response({"detail": sentence}, status=status, headers={"X-Sentry-Error": sentence})
