"""What waits for the one writer is committed together, and each is answered for itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ResourceClosedError

from kintsugi.persistence.database import Database
from kintsugi.persistence.ledger import SqlLedger
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow.errors import Conflict, StoreUnavailable
from kintsugi.workflow.ports import Ledger
from tests.world.clock import ManualClock
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE


@pytest.fixture
async def store(sqlite_url: Database) -> AsyncIterator[SqlStore]:
    migrate(sqlite_url)
    store = SqlStore(sqlite_url, ManualClock())
    await store.transact(lambda ledger: execute(ledger, "CREATE TABLE note (number INTEGER PRIMARY KEY)"))
    yield store
    await store.close()


def execute(ledger: Ledger, statement: str) -> None:
    assert isinstance(ledger, SqlLedger)
    ledger.connection.execute(text(statement))


def writes(number: int, then: Exception | None = None):
    def work(ledger: Ledger) -> int:
        execute(ledger, f"INSERT INTO note VALUES ({number})")
        if then:
            raise then
        return number

    return work


def on_disk(url: Database) -> list[int]:
    file = url.file
    assert isinstance(file, Path)
    connection = sqlite3.connect(file)
    found = [number for (number,) in connection.execute("SELECT number FROM note ORDER BY number")]
    connection.close()
    return found


async def test_a_hundred_at_once_are_all_on_disk_and_answered_each_for_itself(store: SqlStore, sqlite_url: Database):
    answers = await asyncio.gather(*[store.transact(writes(number)) for number in range(100)])

    assert answers == list(range(100)) == on_disk(sqlite_url)


async def test_each_is_on_disk_before_its_answer(store: SqlStore, sqlite_url: Database):
    async def write(number: int) -> bool:
        await store.transact(writes(number))
        return number in on_disk(sqlite_url)

    assert all(await asyncio.gather(*[write(number) for number in range(40)]))


async def test_one_that_raises_takes_back_its_own_work_alone(store: SqlStore, sqlite_url: Database):
    works = [store.transact(writes(number, Conflict("no") if number % 3 == 0 else None)) for number in range(30)]

    answers = await asyncio.gather(*works, return_exceptions=True)

    assert [isinstance(answer, Conflict) for answer in answers] == [number % 3 == 0 for number in range(30)]
    assert on_disk(sqlite_url) == [number for number in range(30) if number % 3]


async def test_after_a_fault_of_the_database_each_goes_alone(store: SqlStore, sqlite_url: Database):
    fault = OperationalError("x", None, sqlite3.OperationalError("disk I/O error"))
    works = [store.transact(writes(number, fault if number == 5 else None)) for number in range(10)]

    answers = await asyncio.gather(*works, return_exceptions=True)

    assert [number for number, answer in enumerate(answers) if isinstance(answer, StoreUnavailable)] == [5]
    assert on_disk(sqlite_url) == [number for number in range(10) if number != 5]


async def test_one_that_spoils_the_connection_spoils_nobody_elses_work(store: SqlStore, sqlite_url: Database):
    def spoils(ledger: Ledger) -> None:
        assert isinstance(ledger, SqlLedger)
        ledger.connection.close()

    works = [store.transact(spoils if number == 5 else writes(number)) for number in range(10)]

    async with asyncio.timeout(PATIENCE):
        answers = await asyncio.gather(*works, return_exceptions=True)

    assert [answer for number, answer in enumerate(answers) if number != 5] == [n for n in range(10) if n != 5]
    assert on_disk(sqlite_url) == [number for number in range(10) if number != 5]


async def test_one_who_went_away_does_not_hold_the_others_up(store: SqlStore, sqlite_url: Database):
    works = [asyncio.ensure_future(store.transact(writes(number))) for number in range(10)]
    await asyncio.sleep(0)
    works[3].cancel()

    answers = await asyncio.gather(*works, return_exceptions=True)

    assert [answer for answer in answers if isinstance(answer, int)] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert set(on_disk(sqlite_url)) >= {0, 1, 2, 4, 5, 6, 7, 8, 9}


@pytest.mark.parametrize(
    "fault", [TimeoutError("no connection is free"), asyncio.CancelledError(), ResourceClosedError("closed")], ids=repr
)
async def test_whatever_befalls_the_transaction_they_share_everybody_is_answered(
    store: SqlStore, sqlite_url: Database, fault: BaseException
):
    def spoils_it_all(ledger: Ledger) -> int:
        assert isinstance(ledger, SqlLedger)
        raise fault

    works = [asyncio.ensure_future(store.transact(writes(number))) for number in range(9)]
    works.append(asyncio.ensure_future(store.transact(spoils_it_all)))

    await asyncio.wait(works, timeout=PATIENCE)

    assert [work.result() for work in works[:-1]] == list(range(9)) == on_disk(sqlite_url)
    with pytest.raises(type(fault)):
        works[-1].result()


async def test_what_is_read_meanwhile_comes_in_between(store: SqlStore):
    """A storm that never ends holds nobody up who only reads: there is one thread for both."""
    ends = asyncio.Event()

    async def storm(number: int) -> None:
        while not ends.is_set():
            with pytest.raises(Conflict):
                await store.transact(writes(number, Conflict("once more")))

    storms = [asyncio.create_task(storm(number)) for number in range(80)]
    async with asyncio.timeout(PATIENCE):
        found = [await store.incidents() for _ in range(20)]
    ends.set()
    await asyncio.gather(*storms)

    assert found == [[]] * 20


async def test_what_comes_after_the_store_was_closed_is_told_so(sqlite_url: Database):
    migrate(sqlite_url)
    store = SqlStore(sqlite_url, ManualClock())
    await store.close()

    with pytest.raises(RuntimeError):
        await asyncio.wait_for(store.transact(lambda ledger: None), PATIENCE)


async def test_what_follows_a_commit_follows_it_where_nobody_waits_any_more(store: SqlStore, sqlite_url: Database):
    followed = asyncio.Event()

    def work(ledger: Ledger) -> None:
        execute(ledger, "INSERT INTO note VALUES (1)")
        ledger.after_commit(followed.set)

    waits = asyncio.create_task(store.transact(work))
    await asyncio.sleep(0)
    waits.cancel()
    await asyncio.wait_for(followed.wait(), PATIENCE)

    assert on_disk(sqlite_url) == [1]


async def test_what_fails_after_a_commit_is_told_to_its_own_caller_alone(store: SqlStore):
    def follow_up() -> None:
        raise ValueError("its own")

    def second(ledger: Ledger) -> int:
        ledger.after_commit(follow_up)
        return 2

    works = [store.transact(work) for work in (writes(1), second, writes(3))]
    answers = await asyncio.wait_for(asyncio.gather(*works, return_exceptions=True), PATIENCE)

    assert [str(each) for each in answers] == ["1", "its own", "3"]
