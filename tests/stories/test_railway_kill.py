"""kill -9 of the service between asking Railway and writing that down: no second deployment."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kintsugi.integrations.git import Git
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.workflow.states import Effect
from tests.world import railway, terminal
from tests.world.github import EMPTY_TREE
from tests.world.make import a_pull_request
from tests.world.railway import ENVIRONMENT, PROJECT, SERVICE, TOKEN, RailwayStandIn
from tests.world.terminal import StartedInLoop
from tests.world.world import World, a_world

ROOT = Path(__file__).parents[2]


class Service:
    """`kintsugi run` in a folder of its own, with an incident whose pull request was merged."""

    def __init__(self, folder: Path, service: RailwayStandIn, merge: str) -> None:
        self.folder, self.railway, self.merge = folder, service, merge
        self.url = Database.at(folder / "kintsugi.db")

    async def has_a_merge(self) -> None:
        upgrade(self.url)
        async with a_world(self.url) as world:
            world.clock.meets_the_machine(minutes=5)
            await world.crashes()
            await world.settles()
            await world.confirms()
            await world.settles()
            world.host.opened[1] = a_pull_request()
            world.host.merges(1, self.merge)
            await world.reconciler.once()

    async def starts(self) -> StartedInLoop:
        settings = {
            "KINTSUGI_DATABASE_URL": f"sqlite:///{self.folder}/kintsugi.db",
            "KINTSUGI_REPO": str(self.folder / "origin.git"),
            "KINTSUGI_RAILWAY_TOKEN": TOKEN,
            "KINTSUGI_RAILWAY_PROJECT_ID": PROJECT,
            "KINTSUGI_RAILWAY_ENVIRONMENT_ID": ENVIRONMENT,
            "KINTSUGI_RAILWAY_SERVICE_ID": SERVICE,
            "KINTSUGI_RAILWAY_URL": self.railway.url,
            "KINTSUGI_PROGRAM_URL": self.railway.program_url,
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
        words, env = ("run", "--only", "worker", "--drain"), {**kept, **settings, "PYTHONPATH": str(ROOT)}
        return await terminal.start_in_loop(words, self.folder, env, stdout=asyncio.subprocess.PIPE)

    async def drains(self) -> None:
        process = await self.starts()
        _, said = await process.communicate()
        assert process.returncode == 0, said.decode()

    async def is_killed_when(self, falls: Callable[[str, bool], bool]) -> None:
        """Killed at the first call that `falls` picks by its name, before it is done or after."""
        process = await self.starts()

        async def kill(name: str, done: bool) -> None:
            if falls(name, done) and process.returncode is None:
                process.send_signal(signal.SIGKILL)
                await process.wait()

        self.railway.on_call = kill
        await process.communicate()
        self.railway.on_call = None
        assert process.returncode == -signal.SIGKILL

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        async with a_world(self.url) as world:
            yield world


@pytest.mark.parametrize("done", [True, False], ids=["heard", "not heard"])
async def test_killed_around_the_asking_there_is_one_deployment(tmp_path: Path, done: bool):
    async with a_service(tmp_path) as service:
        await service.has_a_merge()
        await service.is_killed_when(lambda name, over: name == "Deploy" and over is done)
        heard = list(service.railway.asked)

        await service.drains()

        async with service.world() as world:
            incident = await world.incident()
            (owes,) = [owes for owes in await world.store.owed(1) if owes.kind is Effect.DEPLOY]
        assert service.railway.asked == heard == ([service.merge] if done else [])
        assert len(incident.deploy_asks) == 1
        assert incident.deployment
        assert incident.deployment.previous == service.railway.first_commit
        assert owes.error.startswith("Railway says BUILDING" if done else "It was asked for at")


@asynccontextmanager
async def a_service(folder: Path) -> AsyncIterator[Service]:
    git = Git.init_bare(folder / "origin.git", "main")
    now = datetime.now(UTC)
    first = git.commit(git.write_tree(EMPTY_TREE, {"shop.py": b"price = 1\n"}), [], "first", now, "Somebody")
    merge = git.commit(git.write_tree(first, {"shop.py": b"price = 2\n"}), [first], "merge", now, "Somebody")
    async with railway.serving(lambda: datetime.now(UTC), first) as there:
        there.auto_deploys = False
        yield Service(folder, there, merge)
