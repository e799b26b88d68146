"""/deploy through the real client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import URL

from persistence.migrations import upgrade
from tests.bot.stage import Stage, a_stage
from tests.world.discord_shapes import MALLORY
from workflow.errors import StepFailed
from workflow.words import State

EVERY_COMMAND = {"/deploy latest": {}, "/deploy status": {}, "/deploy rollback": {"incident": "1"}}


@pytest.fixture
async def stage(sqlite_url: URL) -> AsyncIterator[Stage]:
    upgrade(sqlite_url)
    async with a_stage(sqlite_url) as stage:
        await stage.starts()
        yield stage


async def healed(stage: Stage) -> None:
    await stage.world.crashes()
    await stage.world.settles()
    await stage.world.confirms()
    await stage.world.settles()
    await stage.world.merges()
    await stage.world.settles()


async def test_latest_deploys_the_newest_commit_and_says_which(stage: Stage):
    stage.world.host.base = "beefca5e" * 5

    seen = await stage.discord.slash("/deploy latest")

    assert seen.says == "`beefca5ebeef` runs.\nruns"
    assert stage.world.deployer.deployed == ["beefca5e" * 5]


async def test_asked_twice_it_deploys_once(stage: Stage):
    stage.world.host.base = "beefca5e" * 5
    await stage.discord.slash("/deploy latest")

    seen = await stage.discord.slash("/deploy latest")

    assert seen.says.startswith("`beefca5ebeef` runs already.")
    assert stage.world.deployer.deployed == ["beefca5e" * 5]


async def test_status_tells_whether_the_newest_commit_runs(stage: Stage):
    runs = await stage.discord.slash("/deploy status")
    stage.world.host.base = "beefca5e" * 5
    does_not = await stage.discord.slash("/deploy status")

    assert runs.says.startswith("`c0ffee0c0ffe` runs already.")
    assert does_not.says == "`beefca5ebeef` does not run.\nIt was not deployed."


async def test_a_rollback_is_asked_for_by_incident(stage: Stage):
    stage.world.monitor.answers_first(*[StepFailed("not yet")] * 3)
    await healed(stage)
    assert await stage.world.state() is State.DEPLOYED
    offered = await stage.discord.completes("/deploy rollback", "incident", "inc")

    seen = await stage.discord.slash("/deploy rollback", incident="INC-1")
    await stage.world.settles()

    assert offered == ["INC-1 deployed: KeyError: 'percent'"]
    assert seen.says == "**INC-1** is deployed."
    assert await stage.world.state() is State.ROLLED_BACK


async def test_a_rollback_that_does_not_fit_says_so(stage: Stage):
    await stage.world.crashes()

    assert (await stage.discord.slash("/deploy rollback", incident="1")).says.startswith("INC-1 is captured: not ")
    assert (await stage.discord.slash("/deploy rollback", incident="99")).says.startswith("There is no INC-99.")


async def test_a_deployer_that_fails_says_why(stage: Stage):
    stage.world.host.base = "beefca5e" * 5
    stage.world.deployer.answers_first(StepFailed("the machine is away"))

    assert (await stage.discord.slash("/deploy latest")).says.startswith("the machine is away (")


@pytest.mark.parametrize("command", EVERY_COMMAND)
async def test_a_stranger_deploys_nothing(stage: Stage, command: str):
    seen = await stage.discord.slash(command, MALLORY, **EVERY_COMMAND[command])

    assert seen.says.startswith("You may not do this here.")
    assert (seen.deferred, seen.ephemeral, seen.mentions) == (True, True, {"parse": []})
    assert stage.world.deployer.deployed == []
