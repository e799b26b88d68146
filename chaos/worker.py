"""One life of a worker: the product's own parts on a clock that the driver moves, with failpoints around them.

GitHub and Railway are asked by the product's adapters over loopback. The model, the sandbox, the channel and the
monitor may be asked any number of times; they are asked by a line of HTTP each, which the driver keeps.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from app.bootstrap import Kintsugi, Parts, real_parts
from app.deploys import bare_deployer
from app.desk import Desk, _executor
from app.settings import Settings, read_settings
from chaos.failpoints import Failpoints, Watched, WatchedExecutor, WatchedStore
from executors.embedded import Embedded
from integrations.git import Git
from persistence.database import parse_url
from tests.world.make import a_diagnosis, an_evidence
from workflow.engine import Engine
from workflow.incident import Cure, Diagnosis, Incident, Patch
from workflow.patch import Evidence
from workflow.ports import Case, CodeHost, Deployer, Manners, Progress, Reading, Rollout
from workflow.words import Effect

NO_LOOK, NO_QUIET, NO_LOCK = "no look before create", "no quiet period", "no lock"


class SharedClock:
    """The moment, and as much later as a file says: time passes for every process at once."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(self._file.read_text() or 0))

    def passes(self, seconds: float) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(str(float(self._file.read_text()) + seconds))
        new.replace(self._file)


@dataclass(frozen=True)
class Life:
    """What a life is told. `settings` are the product's own; `without` what a control switches off."""

    folder: Path
    settings: Mapping[str, str]
    outside: str  # where the model, the sandbox and the channel are
    points: Mapping[str, int] = field(default_factory=dict)
    action: str = "kill"
    without: str = ""


def live(life: Life) -> None:
    """Perform what is due until nothing is. Runs in a process of its own."""
    os.environ |= life.settings
    os.chdir(life.folder)
    logging.basicConfig(filename=life.folder / "worker.log", level=logging.INFO, force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(_drain(life))


async def _drain(life: Life) -> None:
    settings, clock = read_settings(), SharedClock(life.folder / "clock")
    points = Failpoints(life.folder, life.points, life.action)
    url = parse_url(settings.database_url)
    store = WatchedStore(url, clock, points)
    alone = _executor(store, url)
    if life.without == NO_LOCK:
        alone = Embedded(store, life.folder / f"{os.getpid()}.lock")
    executor = WatchedExecutor(alone)
    desk = Desk(store, executor, Engine(store, executor, clock, redact=str), clock)
    async with httpx.AsyncClient(base_url=life.outside, trust_env=False) as outside:
        await Kintsugi(desk, _parts(settings, Outside(outside), points, life.without)).drain()
    await store.close()


def _parts(settings: Settings, outside: Outside, points: Failpoints, without: str) -> Parts:
    real = real_parts(settings, outside)
    assert settings.repo
    parts = replace(
        real,
        analyst=outside,
        checker=Checked(outside, real.code_host, Git(settings.repo)),
        monitor=outside,
        deployer=_control(settings, without) if without else real.deployer,
    )
    roles = ("analyst", "checker", "code_host", "deployer", "monitor", "channel")
    watched: dict[str, Any] = {role: Watched(role, getattr(parts, role), points) for role in roles}
    return replace(parts, **watched)


class Outside:
    """The ports that may be asked twice."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def diagnose(self, case: Case, progress: Progress) -> Diagnosis:
        await self.tell("model", case.incident)
        return a_diagnosis(branch=f"fix-{case.incident.id}")

    async def announce(self, incident: Incident) -> None:
        await self.tell("announce", incident)

    async def ask(self, incident: Incident, token: str) -> None:
        await self.tell("ask", incident, token)

    def progress(self, incident: Incident, step: Effect, words: str) -> None:
        """Nobody listens."""

    async def read(self, case: Case) -> Reading:
        running = (await self._client.get("/version")).json()["commit"]
        return Reading(Cure(5, 5, "5 clean of the 5 needed"), running)

    async def tell(self, what: str, incident: Incident, words: str = "") -> None:
        await self._client.post(f"/{what}", json={"incident": incident.id, "seq": incident.seq, "words": words})


class Checked:
    """The Checker port: a new file on the head of the branch, proven by asking the sandbox's stand-in."""

    def __init__(self, outside: Outside, code_host: CodeHost, git: Git) -> None:
        self._outside, self._code_host, self._git = outside, code_host, git

    async def check(self, case: Case, progress: Progress) -> tuple[Patch, Evidence]:
        await self._outside.tell("sandbox", case.incident)
        base, files = await self._code_host.head(), {f"fix_{case.incident.id}.py": b"fixed = True\n"}
        tree = await asyncio.to_thread(self._git.write_tree, base, files)
        return Patch(base=base, tree=tree, diff=self._git.diff(base, tree)), an_evidence()


class _Control:
    """A deployer whose one safeguard is gone: what the driver must notice."""

    def __init__(self, deployer: Deployer, without: str) -> None:
        self._deployer, self._without = deployer, without

    def __getattr__(self, name: str) -> Any:
        return getattr(self._deployer, name)

    async def find(self, commit: str) -> Rollout | None:
        return None if self._without == NO_LOOK else await self._deployer.find(commit)

    async def latest(self) -> Rollout | None:
        return None if self._without == NO_LOOK else await self._deployer.latest()

    async def manners(self) -> Manners:
        manners = await self._deployer.manners()
        return Manners(manners.by_itself, repeatable=self._without == NO_QUIET)


def _control(settings: Settings, without: str) -> Deployer:
    """Without the lock around it, which looks once more."""
    return _Control(bare_deployer(settings), without)
