"""Connecting: one place where SQLite and PostgreSQL differ.

PostgreSQL: whatever stands between us and it, a connection is made within seconds, and one that is dead is found dead
within seconds. That is said to libpq, on our own side: what is asked of the server by `options` is refused by poolers,
and takes the place of the URL's own `options`. `?schema=name` in the URL is ours: the tables lie in that schema.

SQLite: write-ahead log, synchronous=FULL (a commit survives power loss), BEGIN IMMEDIATE (a writer never finds out at
its end that it lost), a busy timeout, foreign keys on.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from kintsugi.workflow.errors import StoreUnavailable

BUSY_SECONDS = 10
SILENT_SECONDS = 15  # after which nobody waits for a database any more
SCHEMA = "schema"  # in the URL's query

# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_BOUNDS = {
    "connect_timeout": "5",  # for each of a host's addresses
    "tcp_user_timeout": str(SILENT_SECONDS * 1000),
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "application_name": "kintsugi",
}
_NAMES_A_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


class DatabaseError(StoreUnavailable):
    """The database cannot be used; the message says why and what to do."""


class DatabaseAway(DatabaseError):
    """It cannot be used just now, and may be later. Nothing was changed."""


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
            return _with_a_schema(parsed.set(drivername="postgresql+psycopg"))
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
    return _bounded(url).set(drivername="postgresql").render_as_string(hide_password=False)


def schema_of(url: URL) -> str | None:
    """The schema that the URL names for our tables; None where they lie where the server's search path says."""
    found = url.query.get(SCHEMA)
    return found if isinstance(found, str) else None


def named(url: URL, name: str) -> URL:
    """The same address under this `application_name`, unless it has one: who is who in `pg_stat_activity`."""
    if url.get_backend_name() != "postgresql" or "application_name" in url.query:
        return url
    return url.update_query_dict({"application_name": name})


def chosen_schema(url: URL) -> str:
    """The statement that puts a connection into the URL's schema; nothing where it names none."""
    schema = schema_of(url)
    return f'SET search_path TO "{schema}"' if schema else ""


def _with_a_schema(url: URL) -> URL:
    schema = url.query.get(SCHEMA)
    if schema is not None and not (isinstance(schema, str) and _NAMES_A_SCHEMA.fullmatch(schema)):
        raise DatabaseError("The database URL's schema is no name of one. Write ?schema=kintsugi.")
    return url


def _bounded(url: URL) -> URL:
    """Without what is ours alone, and with the bounds that it does not set itself."""
    return url.set(query={**_BOUNDS, **{name: value for name, value in url.query.items() if name != SCHEMA}})


def connect(url: URL, *, slots: int = 8, begun_by_hand: bool = False) -> Engine:
    """An engine on this database. `slots`: how many transactions may be open at once.

    `begun_by_hand`: on PostgreSQL nothing goes there and back but what is executed: no BEGIN before the first
    statement, no question whether the connection still stands. Reads are statements of their own then.
    """
    file = sqlite_file(url)
    if file is None:
        more: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if begun_by_hand else {"pool_pre_ping": True}
        engine = create_engine(_bounded(url), pool_size=slots, max_overflow=0, pool_timeout=SILENT_SECONDS, **more)
        event.listen(engine, "connect", partial(_set_up_postgres, url))
        return engine
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


def _set_up_postgres(url: URL, connection: Any, _: object) -> None:
    before, connection.autocommit = connection.autocommit, True
    if chosen := chosen_schema(url):
        connection.execute(chosen)
    if is_pooled(connection.info.backend_pid, connection.execute("SELECT pg_backend_pid()").fetchone()[0]):
        connection.prepare_threshold = None
    connection.autocommit = before


def is_pooled(told: int, is_: int) -> bool:
    """Whether a pooler stands between us and the server: it tells a process of its own making.

    Who is behind it may change with each transaction, so that nothing can be prepared there.
    """
    return told != is_


def _set_up_sqlite(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediate(connection: Any) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
