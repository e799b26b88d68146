"""A merge on Railway, in fair weather and foul: at most one deployment is asked for, and the incident tells the truth.

The engine, the database, the adapter and httpx are real; Railway is a stand-in that executes a GraphQL schema.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from kintsugi.integrations.program import commit_at
from kintsugi.integrations.railway import Railway, RailwayTarget
from kintsugi.integrations.railway_api import RailwayAccess, RailwayApi
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.workflow import triggers as t
from kintsugi.workflow.incident import Cure
from kintsugi.workflow.ports import Reading
from kintsugi.workflow.states import Effect, State
from tests.world import railway
from tests.world.make import HEAD, MERGE
from tests.world.railway import ENVIRONMENT, MINUTE, PROJECT, SERVICE, TOKEN, RailwayStandIn
from tests.world.world import World, a_world

SECOND_MERGE = "f00d" * 10
BETWEEN = "0123" * 10
AT_ONCE, SECOND = timedelta(), timedelta(seconds=1)


@dataclass
class Shop:
    """The engine, and a service on Railway."""

    world: World
    railway: RailwayStandIn

    def starts_anew(self) -> None:
        """Kintsugi is restarted: whatever it had in memory is gone."""
        running = RailwayTarget(PROJECT, ENVIRONMENT, SERVICE, "main", lambda: commit_at(self.railway.program_url))
        access = RailwayAccess(TOKEN, self.railway.url, timeout=30.0)
        self.world.deployer = Railway(RailwayApi(access), running, str)  # type: ignore[assignment]

    async def has_a_pull_request(self, fingerprint: str = "v1:00000000000000aa") -> int:
        number = await self.world.crashes(fingerprint)
        await self.world.settles()
        await self.world.confirms(number)
        await self.world.settles()
        return number

    async def merges(self, incident: int = 1, sha: str = MERGE, *, railway_hears: bool = True) -> None:
        self.world.host.merges(incident, sha)
        if railway_hears and self.railway.auto_deploys:
            self.railway.begins(sha)
        await self.world.reconciler.once()
        await self.world.settles()

    async def passes(self, minutes: int) -> None:
        for _ in range(minutes):
            await self.world.passes(minutes=1)

    async def ends(self, incident: int = 1) -> tuple[State, str]:
        found = await self.world.incident(incident)
        return found.state, found.says


@pytest.fixture
async def shop(sqlite_url: Database) -> AsyncIterator[Shop]:
    async with a_shop(sqlite_url) as shop:
        yield shop


async def test_railway_deploys_by_itself_and_nothing_is_asked_for(shop: Shop):
    await shop.has_a_pull_request()
    await shop.merges()
    await shop.passes(minutes=4)

    assert shop.railway.asked == []
    assert (await shop.ends())[0] is State.HEALED
    assert (await shop.world.incident()).deployment.previous == HEAD  # type: ignore[union-attr]


async def test_without_automatic_deployments_one_is_asked_for(shop: Shop):
    shop.railway.auto_deploys = False
    await shop.has_a_pull_request()
    await shop.merges()
    await shop.passes(minutes=5)

    assert shop.railway.asked == [MERGE]
    assert (await shop.ends())[0] is State.HEALED


async def test_an_automatic_deployment_that_is_late_is_waited_for(shop: Shop):
    await shop.has_a_pull_request()
    await shop.merges(railway_hears=False)
    await shop.passes(minutes=2)
    shop.railway.begins(MERGE)
    await shop.passes(minutes=4)

    assert shop.railway.asked == []
    assert (await shop.ends())[0] is State.HEALED


async def test_one_that_never_begins_is_asked_for(shop: Shop):
    await shop.has_a_pull_request()
    await shop.merges(railway_hears=False)
    await shop.passes(minutes=8)

    assert shop.railway.asked == [MERGE]
    assert (await shop.ends())[0] is State.HEALED


async def test_railway_waits_for_ci(shop: Shop):
    shop.railway.courses = [((AT_ONCE, "WAITING"), (15 * MINUTE, "BUILDING"), (17 * MINUTE, "SUCCESS"))]
    await shop.has_a_pull_request()
    await shop.merges()
    await shop.passes(minutes=12)
    waits = await shop.ends()
    await shop.passes(minutes=10)

    assert waits[0] is State.MERGED
    assert shop.railway.asked == []
    assert (await shop.ends())[0] is State.HEALED


async def test_ci_fails_and_railway_skips_it(shop: Shop):
    shop.railway.courses = [((AT_ONCE, "WAITING"), (4 * MINUTE, "SKIPPED"))]
    await shop.has_a_pull_request()
    await shop.merges()
    await shop.passes(minutes=6)

    state, says = await shop.ends()
    assert shop.railway.asked == []
    assert state is State.STUCK
    assert says.startswith(f"Railway skipped {MERGE[:10]}: its checks failed, or no watched file changed.")


async def test_somebody_deploys_by_hand_at_the_same_time(shop: Shop):
    shop.railway.auto_deploys = False
    await shop.has_a_pull_request()
    shop.railway.begins(MERGE)
    await shop.merges()
    await shop.passes(minutes=4)

    assert shop.railway.asked == []
    assert (await shop.ends())[0] is State.HEALED


async def test_an_older_commit_that_comes_up_later_is_what_runs_and_is_told(shop: Shop):
    shop.railway.courses = [((AT_ONCE, "BUILDING"), (4 * MINUTE, "SUCCESS"))]
    await shop.has_a_pull_request()
    shop.world.monitor.answers_first(*[Reading(Cure(0, 37, "Unproven."), BETWEEN)] * 50)
    shop.railway.begins(BETWEEN)  # a commit from before the merge, which takes longer
    await shop.merges()
    await shop.passes(minutes=6)

    (watch,) = [owes for owes in await shop.world.store.owed(1) if owes.kind is Effect.WATCH]
    assert shop.railway.runs == BETWEEN
    assert shop.railway.asked == []
    assert (await shop.ends())[0] is State.DEPLOYED
    assert watch.error == f"{BETWEEN[:10]} answers, without the fix."


async def test_an_older_commit_that_comes_up_in_its_place_is_told(shop: Shop):
    shop.railway.courses = [((AT_ONCE, "BUILDING"), (130 * SECOND, "SUCCESS"))]
    await shop.has_a_pull_request()
    shop.railway.begins(BETWEEN)
    await shop.merges()
    await shop.world.passes(seconds=100)
    await shop.passes(minutes=1)

    state, says = await shop.ends()
    assert shop.railway.runs == BETWEEN
    assert shop.railway.asked == []
    assert state is State.STUCK
    assert (
        says
        == f"The deployment of {MERGE[:10]} was removed: another took its place, or somebody stopped it. {BETWEEN[:10]} runs."
    )


async def test_two_merges_in_a_row_are_both_deployed_by_the_second(shop: Shop):
    shop.world.host.holds[SECOND_MERGE] = MERGE
    shop.railway.courses = [((AT_ONCE, "BUILDING"), (MINUTE, "REMOVED"))]
    await shop.has_a_pull_request()
    await shop.has_a_pull_request("v1:00000000000000bb")
    await shop.merges(1)
    shop.world.clock.passes(seconds=20)
    await shop.merges(2, SECOND_MERGE)
    await shop.passes(minutes=5)

    first, second = await shop.world.incident(1), await shop.world.incident(2)
    assert shop.railway.asked == []
    assert first.deployment
    assert second.deployment
    assert first.deployment.running == second.deployment.running == SECOND_MERGE
    assert first.state in (State.DEPLOYED, State.HEALED)


async def test_kintsugi_is_restarted_in_the_middle(shop: Shop):
    shop.railway.auto_deploys = False
    await shop.has_a_pull_request()
    await shop.merges()
    shop.starts_anew()
    await shop.passes(minutes=1)
    shop.starts_anew()
    await shop.passes(minutes=4)

    assert shop.railway.asked == [MERGE]
    assert (await shop.ends())[0] is State.HEALED


@pytest.mark.parametrize("weather", ["502", "429"])
async def test_railway_is_down_for_an_hour(shop: Shop, weather: str):
    shop.railway.auto_deploys = False
    await shop.has_a_pull_request()
    shop.railway.always = weather
    await shop.merges()
    await shop.passes(minutes=60)
    down = await shop.ends()
    shop.railway.always = ""
    await shop.passes(minutes=70)

    assert down[0] is State.MERGED
    assert shop.railway.asked == [MERGE]
    assert (await shop.ends())[0] is State.HEALED


@pytest.mark.parametrize("weather", ["reset", "502"])
@pytest.mark.parametrize("heard", ["heard, ", ""])
async def test_an_asking_whose_answer_is_lost_leads_to_one_deployment(shop: Shop, weather: str, heard: str):
    shop.railway.auto_deploys = False
    shop.railway.weather = [heard + weather]
    await shop.has_a_pull_request()
    await shop.merges()
    await shop.passes(minutes=8)

    assert shop.railway.asked == [MERGE]
    assert (await shop.ends())[0] is State.HEALED


async def test_the_token_is_revoked(shop: Shop):
    await shop.has_a_pull_request()
    shop.railway.tokens = {}
    await shop.merges()

    state, says = await shop.ends()
    assert state is State.STUCK
    assert says.startswith("Gave up on deploy: Railway refuses the token: Project Token not found. Make a new token")

    shop.railway.tokens = {TOKEN: "Bearer"}
    shop.starts_anew()
    await shop.world.fires(t.Retried)
    await shop.passes(minutes=4)

    assert shop.railway.asked == []
    assert (await shop.ends())[0] is State.HEALED


async def test_the_plan_is_used_up(shop: Shop):
    shop.railway.auto_deploys = False
    shop.railway.weather = ["Trial expired: usage limit reached"]
    await shop.has_a_pull_request()
    await shop.merges()

    state, says = await shop.ends()
    assert state is State.STUCK
    assert "Look at the plan and its limits in Railway, then retry." in says

    await shop.world.fires(t.Retried)
    await shop.passes(minutes=4)

    assert shop.railway.asked == [MERGE]
    assert (await shop.ends())[0] is State.HEALED


async def test_a_status_that_nobody_told_us_of_is_waited_through(shop: Shop):
    shop.railway.courses = [((AT_ONCE, "TELEPORTING"), (5 * MINUTE, "SUCCESS"))]
    await shop.has_a_pull_request()
    await shop.merges()
    await shop.passes(minutes=3)
    waits = await shop.ends()
    await shop.passes(minutes=4)

    assert waits[0] is State.MERGED
    assert shop.railway.asked == []
    assert (await shop.ends())[0] is State.HEALED


@pytest.mark.parametrize("status", ["FAILED", "CRASHED", "NEEDS_APPROVAL", "REMOVED"])
async def test_a_bad_end_is_told_with_what_to_do_and_asks_for_nothing(shop: Shop, status: str):
    shop.railway.courses = [((AT_ONCE, "BUILDING"), (MINUTE, status))]
    shop.railway.logs = ["no module named shop"]
    await shop.has_a_pull_request()
    await shop.merges()
    await shop.passes(minutes=3)

    state, says = await shop.ends()
    assert shop.railway.asked == []
    assert state is State.STUCK
    assert MERGE[:10] in says
    assert ("no module named shop" in says) is (status in ("FAILED", "CRASHED"))


async def test_success_of_the_old_image_is_not_called_deployed(shop: Shop):
    shop.railway.runs_instead = HEAD
    await shop.has_a_pull_request()
    await shop.merges()
    await shop.passes(minutes=3)
    early = await shop.ends()
    await shop.passes(minutes=10)

    state, says = await shop.ends()
    assert early[0] is State.MERGED
    assert state is State.STUCK
    assert says == f"The deployer reports success, but {HEAD[:10]} runs, without {MERGE[:10]}."


async def test_hours_of_building_stays_within_the_free_plan(shop: Shop):
    shop.railway.courses = [((AT_ONCE, "BUILDING"),)]
    await shop.has_a_pull_request()
    await shop.merges()
    calls = []
    for _ in range(2):
        before = len(shop.railway.calls)
        await shop.passes(minutes=60)
        calls.append(len(shop.railway.calls) - before)

    assert max(calls) < 100  # an hour, on the free plan
    assert (await shop.ends())[0] is State.MERGED


@asynccontextmanager
async def a_shop(url: Database) -> AsyncIterator[Shop]:
    upgrade(url)
    async with a_world(url) as world, railway.serving(world.clock.now, HEAD) as service:
        shop = Shop(world, service)
        shop.starts_anew()
        yield shop
