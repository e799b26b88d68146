"""`kintsugi deploy …` on the demo's shop: a real repository, a real program, a real command."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from kintsugi.commands.deploy import _ended
from kintsugi.demo.workspace import Workspace
from kintsugi.executors.lock import alone_with, only_one
from kintsugi.executors.server_lock import alone_on_server
from kintsugi.integrations.git import RefChange
from kintsugi.integrations.one_deployer import OneDeployer
from kintsugi.integrations.terminal import PlainConsole
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.production import Production
from kintsugi.workflow.states import State
from tests.world import terminal
from tests.world.make import MERGE
from tests.world.ports import ScriptedCommits, ScriptedDeployer, ScriptedHost
from tests.world.world import a_world

ROOT = Path(__file__).parents[2]


@dataclass
class Shop:
    workspace: Workspace

    @property
    def head(self) -> str:
        return self.workspace.git.resolve("main") or ""

    def commits(self, title: str) -> str:
        git, old = self.workspace.git, self.head
        tree = git.write_tree(git.tree_of(old), {"NEWS": title.encode()})
        new = git.commit(tree, [old], title, datetime.now(UTC), "Somebody")
        assert git.update_refs([RefChange("refs/heads/main", new, old)])
        return new

    def types(self, *words: str, **settings: str) -> tuple[int, str, str]:
        done = terminal.run(words, self.workspace.folder.parent, self.env | settings)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def is_asked(self, says: str, *words: str) -> tuple[int, str, str]:
        """Types these at a terminal, and what somebody says to the question."""
        done = terminal.run_at_a_keyboard(words, self.workspace.folder.parent, self.env, f"{says}\n")
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    @property
    def env(self) -> dict[str, str]:
        given = {
            "KINTSUGI_REPO": str(self.workspace.origin),
            "KINTSUGI_DEPLOY_COMMAND": " ".join(self.workspace.deploy_command()),
            "KINTSUGI_PROGRAM_URL": self.workspace.base_url(),
            "PYTHONPATH": str(ROOT),
        }
        return os.environ | given


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(Workspace(tmp_path / "shop"))
    shop.workspace.prepare("fix")
    shop.workspace.deploy(shop.head)
    yield shop
    shop.workspace.stop()


def test_on_a_terminal_a_deployment_is_asked_about_and_a_rollback_shows_ages_and_what_goes(shop: Shop):
    old, new = shop.head, shop.commits("A tray for two")

    no = shop.is_asked("n", "deploy", "latest")
    before = shop.workspace.get("/version")[1]["commit"]
    yes = shop.is_asked("y", "deploy", "latest", "--wait")
    unasked = shop.is_asked("", "deploy", "latest", "--yes")

    assert no[0] == 3
    assert f"Deploy {new[:7]} to development?\n  Runs now: {old[:12]} “" in no[1]
    assert re.search(rf"\n  Will run: {new[:12]} “A tray for two”, \d+ s old\n", no[1])
    assert f"New since then:\n  {new[:7]} A tray for two" in no[1]
    assert no[2] == "Nothing was done.\n"
    assert before == old
    assert (yes[0], unasked[0]) == (0, 0), yes
    assert shop.workspace.get("/version")[1]["commit"] == new


def test_the_newest_commit_is_shown_deployed_and_waited_for(shop: Shop):
    old, new = shop.head, shop.commits("A tray for two")

    refused = shop.types("deploy", "latest", KINTSUGI_ENV_NAME="production")
    done = shop.types("deploy", "latest", "--wait", "--yes", KINTSUGI_ENV_NAME="production")

    plan = f"{new[:10]} is the newest of main; {old[:10]} runs.\nNo deployment of it is known.\nNew since {old[:10]}:\n  A tray for two\n"
    assert refused == (2, plan, "This is production: say so with --yes.\n")
    status, shown, said = done
    assert (status, shown.startswith(plan)) == (0, True), said
    assert shown.endswith(f"{new[:10]} runs.\n")
    assert shop.workspace.get("/version")[1]["commit"] == new


@pytest.mark.parametrize("tells", ["v1.2.3", "", "f00df00"])
async def test_waiting_ends_where_the_program_never_says_that_it_runs(tells: str):
    there = Production(ScriptedHost(base=MERGE), ScriptedDeployer(tells=tells), ScriptedCommits())

    begun, _ = await there.deploy(MERGE, print)
    ended = await _ended(there, MERGE, begun, PlainConsole(), seen_within=0)

    assert (begun.done, ended.done) == (None, False)


async def test_while_another_process_deploys_the_second_is_told_and_asks_for_nothing(tmp_path: Path):
    deployer = ScriptedDeployer()
    one = OneDeployer(deployer, lambda: alone_with(tmp_path / "deploy.lock"))

    with only_one(tmp_path / "deploy.lock"), pytest.raises(StepFailed, match="Another process is deploying"):
        await one.deploy(MERGE, print)
    told = list(deployer.deployed)
    await asyncio.gather(one.deploy(MERGE, print))
    await one.deploy(MERGE, print)

    assert told == []
    assert deployer.deployed == [MERGE]


async def test_on_postgresql_the_second_is_told_wherever_it_runs(postgres_url: Database):
    deployer = ScriptedDeployer()
    turn = partial(alone_on_server, postgres_url.address, "the deployer of this test", timedelta())
    here, there = OneDeployer(deployer, turn), OneDeployer(deployer, turn)

    async with turn() as ours:
        with pytest.raises(StepFailed, match="Another process is deploying"):
            await there.deploy(MERGE, print)
    told = list(deployer.deployed)
    await asyncio.gather(here.deploy(MERGE, print))
    await there.deploy(MERGE, print)

    assert ours
    assert told == []
    assert deployer.deployed == [MERGE]


async def test_a_rollback_is_asked_for_by_incident(tmp_path: Path):
    url = Database.at(tmp_path / "kintsugi.db")
    upgrade(url)
    async with a_world(url) as world:
        world.monitor.answers_first(*[StepFailed("not yet")] * 3)
        await world.crashes()
        await world.settles()
        await world.confirms()
        await world.settles()
        await world.merges()
        await world.settles()
        words = ["deploy", "rollback", "INC-1"]
        env = os.environ | {"PYTHONPATH": str(ROOT), "KINTSUGI_DATABASE_URL": f"sqlite:///{tmp_path}/kintsugi.db"}
        at_a_keyboard = await asyncio.to_thread(terminal.run_at_a_keyboard, words, tmp_path, env, "n\n")
        nothing_yet = await world.incident()
        done = await asyncio.to_thread(terminal.run, words, tmp_path, env)
        world.clock.meets_the_machine()
        await world.settles()

        shown = at_a_keyboard.stdout.decode()
        assert (at_a_keyboard.returncode, at_a_keyboard.stderr) == (3, b"Nothing was done.\n"), shown
        assert shown.startswith("INC-1: roll back development to c0ffee0?\n  Runs now: beefca5ebeef (")
        assert "! The program does not say what it runs" in shown
        assert "! The fix of INC-1 goes too: its failure can come back." in shown
        assert not nothing_yet.rolling_back
        assert (done.returncode, done.stdout.startswith(b"INC-1: a rollback was asked for.")) == (0, True), done.stderr
        assert await world.state() is State.ROLLED_BACK
