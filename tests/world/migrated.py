"""SQLite databases with all tables, copied from one that was migrated once for all tests of a process; SQL on any."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import create_engine, text

from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade


def migrate(database: Database) -> None:
    """What `upgrade` does to a file that is not there yet."""
    assert database.file and not database.file.exists()
    database.file.parent.mkdir(parents=True, exist_ok=True)
    database.file.write_bytes(_migrated())


def prepare() -> None:
    """The one that is copied."""
    _migrated()


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "migrated.db"
        upgrade(Database.at(file))  # its last connection is closed, so all of it is in the file
        return file.read_bytes()


def perform(database: Database, *statements: str) -> None:
    """Behind the back of whoever has it open."""
    engine = create_engine(database.url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
