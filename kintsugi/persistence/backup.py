"""A copy of an SQLite database while others write to it, checked before it takes its place.

SQLite's online backup, in one go: in write-ahead mode a reader holds nobody up, and the copy is of one moment.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kintsugi.persistence import tables
from kintsugi.persistence.database import BUSY_SECONDS, DatabaseError

_SESSIONS = "web_session"  # left out: whoever logged out since is not logged in by a copy that is put back


@dataclass(frozen=True, slots=True)
class Copied:
    """How large the copy is, and how many rows each table of it has."""

    bytes: int
    rows: Mapping[str, int]


def backup(source: Path, target: Path) -> Copied:
    """Copy `source` to `target`, which is written whole or not at all. Raises DatabaseError."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # for its owner's eyes alone
    except OSError as error:
        raise DatabaseError(f"Nothing can be written to {target.parent}: {error.strerror}.") from error
    os.close(handle)
    half = Path(name)
    try:
        rows = _copied(source, half)
        _on_disk(half)
        half.replace(target)
        _on_disk(target.parent)
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(f"The database could not be copied: {error}. {target} is as it was.") from error
    finally:
        for left in (half, *beside(half)):
            left.unlink(missing_ok=True)
    return Copied(target.stat().st_size, rows)


def beside(file: Path) -> list[Path]:
    """What SQLite keeps beside an open database, and would take for a part of another that is put in its place."""
    return [file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm", "-journal")]


def _copied(source: Path, half: Path) -> dict[str, int]:
    """The rows of each table, the same in both. Raises sqlite3.DatabaseError for a copy that is not whole."""
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as theirs,
        closing(sqlite3.connect(half)) as ours,
    ):
        theirs.execute("BEGIN")  # what is counted is what is copied
        expected = _rows(theirs)
        theirs.backup(ours)
        found = ours.execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {found}")
        if _rows(ours) != expected:
            raise sqlite3.DatabaseError("the copy has other rows than the database")
        ours.execute(f'DELETE FROM "{_SESSIONS}"')  # noqa: S608  # our table
        ours.commit()
        return expected | {_SESSIONS: 0}


def _rows(connection: sqlite3.Connection) -> dict[str, int]:
    counted = {name: f'SELECT COUNT(*) FROM "{name}"' for name in tables.IncidentRow.metadata.tables}  # noqa: S608  # our tables
    return {name: int(connection.execute(query).fetchone()[0]) for name, query in counted.items()}


def _on_disk(path: Path) -> None:
    """What was written to a file or folder survives a loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
