"""What the store promises beyond the engine's tests: time, order, append-only history, migrations, bad addresses."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from kintsugi.persistence import migrations
from kintsugi.persistence.codec import incident_from_json, incident_to_json, trigger_from_json, trigger_to_json
from kintsugi.persistence.database import Database, DatabaseError, connect
from kintsugi.persistence.store import SqlStore
from kintsugi.persistence.tables import Instant
from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import NotFound, StoreUnavailable
from kintsugi.workflow.incident import Turn
from kintsugi.workflow.payload import Failure, Raised
from kintsugi.workflow.ports import Ledger
from kintsugi.workflow.states import State
from tests.world.clock import ManualClock
from tests.world.make import a_diagnosis, a_payload, a_trigger, an_incident
from tests.world.patience import PATIENCE
from tests.world.world import a_world


@pytest.mark.parametrize("state", State)
def test_an_incident_reads_back_as_it_was_written(state: State):
    incident = an_incident(state)

    assert incident_from_json(incident_to_json(incident)) == incident


@pytest.mark.parametrize("kind", t.all_triggers())
def test_a_trigger_reads_back_as_it_was_written(kind: type[t.Trigger]):
    trigger = a_trigger(kind)

    assert trigger_from_json(kind.__name__, trigger_to_json(trigger)) == trigger


@pytest.mark.parametrize("statement", ["UPDATE transition SET says = 'x'", "DELETE FROM transition"])
async def test_history_cannot_be_rewritten(database_url: Database, statement: str):
    async with a_world(database_url) as world:
        await world.crashes()
    engine = create_engine(database_url.url)

    with engine.begin() as connection, pytest.raises(DBAPIError, match="history is append-only"):
        connection.execute(text(statement))
    engine.dispose()


async def test_incidents_are_paged_by_number_and_chosen_by_state(database_url: Database):
    async with a_world(database_url) as world:
        ids = [await world.crashes(f"v1:{number:016x}") for number in range(5)]
        await world.fires(t.Cancelled, ids[3])

        newest = await world.store.incidents(limit=2)
        older = await world.store.incidents(limit=10, before=newest[-1].id)
        cancelled = await world.store.incidents(State.CANCELLED)

    assert [incident.id for incident in newest] == [ids[4], ids[3]]
    assert [incident.id for incident in older] == [ids[2], ids[1], ids[0]]
    assert [incident.id for incident in cancelled] == [ids[3]]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("keyerror", [3, 1]),
        ("KeyErr disc", [3, 1]),
        ("timeout", [2]),
        ("größe", [2]),
        ("shop/pricing.py", [3, 2, 1]),
        ("keyerror timeout", []),
        ("v1:0000000000000002", [2]),
        ("\"' OR 1=1 -- keyerror", []),
        ("); * & | !", []),
    ],
)
async def test_incidents_are_found_by_the_words_of_what_was_captured(
    database_url: Database, words: str, found: list[int]
):
    async with a_world(database_url) as world:
        await world.crashes("v1:0000000000000001")
        other = a_payload("v1:0000000000000002", "TimeoutError: Größe 10 was asked for")
        raised = Raised(type="TimeoutError", frames=other.exception.final.frames if other.exception else ())
        await world.crashes(payload=other.model_copy(update={"exception": Failure(chain=(raised,))}))
        await world.crashes("v1:0000000000000003")

        every = await world.store.incidents(words=words)
        older = await world.store.incidents(words=words, before=3)
        newest = await world.store.incidents(words=words, limit=1)
        staged = await world.store.incidents(State.STAGED, words=words)

    assert [incident.id for incident in every] == found
    assert [incident.id for incident in older] == [id for id in found if id < 3]
    assert [incident.id for incident in newest] == found[:1]
    assert staged == []


async def test_what_was_said_with_the_model_is_kept_beside_the_incident(database_url: Database):
    turns = (Turn(ours=True, text="Why?"), Turn(ours=False, text='{"cause": "…"}'))
    async with a_world(database_url) as world:
        await world.crashes()
        await world.fires(t.Diagnosed, diagnosis=a_diagnosis(talk=turns, prompt="diagnose v1"))

        incident = await world.store.incident(1)
        (talk,) = await world.store.talks(1)

    assert incident.diagnosis == a_diagnosis(prompt="diagnose v1")
    assert (talk.seq, talk.analyst, talk.prompt, talk.turns) == (incident.seq, "tester", "diagnose v1", turns)


async def test_the_payload_is_kept_whole(database_url: Database):
    async with a_world(database_url) as world:
        id = await world.crashes()
        payload = await world.store.payload(id)

    assert payload.log == ("line one", "line two")
    assert payload.exception is not None
    assert payload.exception.final.frames[0].path == "shop/pricing.py"


async def test_what_is_not_there_is_said_not_to_be_there(database_url: Database):
    async with a_world(database_url) as world:
        for ask in (world.store.incident, world.store.payload):
            with pytest.raises(NotFound, match=r"There is no INC-7\."):
                await ask(7)


async def test_a_transaction_that_fails_leaves_nothing_behind(database_url: Database):
    async with a_world(database_url) as world:
        heard: list[str] = []

        def fails(ledger: Ledger) -> None:
            ledger.after_commit(lambda: heard.append("committed"))
            ledger.next_id(a_trigger(t.Captured))
            raise RuntimeError("in the middle")

        with pytest.raises(RuntimeError, match="in the middle"):
            await world.store.transact(fails)

        assert await world.store.incidents() == []
        assert heard == []


async def test_postgres_tells_the_time_for_all(postgres_url: Database):
    store = SqlStore(postgres_url, ManualClock())
    now = await store.transact(lambda ledger: ledger.now)  # type: ignore[attr-defined]
    await store.close()

    assert abs((datetime.now(UTC) - now).total_seconds()) < 60
    assert now != ManualClock().now()


async def test_a_database_that_is_away_is_said_to_be_away_to_readers_as_well(database_url: Database):
    async with a_world(database_url) as world:
        await world.crashes()
        _break(database_url)

        with pytest.raises(StoreUnavailable, match="The database is unavailable"):
            await world.store.due(1)
        with pytest.raises(StoreUnavailable, match="The database is unavailable"):
            await world.store.incidents()


async def test_what_follows_a_commit_follows_it_though_its_caller_was_cancelled(database_url: Database):
    begun, go_on, followed = threading.Event(), threading.Event(), asyncio.Event()

    def work(ledger: Ledger) -> None:
        ledger.after_commit(followed.set)
        begun.set()
        go_on.wait(PATIENCE)

    async with a_world(database_url) as world:
        caller = asyncio.create_task(world.store.transact(work))
        await asyncio.to_thread(begun.wait, 10)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        go_on.set()

        await asyncio.wait_for(followed.wait(), PATIENCE)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="without a zone"):
        Instant().process_bind_param(datetime(2026, 1, 1), connect(Database.parse("sqlite:////tmp/x")).dialect)  # noqa: DTZ001


def test_migrating_twice_changes_nothing_the_second_time(sqlite_url: Database):
    first, second = migrations.upgrade(sqlite_url), migrations.upgrade(sqlite_url)

    assert first == (None, migrations.NEWEST)
    assert second == (migrations.NEWEST, migrations.NEWEST)
    assert migrations.is_current(sqlite_url)


def test_the_newest_revision_is_the_head_of_the_scripts():
    scripts = ScriptDirectory.from_config(migrations.alembic_config())

    assert scripts.get_heads() == [migrations.NEWEST]
    assert max(script.revision for script in scripts.walk_revisions()) == migrations.NEWEST


def newer(url: Database, works_since: str) -> None:
    """As a newer version would leave the database."""
    engine = create_engine(url.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE compatible SET since = :since"), {"since": works_since})
        connection.execute(text("ALTER TABLE incident ADD COLUMN added_later TEXT"))
    engine.dispose()


async def test_a_newer_versions_database_is_worked_on_where_it_says_that_this_one_can(database_url: Database):
    newer(database_url, works_since=migrations.NEWEST)

    assert migrations.is_current(database_url)
    assert migrations.upgrade(database_url) == ("9999", "9999")
    async with a_world(database_url) as world:
        await world.crashes()
        await world.settles()
        assert await world.state() is State.AWAITING_CONFIRM


def test_a_database_from_a_newer_version_is_left_alone(database_url: Database):
    newer(database_url, works_since="9998")

    for use in (migrations.upgrade, migrations.is_current):
        with pytest.raises(DatabaseError, match=r"revision 9999.*newer Kintsugi.*Nothing was changed"):
            use(database_url)


def test_somebody_elses_tables_are_left_alone(sqlite_url: Database):
    engine = create_engine(sqlite_url.url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE incident (note TEXT)"))
    engine.dispose()

    with pytest.raises(DatabaseError, match="not ours"):
        migrations.upgrade(sqlite_url)


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path):
    (tmp_path / "notes.db").write_text("no database " * 100)

    with pytest.raises(DatabaseError, match="file is not a database"):
        migrations.upgrade(Database.parse(f"sqlite:///{tmp_path / 'notes.db'}"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://localhost/x", "mysql is not supported"),
        ("nonsense", "cannot be read"),
        ("sqlite://", "in memory would lose everything"),
        ("sqlite:////dev/null/x/kintsugi.db", "cannot be made"),
    ],
)
def test_an_address_that_cannot_be_used_says_what_to_write(url: str, says: str):
    with pytest.raises(DatabaseError, match=says):
        connect(Database.parse(url))


async def test_sqlite_is_set_up_to_survive_power_loss(sqlite_url: Database):
    engine = connect(sqlite_url)
    with engine.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    engine.dispose()

    assert found == ["wal", 2]


def _break(url: Database) -> None:
    """Take the SQLite tables away; on PostgreSQL, end every session and let nobody in any more."""
    engine = create_engine(url.url if url.file else url.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if url.file:
            connection.execute(text("DROP TABLE effect"))
            connection.execute(text("ALTER TABLE incident RENAME TO elsewhere"))
        else:
            connection.execute(text(f'ALTER DATABASE "{url.url.database}" ALLOW_CONNECTIONS false'))
            sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            connection.execute(text(sessions), {"name": url.url.database})
    engine.dispose()
