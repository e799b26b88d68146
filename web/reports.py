"""The door for Sentry's SDKs. What was answered with 200 is on disk, once."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from web.deliveries import IGNORED, KNOWN, OUTCOME
from web.github import Unreadable
from web.sentry import LARGEST, Project, TooLarge, event_in, events_in, expanded, is_known, key_of
from workflow.errors import StoreUnavailable

log = logging.getLogger("kintsugi.web")

_LIMITED = 300  # seconds for which an SDK is to keep its errors to itself


class Taken(StrEnum):
    """What became of an event."""

    STORED = "stored"
    KNOWN = "known"
    IGNORED = "ignored"
    LIMITED = "limited"


Take = Callable[[str, Project, dict[str, Any]], Awaitable[Taken]]
"""Takes one event of a project, by the project's name. Raises Unreadable, StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Reports:
    """The projects that may report, and what is done with what they report."""

    take: Take
    projects: Mapping[str, Project] = field(default_factory=dict)

    def add_to(self, application: web.Application) -> None:
        application.router.add_post("/api/{project}/envelope/", self.envelope)
        application.router.add_post("/api/{project}/store/", self.store)

    async def envelope(self, request: web.Request) -> web.Response:
        return await self._answered(request, lambda body: list(events_in(body)))

    async def store(self, request: web.Request) -> web.Response:
        return await self._answered(request, lambda body: [event_in(body)])

    async def _answered(self, request: web.Request, read: Callable[[bytes], list[dict[str, Any]]]) -> web.Response:
        try:
            body = expanded(await request.read(), request.headers.get("Content-Encoding", ""))
            project = self._project(request, body)
            if project is None:
                return _says(403, "No project has this key.")
            return await self._taken(request.match_info["project"], project, read(body))
        except Unreadable as error:
            return _says(400, str(error))
        except (TooLarge, web.HTTPRequestEntityTooLarge):
            return _says(413, f"More than {LARGEST // 2**20} MB is not read.")
        except StoreUnavailable as error:
            log.warning("delivery_not_stored", extra={"why": str(error)})
            return _says(503, "It could not be stored just now. Deliver it again.")

    def _project(self, request: web.Request, body: bytes) -> Project | None:
        project = self.projects.get(request.match_info["project"])
        return project if is_known(project, key_of(request.headers, request.query, body)) else None

    async def _taken(self, name: str, project: Project, events: list[dict[str, Any]]) -> web.Response:
        became = [await self.take(name, project, event) for event in events]
        if Taken.LIMITED in became:
            return _limited()
        id = str(events[0].get("event_id", "")) if events else ""
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
