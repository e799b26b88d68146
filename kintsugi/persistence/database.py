"""Connecting: one place where SQLite and PostgreSQL differ.

PostgreSQL: whatever stands between us and it, a connection is made within seconds, and one that is dead is found dead
within seconds. That is said to libpq, on our own side: what is asked of the server by `options` is refused by poolers,
and takes the place of the URL's own `options`. `?schema=name` in the URL is ours: the tables lie in that schema.

SQLite: write-ahead log, synchronous=FULL (a commit survives power loss), BEGIN IMMEDIATE (a writer never finds out at
its end that it lost), a busy timeout, foreign keys on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from kintsugi.persistence.private import private_file, private_folder
from kintsugi.persistence.sqlite_place import identity, network_share
from kintsugi.workflow.errors import StoreUnavailable

BUSY_SECONDS = 10
SILENT_SECONDS = 15  # after which nobody waits for a database any more

_IDENTITY = "identity"  # of the file that a connection opened
_SCHEMA = "schema"  # in the URL's query
_NAMES_A_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_BOUNDS = {
    "connect_timeout": "5",  # for each of a host's addresses
    "tcp_user_timeout": str(SILENT_SECONDS * 1000),
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "application_name": "kintsugi",
}


class DatabaseError(StoreUnavailable):
    """The database cannot be used; the message says why and what to do."""


class DatabaseAway(DatabaseError):
    """It cannot be used just now, and may be later. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Database:
    """Which database it is: an SQLite file for one process, or PostgreSQL for any number of them.

    Its text, as of `str`, has no password.
    """

    url: URL  # as SQLAlchemy wants it
    file: Path | None  # SQLite's
    direct: URL | None = None  # the same past a pooler, where there is one: for LISTEN, locks and upgrades

    @classmethod
    def parse(cls, address: str) -> Database:
        """Of sqlite:///path or postgresql://…. Raises DatabaseError for anything else, and for a database in memory."""
        try:
            url = make_url(address)
        except (ArgumentError, ValueError):  # the latter for a port that is no number
            raise DatabaseError("The database URL cannot be read. Write sqlite:///path or postgresql://….") from None
        match url.get_backend_name():
            case "sqlite":
                return cls(url.set(drivername="sqlite+pysqlite"), _file(url))
            case "postgresql" | "postgres":
                return cls(_with_a_schema(url.set(drivername="postgresql+psycopg")), None)
            case other:
                raise DatabaseError(f"{other} is not supported. Write sqlite:///path or postgresql://….")

    @classmethod
    def at(cls, file: Path) -> Database:
        """The SQLite database in this file."""
        return cls(URL.create("sqlite+pysqlite", database=str(file)), file)

    @property
    def folder(self) -> Path:
        """Where lies what belongs to it and is no row: beside its file, else in `.kintsugi`."""
        return self.file.parent if self.file else Path(".kintsugi")

    @property
    def one_process(self) -> bool:
        """Whether one process alone performs effects on it."""
        return self.file is not None

    @property
    def address(self) -> str:
        """With its password, as `parse` takes it."""
        return self._plain(hide_password=False)

    @property
    def conninfo(self) -> str:
        """With its password, as psycopg and other clients of libpq take it; bounded in time."""
        url = self.for_libpq().set(drivername="postgresql")
        plain = url.set(query={}).render_as_string(hide_password=False)
        return f"{plain}?{urlencode(url.query, doseq=True, quote_via=quote)}"  # to libpq a plus is no blank

    @property
    def schema(self) -> str | None:
        """The schema that the URL names for our tables; None where they lie where the server's search path says."""
        named = self.url.query.get(_SCHEMA)
        return named if isinstance(named, str) else None

    @property
    def settles(self) -> str:
        """The statement that puts a connection into the schema; "" where none is named."""
        return f'SET search_path TO "{self.schema}"' if self.schema else ""

    def in_schema(self, name: str) -> Database:
        """The same with its tables in this schema."""
        return replace(self, url=_with_a_schema(self.url.update_query_dict({_SCHEMA: name})))

    def past_poolers(self) -> Database:
        """The same by the direct address, where one is named."""
        return Database(self.direct, None) if self.direct else self

    def named(self, name: str) -> Database:
        """The same under this `application_name`, unless it has one: who is who in `pg_stat_activity`."""
        if self.one_process:
            return self
        given = {"application_name": name}
        direct = self.direct.update_query_dict(given | dict(self.direct.query)) if self.direct else None
        return replace(self, url=self.url.update_query_dict(given | dict(self.url.query)), direct=direct)

    def for_libpq(self) -> URL:
        """Without what is ours alone, and with the bounds that the URL does not set itself."""
        theirs = {name: value for name, value in self.url.query.items() if name != _SCHEMA}
        return self.url.set(query={**_BOUNDS, **theirs})

    @property
    def without_password(self) -> str:
        """For programs that ask for it, or read it elsewhere."""
        url = self.url.difference_update_query([_SCHEMA])
        return url.set(drivername=url.get_backend_name())._replace(password=None).render_as_string()

    def __str__(self) -> str:
        return self._plain(hide_password=True)

    def _plain(self, *, hide_password: bool) -> str:
        return self.url.set(drivername=self.url.get_backend_name()).render_as_string(hide_password=hide_password)


