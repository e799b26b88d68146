"""Reports of Sentry's SDKs: the real one over loopback, packed in every way, damaged in every way, and killed between."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import logging
import signal
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from itertools import islice, product
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsugi.capture.event import read_event
from kintsugi.capture.runs import is_replay, runs_in
from kintsugi.capture.sentry import Teller, payload_of
from kintsugi.persistence.database import Database
from kintsugi.receipt.checking import check
from kintsugi.receipt.envelope import sealed
from kintsugi.receipt.statement import statement_of
from kintsugi.telemetry import Bound
from kintsugi.telemetry.alerts import Alert, Alerts, built_in_rules
from kintsugi.telemetry.handler import Seen
from kintsugi.web.no_delivery import Unreadable
from kintsugi.web.sentry import (
    EVENT,
    LARGEST,
    LARGEST_EVENT,
    Item,
    Project,
    TooLarge,
    event_in,
    expanded,
    items_in,
)
from kintsugi.workflow import triggers as t
from kintsugi.workflow.incident import Budget, Category, Cost, Cure
from kintsugi.workflow.ports import Reading
from kintsugi.workflow.quiet import Wish
from kintsugi.workflow.states import State
from tests.world.make import MERGE, NOON, a_diagnosis
from tests.world.migrated import migrate
from tests.world.reports import KEY, Door, a_door, a_program, a_server, accepted_of, an_envelope, an_event, free_port
from tests.world.sdk_programs import with_only
from tests.world.wire.sentry import SENTRY
from tests.world.world import World, a_world

OLD, NEW = "a1d0000" + "0" * 33, "f1ed000" + "0" * 33


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


@pytest.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with a_door(world) as door:
        yield door


# --- the real SDK ---

_CRASH = """
import sys, sentry_sdk
sentry_sdk.init(dsn=sys.argv[1], release="shop@1.4.2+" + sys.argv[2], environment="live", shutdown_timeout=10)
sentry_sdk.set_user({"id": "alice"})
sentry_sdk.add_breadcrumb(category="db", message="SELECT 1", level="info")
secret = "hun" + "ter2"
def discount(coupon):
    password = secret
    return coupon["percent"]
def checkout():
    try:
        discount({})
    except KeyError as error:
        raise RuntimeError("no bill for cart 4711") from error
try:
    checkout()
except RuntimeError:
    sentry_sdk.capture_exception()
