"""One life of a worker: the product's own parts on a clock that the driver moves, with failpoints around them.

The model, GitHub, Railway and Discord are asked by the product's adapters over loopback. The sandbox and the monitor,
which may be asked any number of times, are asked by a line of HTTP each.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from chaos.failpoints import Failpoints, Watched, WatchedExecutor, WatchedStore
from chaos.hosts import move_to
from kintsugi.app.bootstrap import Bootstrap, Kintsugi, Ports
from kintsugi.app.desk import Desk, _executor
from kintsugi.app.discord_bot import announcer
from kintsugi.executors.embedded import Embedded
from kintsugi.executors.lock import AlreadyRunning
from kintsugi.executors.procrastinate import Procrastinate
from kintsugi.integrations.git import Git
from kintsugi.persistence.database import Database
from kintsugi.workflow.engine import Engine
from kintsugi.workflow.errors import StepFailed, StoreUnavailable
from kintsugi.workflow.incident import Cure, Patch
from kintsugi.workflow.patch import Evidence, Reproduction
from kintsugi.workflow.ports import Case, Channel, CodeHost, Deployer, Executor, Manners, Progress, Reading, Rollout
from tests.world.make import an_evidence

NO_LOOK, NO_QUIET, NO_LOCK = "no look before create", "no quiet period", "no lock"
_LINGERS = 1.5  # seconds with nothing to do, while something is due that another one was to do


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
    outside: str  # where the sandbox and the program are
    points: Mapping[str, int] = field(default_factory=dict)
    action: str = "kill"
    without: str = ""
    seconds: float = 0.2  # of a delay
    host: str = ""  # where it is not this one: it stays there until it is told to end, on the database's clock


def live(life: Life) -> None:
    """Work as `kintsugi run --only worker` does, until nothing is due. Runs in a process of its own."""
    if life.host:
        move_to(life.host)
    os.environ |= life.settings
    os.chdir(life.folder)
    logging.basicConfig(filename=life.folder / "worker.log", level=logging.INFO, force=True)
    for noisy in ("httpx", "transitions.core", "procrastinate"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        asyncio.run(_work(life))
    except* AlreadyRunning:
        sys.exit(1)


async def _work(life: Life) -> None:
    bootstrap, clock = Bootstrap.read(), SharedClock(life.folder / "clock")
    points = Failpoints(life.folder, life.points, life.action, life.seconds)
    url = bootstrap.database
    store = WatchedStore(url, clock, points, own_time=not life.host)
    executor = WatchedExecutor(
        _unlocked(store, url, life.folder) if life.without == NO_LOCK else _executor(store, url, at_once=4)
    )
    desk = Desk(store, executor, Engine(store, executor, clock, redact=str), clock)
    outside = httpx.AsyncClient(base_url=life.outside, trust_env=False)
    async with outside, announcer(desk, bootstrap.settings.discord, url.one_process, lambda _: None) as (_, channel):
        assert channel
        parts = _watched(_parts(bootstrap, Outside(outside), channel, life.without), points)
        kintsugi = Kintsugi(desk, parts)
        await (_until_told(kintsugi) if life.host else _until_idle(kintsugi, store, executor))
    await store.close()


async def _until_told(kintsugi: Kintsugi) -> None:
    work = asyncio.create_task(kintsugi.work())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    with suppress(asyncio.CancelledError):
        await work


async def _until_idle(kintsugi: Kintsugi, store: WatchedStore, executor: WatchedExecutor) -> None:
    work, busy_at = asyncio.create_task(kintsugi.work()), time.monotonic()
    while not work.done():
        await asyncio.sleep(0.05)
        looking = executor.busy or kintsugi.looked_at is None
        busy_at = time.monotonic() if executor.busy else busy_at
        idle = time.monotonic() - busy_at
        if idle > _LINGERS or (idle > 0.1 and not looking and not await _is_due(store)):
            work.cancel()
    with suppress(asyncio.CancelledError):
        await work


async def _is_due(store: WatchedStore) -> bool:
    try:
        return bool(await store.due(1))
    except StoreUnavailable:
        return True  # as nobody knows


class _Unlocked(Procrastinate):
    """Without the lock around what is done one at a time."""

    @asynccontextmanager
    async def _alone_with(self, effect: str) -> AsyncIterator[bool]:
        yield True


def _unlocked(store: WatchedStore, url: Database, folder: Path) -> Executor:
    if url.file:
        return Embedded(store, folder / f"{os.getpid()}.lock")
    return _Unlocked(store, url.address)


def _parts(bootstrap: Bootstrap, outside: Outside, channel: Channel, without: str) -> Ports:
    real, hosted = bootstrap.ports(channel), bootstrap.code_host.make()
    checker = Checked(outside, real.code_host, hosted.git)
    deployer = _Control(bootstrap.bare_deployer(), without) if without else real.deployer
    return replace(real, checker=checker, monitor=outside, deployer=deployer)


def _watched(parts: Ports, points: Failpoints) -> Ports:
    roles = ("analyst", "checker", "code_host", "deployer", "monitor", "channel")
    watched: dict[str, Any] = {role: Watched(role, getattr(parts, role), points) for role in roles}
    return replace(parts, **watched)


class Outside:
    """The ports that may be asked twice."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def read(self, case: Case) -> Reading:
        running = (await self._client.get("/version")).json()["commit"]
        return Reading(Cure(5, 5, "5 clean of the 5 needed"), running)

    async def proves(self, incident: int) -> None:
        await self._client.post("/sandbox", json={"incident": incident})


class Checked:
    """The Checker port: a new file on the head of the branch, proven by asking the sandbox's stand-in."""

    def __init__(self, outside: Outside, code_host: CodeHost, git: Git) -> None:
        self._outside, self._code_host, self._git = outside, code_host, git

    async def reproduce(
        self, case: Case, progress: Progress, commit: str | None = None, seconds: float | None = None
    ) -> Reproduction:
        raise StepFailed("no call was written down")

    async def check(self, case: Case, progress: Progress) -> tuple[Patch, Evidence]:
        await self._outside.proves(case.incident.id)
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