def _with_a_schema(url: URL) -> URL:
    schema = url.query.get(_SCHEMA)
    if schema is not None and not (isinstance(schema, str) and _NAMES_A_SCHEMA.fullmatch(schema)):
        raise DatabaseError("The database URL's schema is no name of one. Write ?schema=kintsugi.")
    return url


def _file(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise DatabaseError("An SQLite database in memory would lose everything. Name a file: sqlite:///path.")
    return Path(url.database)


def connect(database: Database, *, slots: int = 8, begun_by_hand: bool = False) -> Engine:
    """An engine on this database. `slots`: how many transactions may be open at once.

    `begun_by_hand`: on PostgreSQL nothing goes there and back but what is executed: no BEGIN before the first
    statement, no question whether the connection still stands. Reads are statements of their own then.
    """
    file = database.file
    if file is None:
        more: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if begun_by_hand else {"pool_pre_ping": True}
        url = database.for_libpq()
        engine = create_engine(url, pool_size=slots, max_overflow=0, pool_timeout=SILENT_SECONDS, **more)
        event.listen(engine, "connect", partial(_set_up_postgres, database.settles))
        return engine
    try:
        private_folder(file.parent)
    except OSError as error:
        raise DatabaseError(f"The folder {file.parent} cannot be made: {error.strerror}.") from error
    if share := network_share(file):
        raise DatabaseError(
            f"{file} lies on a network share ({share}), where SQLite's locks do not hold and writes get lost. "
            "Name a file on this machine's own disk, or a PostgreSQL database."
        )
    engine = create_engine(
        database.url,
        poolclass=QueuePool,
        pool_size=1,  # one writer; and PRAGMA data_version tells of the others only on one connection
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS, "isolation_level": None},
    )
    event.listen(engine, "do_connect", partial(_make_private, file))
    event.listen(engine, "connect", partial(_set_up_sqlite, file))
    event.listen(engine, "begin", partial(_begin_immediate, file))
    return engine


def _make_private(file: Path, *_: object) -> None:
    """Before SQLite opens it, which would make it for everybody's eyes."""
    private_file(file)


def _set_up_postgres(settles: str, connection: Any, _: object) -> None:
    with _closed_where_that_fails(connection):
        before, connection.autocommit = connection.autocommit, True
        if settles:
            connection.execute(settles)
        (behind,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        if behind != connection.info.backend_pid:  # a pooler answers for it: who is behind it may change
            connection.prepare_threshold = None
        connection.autocommit = before


def _set_up_sqlite(file: Path, connection: Any, record: Any) -> None:
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}")
    with _closed_where_that_fails(connection):
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()
        record.info[_IDENTITY] = identity(file)


@contextmanager
def _closed_where_that_fails(connection: Any) -> Iterator[None]:
    """Older releases of SQLAlchemy (2.0.30) leave a connection open whose set-up failed."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _begin_immediate(file: Path, connection: Any) -> None:
    """Raises DatabaseAway where the file is another one than was opened: what is written would be read by nobody."""
    if identity(file) != connection.info[_IDENTITY]:
        raise DatabaseAway(f"The database {file} was moved, removed or replaced. Put it back, or start again.")
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