sentry_sdk.flush(20)
"""


async def test_the_real_sdk_opens_an_incident_with_all_it_knows(world: World, door: Door):
    dsn = door.url.replace("http://", f"http://{KEY}@") + "/42"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", with_only() + _CRASH, dsn, OLD)
    assert await process.wait() == 0

    incident, payload = await world.store.incident(1), await world.store.payload(1)

    assert incident.opened_by == "sentry:42"
    assert incident.summary.startswith("RuntimeError: no bill for cart 4711")
    assert payload.exception
    assert [raised.type for raised in payload.exception.chain] == ["KeyError", "RuntimeError"]
    assert payload.exception.final.frames[-1].function == "checkout"
    assert (payload.build.sha, payload.build.environment, payload.request.user) == (OLD, "live", "alice")
    assert any("db: SELECT 1" in line for line in payload.log)
    assert "hunter2" not in payload.model_dump_json()


async def test_every_sdks_own_way_to_tell_is_understood(world: World, door: Door):
    """Node's tells of a session first and gives no lengths; Python's, before 2.0, sends the bare event."""
    frames = [{"filename": "/app/total.js", "function": "total", "lineno": 7, "in_app": True}]
    raised = {"type": "TypeError", "value": "cart.items is undefined", "stacktrace": {"frames": frames}}
    node = {"event_id": "a" * 32, "platform": "node", "exception": {"values": [raised]}, "breadcrumbs": [{}]}
    python = an_event("2") | {"breadcrumbs": {"values": [{"category": "db", "message": "SELECT 1"}]}}
    for event in (node, python):
        SENTRY.judge_frame("event", event)

    session = await door.post(b'{"sent_at":"2026-11-23T12:00:00Z"}\n{"type":"session"}\n{"status":"ok"}')
    nothing = await world.store.incidents()
    told = [
        await door.post(b'{}\n{"type":"event"}\n' + json.dumps(node).encode()),
        await door.post(gzip.compress(json.dumps(python).encode()), "gzip", path="store"),
    ]

    assert (session[0], nothing) == (200, [])
    assert [status for status, _ in told] == [200, 200]
    assert [(await world.store.incident(number)).summary for number in (1, 2)] == [
        "TypeError: cart.items is undefined in /app/total.js:7",
        "KeyError: 'percent' in shop/pricing.py:12",
    ]


# --- what opens an incident ---


async def test_an_event_that_is_delivered_again_is_known(world: World, door: Door):
    first = await door.post(an_envelope(an_event()))
    again = await door.post(an_envelope(an_event()))

    assert first == again == (200, {"id": "1".rjust(32, "0")})
    assert (await world.store.incident(1)).count == 1


async def test_a_project_that_may_not_open_counts_on_what_is_open(world: World):
    async with a_door(world, Project(KEY, opens=False)) as door:
        await door.post(an_envelope(an_event("1")))
        none = await world.store.incidents()
        async with a_door(world) as other:
            await other.post(an_envelope(an_event("2")))
        await door.post(an_envelope(an_event("3")))

    assert none == []
    assert (await world.store.incident(1)).count == 2


async def test_enough_for_a_day_is_said_as_the_sdks_expect_it(world: World):
    async with a_door(world, Project(KEY, a_day=2)) as door:
        answers = [await door.post(an_envelope(an_event(str(n), f"Error{n}"))) for n in (1, 2, 3)]
        counted = await door.post(an_envelope(an_event("4", "Error1")))
        async with door.session.post(
            f"{door.url}/api/42/store/?sentry_key={KEY}", data=json.dumps(an_event("5", "Error5"))
        ) as refused:
            limits = refused.headers["X-Sentry-Rate-Limits"]
            wait = int(refused.headers["Retry-After"])
        world.clock.passes(hours=24)
        tomorrow = await door.post(an_envelope(an_event("6", "Error6")))

    assert [status for status, _ in answers] == [200, 200, 429]
    assert (counted[0], refused.status, tomorrow[0]) == (200, 429, 200)
    assert limits.startswith(f"{wait}:error:organization")


async def test_only_what_opens_an_incident_counts_for_the_day(world: World):
    async with a_door(world, Project(KEY, a_day=2)) as door:
        many = [door.post(an_envelope(an_event(str(number), "Error1"))) for number in range(8)]
        same = await asyncio.gather(*many)
        await world.fires(t.Cancelled)
        known = await door.post(an_envelope(an_event("1", "Error1")))
        second = await door.post(an_envelope(an_event("21", "Error2")))
        third = await door.post(an_envelope(an_event("31", "Error3")))

    assert [status for status, _ in (*same, known, second, third)] == [200] * 10 + [429]
    assert (await world.store.incident(1)).count == 8


async def test_a_noisy_failure_holds_back_itself_and_not_its_program(world: World):
    """Its words differ each time and nothing tells which of them vary; it came first, and a different one in between."""
    async with a_door(world, Project(KEY, a_day=5)) as door:
        statuses = [(await door.post(an_envelope(said(at, f"No bill for {name}"))))[0] for at, name in enumerate(NAMES)]
        other, _ = await door.post(an_envelope(an_event("99")))

    assert {*statuses, other} == {200}
    found = await world.store.incidents()
    assert [each.count for each in reversed(found)] == [1, 11, 1]
    assert found[0].summary.startswith("KeyError")


async def test_what_comes_at_once_opens_no_more_than_what_comes_in_turn(world: World, door: Door):
    posts = [door.post(an_envelope(said(at, f"No bill for {name}"))) for at, name in enumerate(NAMES)]

    assert {status for status, _ in await asyncio.gather(*posts)} == {200}
    assert sorted(each.count for each in await world.store.incidents()) == [1, 11]


async def test_lines_of_one_logger_that_differ_in_more_than_one_word_open_a_few(world: World, door: Door):
    for at, name in enumerate(NAMES):
        await door.post(an_envelope(said(at, f"{name} found no bill for {NAMES[-at - 1]}")))

    assert [each.count for each in reversed(await world.store.incidents())] == [1, 1, 1, 1, 8]


@pytest.mark.parametrize(
    "lines",
    [
        ("the till is shut", "the drawer is stuck", "the card was lost"),
        ("disk full", "disk failed", "disk missing"),
        ("the till is shut again", "the till is on fire", "the bell is on fire"),
    ],
)
async def test_different_words_are_different_failures(world: World, door: Door, lines: tuple[str, ...]):
    for at, line in enumerate(lines):
        await door.post(an_envelope(said(at, line)))

    assert [each.count for each in await world.store.incidents()] == [1, 1, 1]


async def test_a_failure_that_ended_often_today_only_counts(world: World):
    async with a_door(world) as door:
        for number in range(5):
            await door.post(an_envelope(an_event(str(number))))
            newest = (await world.store.incidents(limit=1))[0]
            if not newest.ended:
                await world.fires(t.Cancelled, newest.id)
                await world.fires(t.Unignored, newest.id)

    assert [each.count for each in await world.store.incidents()] == [3, 1, 1]


async def test_what_is_ignored_counts_whatever_may_open_today(world: World):
    async with a_door(world, Project(KEY, a_day=1)) as door:
        await door.post(an_envelope(an_event("1")))
        await world.fires(t.Ignored)
        ignored, _ = await door.post(an_envelope(an_event("2")))
        another, _ = await door.post(an_envelope(an_event("3", "TypeError")))

    assert (ignored, another) == (200, 429)
    assert (await world.incident()).count == 2


async def test_a_build_that_has_the_wanted_commit_ends_the_quiet(world: World):
    fix = "f1ed000"
    world.host.holds |= {NEW: fix}
    async with a_door(world) as door:
        await door.post(an_envelope(an_event("1", release=f"shop@{OLD}")))
        await world.fires(t.Ignored, wish=Wish(build=fix))
        await door.post(an_envelope(an_event("2", release=f"shop@{OLD}")))
        before = await world.store.incidents()
        await door.post(an_envelope(an_event("3", release=f"shop@{NEW}")))

    assert len(before) == 1
    assert len(await world.store.incidents()) == 2
    told = (await world.store.history(1))[-1]
    assert told.says == f"No longer ignored: It comes from a build with {fix}."


async def test_what_a_server_tells_takes_the_place_of_what_a_browsers_key_told(world: World):
    async with a_door(world, Project(KEY, public=True)) as door:
        await door.post(an_envelope(an_event("1", user={"id": "mallory"})))
    async with a_door(world, Project(KEY, public=False)) as door:
        await door.post(an_envelope(an_event("2", user={"id": "alice"}, release=f"shop@{NEW}")))
        await door.post(an_envelope(an_event("3", user={"id": "bob"})))
    async with a_door(world, Project(KEY, public=True)) as door:
        await door.post(an_envelope(an_event("4", user={"id": "mallory"})))

    found, payload = await world.incident(), await world.store.payload(1)
    assert (found.count, found.believed, found.build_sha) == (4, True, NEW)
    assert payload.request.user == "alice"
    told = [step for step in await world.store.history(1) if step.trigger == "BetterTold"]
    assert [step.actor for step in told] == ["sentry:42"]
    assert check(sealed(statement_of(await world.store.chain(1)), None), None).holds


async def test_a_better_report_of_what_needed_a_human_is_diagnosed(world: World):
    world.analyst.answers_first(a_diagnosis(edits=(), category=Category.UNKNOWN))
    async with a_door(world, Project(KEY, public=True)) as door:
        await door.post(an_envelope(an_event("1")))
        await world.settles()
        waits = await world.state()
    async with a_door(world) as door:
        await door.post(an_envelope(an_event("2", user={"id": "alice"})))
        await world.settles()

    assert waits is State.NEEDS_HUMAN
    assert await world.state() is State.AWAITING_CONFIRM
    assert world.analyst.asked[-1].payload.request.user == "alice"


async def test_a_public_key_counts_on_no_other_programs_incident_whatever_it_says(world: World):
    """Not with the same stack, nor with the same fingerprint of the program's own; and it can be opened by nobody else."""
    own = {"fingerprint": ["the-checkout"]}
    async with a_door(world, Project(KEY)) as server:
        await server.post(an_envelope(an_event("1"), an_event("2", "TypeError", **own)))
    async with a_door(world, Project(KEY, public=True, program="pages")) as pages:
        await pages.post(an_envelope(an_event("3"), an_event("4", "TypeError", **own)))
    async with a_door(world, Project(KEY)) as server:
        await server.post(an_envelope(an_event("5")))

    found = {each.id: (each.count, each.believed) for each in await world.store.incidents()}
    assert found == {1: (2, True), 2: (1, True), 3: (1, False), 4: (1, False)}


