"""The figures an operator watches, on both databases; and what was spent on which day."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text

from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import alembic_config, upgrade
from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import StepFailed, StoreUnavailable
from kintsugi.workflow.figures import BOUNDS, bound_of
from kintsugi.workflow.incident import Cost, Spent
from kintsugi.workflow.states import Effect, State
from kintsugi.workflow.times import times
from tests.world.world import World, a_world


@pytest.fixture
async def world(database_url: Database):
    async with a_world(database_url) as world:
        yield world


async def test_incidents_are_counted_by_state(world: World):
    for number in range(3):
        await world.crashes(f"v1:{number:016x}")
    await world.fires(t.Cancelled, 2)

    assert (await world.store.figures()).incidents == {State.CAPTURED: 2, State.CANCELLED: 1}


async def test_what_is_owed_is_counted_by_kind_and_is_late_by_its_oldest(world: World):
    await world.crashes()
    await world.crashes("v1:00000000000000bb")
    world.clock.passes(minutes=5)

    figures = await world.store.figures()

    assert {(each.kind, each.status, each.count) for each in figures.backlog} == {
        (Effect.DIAGNOSE, "pending", 2),
        (Effect.ANNOUNCE, "pending", 2),
    }
    assert (figures.owed, figures.late(), figures.late(Effect.DEPLOY)) == (4, timedelta(minutes=5), timedelta())


async def test_what_waits_for_its_time_is_not_late(world: World):
    await world.crashes()
    await world.settles()

    figures = await world.store.figures()

    assert [(each.kind, each.count) for each in figures.backlog] == [(Effect.ASK_CONFIRMATION, 1)]
    assert figures.late() == timedelta()


async def test_each_stage_is_counted_once_when_it_ends_and_as_its_history_tells(world: World):
    await world.crashes()
    await world.settles()
    world.clock.passes(hours=3)
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()
    expected = times((await world.store.payload(1)).occurred.first, await world.store.history(1)).seconds()

    lasted = (await world.store.figures()).lasted

    assert {each.stage: each.seconds for each in lasted} == expected
    assert {each.times for each in lasted} == {1}
    assert next(each.at_most for each in lasted if each.stage == "approve") == 4 * 3600


async def test_a_stage_that_is_done_again_is_not_counted_again(world: World):
    await world.crashes()
    await world.settles()
    await world.fires(t.BaseMoved, base="b" * 40)
    await world.settles()

    lasted = (await world.store.figures()).lasted

    assert sorted((each.stage, each.times) for each in lasted) == [("detect", 1), ("diagnose", 1)]


def test_a_time_belongs_to_the_smallest_bound_that_holds_it():
    took = [timedelta(), timedelta(seconds=1), timedelta(seconds=1.1), timedelta(days=7), timedelta(days=8)]

    assert [bound_of(each) for each in took] == [BOUNDS[0], 1.0, 5.0, BOUNDS[-1], float("inf")]


async def test_money_counts_on_the_day_it_was_spent_and_not_when_it_was_first_owed(world: World):
    world.analyst.answers_first(StepFailed("cut off", spent=Cost(1, 100, 10, 0.5), retry_after=timedelta(days=1)))
    await world.crashes()
    await world.settles()
    first = world.clock.now().date()
    await world.passes(days=1)
    second = world.clock.now().date()

    assert second > first
    assert await world.store.spent_on(first) == Spent(0.5, 110)
    assert await world.store.spent_on(second) == Spent(0.01, 110)
    assert [(each.kind, each.calls, each.tokens, each.usd) for each in (await world.store.figures()).paid] == [
        (Effect.DIAGNOSE, 2, 220, 0.51)
    ]


async def test_figures_of_a_database_that_does_not_serve_are_said_to_be_unreadable(sqlite_url: Database):
    upgrade(sqlite_url)
    async with a_world(sqlite_url) as world:
        engine = create_engine(sqlite_url.url)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE spending"))
        engine.dispose()

        with pytest.raises(StoreUnavailable):
            await world.store.figures()


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.due(8),
        lambda store: store.next_due(),
        lambda store: store.figures(),
        lambda store: store.ledger(),
        lambda store: store.with_open_pull_requests(),
    ],
)
async def test_what_is_asked_again_and_again_reads_no_table_from_end_to_end(sqlite_url: Database, ask: Any):
    upgrade(sqlite_url)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    async with a_world(sqlite_url) as world:
        event.listen(Engine, "before_cursor_execute", note)
        try:
            await ask(world.store)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    selects = [each for each in asked if each[0].startswith("SELECT")]
    with closing(sqlite3.connect(str(sqlite_url.file))) as connection:
        plans = [row[3] for each in selects for row in connection.execute(f"EXPLAIN QUERY PLAN {each[0]}", each[1])]

    assert plans
    assert not [plan for plan in plans if plan in ("SCAN effect", "SCAN incident")]


def test_what_was_spent_before_is_brought_over_to_its_days(sqlite_url: Database):
    import alembic.command

    upgrade(sqlite_url)
    engine = create_engine(sqlite_url.url)
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        alembic.command.downgrade(config, "0004")
        _an_incident(connection)
    engine.dispose()

    upgrade(sqlite_url)

    with engine.connect() as connection:
        found = connection.execute(text("SELECT day, kind, tokens, usd FROM spending")).all()
    engine.dispose()
    assert found == [("2026-11-23", "diagnose", 300, 0.75)]


def _an_incident(connection) -> None:
    connection.execute(
        text(
            "INSERT INTO incident (id, state, fingerprint, has_open_pull_request, opened_at, updated_at, facts) "
            "VALUES (1, 'captured', 'v1:aa', 0, '2026-11-23 12:00:00', '2026-11-23 12:00:00', '')"
        )
    )
    for seq, tokens, usd in ((1, 100, 0.25), (2, 200, 0.5)):
        connection.execute(
            text(
                "INSERT INTO effect (id, incident_id, kind, seq, status, epoch, attempts, due, created_at, error, usd,"
                f" tokens) VALUES ('1:diagnose:{seq}', 1, 'diagnose', {seq}, 'done', 1, 1, '2026-11-23 12:00:00', "
                f"'2026-11-23 12:00:00', '', {usd}, {tokens})"
            )
        )
