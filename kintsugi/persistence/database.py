"""Connecting: one place where SQLite and PostgreSQL differ.

SQLite: write-ahead log, synchronous=FULL (a commit survives power loss), BEGIN IMMEDIATE (a writer never finds out at
its end that it lost), a busy timeout, foreign keys on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from kintsugi.workflow.errors import StoreUnavailable

BUSY_SECONDS = 10


class DatabaseError(StoreUnavailable):
    """The database cannot be used; the message says why and what to do."""


def parse_url(url: str) -> URL:
    """A database URL as SQLAlchemy wants it. Raises DatabaseError for one that is neither SQLite nor PostgreSQL."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise DatabaseError("The database URL cannot be read. Write sqlite:///path or postgresql://….") from None
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+pysqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise DatabaseError(f"{other} is not supported. Write sqlite:///path or postgresql://….")


def sqlite_file(url: URL) -> Path | None:
    """The database's file, or None where it is PostgreSQL."""
    if url.get_backend_name() != "sqlite":
        return None
    if not url.database or url.database == ":memory:":
        raise DatabaseError("An SQLite database in memory would lose everything. Name a file: sqlite:///path.")
    return Path(url.database)


def libpq_url(url: URL) -> str:
    """A PostgreSQL database's address with its password, as psycopg and other clients of libpq take it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def connect(url: URL, *, slots: int = 8, begun_by_hand: bool = False) -> Engine:
    """An engine on this database. `slots`: how many transactions may be open at once.

    `begun_by_hand`: on PostgreSQL nothing goes there and back but what is executed: no BEGIN before the first
    statement, no question whether the connection still stands. Reads are statements of their own then.
    """
    file = sqlite_file(url)
    if file is None:
        more: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if begun_by_hand else {"pool_pre_ping": True}
        return create_engine(url, pool_size=slots, max_overflow=0, **more)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(f"The folder {file.parent} cannot be made: {error.strerror}.") from error
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1,  # one writer; and PRAGMA data_version tells of the others only on one connection
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS, "isolation_level": None},
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediate(connection: Any) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
