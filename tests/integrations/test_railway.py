"""Railway through the unmodified httpx, against a stand-in that executes a GraphQL schema."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from kintsugi.integrations import railway_api
from kintsugi.integrations.program import commit_at
from kintsugi.integrations.railway import Railway, RailwayTarget
from kintsugi.integrations.railway_api import RailwayAccess, RailwayApi
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.ports import OutcomeUnknown
from tests.world import railway
from tests.world.clock import ManualClock
from tests.world.make import HEAD, MERGE, a_deployment
from tests.world.railway import ENVIRONMENT, MINUTE, PROJECT, SERVICE, TOKEN, RailwayStandIn

QUERIES = sorted((Path(railway_api.__file__).parent / "railway_queries").glob("*.graphql"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def there(clock: ManualClock) -> AsyncIterator[RailwayStandIn]:
    async with railway.serving(clock.now, HEAD) as there:
        yield there


def a_client(there: RailwayStandIn, **changes: Any) -> Railway:
    access = RailwayAccess(**{"token": TOKEN, "url": there.url, "timeout": 30.0} | changes)
    settings = RailwayTarget(PROJECT, ENVIRONMENT, SERVICE, "main", lambda: commit_at(there.program_url))
    return Railway(RailwayApi(access), settings, lambda text: text.replace("hunter2", "[redacted]"))


def unheard(words: str) -> None:
    """Nobody listens to the progress."""


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_every_query_is_valid_against_the_schema(query: Path):
    from graphql import parse, validate

    assert validate(railway.schema(), parse(query.read_text())) == []


async def test_a_commit_that_nobody_deployed_is_asked_for_by_its_hash_and_found(
    there: RailwayStandIn, clock: ManualClock
):
    client = a_client(there)

    before = await client.find(MERGE)
    asked = await client.deploy(MERGE, unheard)
    building = await client.find(MERGE)
    clock.passes(minutes=2)
    done = await client.find(MERGE)

    assert before is None
    assert there.asked == [MERGE]
    assert asked.done is None
    assert building
    assert (building.done, building.deployment.running, building.deployment.previous) == (None, HEAD, HEAD)
    assert done
    assert (done.done, done.deployment.running) == (True, MERGE)
    assert done.deployment.id == asked.deployment.id
    assert done.deployment.url == "https://shop.up.railway.app"
    at = f"project/{PROJECT}/service/{SERVICE}?environmentId={ENVIRONMENT}&id={done.deployment.id}"
    assert done.deployment.page == f"https://railway.com/{at}"


async def test_a_branch_that_railway_deploys_by_itself_gets_time_to_begin(there: RailwayStandIn):
    alone = await a_client(there).manners()
    there.auto_deploys = False
    asked = await a_client(there).manners()

    assert alone.by_itself > timedelta() == asked.by_itself
    assert not alone.repeatable


ENDS = {
    "FAILED": "Railway could not build or start beefca5ebe.",
    "CRASHED": "beefca5ebe crashed after its start",
    "SKIPPED": "Railway skipped beefca5ebe: its checks failed, or no watched file changed.",
    "REMOVED": "The deployment of beefca5ebe was removed",
    "REMOVING": "The deployment of beefca5ebe is being removed",
    "NEEDS_APPROVAL": "The deployment of beefca5ebe needs an approval in Railway.",
}


@pytest.mark.parametrize("status", ENDS)
async def test_each_bad_end_has_its_own_sentence(there: RailwayStandIn, status: str):
    there.courses = [((timedelta(), status),)]
    there.begins(MERGE)

    found = await a_client(there).find(MERGE)

    assert found
    assert found.done is False
    assert found.says.startswith(ENDS[status])


@pytest.mark.parametrize("status", ["QUEUED", "INITIALIZING", "BUILDING", "DEPLOYING", "WAITING"])
async def test_what_is_under_way_is_not_done(there: RailwayStandIn, status: str):
    there.courses = [((timedelta(), status),)]
    there.begins(MERGE)

    found = await a_client(there).find(MERGE)

    assert found
    assert found.done is None


async def test_every_status_of_the_schema_is_told_apart(there: RailwayStandIn):
    known = {"SUCCESS", "SLEEPING", "QUEUED", "INITIALIZING", "BUILDING", "DEPLOYING", "WAITING", *ENDS}

    assert set(railway.schema().type_map["DeploymentStatus"].values) == known  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", ["FAILED", "CRASHED"])
async def test_the_end_of_the_log_is_told_without_secrets(there: RailwayStandIn, status: str):
    there.courses = [((timedelta(), status),)]
    there.logs = [f"line {number}" for number in range(100)] + ["the password is hunter2"]
    there.begins(MERGE)

    found = await a_client(there).find(MERGE)

    assert found
    assert found.says.endswith("line 98\nline 99\nthe password is [redacted]")
    assert len(found.says) < 1700


async def test_of_several_deployments_of_a_commit_the_one_that_runs_counts(there: RailwayStandIn, clock: ManualClock):
    there.begins(MERGE)
    clock.passes(minutes=2)
    there.courses = [((timedelta(), "FAILED"),)]
    there.begins(MERGE)

    found = await a_client(there).find(MERGE)

    assert found
    assert found.done


@pytest.mark.parametrize("header", ["Project-Access-Token", "Bearer"])
async def test_a_token_of_either_kind_is_told_apart(there: RailwayStandIn, header: str):
    there.tokens = {TOKEN: header}
    client = a_client(there)

    await client.find(MERGE)
    await client.find(MERGE)

    assert len(there.calls) == (2 if header == "Project-Access-Token" else 3)


async def test_a_revoked_token_is_for_a_human_though_the_reply_is_a_200(there: RailwayStandIn):
    there.tokens = {}

    with pytest.raises(StepFailed, match="Railway refuses the token: Not Authorized. Make a new token") as failed:
        await a_client(there).find(MERGE)
    assert failed.value.final
    assert TOKEN not in str(failed.value)


async def test_a_used_up_plan_is_for_a_human(there: RailwayStandIn):
    there.weather = ["Free plan resource provision limit exceeded. Please upgrade"]

    with pytest.raises(StepFailed, match="Look at the plan and its limits") as failed:
        await a_client(there).deploy(MERGE, unheard)
    assert failed.value.final


async def test_too_many_calls_are_followed_by_the_wait_that_railway_asks_for(there: RailwayStandIn):
    there.always = "429"

    with pytest.raises(StepFailed, match="asked too often") as failed:
        await a_client(there).find(MERGE)
    assert failed.value.retry_after == timedelta(minutes=10)


UNCERTAIN = ["reset", "silence", "502", "html", "Problem processing request"]


@pytest.mark.parametrize("weather", [*UNCERTAIN, *[f"heard, {each}" for each in UNCERTAIN]])
async def test_what_may_have_been_heard_is_unknown(there: RailwayStandIn, weather: str):
    there.weather = [weather]
    client = a_client(there, timeout=1.0 if "silence" in weather else 30.0)

    with pytest.raises(OutcomeUnknown):
        await client.deploy(MERGE, unheard)
    assert there.asked == ([MERGE] if weather.startswith("heard") else [])


@pytest.mark.parametrize("weather", [*UNCERTAIN, "429"])
async def test_a_question_that_changes_nothing_is_simply_asked_again(there: RailwayStandIn, weather: str):
    there.always = weather
    client = a_client(there, timeout=1.0 if weather == "silence" else 30.0)

    with pytest.raises(StepFailed) as failed:
        await client.find(MERGE)
    assert not isinstance(failed.value, OutcomeUnknown)
    assert not failed.value.final


async def test_what_was_never_sent_was_not_heard():
    access = RailwayAccess(TOKEN, url="http://127.0.0.1:9/graphql/v2")

    with pytest.raises(StepFailed, match="cannot be reached") as failed:
        await RailwayApi(access).ask("deploy", serviceId="s", environmentId="e", commitSha=MERGE)
    assert not isinstance(failed.value, OutcomeUnknown)


ODD_NODES: list[Any] = [
    {"status": "TELEPORTING"},
    {"meta": None},
    {"meta": "commitHash"},
    {"meta": {"commitHash": 7}},
    {"createdAt": "yesterday", "statusUpdatedAt": None},
    {"status": None},
]


@pytest.mark.parametrize("odd", ODD_NODES, ids=str)
async def test_what_nobody_told_us_of_is_pending_and_never_a_crash(odd: dict[str, Any]):
    from kintsugi.integrations.railway import _known

    usual = {"id": "d1", "status": "BUILDING", "createdAt": "2026-11-23T12:00:00.000Z", "meta": {"commitHash": MERGE}}
    known = _known({**usual, **odd})

    assert known.done is None
    assert known.says


async def test_a_rollback_is_asked_for_once_and_followed_by_what_it_began(there: RailwayStandIn, clock: ManualClock):
    there.begins(MERGE)
    clock.passes(minutes=3)
    client, since, deployment = a_client(there), clock.now(), a_deployment(previous=HEAD)

    asked = await client.roll_back(deployment, since, unheard)
    under_way = await client.roll_back(deployment, since, unheard)
    restarted = await a_client(there).roll_back(deployment, since, unheard)
    clock.passes(minutes=2)
    done = await client.roll_back(deployment, since, unheard)

    assert [asked.done, under_way.done, restarted.done, done.done] == [None, None, None, True]
    assert there.asked == [HEAD]
    assert done.deployment.running == HEAD
    assert done.deployment.id == there.deployments[-1].id


async def test_a_rollback_that_failed_is_told_and_one_that_is_asked_for_anew_is_tried(
    there: RailwayStandIn, clock: ManualClock
):
    there.begins(MERGE)
    clock.passes(minutes=3)
    there.courses = [((timedelta(), "BUILDING"), (MINUTE, "FAILED"))]
    since, deployment = clock.now(), a_deployment(previous=HEAD)
    await a_client(there).roll_back(deployment, since, unheard)
    clock.passes(minutes=2)

    failed = await a_client(there).roll_back(deployment, since, unheard)
    anew = await a_client(there).roll_back(deployment, clock.now(), unheard)

    assert failed.done is False
    assert anew.done is None
    assert there.asked == [HEAD, HEAD]


async def test_what_railway_no_longer_keeps_cannot_be_gone_back_to(there: RailwayStandIn, clock: ManualClock):
    there.begins(MERGE)
    clock.passes(minutes=3)

    with pytest.raises(StepFailed, match="newest 50 deployments is one of 0ddc0de") as failed:
        await a_client(there).roll_back(a_deployment(previous="0ddc0de"), clock.now(), unheard)
    assert failed.value.final


@pytest.mark.parametrize("answer", [None, "", False, 7])
async def test_what_railway_does_not_say_it_began_was_not_begun(
    there: RailwayStandIn, clock: ManualClock, answer: object
):
    there.says_instead = {"serviceInstanceDeployV2": answer, "deploymentRollback": answer}
    there.begins(MERGE)
    clock.passes(minutes=3)

    with pytest.raises(StepFailed, match="does not say that it will"):
        await a_client(there).roll_back(a_deployment(previous=HEAD), clock.now(), unheard)
    with pytest.raises(OutcomeUnknown, match="names no deployment"):
        await a_client(there).deploy(HEAD, unheard)


async def test_the_stand_in_refuses_what_is_not_in_railways_schema(there: RailwayStandIn):
    async with httpx.AsyncClient() as client:
        body = {"query": 'mutation M { deploymentRollback(id: "d1") { id status } }', "variables": {}}
        answer = await client.post(there.url, json=body, headers={"Project-Access-Token": TOKEN})

    assert "must not have a selection" in answer.json()["errors"][0]["message"]
