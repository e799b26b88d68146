"""Revisions that are released stay as they are, and a database of any of them gets this version's tables."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import alembic.command
import pytest
from alembic.script import ScriptDirectory

from kintsugi.commands import database as command
from kintsugi.persistence import migrations
from kintsugi.persistence.database import Database, DatabaseError, connect
from tests.world.migrated import perform
from tests.world.world import a_world

# Only ever grows: the revision, what it stands on, and the start of its file's SHA-256. Where it differs from
# alembic/versions, databases exist that were made another way: put back what was changed, and add a revision.
RELEASED = (
    ("0001", None, "d6bac9fca136"),
    ("0002", "0001", "65c9427bf8e4"),
    ("0003", "0002", "04761baac8d4"),
    ("0004", "0003", "4e0c2d1f2317"),
    ("0008", "0004", "c7c9f94936d8"),
    ("0009", "0008", "5e04545c7d82"),
    ("0010", "0009", "b49d892157a5"),
    ("0011", "0010", "2a94aebce21b"),
    ("0012", "0011", "01b3794e8fe2"),
    ("0013", "0012", "206e1d7c81f4"),
    ("0014", "0013", "f066538818eb"),
    ("0015", "0014", "4103ae5f7582"),
    ("0016", "0015", "bad3c1d387b3"),
    ("0017", "0016", "b8a94915b4ed"),
    ("0018", "0017", "6e4be4c00ee1"),
    ("0019", "0018", "a2df7ef483b1"),
    ("0020", "0019", "e02ede8677e5"),
)


def test_what_was_released_stands_on_what_it_stood_on():
    scripts = list(ScriptDirectory.from_config(migrations.alembic_config()).walk_revisions())

    found = [
        (each.revision, each.down_revision, sha256(Path(each.path).read_bytes()).hexdigest()[:12]) for each in scripts
    ]
    assert tuple(reversed(found)) == RELEASED


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database of either kind."""
    yield request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "empty_postgres_url")


@pytest.mark.parametrize("passed", ["0009", "0010", "0013"])
async def test_a_database_that_went_past_a_revision_gets_what_that_makes(empty_url: Database, passed: str):
    """Databases from when 0009 stood on 0004."""
    _migrate(empty_url, "0004")
    _migrate(empty_url, "0008", only_say_so=True)
    _migrate(empty_url, passed)

    migrations.upgrade(empty_url)

    assert migrations.differences(empty_url) == []
    async with a_world(empty_url) as world:
        await world.crashes()
        await world.settles()
        await world.confirms()
        await world.settles()
        assert (await world.passed())[-1] == "pr_opened"


def test_after_all_revisions_the_tables_are_those_of_the_code(database_url: Database):
    assert migrations.differences(database_url) == []


def test_an_upgrade_says_what_the_tables_lack(database_url: Database, monkeypatch: pytest.MonkeyPatch):
    perform(
        database_url,
        "DROP TABLE stage_time",
        "DROP INDEX ix_hint_to_look",
        "ALTER TABLE effect DROP COLUMN holder",
        "CREATE TABLE of_another_program (note TEXT)",
    )
    monkeypatch.setenv("KINTSUGI_DATABASE_URL", database_url.address)

    with pytest.raises(DatabaseError) as told:
        command.upgrade()

    says = str(told.value)
    assert "there is no table `stage_time`; " in says
    assert "table `effect` has no column `holder`" in says
    assert "table `hint` has no index `ix_hint_to_look`" in says
    assert "Restore a backup" in says
    assert "of_another_program" not in says


def _migrate(url: Database, revision: str, *, only_say_so: bool = False) -> None:
    config, engine = migrations.alembic_config(), connect(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        (alembic.command.stamp if only_say_so else alembic.command.upgrade)(config, revision)
    engine.dispose()
