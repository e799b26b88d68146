"""Bringing a database to this version's tables, and telling when it belongs to another.

Alembic is imported only to migrate: whoever just opens a database that is up to date does not wait for it.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from kintsugi.persistence import tables
from kintsugi.persistence.away import is_away, words_of
from kintsugi.persistence.database import Database, DatabaseAway, DatabaseError, connect

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0020"
"""The newest revision this version knows; a test holds it to alembic/versions."""

_PATIENCE = "30s"  # for another upgrade, and for who still reads a table that is changed
_VERSIONS = "alembic_version"  # other programs have one, too
_OURS_ALONE = {"fingerprint", "open_fingerprint", "facts"}  # columns of `incident`, from the first revision on
_DUPLICATES = {"42P07", "42710", "42723"}  # a table, a type or another object, a function of the name is there
_ELSEWHERE = (
    "Give Kintsugi a schema of its own (?schema=kintsugi at the end of a PostgreSQL URL), or name another database."
)
_OF_ONE_DATABASE = ("search_words", "terms", "ix_search_terms", "procrastinate_")  # as 0009 and 0010 made them


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring the database to the newest revision; of several at once, one does. Answers the revisions before and after.

    What is somebody else's is left as it is. Raises DatabaseError.
    """
    with _quietly():
        return _upgraded(database)


def _upgraded(database: Database) -> tuple[str | None, str]:
    import alembic.command

    engine = connect(database)
    try:
        with engine.begin() as connection:
            if not database.one_process:
                _alone_in_its_schema(connection, database.schema)
            before = _known_revision(connection)
            if before is not None and before >= NEWEST:
                return before, before
            config = alembic_config()
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
            return before, NEWEST
    except DBAPIError as error:
        raise _cannot(error) from error
    finally:
        engine.dispose()


@contextmanager
def _quietly() -> Iterator[None]:
    """Alembic tells its steps to the log of whatever program we are in. Ours are left out; that program's own stay."""
    here = threading.get_ident()

    def is_heard(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING or record.thread != here

    loggers = [logging.getLogger(f"alembic.runtime.{name}") for name in ("migration", "plugins")]
    for logger in loggers:
        logger.addFilter(is_heard)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_heard)


def differences(database: Database) -> list[str]:
    """What the tables of a database at the newest revision lack, each in a few words. Raises DatabaseError.

    What is there besides is not ours to judge: the tables of other programs, and columns of newer versions.
    """
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from kintsugi.persistence.tables import IncidentRow

    engine = connect(database)
    try:
        with engine.connect().execution_options(read_only=True) as connection:
            context = MigrationContext.configure(connection, opts={"include_object": is_compared})
            found = compare_metadata(context, IncidentRow.metadata)
            return [words for difference in found if (words := _in_words(difference))]
    except DBAPIError as error:
        raise _cannot(error) from error
    finally:
        engine.dispose()


def is_compared(object: object, name: str | None, *_: object) -> bool:
    """Whether alembic compares it with `tables.py`: not what revisions made for one kind of database alone."""
    return not (name or "").startswith(_OF_ONE_DATABASE)


def _in_words(difference: Any) -> str:
    """One of alembic's differences; "" for what is there besides ours."""
    match difference:
        case ("add_table", table):
            return f"there is no table `{table.name}`"
        case ("add_column", _, table, column):
            return f"table `{table}` has no column `{column.name}`"
        case ("add_index" | "add_constraint", index):
            return f"table `{index.table.name}` has no index `{index.name}`"
        case [("modify_nullable" | "modify_type", _, table, column, *_), *_]:
            return f"column `{column}` of table `{table}` is not as it should be"
        case _:
            return ""


def is_current(database: Database) -> bool:
    """Whether the database has this version's tables, or a newer one's that it can work on. Raises DatabaseError."""
    if database.file and not database.file.exists():
        return False
    engine = connect(database)
    try:
        with engine.connect().execution_options(read_only=True) as connection:
            return (_known_revision(connection) or "") >= NEWEST
    except DBAPIError as error:
        raise _cannot(error) from error
    finally:
        engine.dispose()


def _alone_in_its_schema(connection: Connection, schema: str | None) -> None:
    connection.execute(text("SELECT set_config('lock_timeout', :patience, true)"), {"patience": _PATIENCE})
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('kintsugi db upgrade', 0))"))
    there = text("SELECT 1 FROM pg_namespace WHERE nspname = :schema")
    if schema and connection.execute(there, {"schema": schema}).first() is None:
        connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')


def _cannot(error: DBAPIError) -> DatabaseError:
    says = words_of(error)
    if getattr(error.orig, "sqlstate", None) in _DUPLICATES:
        return DatabaseError(f"Another program's things are in the way: {says}. {_ELSEWHERE} Nothing was changed.")
    if is_away(error):
        return DatabaseAway(f"The database could not be opened: {says}")
    return DatabaseError(f"The database could not be brought to this version's tables: {says}. Nothing was changed.")


def _known_revision(connection: Connection) -> str | None:
    """The revision of our tables; None where there are none. Raises DatabaseError where others stand in their place."""
    there = set(inspect(connection).get_table_names(schema=_schema(connection)))
    if not _are_ours(connection, there):
        if in_the_way := sorted(there & _names()):
            names = ", ".join(f"`{name}`" for name in in_the_way)
            raise DatabaseError(f"The database has tables that are not ours: {names}. {_ELSEWHERE}")
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    revision = str(found) if found is not None else None
    if revision is not None and revision > NEWEST and _works_since(connection) > NEWEST:
        raise DatabaseError(
            f"The database is at revision {revision}, which this version (up to {NEWEST}) does not know: it was "
            "used by a newer Kintsugi. Upgrade Kintsugi, or name another database. Nothing was changed."
        )
    return revision


def _schema(connection: Connection) -> str | None:
    """Where tables are made now. A schema that is not there yet is made by the upgrade."""
    if connection.dialect.name != "postgresql":
        return None
    return connection.execute(text("SELECT current_schema()")).scalar()


def _are_ours(connection: Connection, there: set[str]) -> bool:
    """Both Alembic's table and one that is as ours: alone, either may be somebody else's."""
    if not {_VERSIONS, "incident"} <= there:
        return False
    columns = inspect(connection).get_columns("incident", schema=_schema(connection))
    return {column["name"] for column in columns} >= _OURS_ALONE


def _names() -> set[str]:
    """The tables that we make, and that must not be there before."""
    return {*tables.IncidentRow.metadata.tables, _VERSIONS, "procrastinate_jobs"}


def _works_since(connection: Connection) -> str:
    """The oldest revision whose code works on these tables, which a newer version knows: it has made them."""
    return str(connection.execute(text("SELECT max(since) FROM compatible")).scalar())


def alembic_config() -> Config:
    """Alembic's configuration, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    return config


def _scripts() -> Path:
    """The migrations: inside this package where it is installed, beside it in a checkout."""
    installed = Path(__file__).parent / "alembic"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "alembic"
