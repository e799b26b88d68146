"""An SQLite file that is moved, replaced, locked, read-only, or on a network share."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kintsugi.persistence.database import Database, DatabaseAway, DatabaseError
from kintsugi.persistence.migrations import upgrade
from kintsugi.persistence.sqlite_place import network_share
from kintsugi.persistence.store import SqlStore
from kintsugi.persistence.transfer import copy
from kintsugi.workflow import triggers as t
from tests.world.clock import ManualClock
from tests.world.make import a_payload
from tests.world.world import World

MOUNTS = r"""
/dev/sda1 / ext4 rw 0 0
nas:/exports /mnt/team nfs4 rw,vers=4.2 0 0
//nas/team /mnt/with\040blank cifs rw 0 0
tmpfs /mnt/team/scratch tmpfs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("/srv/kintsugi.db", ""),
        ("/mnt/team/kintsugi.db", "nfs4"),
        ("/mnt/team/deep/er/kintsugi.db", "nfs4"),
        ("/mnt/team/scratch/kintsugi.db", ""),
        ("/mnt/teamwork/kintsugi.db", ""),
        ("/mnt/with blank/kintsugi.db", "cifs"),
    ],
)
def test_a_network_share_is_known_by_its_mount(tmp_path: Path, file: str, kind: str):
    (tmp_path / "mounts").write_text(MOUNTS)

    assert network_share(Path(file), tmp_path / "mounts") == kind


def test_without_a_table_of_mounts_nothing_is_refused(tmp_path: Path):
    assert network_share(tmp_path / "kintsugi.db", tmp_path / "none") == ""


@pytest.mark.parametrize("how", ["moved", "replaced", "removed"])
async def test_nothing_is_written_where_nobody_reads_it(sqlite_url: Database, tmp_path: Path, how: str):
    upgrade(sqlite_url)
    store = SqlStore(sqlite_url, ManualClock())
    world, file = World(store, ManualClock()), sqlite_url.file
    assert file
    await world.crashes()
    match how:
        case "moved":
            file.rename(tmp_path / "elsewhere.db")
        case "removed":
            file.unlink()
        case _:
            other = Database.at(tmp_path / "other.db")
            upgrade(other)
            (tmp_path / "other.db").replace(file)

    with pytest.raises(DatabaseAway, match="moved, removed or replaced"):
        await world.fires(t.Captured, incident=0, payload=a_payload("v1:00000000000000bb"), key="lost")
    if how == "moved":
        (tmp_path / "elsewhere.db").rename(file)
        taken = await world.fires(t.Captured, incident=0, payload=a_payload("v1:00000000000000bb"), key="lost")
        assert taken.incident.id == 2
    await store.close()


async def test_a_locked_file_is_away_for_as_long_as_it_is_locked(sqlite_url: Database):
    upgrade(sqlite_url)
    store = SqlStore(sqlite_url, ManualClock())
    world = World(store, ManualClock())
    await store.transact(lambda ledger: ledger.connection.exec_driver_sql("PRAGMA busy_timeout = 50"))  # type: ignore[attr-defined]
    with closing(sqlite3.connect(sqlite_url.file or "")) as somebody:
        somebody.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseAway, match="locked"):
            await world.crashes()
        somebody.rollback()
    taken = await world.crashes()
    await store.close()

    assert taken == 1


async def test_a_file_that_may_not_be_written_says_so(sqlite_url: Database):
    upgrade(sqlite_url)
    store = SqlStore(sqlite_url, ManualClock())
    world = World(store, ManualClock())
    await store.transact(lambda ledger: ledger.connection.exec_driver_sql("PRAGMA query_only = ON"))  # type: ignore[attr-defined]

    with pytest.raises(DatabaseAway, match="readonly"):
        await world.crashes()
    await store.close()


async def test_a_file_that_somebody_has_open_is_not_copied(sqlite_url: Database, empty_postgres_url: Database):
    upgrade(sqlite_url)
    store = SqlStore(sqlite_url, ManualClock())
    await World(store, ManualClock()).crashes()

    with pytest.raises(DatabaseError, match=r"has .* open.*Nothing was changed"):
        copy(sqlite_url, empty_postgres_url, lambda table, rows: None)
    await store.close()
    copied = copy(sqlite_url, empty_postgres_url, lambda table, rows: None)

    assert copied["incident"].rows == 1
