"""Scheduled jobs that check in: what did not come is a failure, once, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sentry_sdk
from pydantic import SecretStr, ValidationError
from sentry_sdk.envelope import Envelope

from kintsugi.app.settings import SentryProject
from kintsugi.persistence.database import Database
from kintsugi.persistence.scheduled import ScheduledJobs
from kintsugi.web.missed import LOOK_EVERY, Watch
from kintsugi.web.sentry import Project
from tests.world.migrated import migrate
from tests.world.reports import KEY, Door, a_door
from tests.world.world import World, a_world

RELEASE = "shop@1a2b3c4d5e6f"
HOURLY: dict[str, Any] = {"schedule": {"type": "crontab", "value": "0 * * * *"}, "checkin_margin": 5}
PROJECT = Project(KEY, check_ins=True)


on_both = pytest.mark.parametrize("url", ["sqlite_url", "postgres_url"], indirect=True)


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Database:
    """SQLite, unless the test asks for both."""
    url: Database = request.getfixturevalue(getattr(request, "param", "sqlite_url"))
    if url.one_process:
        migrate(url)
    return url


@pytest.fixture
async def world(url: Database) -> AsyncIterator[World]:
    async with a_world(url) as world:
        yield world


@pytest.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with a_door(world, PROJECT) as door:
        yield door


def a_watch(world: World, door: Door, project: Project = PROJECT) -> Watch:
    return Watch(jobs=ScheduledJobs(world.store), take=door.reported.take, projects={"42": project})


@pytest.fixture
async def watch(world: World, door: Door) -> Watch:
    watch = a_watch(world, door)
    await watch.look()
    return watch


async def says(door: Door, status: str = "ok", id: str = "", **changes: Any) -> tuple[int, Any]:
    item = {
        "monitor_slug": "bills",
        "check_in_id": id,
        "status": status,
        "release": RELEASE,
        "environment": "live",
        "monitor_config": HOURLY,
        "duration": 12.5,
    }
    lines = ({"sent_at": str(door)}, {"type": "check_in"}, {**item, **changes})
    return await door.post(b"\n".join(json.dumps(line).encode() for line in lines))


async def passes(world: World, *watches: Watch, until: datetime) -> None:
    """The looks of the loops until then, each as late as on a busy machine: half as many."""
    late = 2 * LOOK_EVERY
    while world.clock.now() + late <= until:
        world.clock.passes(seconds=late.total_seconds())
        for watch in watches:
            await watch.look()


def at(world: World, hour: int, minute: int = 0) -> datetime:
    return world.clock.now().replace(hour=hour, minute=minute)


@on_both
async def test_what_does_not_come_is_an_incident_that_says_what_and_when_and_what_was_said_last(
    world: World, door: Door, watch: Watch
):
    assert await says(door, id="ab" * 16) == (200, {})
    await passes(world, watch, until=at(world, 4, 4))
    assert await world.store.incidents() == []

    await passes(world, watch, until=at(world, 4, 6))

    incident, payload = await world.incident(), await world.store.payload(1)
    assert incident.summary == (
        "bills (live) did not check in: it was due at 2026-11-23 04:00:00 UTC, by 0 * * * * (UTC)"
    )
    assert payload.incident.grouped_by == "the scheduled job bills in live"
    assert payload.log == (
        "2026-11-23 03:00:00 UTC: the last run that was heard of ended well after 12.5 s, release shop@1a2b3c4d5e6f",
    )
    assert (payload.request.intent, payload.build.environment) == ("bills", "live")
    assert payload.build.sha == "1a2b3c4d5e6f"


async def test_what_comes_in_time_opens_nothing(world: World, door: Door, watch: Watch):
    await says(door, id="00" * 15 + "01")
    for hour in (4, 5, 6):
        await passes(world, watch, until=at(world, hour, 3))
        await says(door, "in_progress", id=f"{hour:032x}")
        await says(door, "ok", id=f"{hour:032x}")
    await passes(world, watch, until=at(world, 6, 50))

    assert await world.store.incidents() == []
    (runs,) = await world.store.runs("bills", at(world, 3) - timedelta(days=1))
    assert runs.succeeded == 4


async def test_the_same_job_counts_on_its_incident_and_another_has_its_own(world: World, door: Door, watch: Watch):
    await says(door)
    await says(door, monitor_slug="mails", id="cd" * 16)
    await passes(world, watch, until=at(world, 5, 6))

    found = {each.summary.split()[0]: each.count for each in await world.store.incidents()}
    assert found == {"bills": 2, "mails": 2}


@on_both
async def test_two_that_look_and_one_that_is_begun_anew_tell_it_once(world: World, door: Door, watch: Watch):
    other = a_watch(world, door)
    await other.look()
    await says(door)
    await passes(world, watch, other, until=at(world, 4, 2))
    anew = a_watch(world, door)
    await passes(world, watch, other, anew, until=at(world, 4, 30))

    assert (await world.incident()).count == 1
    assert len(await world.store.incidents()) == 1


@on_both
async def test_where_it_ends_between_the_failure_and_its_note_it_is_known_the_next_time(world: World, door: Door):
    class Ends(ScheduledJobs):
        async def settle(self, before: Any, after: Any) -> bool:
            raise ConnectionError

    watch = Watch(jobs=Ends(world.store), take=door.reported.take, projects={"42": PROJECT})
    await watch.look()
    await says(door)
    with pytest.raises(ConnectionError):
        await passes(world, watch, until=at(world, 4, 6))
    await passes(world, a_watch(world, door), until=at(world, 4, 7))

    assert (await world.incident()).count == 1
    (job,) = await ScheduledJobs(world.store).all()
    assert job.due == at(world, 5)


async def test_what_was_due_while_nobody_listened_is_not_missing(world: World, door: Door, watch: Watch):
    await says(door)
    await passes(world, watch, until=at(world, 3, 59))
    world.clock.passes(minutes=90)
    await passes(world, a_watch(world, door), until=at(world, 5, 58))
    assert await world.store.incidents() == []

    await passes(world, watch, until=at(world, 6, 6))

    assert "due at 2026-11-23 06:00:00" in (await world.incident()).summary


async def test_a_restart_while_a_job_is_late_does_not_hide_it(world: World, door: Door, watch: Watch):
    await says(door)
    await passes(world, watch, until=at(world, 4, 3))
    await passes(world, a_watch(world, door), until=at(world, 4, 6))

    assert "due at 2026-11-23 04:00:00" in (await world.incident()).summary


async def test_a_run_that_does_not_end_is_told_as_such(world: World, door: Door, watch: Watch):
    config = {**HOURLY, "max_runtime": 10}
    await says(door, "in_progress", id="ab" * 16, monitor_config=config, duration=None)
    await passes(world, watch, until=at(world, 3, 11))

    assert (await world.incident()).summary == (
        "bills (live) did not end within 10 min: it began at 2026-11-23 03:00:00 UTC"
    )
    assert (await world.store.payload(1)).log[0].endswith("the last run that was heard of began, release " + RELEASE)


@pytest.mark.parametrize(
    "project", [Project(KEY), Project(KEY, check_ins=True, public=True)], ids=["not asked for", "a public key"]
)
async def test_where_no_setting_says_so_nothing_is_kept(world: World, project: Project):
    async with a_door(world, project) as door:
        await says(door)
        assert await ScheduledJobs(world.store).all() == []


async def test_a_job_that_says_nothing_of_its_schedule_is_not_awaited(world: World, door: Door, watch: Watch):
    await says(door, monitor_config=None)
    for odd in ({"type": "crontab", "value": "now and then"}, {"type": "interval", "value": 1, "unit": "moon"}, [1], 7):
        await says(door, monitor_slug="odd", monitor_config={"schedule": odd})

    assert await ScheduledJobs(world.store).all() == []


async def test_no_more_jobs_are_kept_than_a_project_has(world: World):
    jobs = ScheduledJobs(world.store, most=2)
    async with a_door(world, Project(KEY, check_ins=True), jobs=jobs) as door:
        for number in range(4):
            await says(door, monitor_slug=f"job {number}", id=f"{number:032x}")

    assert len(await jobs.all()) == 2


async def test_the_real_sdk_tells_its_schedule(world: World, door: Door, watch: Watch):
    sent: list[bytes] = []

    class Keeps(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope: Envelope) -> None:
            sent.append(envelope.serialize())

    client = sentry_sdk.Client(dsn=f"http://{KEY}@127.0.0.1/42", release=RELEASE, transport=Keeps)
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        config: Any = {"schedule": {"type": "interval", "value": 2, "unit": "hour"}, "checkin_margin": 10}
        with sentry_sdk.monitor(monitor_slug="bills", monitor_config=config):
            pass
    for body in sent:
        assert (await door.post(body))[0] == 200

    (job,) = await ScheduledJobs(world.store).all()
    assert (job.slug, job.environment, job.last.status, job.began) == ("bills", "production", "ok", None)
    assert job.schedule.words == "every 2 hours"
    assert job.due == world.clock.now() + timedelta(hours=2)


def test_a_key_that_anybody_can_read_can_have_no_jobs():
    for public in ({"public": True}, {"origins": ("https://shop.example",)}):
        with pytest.raises(ValidationError, match="a project of their own"):
            SentryProject(key=SecretStr(KEY), check_ins=True, **public)
