"""/deploy through the real client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kintsugi.persistence.database import Database
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.states import State
from tests.bot.stage import Stage, a_stage
from tests.world.discord_shapes import ALICE, MALLORY
from tests.world.make import HEAD, MERGE
from tests.world.migrated import migrate
from tests.world.ports import GOOD, WithAPast

EVERY_COMMAND = {"/deploy latest": {}, "/deploy status": {}, "/deploy rollback": {"incident": "1"}}


@pytest.fixture
async def stage(sqlite_url: Database) -> AsyncIterator[Stage]:
    migrate(sqlite_url)
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

    shown = await stage.discord.slash("/deploy latest")
    seen = await stage.discord.tap(shown, "Deploy beefca5")

    assert seen.says == "`beefca5ebeef` runs.\nruns"
    assert stage.world.deployer.deployed == ["beefca5e" * 5]


async def test_asked_twice_it_deploys_once(stage: Stage):
    stage.world.host.base = "beefca5e" * 5
    await stage.discord.tap(await stage.discord.slash("/deploy latest"), "Deploy beefca5")

    seen = await stage.discord.slash("/deploy latest")

    assert seen.says.startswith("`beefca5ebeef` runs already.")
    assert stage.world.deployer.deployed == ["beefca5e" * 5]


async def test_in_production_it_shows_what_goes_where_and_waits_for_a_second_tap(stage: Stage):
    stage.environment = "production"
    await stage.restarts()
    stage.world.host.base = "beefca5e" * 5

    shown = await stage.discord.slash("/deploy latest")
    before = list(stage.world.deployer.deployed)
    done = await stage.discord.tap(shown, "Deploy beefca5")

    assert shown.says == (
        "**Deploy beefca5 to production?**\nRuns now: c0ffee0c0ffe “Round to whole cents”, 3 days old\n"
        "Will run: beefca5ebeef “Take fixed amounts off”, 3 days old\n"
        "New since then:\n- beefca5 Take fixed amounts off\n- 7ea7ca5 A tray for two"
    )
    assert before == []
    assert done.says == "`beefca5ebeef` runs.\nruns"
    assert stage.world.deployer.deployed == ["beefca5e" * 5]


async def test_a_second_tap_after_a_restart_or_by_two_deploys_once(stage: Stage):
    stage.environment = "production"
    await stage.restarts()
    stage.world.host.base = "beefca5e" * 5
    shown = await stage.discord.slash("/deploy latest")
    await stage.restarts()

    seen = await asyncio.gather(*[stage.discord.tap(shown, "Deploy beefca5") for _ in range(2)])

    assert sorted(each.says for each in seen) == ["`beefca5ebeef` runs already.\nruns", "`beefca5ebeef` runs.\nruns"]
    assert stage.world.deployer.deployed == ["beefca5e" * 5]


async def test_what_was_shown_is_not_deployed_once_the_branch_moved(stage: Stage):
    stage.environment = "production"
    await stage.restarts()
    stage.world.host.base = "beefca5e" * 5
    shown = await stage.discord.slash("/deploy latest")
    stage.world.host.base = "f00d" * 10

    seen = await stage.discord.tap(shown, "Deploy beefca5")
    by_a_stranger = await stage.discord.tap(shown, "Deploy beefca5", MALLORY)

    assert seen.says.startswith("The branch moved from beefca5ebe to f00df00df0. Ask again")
    assert by_a_stranger.says.startswith("You may not do this here.")
    assert stage.world.deployer.deployed == []


async def test_status_tells_whether_the_newest_commit_runs(stage: Stage):
    runs = await stage.discord.slash("/deploy status")
    stage.world.host.base = "beefca5e" * 5
    does_not = await stage.discord.slash("/deploy status")

    assert runs.says.startswith("`c0ffee0c0ffe` runs already.")
    assert does_not.says == (
        "`beefca5ebeef` does not run. No deployment of it is known. Now `c0ffee0c0ffe` runs."
        " New since then:\n- Take fixed amounts off\n- A tray for two"
    )


@pytest.mark.parametrize(
    ("newest", "tells", "says"),
    [
        (HEAD, "", "`c0ffee0c0ffe` was deployed, but is not seen to run.\nruns But the program tells of no commit"),
        (
            HEAD,
            MERGE,
            "`c0ffee0c0ffe` was deployed, but is not seen to run.\nruns But beefca5ebe runs, without c0ffee0",
        ),
        (
            HEAD,
            "main",
            "`c0ffee0c0ffe` was deployed, but is not seen to run.\nruns But the program says that it runs main",
        ),
        (MERGE, "", "Whether `beefca5ebeef` runs is not known: the program tells of no commit. No deployment of it is"),
        (
            MERGE,
            "main",
            "Whether `beefca5ebeef` runs is not known: the program tells of no commit. No deployment of it is known.",
        ),
        (MERGE, MERGE[:7], "`beefca5ebeef` runs, as the program says. No deployment of it is known."),
    ],
)
async def test_status_claims_no_more_than_the_program_says(stage: Stage, newest: str, tells: str, says: str):
    stage.world.host.base, stage.world.deployer.tells = newest, tells

    seen = await stage.discord.slash("/deploy status")

    assert seen.says.startswith(says)


async def test_a_rollback_is_asked_for_by_incident(stage: Stage):
    stage.world.monitor.answers_first(*[StepFailed("not yet")] * 3)
    await healed(stage)
    assert await stage.world.state() is State.DEPLOYED
    offered = await stage.discord.completes("/deploy rollback", "incident", "inc")

    asked = await stage.discord.slash("/deploy rollback", incident="INC-1")
    await stage.world.settles()
    assert await stage.world.state() is State.DEPLOYED
    seen = await stage.discord.tap(asked, "Roll back to c0ffee0")
    await stage.world.settles()

    assert offered == ["INC-1 deployed: KeyError: 'percent'"]
    assert asked.says.splitlines() == [
        "**INC-1: roll back test to c0ffee0?**",
        "Runs now: beefca5ebeef “Take fixed amounts off”, 3 days old",
        "Will run: c0ffee0c0ffe “Round to whole cents”, 3 days old",
        "Undone with it:",
        "- beefca5 Take fixed amounts off",
        "- 7ea7ca5 A tray for two",
        "⚠️ The fix of INC-1 goes too: its failure can come back.",
    ]
    assert seen.says == "**INC-1**: rolling back to `c0ffee0c0ffe` is under way. Its card shows how it goes."
    assert await stage.world.state() is State.ROLLED_BACK


async def test_the_card_offers_to_stop_what_came_with_a_deployment(stage: Stage):
    stage.world.deployer = WithAPast()
    await stage.world.crashes()
    await stage.world.settles()

    by_a_stranger = await stage.discord.tap(stage.card, "Roll back to 600d600", MALLORY)
    asked = await stage.discord.tap(stage.card, "Roll back to 600d600")
    await stage.world.settles()
    nothing_yet = list(stage.world.deployer.deployed)
    taps = [stage.discord.tap(asked, "Roll back to 600d600", who) for who in (MALLORY, ALICE, ALICE)]
    stranger, seen, twice = [await tap for tap in taps]
    offered = await stage.discord.completes("/deploy rollback", "incident", "inc")
    await stage.world.settles()

    assert by_a_stranger.says.startswith("You may not do this here.")
    assert stranger.says.startswith("You may not do this here.")
    assert nothing_yet == []
    assert asked.says.startswith("**INC-1: roll back test to 600d600?**\nRuns now: c0ffee0c0ffe “Round to whole cents”")
    assert asked.says.endswith("⚠️ INC-1 goes on: once its fix is merged, that is deployed as ever.")
    assert seen.says == "**INC-1**: rolling back to `600d600d600d` is under way. Its card shows how it goes."
    assert twice.says.startswith("INC-1 stays awaiting_confirm: a rollback is under way.")
    assert offered == []  # it is under way
    assert stage.world.deployer.deployed == [GOOD]


async def test_a_rollback_that_does_not_fit_says_so(stage: Stage):
    await stage.world.crashes()

    assert (await stage.discord.slash("/deploy rollback", incident="1")).says.startswith("INC-1 is captured: not ")
    assert (await stage.discord.slash("/deploy rollback", incident="99")).says.startswith("There is no INC-99.")


async def test_a_deployer_that_fails_says_why(stage: Stage):
    stage.world.host.base = "beefca5e" * 5
    stage.world.deployer.answers_first(StepFailed("the machine is away"))
    asked = await stage.discord.slash("/deploy latest")

    assert (await stage.discord.tap(asked, "Deploy beefca5")).says.startswith("the machine is away (")


@pytest.mark.parametrize("command", EVERY_COMMAND)
async def test_a_stranger_deploys_nothing(stage: Stage, command: str):
    seen = await stage.discord.slash(command, MALLORY, **EVERY_COMMAND[command])

    assert seen.says.startswith("You may not do this here.")
    assert (seen.deferred, seen.ephemeral, seen.mentions) == (True, True, {"parse": []})
    assert stage.world.deployer.deployed == []
