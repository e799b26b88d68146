"""A team's history moved from SQLite to PostgreSQL, in one transaction: whole, or not at all.

What was written is read back and compared with what was read, table by table, before the transaction commits. So a copy
that was killed has left nothing, and is made again from the start.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from kintsugi.persistence.database import Database, DatabaseError, connect
from kintsugi.persistence.migrations import is_current, upgrade
from kintsugi.persistence.tables import EFFECT, IncidentRow

Progress = Callable[[str, int], None]
"""Called with a table's name, and how many of its rows were copied."""

_LEFT_BEHIND = ("compatible", "web_session")  # made by migrations; people log in anew
_TABLES: Sequence[Table] = [each for each in IncidentRow.metadata.sorted_tables if each.name not in _LEFT_BEHIND]
_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Content:
    """How many rows a table has, and the SHA-256 of them all in the order of their keys."""

    rows: int
    sha: str


def copy(source: Database, target: Database, progress: Progress) -> Mapping[str, Content]:
    """Copy every row of `source` to `target`, whose tables are made if need be. Answers what each table holds.

    Raises DatabaseError, also where anybody else has `source` open; then `target` holds nothing.
    """
    _check(source, target)
    ours, theirs = connect(source, slots=1), connect(target, slots=1)
    try:
        _must_be_alone(ours, source)
        with ours.begin() as reading, theirs.begin() as writing:  # nobody writes to ours before theirs has committed
            _must_be_empty(writing)
            copied = {table.name: _copied(table, reading, writing, progress) for table in _TABLES}
            _compare(copied, writing)
            _take_over(writing)
    except DBAPIError as error:
        says = str(error.orig).strip().splitlines()[0]
        raise DatabaseError(f"The copy was given up: {says}. Nothing was changed.") from error
    finally:
        ours.dispose()
        theirs.dispose()
    return copied


def _check(source: Database, target: Database) -> None:
    file = source.file
    if file is None or target.file:
        raise DatabaseError("A copy goes from SQLite to PostgreSQL: sqlite:///path, then postgresql://….")
    if not file.exists():
        raise DatabaseError(f"There is no database at {file}.")
    if not is_current(source):
        raise DatabaseError(f"{file} is not at this version's tables. Run `kintsugi db upgrade` on it first.")
    upgrade(target)


def _must_be_alone(engine: Engine, source: Database) -> None:
    """SQLite leaves its write-ahead log only where nobody else has the file open; who opens it next begins one anew."""
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        raw.execute("PRAGMA busy_timeout = 0")
        try:
            raw.execute("PRAGMA journal_mode = DELETE").close()
        except sqlite3.OperationalError:
            says = f"Somebody has {source.file} open, and may write to it while it is copied."
            raise DatabaseError(f"{says} Stop whatever uses it, then copy. Nothing was changed.") from None


def _must_be_empty(writing: Connection) -> None:
    writing.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('kintsugi db copy', 0))"))  # two at once
    for table in _TABLES:
        if rows := writing.execute(select(func.count()).select_from(table)).scalar_one():
            says = f"The target is in use: {rows} rows in its table `{table.name}`."
            raise DatabaseError(f"{says} Name an empty database. Nothing was changed.")


def _copied(table: Table, reading: Connection, writing: Connection, progress: Progress) -> Content:
    digest, count = sha256(), 0
    for rows in _read(table, reading):
        writing.execute(insert(table), [dict(row._mapping) for row in rows])  # its documented name
        count += len(rows)
        for row in rows:
            digest.update(_canonical(row))
        progress(table.name, count)
    return Content(count, digest.hexdigest())


def _compare(copied: Mapping[str, Content], writing: Connection) -> None:
    for table in _TABLES:
        digest, count = sha256(), 0
        for rows in _read(table, writing):
            count += len(rows)
            for row in rows:
                digest.update(_canonical(row))
        if Content(count, digest.hexdigest()) != copied[table.name]:
            raise DatabaseError(f"Table `{table.name}` does not read as it was written. Nothing was changed.")


def _take_over(writing: Connection) -> None:
    """Numbers go on after the last one, and what was under way is due at once."""
    last = writing.execute(select(func.max(IncidentRow.id))).scalar()
    if last:
        writing.execute(text("SELECT setval(pg_get_serial_sequence('incident', 'id'), :last)"), {"last": last})
    running = update(EFFECT).where(EFFECT.c.status == "running").values(due=func.now())
    writing.execute(running)
    writing.execute(update(EFFECT).values(delivered_at=None))


def _read(table: Table, connection: Connection) -> Iterator[Sequence[Any]]:
    query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_ROWS)
    yield from connection.execute(query).partitions(_ROWS)


def _canonical(row: Sequence[Any]) -> bytes:
    """The same bytes for the same values, whichever database they come from."""
    values = [value.isoformat() if isinstance(value, datetime) else value for value in row]
    return json.dumps(values, ensure_ascii=True).encode() + b"\n"
