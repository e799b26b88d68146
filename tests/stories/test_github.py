"""The service itself against GitHub's stand-in: our copy by git's own protocol, kill -9 at every call, a merge that
nobody told us about."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from tests.world import github, terminal
from tests.world.github import TOKEN, GitHubStandIn
from tests.world.github_hosts import objects_of
from tests.world.make import a_diagnosis, a_patch
from tests.world.terminal import StartedInLoop
from tests.world.world import a_world

ROOT = Path(__file__).parents[2]


class Service:
    """`kintsugi` in a folder of its own, with GitHub configured and an incident whose patch is confirmed."""

    def __init__(self, folder: Path, people: GitHubStandIn) -> None:
        self.folder, self.people = folder, people
        self.url = Database.at(folder / "kintsugi.db")
        self.killed = 0

    async def confirms_a_patch(self) -> str:
        """Answers the tree that was confirmed."""
        objects, base = objects_of(self.people, self.folder), self.people.head or ""
        tree = objects.write_tree(base, {"shop.py": b"price = 2\n"})
        upgrade(self.url)
        async with a_world(self.url) as world:
            world.clock.meets_the_machine(minutes=1)
            world.analyst.answers_first(a_diagnosis(body="Closes #1, says @everyone"))
            world.checker.answers_first(a_patch(base=base, tree=tree, diff=objects.diff(base, tree)))
            await world.crashes()
            await world.settles()
            await world.confirms()
        return tree

    async def starts(self, *words: str) -> StartedInLoop:
        settings = {
            "KINTSUGI_DATABASE_URL": f"sqlite:///{self.folder}/kintsugi.db",
            "KINTSUGI_REPO": str(self.folder / "objects.git"),
            "KINTSUGI_GITHUB_REPO": "shop/checkout",
            "KINTSUGI_GITHUB_TOKEN": TOKEN,
            "KINTSUGI_GITHUB_BASE_URL": self.people.url,
            "KINTSUGI_GITHUB_LABELS": "kintsugi",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
        env = {**kept, **settings, "PYTHONPATH": str(ROOT)}
        return await terminal.start_in_loop(words, self.folder, env, stdout=asyncio.subprocess.PIPE)

    async def drains(self) -> int:
        process = await self.starts("run", "--only", "worker", "--drain")
        _, said = await process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said.decode()
        return process.returncode

    async def drains_but_is_killed_after(self, call: int) -> str:
        """Answers what it said until then."""
        process = await self.starts("run", "--only", "worker", "--drain")

        async def kill(index: int, done: bool) -> None:
            if done and index == call and process.returncode is None:
                process.kill()
                self.killed += 1  # before the wait: who waits for the process as well may be told of its end first
                await process.wait()

        self.people.on_call = kill
        _, said = await process.communicate()
        self.people.on_call = None
        return said.decode()

    async def incident(self) -> dict[str, Any]:
        process = await self.starts("incident", "show", "1", "--json")
        out, said = await process.communicate()
        assert process.returncode == 0, said.decode()
        shown: dict[str, Any] = json.loads(out)
        return shown


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with a_service(tmp_path) as service:
        yield service


async def test_a_merge_that_nobody_told_us_about_is_noticed(service: Service):
    tree = await service.confirms_a_patch()

    doctor = await service.starts("doctor")
    told, _ = await doctor.communicate()
    await service.drains()
    (pull,) = service.people.pulls
    merge = service.people.merges(pull.number)
    await service.drains()

    shown = await service.incident()
    assert service.people.git.tree_of(pull.head) == tree
    assert pull.labels == ["kintsugi"]
    assert "✔ github" in told.decode()
    assert "Closes #1" not in pull.body
    assert "@everyone" not in pull.body
    assert shown["pull_request"]["merged_as"] == merge


async def test_a_pull_request_opened_by_hand_is_fetched_checked_and_judged(service: Service):
    people = service.people
    upgrade(service.url)
    async with a_world(service.url) as world:
        world.clock.meets_the_machine(minutes=1)
        await world.crashes()
    people.git.run("update-ref", "refs/heads/by-hand", people.head or "")
    people.commits({".github/workflows/ci.yml": b"on: push\n"}, "by-hand")
    pull = people.opens("by-hand", "Fix it", "For INC-1.", author="rita", fork="rita")

    await service.drains()

    lights = people.lights(pull.head)
    history = json.dumps(await service.incident())
    assert [light for light, _ in lights] == ["pending", "failure"]
    assert "breaks the policy" in lights[-1][1]
    assert "by github:rita: Fix it" in history


async def test_when_the_branch_moved_nothing_is_pushed_and_the_patch_is_checked_again(service: Service):
    await service.confirms_a_patch()
    moved = service.people.commits({"readme": b"hello\n"})

    await service.drains()

    shown = await service.incident()
    assert service.people.pulls == []
    assert not service.people.git.refs("refs/heads/kintsugi")
    assert f"The target branch moved to {moved[:10]}" in json.dumps(shown)
    assert objects_of(service.people, service.folder).resolve("refs/heads/main") == moved


async def test_killed_after_any_write_there_is_one_branch_one_pull_request_and_the_right_tree(tmp_path: Path):
    async with a_service(tmp_path / "clean") as clean:
        await clean.confirms_a_patch()
        await clean.drains()
        writes = [at for at, call in enumerate(clean.people.calls) if not call.startswith("GET")]

    two_at_a_time = asyncio.Semaphore(2)
    rows = await asyncio.gather(*[killed_after(at, tmp_path / str(at), two_at_a_time) for at in writes])

    print(f"\n{'killed after':60}{'branches':>10}{'pull requests':>15}")
    for row in rows:
        print("{:60}{:10}{:15}".format(*row))
    assert [row[1:] for row in rows] == [(1, 1)] * len(writes)
    assert len(writes) >= 6


async def killed_after(at: int, folder: Path, slots: asyncio.Semaphore) -> tuple[str, int, int]:
    """The call after which the service was killed, and the branches and pull requests there are in the end."""
    async with slots, a_service(folder) as service:
        tree = await service.confirms_a_patch()
        said = await service.drains_but_is_killed_after(at)
        assert service.killed == 1, (service.people.calls, said)
        await service.drains()
        people, heads = service.people, list(service.people.git.refs("refs/heads/kintsugi").values())
        assert [people.git.tree_of(head) for head in heads] == [tree]
        assert [pull.head for pull in people.pulls] == heads
        return people.calls[at], len(heads), len(people.pulls)


@asynccontextmanager
async def a_service(folder: Path) -> AsyncIterator[Service]:
    folder.mkdir(exist_ok=True)
    async with github.serving(folder, prefix="/api/v3") as people:
        people.commits({"shop.py": b"price = 1\n"})
        yield Service(folder, people)
