"""The world that is acted on: the services as stand-ins over loopback, their weather, and what they recorded."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from chaos.worker import SharedClock
from kintsugi.bot.card import is_card_of, question_mark, token_in, work_mark
from kintsugi.integrations.git import Git
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.states import State
from tests.world import discord, github, openai, railway
from tests.world.discord import DiscordStandIn
from tests.world.discord_messages import buttons_of
from tests.world.discord_shapes import CHANNEL
from tests.world.discord_weather import BROKEN_AFTER, BROKEN_BEFORE, DROPPED_AFTER, LIMITED
from tests.world.github import Fault, GitHubStandIn
from tests.world.openai import Answer, OpenAIStandIn, an_error
from tests.world.railway import Deployed, RailwayStandIn

_FAULTS = ("reset", "502", "html")
_SPOILT = (LIMITED, BROKEN_BEFORE, BROKEN_AFTER, DROPPED_AFTER)
_OF_DISCORD, _OF_MODEL = 0.15, 0.3  # how often a life meets their bad weather: who repeats by itself takes seconds
_MODEL_IS_BAD = (Answer(drops=True), Answer("<html>", 502), an_error(500, "server_error", "no"), Answer("", 200))
_LATE = 100  # seconds until a deployment shows whose asking was heard: less than the quiet period
_COURSE = ((timedelta(), "BUILDING"), (timedelta(seconds=60), "SUCCESS"))


class Railway(RailwayStandIn):
    """The same without the published schema, which is not everywhere; and its deployments may show late."""

    late: float = 0
    course = _COURSE  # of each deployment

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
        self.courses.append(self.course)
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
        replaced = any(new.created_at > each.created_at and new.status(now) == "SUCCESS" for new in self.deployments)
        status = "REMOVED" if replaced else each.status(now)
        return {**node, **times, "status": status, "canRollback": status == "SUCCESS", "staticUrl": ""}

    def _is_listed(self, each: Deployed, now: datetime) -> bool:
        return self.hidden.get(each.id, now) <= now


@dataclass
class World:
    """What the driver acts in. `proofs`: how often the sandbox was asked."""

    github: GitHubStandIn
    railway: Railway
    discord: DiscordStandIn
    model: OpenAIStandIn
    url: str
    dice: random.Random
    proofs: int = 0
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
        self.discord.weather.next = []
        if self.dice.random() < _OF_DISCORD:
            self.discord.weather.comes(self.dice.choice(_SPOILT), r"/channels/")
        self.model.line = [self.dice.choice(_MODEL_IS_BAD)] if self.dice.random() < _OF_MODEL else []

    def clears_up(self) -> None:
        """From now on every call is answered."""
        self.github.line, self.railway.weather, self.railway.late = {}, [], 0
        self.discord.weather.next, self.model.line = [], []

    def token(self, incident: int) -> str | None:
        """What somebody reads in the incident's thread; None where nothing is asked there."""
        rooms = self.discord.channels.messages
        said = [each["content"] for at in self._cards(incident) for each in rooms.get(int(at["id"]), [])]
        return next((token for text in reversed(said) if (token := token_in(text))), None)

    def _cards(self, incident: int) -> list[dict[str, Any]]:
        cards = self.discord.channels.cards
        return [each for each in cards if is_card_of(incident, frozenset(buttons_of(each).values()))]

    # --- what the records say -----------------------------------------------------------------------------------

    def faults(self, incidents: list[Incident]) -> list[str]:
        """Everything that is there twice, is missing, or is not as the history says."""
        rooms = self.discord.channels.messages
        threads = [(each, rooms[int(card["id"])]) for each in incidents for card in self._cards(each.id)]
        lost = [fault for each in incidents for fault in (*self._lost(each), *self._untold(each))]
        return [*self._doubled(incidents), *(fault for each in threads for fault in _said_twice(*each)), *lost]

    def _doubled(self, incidents: list[Incident]) -> list[str]:
        branches = Counter(ref.split("/inc-")[1].split("-")[0] for ref in self.github.git.refs("refs/heads/kintsugi"))
        pulls = Counter(pull.branch for pull in self.github.pulls)
        asked = Counter(self.railway.asked)
        cards = Counter({each.name: len(self._cards(each.id)) for each in incidents})
        counts = {"branch of INC-": branches, "pull request of ": pulls, "deployment of ": asked, "card of ": cards}
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

    def _untold(self, incident: Incident) -> list[str]:
        """What is shown of it is not how it stands."""
        titles = [card["embeds"][0]["title"] for card in self._cards(incident.id)]
        wanted = f"{incident.name} · {incident.state.words}"
        faults = [f"lost: the card of {incident.name} says {title}" for title in titles if title != wanted]
        if self.token(incident.id):
            faults.append(f"lost: {incident.name} is {incident.state}, and its question stands open")
        return faults if titles else [f"lost: {incident.name} has no card"]

    async def proves(self, request: web.Request) -> web.Response:
        self.proofs += 1
        return web.json_response({})


def _said_twice(incident: Incident, thread: list[dict[str, Any]]) -> list[str]:
    """The question and the work have one message each, which is edited."""
    marks = {"question of ": question_mark(incident.id), "message on the work on ": work_mark(incident.id)}
    counts = {what: sum(each["content"].startswith(mark) for each in thread) for what, mark in marks.items()}
    return [f"doubled: {what}{incident.name} ({n} times)" for what, n in counts.items() if n > 1]


@asynccontextmanager
async def a_world(folder: Path, clock: SharedClock, dice: random.Random) -> AsyncIterator[World]:
    """The stand-ins, serving; a repository with one commit, and our copy of it in `objects.git`."""
    async with github.serving(folder) as people, discord.serving() as chat, openai.serving() as model:
        first = people.commits({"shop.py": b"price = 1\n"})
        Git(folder).run("clone", "--quiet", "--mirror", str(people.git.directory), str(folder / "objects.git"))
        there = Railway(clock.now, first)
        there.auto_deploys = False
        world = World(people, there, chat, model, "", dice)
        async with _served(world):
            yield world


@asynccontextmanager
async def _served(world: World) -> AsyncIterator[None]:
    """Railway, the program it runs, and the sandbox."""
    application, there = web.Application(), world.railway
    application.router.add_post("/graphql/v2", there.post)
    application.router.add_get("/version", there.version)
    application.router.add_post("/sandbox", world.proves)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    world.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    there.program_url, there.url = world.url, f"{world.url}/graphql/v2"
    try:
        yield
    finally:
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
        "DISCORD_TOKEN": discord.TOKEN,
        "DISCORD_CHANNEL": str(CHANNEL),
        "DISCORD_API_BASE": world.discord.api,
        "DISCORD_GATEWAY_URL": world.discord.gateway,
        "LLM_API_KEY": "stand-in",
        "LLM_BASE_URL": world.model.url,
        "LLM_MODEL": "stand-in",
        "LLM_BUDGET_DAY_TOKENS": str(10**12),
    }
    return {f"KINTSUGI_{name}": value for name, value in given.items()}
