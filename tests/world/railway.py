"""Railway as its clients see it: GraphQL executed against a schema, deployments that move by the clock.

What is asked and answered is held to wire/railway.graphql by graphql-core itself: a field, an argument or a status that
is not in there fails the call. The program that is deployed answers beside it, at /version.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, build_schema, graphql

PROJECT, ENVIRONMENT, SERVICE = "project-of-the-shop", "production", "shop"
TOKEN = f"token-{uuid.uuid4()}"
MINUTE = timedelta(minutes=1)
USUAL = ((timedelta(), "BUILDING"), (MINUTE, "DEPLOYING"), (2 * MINUTE, "SUCCESS"))


@dataclass
class Deployed:
    """One deployment. `course`: what becomes of it, each status with how long after its creation."""

    id: str
    commit: str
    created_at: datetime
    course: tuple[tuple[timedelta, str], ...] = USUAL
    asked: bool = False  # by a client, through the API

    def status(self, now: datetime) -> str:
        return [status for after, status in self.course if self.created_at + after <= now][-1]

    def since(self, now: datetime) -> datetime:
        return max(self.created_at + after for after, _ in self.course if self.created_at + after <= now)


@dataclass
class RailwayStandIn:
    """A project with one service in one environment."""

    now: Callable[[], datetime]
    first_commit: str
    auto_deploys: bool = True
    branch: str = "main"
    url: str = ""
    program_url: str = ""
    deployments: list[Deployed] = field(default_factory=list)
    courses: list[tuple[tuple[timedelta, str], ...]] = field(default_factory=list)  # of the next ones, then USUAL
    calls: list[str] = field(default_factory=list)  # the names of what was asked
    tokens: dict[str, str] = field(default_factory=lambda: {TOKEN: "Project-Access-Token"})
    weather: list[str] = field(default_factory=list)  # what befalls the next mutations
    always: str = ""  # what befalls every call
    logs: list[str] = field(default_factory=list)
    stalls: asyncio.Event = field(default_factory=asyncio.Event)  # set when a call is left without an answer
    on_call: Callable[[str, bool], Awaitable[None]] | None = None  # with a call's name, before it is done and after
    says_instead: dict[str, object] = field(default_factory=dict)  # by the name of what was to be changed
    runs_instead: str = ""  # what the program says, where that is not what was deployed

    def __post_init__(self) -> None:
        created = self.now() - timedelta(days=1)
        self.deployments.append(Deployed("first", self.first_commit, created))

    # --- what happens there -------------------------------------------------------------------------------------

    def begins(self, commit: str, *, asked: bool = False) -> Deployed:
        """A deployment begins: by a push, by hand, or asked for."""
        course = self.courses.pop(0) if self.courses else USUAL
        new = Deployed(str(uuid.uuid4()), commit, self.now(), course, asked)
        self.deployments.append(new)
        return new

    @property
    def asked(self) -> list[str]:
        """The commits that were asked for through the API."""
        return [each.commit for each in self.deployments if each.asked]

    @property
    def runs(self) -> str:
        """What the program is: of the deployment that came up last."""
        now = self.now()
        up = [each for each in self.deployments if each.status(now) == "SUCCESS"]
        return self.runs_instead or max(up, key=lambda each: each.since(now)).commit

    # --- GraphQL ------------------------------------------------------------------------------------------------

    def resolvers(self) -> dict[str, Callable[..., Any]]:
        return {
            "deployments": self._deployments,
            "deploymentTriggers": self._triggers,
            "serviceInstanceDeployV2": self._deploy,
            "deploymentRollback": self._roll_back,
            "buildLogs": self._logs,
            "deploymentLogs": self._logs,
        }

    def _deployments(self, _: Any, input: dict[str, Any], first: int | None = None) -> Any:
        self._knows(input.get("environmentId"), input.get("serviceId"))
        newest = sorted(self.deployments, key=lambda each: each.created_at, reverse=True)
        return {"edges": [{"node": self._node(each)} for each in newest[:first]]}

    def _node(self, each: Deployed) -> dict[str, Any]:
        now = self.now()
        status = each.status(now)
        up = [other for other in self.deployments if other.status(now) == "SUCCESS"]
        replaced = status == "SUCCESS" and any(other.since(now) > each.since(now) for other in up)
        return {
            "id": each.id,
            "status": "REMOVED" if replaced else status if status in _STATUSES else "BUILDING",
            "createdAt": each.created_at,
            "statusUpdatedAt": each.since(now),
            "canRollback": status == "SUCCESS",
            "deploymentStopped": False,
            "staticUrl": "shop.up.railway.app",
            "meta": {"commitHash": each.commit, "branch": self.branch},
        }

    def _triggers(self, _: Any, environmentId: str, serviceId: str, projectId: str) -> Any:  # noqa: N803
        self._knows(environmentId, serviceId)
        trigger = {"branch": self.branch, "checkSuites": False}
        return {"edges": [{"node": trigger}] if self.auto_deploys else []}

    def _deploy(self, _: Any, environmentId: str, serviceId: str, commitSha: str | None = None) -> str:  # noqa: N803
        self._knows(environmentId, serviceId)
        newest = max(self.deployments, key=lambda each: each.created_at)
        return self.begins(commitSha or newest.commit, asked=True).id

    def _roll_back(self, _: Any, id: str) -> bool:
        target = next((each for each in self.deployments if each.id == id), None)
        if target is None:
            raise GraphQLError("Deployment not found")
        self.begins(target.commit, asked=True)
        return True

    def _logs(self, _: Any, deploymentId: str, limit: int | None = None) -> Any:  # noqa: N803
        return [{"message": line, "timestamp": "", "attributes": []} for line in self.logs][-(limit or 500) :]

    def _knows(self, environment: str | None, service: str | None) -> None:
        if (environment, service) != (ENVIRONMENT, SERVICE):
            raise GraphQLError("Not Authorized")

    # --- HTTP ---------------------------------------------------------------------------------------------------

    async def post(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        name = asked["query"].split()[1].split("(")[0]
        if self.on_call:
            await self.on_call(name, False)
        if request.transport is None or request.transport.is_closing():
            return web.Response()  # who asked is gone before it was heard
        answer = await self._answer(request, asked, name)
        if self.on_call:
            await self.on_call(name, True)
        return answer

    async def _answer(self, request: web.Request, asked: dict[str, Any], name: str) -> web.StreamResponse:
        changes = asked["query"].startswith("mutation")
        self.calls.append(name)
        weather = self.always or (self.weather.pop(0) if changes and self.weather else "")
        if refused := self._refusal(request):
            return web.json_response({"errors": [{"message": refused}], "data": None})
        if weather and not weather.startswith("heard"):
            return await self._spoilt(weather, request)
        result = await graphql(
            schema(), asked["query"], variable_values=asked["variables"], root_value=_Root(self.resolvers())
        )
        if weather:
            return await self._spoilt(weather.removeprefix("heard, "), request)
        told = self._with_new_words(_told(result))
        told["data"] = {key: self.says_instead.get(key, value) for key, value in (told["data"] or {}).items()}
        return web.json_response(told)

    async def version(self, request: web.Request) -> web.Response:
        return web.json_response({"commit": self.runs})

    def _with_new_words(self, told: dict[str, Any]) -> dict[str, Any]:
        """Railway has a status that is not in its schema yet."""
        true = {each.id: each.status(self.now()) for each in self.deployments}
        for edge in ((told.get("data") or {}).get("deployments") or {}).get("edges", []):
            if true[edge["node"]["id"]] not in _STATUSES:
                edge["node"]["status"] = true[edge["node"]["id"]]
        return told

    def _refusal(self, request: web.Request) -> str:
        bearer, project = request.headers.get("Authorization", ""), request.headers.get("Project-Access-Token", "")
        given, header = (project, "Project-Access-Token") if project else (bearer.removeprefix("Bearer "), "Bearer")
        if self.tokens.get(given) == header and not (bearer and project):
            return ""
        return "Project Token not found" if project else "Not Authorized"

    async def _spoilt(self, weather: str, request: web.Request) -> web.StreamResponse:
        match weather:
            case "reset":
                assert request.transport
                request.transport.abort()
                return web.Response()
            case "silence":
                self.stalls.set()
                await asyncio.sleep(60)
                return web.Response()
            case "502":
                return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
            case "html":
                return web.Response(text="<html>We are on it</html>", content_type="text/html")
            case "429":
                return web.json_response({"errors": [{"message": "Too Many Requests"}]}, status=429, headers=_LATER)
            case _:
                return web.json_response({"errors": [{"message": weather}], "data": None})


_STATUSES = frozenset(
    [
        "BUILDING",
        "CRASHED",
        "DEPLOYING",
        "FAILED",
        "INITIALIZING",
        "NEEDS_APPROVAL",
        "QUEUED",
        "REMOVED",
        "REMOVING",
        "SKIPPED",
        "SLEEPING",
        "SUCCESS",
        "WAITING",
    ]
)
_SCHEMA = Path(__file__).parent / "wire" / "railway.graphql"
_LATER = {"Retry-After": "600", "X-RateLimit-Remaining": "0"}


class _Root:
    """What graphql-core asks for the top fields: the schema comes without resolvers."""

    def __init__(self, resolvers: dict[str, Callable[..., Any]]) -> None:
        self.__dict__ = {name: _without_info(resolver) for name, resolver in resolvers.items()}


def _without_info(resolver: Callable[..., Any]) -> Callable[..., Any]:
    return lambda info, **given: resolver(info, **given)


def _told(result: ExecutionResult) -> dict[str, Any]:
    told: dict[str, Any] = {"data": _plain(result.data)}
    if result.errors:
        told["errors"] = [error.formatted for error in result.errors]
    return told


def _plain(node: Any) -> Any:
    """Times as Railway writes them."""
    match node:
        case dict():
            return {key: _plain(value) for key, value in node.items()}
        case list():
            return [_plain(value) for value in node]
        case datetime():
            return node.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return node


@cache
def schema() -> GraphQLSchema:
    return build_schema(_SCHEMA.read_text())


@asynccontextmanager
async def serving(now: Callable[[], datetime], first_commit: str) -> AsyncIterator[RailwayStandIn]:
    stand_in = RailwayStandIn(now, first_commit)
    application = web.Application()
    application.router.add_post("/graphql/v2", stand_in.post)
    application.router.add_get("/version", stand_in.version)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.program_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    stand_in.url = f"{stand_in.program_url}/graphql/v2"
    try:
        yield stand_in
    finally:
        await runner.cleanup()
