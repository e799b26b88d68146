"""What takes a server too long is given up; and the time is the database's, whatever a host thinks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from kintsugi.persistence.clock import DatabaseClock, ticks
from kintsugi.persistence.database import Database, DatabaseAway
from kintsugi.persistence.deadline import Deadlines
from kintsugi.persistence.store import SqlStore
from tests.world.proxy import a_way

HOUR = timedelta(hours=1)


async def test_a_server_that_hears_is_asked_to_cancel_and_the_connection_stays(postgres_url: Database):
    deadlines = Deadlines(0.2)
    with psycopg.connect(postgres_url.conninfo, autocommit=True) as connection:

        def sleep() -> None:
            with deadlines.over(connection):
                connection.execute("SELECT pg_sleep(3600)")

        with pytest.raises(psycopg.errors.QueryCanceled):
            await asyncio.to_thread(sleep)
        found = connection.execute("SELECT 1").fetchone()
    deadlines.close()

    assert found == (1,)


async def test_a_server_that_hears_nothing_is_left(postgres_url: Database):
    deadlines = Deadlines(0.2)
    async with a_way(postgres_url) as (way, url):
        connection = await asyncio.to_thread(psycopg.connect, url.conninfo, autocommit=True)
        way.falls_silent(to_new=True)

        def ask() -> None:
            with deadlines.over(connection):
                connection.execute("SELECT 1")

        with pytest.raises(psycopg.OperationalError):
            await asyncio.to_thread(ask)
        connection.close()
    deadlines.close()


async def test_what_ends_in_time_is_not_touched_afterwards(postgres_url: Database):
    deadlines = Deadlines(0.3)
    with psycopg.connect(postgres_url.conninfo, autocommit=True) as connection:
        with deadlines.over(connection):
            connection.execute("SELECT 1")
        found = await asyncio.to_thread(connection.execute, "SELECT pg_sleep(1.5)")
    deadlines.close()

    assert found.statusmessage == "SELECT 1"


async def test_after_a_connection_that_was_given_up_the_others_are_made_anew(postgres_url: Database):
    async with a_way(postgres_url) as (way, url):
        store = SqlStore(url, DatabaseClock(), slots=4)
        await asyncio.gather(*(store.next_due() for _ in range(4)))
        way.falls_silent()

        with pytest.raises(DatabaseAway, match="unavailable"):
            await store.transact(lambda ledger: ledger.incident(1))
        found = await asyncio.gather(*(store.next_due() for _ in range(4)))
        await store.close()

    assert found == [None] * 4


def test_the_clock_is_the_databases():
    clock, theirs = DatabaseClock(), datetime.now(UTC) + HOUR

    clock.heard(theirs, ticks())

    assert timedelta() <= clock.now() - theirs < timedelta(minutes=10)
    assert abs(clock.off + HOUR) < timedelta(minutes=10)


def test_an_answer_that_fits_what_we_thought_moves_nothing():
    clock, theirs = DatabaseClock(), datetime.now(UTC)
    clock.heard(theirs, ticks())
    before = clock._said

    clock.heard(clock.now() - timedelta(milliseconds=1), ticks() - 1)

    assert clock._said is before


async def test_every_transaction_sets_the_clock(postgres_url: Database):
    clock = DatabaseClock()
    clock.heard(datetime.now(UTC) - HOUR, ticks())  # as on a host whose clock is far off
    store = SqlStore(postgres_url, clock)
    await store.transact(lambda ledger: ledger.incident(1))
    with psycopg.connect(postgres_url.conninfo) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    await store.close()

    assert row
    assert abs(row[0] - clock.now()) < timedelta(seconds=30)