async def test_a_public_key_alone_neither_cures_nor_makes_recur(world: World):
    """It tells a thousand good sessions with the fix, and then the same failure from the fixed build."""
    world.monitor.answers_first(*[NOBODY] * 99)
    world.host.holds |= {NEW: MERGE}
    async with a_door(world, Project(KEY)) as server:
        await server.post(an_envelope(an_event("1", release=f"shop@{OLD}")))
        await server.post(sessions(OLD, exited=1, crashed=2))
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()

    async with a_door(world, Project(KEY, public=True)) as pages:
        await pages.post(sessions(NEW, exited=1000))
        await world.passes(minutes=15)
        told_well = await world.incident()
        await pages.post(an_envelope(an_event("2", release=f"shop@{NEW}")))
        await world.passes(minutes=15)
        told_badly = await world.incident()
    async with a_door(world, Project(KEY)) as server:
        await server.post(an_envelope(an_event("3", release=f"shop@{NEW}")))
        await world.settles()

    assert told_well.state is told_badly.state is State.DEPLOYED
    assert told_well.cure
    assert "a key that anybody can read" in told_well.cure.says
    assert told_badly.cure
    assert "look at the program" in told_badly.cure.says
    assert await world.state() is State.RECURRED


NOBODY = Reading(Cure(0, 1, "Unproven: nothing watches the program."), "")


