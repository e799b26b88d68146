"""Bringing a database to this version's tables, and telling when it belongs to another.

Alembic is imported only to migrate: whoever just opens a database that is up to date does not wait for it.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from kintsugi.persistence import tables
from kintsugi.persistence.away import is_away, words_of
from kintsugi.persistence.database import DatabaseAway, DatabaseError, connect, schema_of, sqlite_file

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0013"
"""The newest revision this version knows; a test holds it to alembic/versions."""


_PATIENCE = "30s"  # for another upgrade, and for who still reads a table that is changed
_VERSIONS = "alembic_version"  # other programs have one, too
_OURS_ALONE = {"fingerprint", "open_fingerprint", "facts"}  # columns of `incident`, from the first revision on
_DUPLICATES = {"42P07", "42710", "42723"}  # a table, a type or another object, a function of the name is there


def upgrade(url: URL) -> tuple[str | None, str]:
    """Bring the database to the newest revision; of several at once, one does. Answers the revisions before and after.

    What is somebody else's is left as it is. Raises DatabaseError.
    """
    import alembic.command

    engine = connect(url)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                _alone_in_its_schema(connection, schema_of(url))
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


def is_current(url: URL) -> bool:
    """Whether the database has this version's tables, or a newer one's that it can work on. Raises DatabaseError."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return False
    engine = connect(url)
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


_ELSEWHERE = (
    "Give Kintsugi a schema of its own (?schema=kintsugi at the end of a PostgreSQL URL), or name another database."
)


def _known_revision(connection: Connection) -> str | None:
    """The revision of our tables; None where there are none. Raises DatabaseError where others stand in their place."""
    there = set(inspect(connection).get_table_names(schema=_schema(connection)))
    if not _are_ours(connection, there):
        if in_the_way := sorted(there & _names()):
            names = ", ".join(f"`{name}`" for name in in_the_way)
            raise DatabaseError(f"The database has tables of another program's: {names}. {_ELSEWHERE}")
        return None
    found = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar()  # noqa: S608  # our own word
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
