"""`GET /metrics` over loopback, in front of a real engine and database."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from kintsugi.executors.attempts import Attempts
from kintsugi.persistence.database import Database
from kintsugi.telemetry.counts import Tally
from kintsugi.web.login import is_loopback
from kintsugi.web.metrics import MetricNeeds, Metrics, Readers
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.ports import Claim
from kintsugi.workflow.retry import Again
from kintsugi.workflow.states import Effect, State
from tests.world.deliveries import a_door, a_merge, a_pull_request_event
from tests.world.make import NOON
from tests.world.migrated import migrate, perform
from tests.world.world import World, a_world

WEB, METRICS = (secrets.token_urlsafe(24) for _ in range(2))


@dataclass
class Prometheus:
    """Scrapes, and reads what it got with Prometheus's own parser."""

    url: str
    session: aiohttp.ClientSession

    async def scrapes(self) -> dict[tuple[str, ...], float]:
        """Each sample: its name and the values of its labels in their order, and the figure."""
        async with self.session.get(self.url) as answer:
            assert answer.status == 200
            families = text_string_to_metric_families(await answer.text())
            return {
                (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
                for each in families
                for sample in each.samples
            }

    async def asks(self, **headers: str) -> int:
        async with self.session.get(self.url, headers=headers) as answer:
            return answer.status


@asynccontextmanager
async def a_prometheus(world: World, readers: Readers | None = None, **watched: Any) -> AsyncIterator[Prometheus]:
    application = web.Application()
    watched = {"figures": world.store.figures} | watched
    Metrics(MetricNeeds(**watched), readers or Readers(loopback=True), share=0).add_to(application)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Prometheus(f"http://127.0.0.1:{runner.addresses[0][1]}/metrics", session)
    finally:
        await runner.cleanup()


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


async def test_a_scrape_tells_how_the_store_stands(world: World):
    await world.crashes()
    await world.settles()
    await world.crashes("v1:00000000000000bb")
    world.clock.passes(minutes=2)

    async with a_prometheus(world) as prometheus:
        found = await prometheus.scrapes()

    assert found["kintsugi_database_up",] == 1
    assert found["kintsugi_figures_timestamp_seconds",] == world.clock.now().timestamp()
    assert found["kintsugi_incidents", "awaiting_confirm"] == 1
    assert found["kintsugi_incidents", "captured"] == 1
    assert found["kintsugi_incidents", "stuck"] == 0
    assert {key[1] for key in found if key[0] == "kintsugi_incidents"} == set(State)
    assert found["kintsugi_effects_owed", "diagnose", "pending"] == 1
    assert found["kintsugi_effects_late_seconds", "diagnose"] == 120
    assert found["kintsugi_effects_late_seconds", "ask_confirmation"] == 0
    assert found["kintsugi_model_tokens_total", "diagnose"] == 110
    assert found["kintsugi_model_cost_dollars_total", "diagnose"] == pytest.approx(0.01)


async def test_a_histogram_counts_as_prometheus_does_each_bucket_with_those_before_it(world: World):
    await world.crashes()
    await world.settles()
    world.clock.passes(hours=3)
    await world.confirms()

    async with a_prometheus(world) as prometheus:
        found = await prometheus.scrapes()

    approved = {
        key[1]: value for key, value in found.items() if key[::2] == ("kintsugi_stage_seconds_bucket", "approve")
    }
    assert (approved["3600.0"], approved["14400.0"], approved["+Inf"]) == (0, 1, 1)
    assert found["kintsugi_stage_seconds_count", "approve"] == 1
    assert found["kintsugi_stage_seconds_sum", "approve"] == 3 * 3600


async def test_where_the_database_is_away_the_process_still_tells_its_own(world: World, sqlite_url: Database):
    async with a_prometheus(world, dropped=lambda: 7) as prometheus:
        await prometheus.scrapes()
        perform(sqlite_url, "DROP TABLE spending")

        found = await prometheus.scrapes()

    assert found["kintsugi_database_up",] == 0
    assert found["kintsugi_log_lines_dropped_total",] == 7
    assert not [key for key in found if key[0] == "kintsugi_incidents"]


async def test_what_costs_much_is_counted_less_often(world: World):
    asked = 0

    async def figures() -> Any:
        nonlocal asked
        asked += 1
        return await world.store.figures()

    application = web.Application()
    metrics = Metrics(MetricNeeds(figures=figures), Readers(), share=1e-9)
    metrics.add_to(application)
    for _ in range(3):
        await metrics._read()

    assert asked == 1


async def test_a_process_tells_its_own_reconciling_and_what_it_hid(world: World):
    watched = {"hidden": lambda: {"keyed": 3}, "reconciled_at": lambda: NOON, "leases": lambda: {"worker": "host:7"}}

    async with a_prometheus(world, **watched) as prometheus:
        found = await prometheus.scrapes()

    assert found["kintsugi_redactions_total", "keyed"] == 3
    assert found["kintsugi_reconciled_timestamp_seconds",] == NOON.timestamp()
    assert found["kintsugi_lease_info", "host:7", "worker"] == 1


# --- who may ---


async def test_without_a_token_it_is_for_nobody(world: World):
    async with a_prometheus(world, Readers()) as prometheus:
        assert await prometheus.asks() == 403


async def test_where_the_settings_say_so_this_machine_reads_without_a_token_under_its_own_name(world: World):
    async with a_prometheus(world, Readers(loopback=True)) as prometheus:
        assert await prometheus.asks() == 200
        assert await prometheus.asks(Host="kintsugi.example") == 403


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:80", True),
        ("localhost", True),
        ("[::1]:8000", True),
        ("::1", True),
        ("0.0.0.0:80", False),
        ("kintsugi.example:443", False),
        ("", False),
    ],
)
def test_loopback_is_told_by_name(host: str, ours: bool):
    assert is_loopback(host) is ours