def sessions(build: str, **ended: int) -> bytes:
    told = {"attrs": {"release": f"shop@{build}"}, "aggregates": [{"started": "2026-11-23T03:00:00Z", **ended}]}
    return b"\n".join(json.dumps(line).encode() for line in ({}, {"type": "sessions"}, told))


async def test_whom_it_hit_where_and_how_often_is_counted(world: World, door: Door):
    for number, (user, place) in enumerate([("ann", "live"), ("bob", "live"), ("ann", "test"), ("", "live")]):
        who = {"user": {"id": user}} if user else {}
        await door.post(an_envelope(an_event(str(number), environment=place, **who)))
        await door.post(an_envelope(an_event(str(number), environment=place, **who)))

    seen = await world.store.sightings(1, world.clock.now() - timedelta(hours=1))
    assert (seen.users, seen.environments) == (2, {"live": 3, "test": 1})
    assert list(seen.hours.values()) == [4]


async def test_what_tells_nothing_is_passed_over_by_name(door: Door):
    items = [
        ("client_report", {"discarded_events": []}),
        ("log", {"items": [{"level": "error", "body": "no bill"}]}),
        ("something_new", {}),
        ("session", {"status": "ok"}),
        ("transaction", {"transaction": "/", "release": "shop@1.4"}),
        ("check_in", {"monitor_slug": "nightly", "status": "in_progress"}),
        ("event", {"level": "info", "message": "hello"}),
    ]
    lines = [line for kind, item in items for line in ({"type": kind}, item)]
    body = b"\n".join(json.dumps(line).encode() for line in ({}, *lines))

    status, _ = await door.post(body)

    assert status == 200
    kinds = ["check_in", "client_report", "event", "log", "other", "session", "transaction"]
    assert door.passed_over.all() == {(kind,): 1 for kind in kinds}


async def test_check_ins_of_the_real_sdk_are_runs_by_release(world: World, door: Door):
    dsn = door.url.replace("http://", f"http://{KEY}@") + "/42"
    program = await asyncio.create_subprocess_exec(sys.executable, "-c", _CHECKS_IN, dsn, NEW)

    assert await program.wait() == 0

    (runs,) = await world.store.runs("nightly", NOON - timedelta(days=30))
    assert (runs.build, runs.succeeded, runs.failed) == (NEW, 1, 1)


