"""The world that is acted on: GitHub and Railway as stand-ins over loopback, their weather, and what they recorded."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from chaos.worker import SharedClock
from integrations.git import Git
from tests.world import github, railway
from tests.world.github import Fault, GitHubStandIn
from tests.world.railway import Deployed, RailwayStandIn
from workflow.incident import Incident
from workflow.words import State

_FAULTS = ("reset", "502", "html")
_LATE = 100  # seconds until a deployment shows whose asking was heard: less than the quiet period
_COURSE = ((timedelta(), "BUILDING"), (timedelta(seconds=60), "SUCCESS"))


class Railway(RailwayStandIn):
    """The same without the published schema, which is not everywhere; and its deployments may show late."""

    late: float = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.hidden: dict[str, datetime] = {}  # by id: until when a deployment is not listed

    async def _answer(self, request: web.Request, asked: dict[str, Any], name: str) -> web.StreamResponse:
        self.calls.append(name)
        given, weather = asked["variables"], ""
        if name == "Deploy":
            weather = self.weather.pop(0) if self.weather else ""
            if not weather or weather.startswith("heard"):
                self.begins(given["commitSha"], asked=True)
        if weather:
            return await self._spoilt(weather.removeprefix("heard, "), request)
        return web.json_response({"data": self._data(name, given)})

    def begins(self, commit: str, *, asked: bool = False) -> Deployed:
        self.courses.append(_COURSE)
        new = super().begins(commit, asked=asked)
        self.hidden[new.id] = self.now() + timedelta(seconds=self.late)
        return new

    def _data(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        now = self.now()
        match name:
            case "Deploy":
                return {"serviceInstanceDeployV2": self.deployments[-1].id}
            case "Triggers":
                nodes = [{"node": {"branch": self.branch}}] if self.auto_deploys else []
                return {"deploymentTriggers": {"edges": nodes}}
        shown = sorted(
            (each for each in self.deployments if self._is_listed(each, now)),
            key=lambda each: each.created_at,
            reverse=True,
        )
        nodes = [{"node": self._told(each)} for each in shown[: given["first"]]]
        return {"deployments": {"edges": nodes}}

    def _told(self, each: Deployed) -> dict[str, Any]:
        now, node = self.now(), {"id": each.id, "meta": {"commitHash": each.commit}, "deploymentStopped": False}
        times = {"createdAt": each.created_at.isoformat(), "statusUpdatedAt": each.since(now).isoformat()}
        status = each.status(now)
        return {**node, **times, "status": status, "canRollback": status == "SUCCESS", "staticUrl": ""}

    def _is_listed(self, each: Deployed, now: datetime) -> bool:
        return self.hidden.get(each.id, now) <= now


@dataclass
class World:
    """What the driver acts in. `tokens` were shown to people, `told` counts what the repeatable ports were asked."""

    github: GitHubStandIn
    railway: Railway
    url: str
    dice: random.Random
    tokens: dict[int, str] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    always_late: bool = False

    def weather(self) -> None:
        """Bad weather for the next calls."""
        calls = len(self.github.calls)
        self.github.line = {}
        for _ in range(self.dice.choice((0, 0, 1, 2))):
            at = calls + self.dice.randrange(60)
            self.github.line[at] = Fault(self.dice.choice(_FAULTS), after=self.dice.random() < 0.5)
        unheard = () if self.always_late else ("reset",)
        self.railway.weather = [self.dice.choice(("heard, reset", "heard, 502", "", *unheard))]
        self.railway.late = _LATE if self.always_late else self.dice.choice((0, _LATE))

    # --- what the records say -----------------------------------------------------------------------------------

    def faults(self, incidents: list[Incident]) -> list[str]:
        """Everything that is there twice, is missing, or is not as the history says."""
        return [*self._doubled(), *(fault for each in incidents for fault in self._lost(each))]

    def _doubled(self) -> list[str]:
        branches = Counter(ref.split("/inc-")[1].split("-")[0] for ref in self.github.git.refs("refs/heads/kintsugi"))
        pulls = Counter(pull.branch for pull in self.github.pulls)
        asked = Counter(self.railway.asked)
        counts = {"branch of INC-": branches, "pull request of ": pulls, "deployment of ": asked}
        return [
            f"doubled: {what}{name} ({n} times)" for what, all in counts.items() for name, n in all.items() if n > 1
        ]

    def _lost(self, incident: Incident) -> list[str]:
        mine = [pull for pull in self.github.pulls if pull.branch.startswith(f"kintsugi/inc-{incident.id}-")]
        if incident.state is not State.HEALED:
            return [f"lost: {incident.name} is {incident.state} ({incident.says})"]
        if len(mine) != 1 or mine[0].merged_as != incident.merge_sha:
            return [f"lost: {incident.name} says {incident.merge_sha}, GitHub {[pull.merged_as for pull in mine]}"]
        if not self.github.git.contains(self.railway.runs, incident.merge_sha or ""):
            return [f"lost: what runs is without the fix of {incident.name}"]
        return []

    async def hears(self, request: web.Request) -> web.Response:
        said, what = await request.json(), request.match_info["what"]
        self.told[what] += 1
        if what == "ask":
            self.tokens[said["incident"]] = said["words"]
        return web.json_response({})


@asynccontextmanager
async def a_world(folder: Path, clock: SharedClock, dice: random.Random) -> AsyncIterator[World]:
    """The stand-ins, serving; a repository with one commit, and our copy of it in `objects.git`."""
    async with github.serving(folder) as people:
        first = people.commits({"shop.py": b"price = 1\n"})
        Git(folder).run("clone", "--quiet", "--mirror", str(people.git.directory), str(folder / "objects.git"))
        there = Railway(clock.now, first)
        there.auto_deploys = False
        world = World(people, there, "", dice)
        application = web.Application()
        application.router.add_post("/graphql/v2", there.post)
        application.router.add_get("/version", there.version)
        application.router.add_post("/{what}", world.hears)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        world.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        there.program_url, there.url = world.url, f"{world.url}/graphql/v2"
        try:
            yield world
        finally:
            await asyncio.sleep(0)
            await runner.cleanup()


def settings_of(world: World, folder: Path, database: str) -> dict[str, str]:
    """What `kintsugi run` would read."""
    given = {
        "DATABASE_URL": database,
        "REPO": str(folder / "objects.git"),
        "GITHUB_REPO": f"{world.github.owner}/{world.github.name}",
        "GITHUB_TOKEN": github.TOKEN,
        "GITHUB_BASE_URL": world.github.url,
        "RAILWAY_TOKEN": railway.TOKEN,
        "RAILWAY_PROJECT_ID": railway.PROJECT,
        "RAILWAY_ENVIRONMENT_ID": railway.ENVIRONMENT,
        "RAILWAY_SERVICE_ID": railway.SERVICE,
        "RAILWAY_URL": world.railway.url,
        "PROGRAM_URL": world.url,
    }
    return {f"KINTSUGI_{name}": value for name, value in given.items()}