@pytest.mark.parametrize(
    ("readers", "headers", "status"),
    [
        (Readers(web_token=WEB), {}, 401),
        (Readers(web_token=WEB), {"Authorization": "Bearer"}, 401),
        (Readers(web_token=WEB), {"Authorization": "Bearer nonsense"}, 401),
        (Readers(web_token=WEB), {"Authorization": f"Basic {WEB}"}, 401),
        (Readers(web_token=WEB), {"Authorization": f"Bearer {METRICS}"}, 401),
        (Readers(web_token=WEB), {"Authorization": f"Bearer {WEB}"}, 200),
        (Readers(metrics_token=METRICS), {}, 401),
        (Readers(metrics_token=METRICS), {"Authorization": "Bearer ünsinn"}, 401),
        (Readers(metrics_token=METRICS), {"Authorization": f"bearer {METRICS}"}, 200),
        (Readers(web_token=WEB, metrics_token=METRICS), {"Authorization": f"Bearer {METRICS}"}, 200),
        (Readers(web_token=WEB, metrics_token=METRICS), {"Authorization": f"Bearer {WEB}"}, 200),
    ],
)
async def test_with_a_token_nobody_reads_without_it(
    world: World, readers: Readers, headers: dict[str, str], status: int
):
    async with a_prometheus(world, readers) as prometheus:
        assert await prometheus.asks(**headers) == status


async def test_guessing_is_told_to_wait_and_blinds_nobody_with_a_right_token(world: World):
    async with a_prometheus(world, Readers(web_token=WEB, metrics_token=METRICS)) as prometheus:
        guessed = [await prometheus.asks(Authorization=f"Bearer guess-{number}") for number in range(7)]

        assert guessed == [401] * 5 + [429] * 2
        assert await prometheus.asks(Authorization=f"Bearer {WEB}") == 200
        assert await prometheus.asks(Authorization=f"Bearer {METRICS}") == 200


# --- what is counted ---


async def test_deliveries_are_counted_by_what_became_of_them(world: World):
    world.host.name = "github:shop/checkout"
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()

    async with a_door(world) as door:
        for _ in range(2):
            await door.delivers("pull_request", a_merge())
        await door.delivers("ping", {"zen": "Keep it logically awesome."})
        await door.delivers("pull_request", a_merge(incident=99))
        await door.delivers("pull_request", a_merge(), secret="not ours")
        await door.delivers("pull_request", b"{")
        await door.posts("/webhooks/railway/guess", {})
        await door.posts("/webhooks/deploy", {})
        await door.gets("/healthz")

        assert counted(door.deliveries) == {
            ("github", "taken"): 1,
            ("github", "known"): 1,
            ("github", "ignored"): 1,
            ("github", "refused"): 1,
            ("github", "unsigned"): 1,
            ("github", "unreadable"): 1,
            ("railway", "unsigned"): 1,
            ("deploy", "unsigned"): 1,
        }


async def test_a_delivery_that_cannot_be_stored_is_counted_as_that(world: World, sqlite_url: Database):
    async with a_door(world) as door:
        perform(sqlite_url, "ALTER TABLE incident RENAME TO elsewhere")

        status, _ = await door.delivers("pull_request", a_pull_request_event("closed"))

        assert status == 503
        assert counted(door.deliveries) == {("github", "unstored"): 1}


async def test_attempts_are_counted_by_how_they_ended(world: World):
    attempts, answers = Attempts(), [None, Again(NOON - NOON), StepFailed("no"), None]
    claim = Claim("1:deploy:1", None, Effect.DEPLOY, 1, 1, 1, NOON)  # type: ignore[arg-type]  # it is only handed on

    async def perform(_: Claim) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    attempt = attempts.counted({Effect.DEPLOY: perform})[Effect.DEPLOY]
    await attempt(claim)
    await attempt(claim)
    with pytest.raises(StepFailed):
        await attempt(claim)
    await attempt(Claim("1:deploy:1", None, Effect.DEPLOY, 1, 2, 2, NOON))  # type: ignore[arg-type]

    assert counted(attempts.ended) == {("deploy", "done"): 2, ("deploy", "later"): 1, ("deploy", "failed"): 1}
    assert counted(attempts.retries) == {("deploy",): 1}
    assert sum(attempts.seconds.all()["deploy"].counts) == 4


def counted(tally: Tally) -> dict[tuple[str, ...], int]:
    """What happened at all; what did not is told as 0."""
    assert all(len(labels) == len(next(iter(tally.all()))) for labels in tally.all())
    return {labels: count for labels, count in tally.all().items() if count}