_CHECKS_IN = """
import sys, sentry_sdk
from sentry_sdk.crons import monitor
sentry_sdk.init(dsn=sys.argv[1], release="shop@" + sys.argv[2], default_integrations=False, shutdown_timeout=10)
with monitor(monitor_slug="nightly"):
    pass
try:
    with monitor(monitor_slug="nightly"):
        raise KeyError("rate")
except KeyError:
    pass
sentry_sdk.flush(20)
"""


async def test_of_a_failure_that_is_known_an_outline_is_read(world: World, door: Door):
    for number in range(3):
        await door.post(an_envelope(an_event(str(number))))
    both, _ = await door.post(an_envelope(an_event("8"), an_event("9", "TypeError")))

    assert both == 200
    assert door.read_whole == [False, True, False, False, False, True]
    assert [each.count for each in await world.store.incidents()] == [1, 4]


async def test_another_failure_does_not_wait_behind_a_noisy_one(world: World):
    """It is answered while most of the others are still to come, and each has an incident of its own."""
    events = iter(
        an_event(str(at), "ValueError", exception=raising(f"no bill for {name} {surname}"))
        for at, (name, surname) in enumerate(product(NAMES, NAMES), 1000)
    )
    async with a_door(world) as door:

        async def reports() -> None:
            for event in events:
                assert (await door.post(an_envelope(event)))[0] == 200

        flood = [asyncio.create_task(reports()) for _ in range(4)]
        status, _ = await door.post(an_envelope(an_event("1")))
        to_come = len(list(islice(events, 10)))
        await asyncio.gather(*flood)

    assert status == 200
    assert to_come == 10
    assert sorted(each.count for each in await world.store.incidents()) == [1, len(NAMES) ** 2 - to_come]


def raising(words: str) -> dict[str, Any]:
    frames = [{"filename": "shop/bills.py", "function": "bill", "lineno": 7, "in_app": True}]
    return {"values": [{"type": "ValueError", "value": words, "stacktrace": {"frames": frames}}]}


NAMES = ("Ann", "Bob", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hal", "Ida", "Jon", "Kim", "Leo")


def said(number: int, words: str) -> dict[str, Any]:
    return {"event_id": f"{number:032x}", "level": "error", "logger": "shop.bills", "logentry": {"formatted": words}}


async def test_junk_of_one_address_by_a_public_key_silences_nobody_else_and_an_alert_says_so(world: World):
    """Twenty failures that nobody had, told with the key of a page; then a real one, told by somebody else's browser."""
    noted: SimpleQueue[logging.LogRecord] = SimpleQueue()
    listens = QueueHandler(noted)
    logging.getLogger("kintsugi.service").addHandler(listens)
    try:
        async with a_door(world, Project(KEY, public=True)) as door:
            junk = [await door.post(an_envelope(an_event(str(n), f"Junk{n}")), peer="192.0.2.6") for n in range(20)]
            real = await door.post(an_envelope(an_event("77", "RealError")), peer="198.51.100.7")
            counted = await door.post(an_envelope(an_event("78", "Junk0")), peer="192.0.2.6")
    finally:
        logging.getLogger("kintsugi.service").removeHandler(listens)

    assert [status for status, _ in junk] == [200] * 5 + [429] * 15
    assert (real[0], counted[0]) == (200, 200)
    assert sorted(incident.summary.partition(":")[0] for incident in await world.store.incidents())[-1] == "RealError"
    assert alerts_of([noted.get() for _ in range(noted.qsize())]) == ["report-flood"]


async def test_junk_of_many_addresses_uses_up_the_day_of_its_key_alone(world: World):
    """What a trusted key tells that nobody knows opens, what is known counts, and junk leaves half of the model's day."""
    pages, server = Project(KEY, public=True, program="42"), Project(KEY, program="43")
    async with a_door(world, pages, others={"43": server}) as door:
        known = await door.post(an_envelope(an_event("70", "KnownError")), peer="198.51.100.7")
        junk = [await door.post(an_envelope(an_event(str(n), f"Junk{n}")), peer=f"192.0.2.{n}") for n in range(25)]
        again = await door.post(an_envelope(an_event("71", "KnownError")), peer="198.51.100.8")
        trusted = await door.post(an_envelope(an_event("72", "NewError")), project="43", peer="192.0.2.6")
    found = {each.summary.partition(":")[0]: each for each in await world.store.incidents()}

    assert [status for status, _ in junk] == [200] * 19 + [429] * 6
    assert (known[0], again[0], trusted[0]) == (200, 200, 200)
    assert found["KnownError"].count == 2
    assert found["NewError"].believed

    world.budget = Budget(usd_per_day=2.0)
    world.analyst.answers_first(*[a_diagnosis(cost=Cost(calls=1, usd=0.6))] * 99)
    await world.settles()
    asked = [each.incident.believed for each in world.analyst.asked]
    assert (asked.count(False), asked.count(True)) == (2, 1)


def alerts_of(records: list[logging.LogRecord]) -> list[str]:
    """The built-in alerts that these lines of the log set off."""
    told = list[Alert]()
    alerts = Alerts(built_in_rules(), {"list": told.append})
    for record in records:
        alerts.see(Seen(record, json.dumps({"msg": record.getMessage()}), Bound(), None))
    alerts.close()
    return [alert.rule for alert in told]


async def test_a_key_that_is_not_public_has_the_whole_day_from_one_address(world: World):
    async with a_door(world) as door:
        told = [await door.post(an_envelope(an_event(str(n), f"Error{n}")), peer="192.0.2.6") for n in range(8)]

    assert [status for status, _ in told] == [200] * 8


async def test_more_at_once_than_a_program_may_have_is_told_to_wait(world: World):
    async with a_door(world, inside=2) as door:
        held = [await door.half_posts() for _ in range(2)]
        crowded = await door.post(an_envelope(an_event()))
        for each in held:
            each.close()

    assert crowded[0] == 429
    assert crowded[1]["detail"] == "Too many reports of this program at once."


async def test_words_that_are_no_trouble_open_nothing(world: World, door: Door):
    status, _ = await door.post(an_envelope(an_event(level="info"), {"message": "hello", "level": "warning"}))

    assert status == 200
    assert await world.store.incidents() == []


async def test_a_release_before_the_fix_opens_nothing_and_one_with_it_recurs(world: World, door: Door):
    await door.post(an_envelope(an_event("1", release=f"shop@{OLD}")))
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()
    fix = (await world.store.incident(1)).merge_sha or ""
    world.host.holds |= {world.host.base: OLD, NEW: fix}

    before = await door.post(an_envelope(an_event("2", release=f"shop@{OLD}")))
    after_that = await world.store.incidents()
    await door.post(an_envelope(an_event("3", release=f"shop@{NEW}")))
    await world.settles()

    assert before[0] == 200
    assert [incident.id for incident in after_that] == [1]
    assert (await world.store.incident(1)).state is State.RECURRED
    assert (await world.store.incident(2)).build_sha == NEW


# --- who may, and how it is packed ---


@pytest.mark.parametrize(("key", "path"), [("wrong" * 6, "42"), ("", "42"), (KEY, "43")])
async def test_nobody_else_is_heard(world: World, door: Door, key: str, path: str):
    async with door.session.post(
        f"{door.url}/api/{path}/envelope/?sentry_key={key}", data=an_envelope(an_event())
    ) as answer:
        assert answer.status == 403
    assert await world.store.incidents() == []


async def test_the_key_may_stand_in_the_envelope(door: Door):
    body = an_envelope(an_event()).replace(b"{}", json.dumps({"dsn": f"https://{KEY}@kintsugi.test/42"}).encode(), 1)

    async with door.session.post(f"{door.url}/api/42/envelope/", data=body) as answer:
        assert answer.status == 200


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


PACKED = {
    "gzip": ("gzip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "raw": ("deflate", raw_deflate),
    "br": ("br", lambda body: brotli.compress(body, quality=1)),
    "zstd": ("zstd", zstandard.compress),
}


@pytest.mark.parametrize("name", PACKED)
async def test_every_packing_is_read(world: World, door: Door, name: str):
    encoding, pack = PACKED[name]

    status, _ = await door.post(pack(an_envelope(an_event())), encoding)

    assert status == 200
    assert (await world.store.incident(1)).summary == "KeyError: 'percent' in shop/pricing.py:12"


@pytest.mark.parametrize("name", PACKED)
async def test_a_bomb_is_refused_long_before_it_is_expanded(door: Door, name: str):
    encoding, pack = PACKED[name]
    bomb = pack(b"\0" * (4 * LARGEST))

    status, answer = await door.post(bomb, encoding)

    assert (status, "is not read" in answer["detail"]) == (413, True)


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("damage", ["cut", "noise"])
async def test_damaged_packings_get_a_sentence(door: Door, name: str, damage: str):
    encoding, pack = PACKED[name]
    packed = pack(an_envelope(*[an_event(str(number)) for number in range(50)]))

    status, answer = await door.post(packed[: len(packed) // 2] if damage == "cut" else b"\x00noise" * 9, encoding)

    assert status == 400, answer


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the envelope's header is no JSON"),
        (b"{}\n{}{}", "an item's header is no JSON"),
        (b'{}\n{"type":"event","length":99}\n{}', "length is not that of its payload"),
        (b'{}\n{"type":"event"}\nnope', "an event is no JSON"),
        (b'{}\n{"type":"event"}\n[]', "an event is no object"),
        (b"x\x9cnothing", "The body is no JSON, nor packed JSON"),
        (b"[" * 200_000, "is no JSON"),
    ],
)
async def test_what_cannot_be_read_gets_a_sentence(door: Door, body: bytes, says: str):
    status, answer = await door.post(body)

    assert status == 400
    assert says in answer["detail"]


@pytest.mark.parametrize(
    "beside",
    [
        b'{"type":"event"}\nnope\n',
        b'{"type":"event","length":2097152}\n' + b" " * 2**21 + b"\n",
        b'{"type":"session"}\n{}\n' * 97,
    ],
)
async def test_each_item_stands_for_itself(world: World, door: Door, beside: bytes):
    gone = b'{"type":"event","length":99}\n{}'
    last = an_envelope(an_event("2", "SaveError")).removeprefix(b"{}\n")

    status, _ = await door.post(gzip.compress(an_envelope(an_event("1")) + beside + last + gone), "gzip")

    assert status == 200
    assert sorted(incident.summary.partition(":")[0] for incident in await world.store.incidents()) == [
        "KeyError",
        "SaveError",
    ]


OLD_PACKINGS = {
    "zlib": zlib.compress,
    "base64": base64.b64encode,
    "base64 of zlib": lambda body: base64.b64encode(zlib.compress(body)),
    "base64 in lines": lambda body: base64.encodebytes(zlib.compress(body)),
}


@pytest.mark.parametrize("name", OLD_PACKINGS)
async def test_packings_of_old_sdks_are_read_though_no_header_tells_them(world: World, door: Door, name: str):
    status, _ = await door.post(OLD_PACKINGS[name](json.dumps(an_event()).encode()), path="store")

    assert status == 200
    assert (await world.store.incident(1)).summary == "KeyError: 'percent' in shop/pricing.py:12"


async def test_gzip_of_two_members_is_read_whole_and_not_beyond_what_is_read(world: World, door: Door):
    body = json.dumps(an_event()).encode()

    two = await door.post(gzip.compress(body[:40]) + gzip.compress(body[40:]), "gzip", path="store")
    bomb = await door.post(gzip.compress(b"{") + gzip.compress(b"\0" * LARGEST), "gzip", path="store")

    assert (two[0], bomb[0]) == (200, 413)
    assert len(await world.store.incidents()) == 1


@pytest.mark.parametrize("path", ["store", "store/", "envelope"])
async def test_the_key_may_stand_in_authorization_and_the_path_may_lack_its_slash(world: World, door: Door, path: str):
    body = an_envelope(an_event()) if path == "envelope" else json.dumps(an_event()).encode()
    headers = {"Authorization": f"Sentry sentry_version=7, sentry_key={KEY}"}

    async with door.session.post(f"{door.url}/api/42/{path}", data=body, headers=headers) as answer:
        assert answer.status == 200
    assert len(await world.store.incidents()) == 1


async def test_an_event_without_an_id_counts_once_however_often_it_is_delivered(world: World, door: Door):
    event = {name: value for name, value in an_event().items() if name != "event_id"}
    await door.post(json.dumps(event).encode(), path="store")
    world.clock.passes(hours=1)
    await door.post(json.dumps(event).encode(), path="store")

    assert (await world.store.incident(1)).count == 1


@pytest.mark.parametrize("odd", [None, True, 7, 0.5, "odd", [], ["odd"], {}, {"odd": 1}])
async def test_a_field_of_another_type_never_costs_the_crash(world: World, door: Door, odd: object):
    fields = ("exception", "message", "logentry", "breadcrumbs", "user", "request", "tags", "modules", "timestamp")
    fields += ("level", "extra", "contexts", "threads", "stacktrace", "release", "environment", "platform", "type")
    changed = [an_event(str(at), f"Error{at}", **{name: odd}) for at, name in enumerate(fields, 1)]
    statuses = [(await door.post(json.dumps(each).encode(), path="store"))[0] for each in changed]

    assert set(statuses) == {200}
    assert len(await world.store.incidents()) == len(fields) - 1 * (odd == 7)  # level 7 is no failure


async def test_an_event_larger_than_sentrys_own_is_refused_and_a_large_attachment_passed_over(world: World, door: Door):
    attachment = b'{"type":"attachment","length":2097152}\n' + b"a" * 2**21 + b"\n"
    large = await door.post(gzip.compress(an_envelope(an_event(extra={"text": "a" * LARGEST_EVENT}))), "gzip")
    header = await door.post(gzip.compress(b'{"dsn":"' + b"a" * LARGEST_EVENT + b'"}\n'), "gzip")
    beside = await door.post(gzip.compress(an_envelope(an_event()) + attachment), "gzip")

    assert (large[0], header[0], beside[0]) == (413, 413, 200)
    assert len(await world.store.incidents()) == 1


async def test_more_than_is_read_is_refused(door: Door):
    async with door.session.post(
        f"{door.url}/api/42/envelope/?sentry_key={KEY}", data=io.BytesIO(b"{}\n" * (2 * 2**20))
    ) as answer:
        assert answer.status == 413


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
KNOWN = ("exception", "message", "logentry", "breadcrumbs", "user", "request", "tags", "modules", "timestamp", "level")


@given(st.one_of(st.binary(max_size=300), st.dictionaries(st.sampled_from(KNOWN), JSON, min_size=1).map(an_envelope)))
@settings(max_examples=400)
def test_no_envelope_is_too_odd(body: bytes):
    with suppress(Unreadable):
        for item in items_in(body):
            if isinstance(item, Item):
                taken(item)


def taken(item: Item) -> None:
    is_replay(item.data)
    runs_in(item.kind, item.data, "sentry:42", believed=True)
    if item.kind == EVENT:
        payload_of(read_event(item.data), Teller("42"), now=NOON)


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br", "zstd", "lzma", ""]))
@settings(max_examples=300)
def test_no_packing_is_too_odd(body: bytes, encoding: str):
    try:
        event_in(expanded(body, encoding))
    except (Unreadable, TooLarge):
        return


# --- killed between ---


async def test_what_was_answered_with_200_is_there_once_though_the_server_was_killed(tmp_path: Path):
    port, each = free_port(), 12
    server = await a_server(tmp_path, port)
    programs = [await a_program(port, number, each, failures=each) for number in range(4)]
    accepted = [await anext(accepted_of(program)) for program in programs]
    server.send_signal(signal.SIGKILL)
    await server.communicate()
    server = await a_server(tmp_path, port)
    accepted += [id for program in programs async for id in accepted_of(program)]
    server.terminate()
    await server.communicate()

    async with a_world(Database.at(tmp_path / ".kintsugi" / "kintsugi.db")) as world:
        kept = await world.store.incidents(limit=1000)
    assert 4 <= len(accepted) <= len(kept) <= 4 * each
    assert {incident.count for incident in kept} == {1}
