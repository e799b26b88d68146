"""Bringing a database to this version's tables, and telling when it belongs to another.

Alembic is imported only to migrate: whoever just opens a database that is up to date does not wait for it.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from kintsugi.persistence.database import Database, DatabaseError, connect

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0015"
"""The newest revision this version knows; a test holds it to alembic/versions."""

_OF_ONE_DATABASE = ("search_words", "terms", "ix_search_terms", "procrastinate_")  # as 0009 and 0010 made them


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring the database to the newest revision. Answers the revisions before and after. Raises DatabaseError."""
    import alembic.command

    engine = connect(database)
    try:
        with engine.begin() as connection:
            before = _known_revision(connection)
            if before is not None and before >= NEWEST:
                return before, before
            config = alembic_config()
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
            return before, NEWEST
    except DBAPIError as error:
        raise DatabaseError(f"The database could not be opened: {_first_line(error)}") from error
    finally:
        engine.dispose()


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
        raise DatabaseError(f"The database could not be opened: {_first_line(error)}") from error
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
        raise DatabaseError(f"The database could not be opened: {_first_line(error)}") from error
    finally:
        engine.dispose()


def _known_revision(connection: Connection) -> str | None:
    tables = inspect(connection)
    if not tables.has_table("alembic_version"):
        if tables.has_table("incident"):
            raise DatabaseError("The database has a table `incident` that is not ours. Name another database.")
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    revision = str(found) if found is not None else None
    if revision is not None and revision > NEWEST and _works_since(connection) > NEWEST:
        raise DatabaseError(
            f"The database is at revision {revision}, which this version (up to {NEWEST}) does not know: it was "
            "used by a newer Kintsugi. Upgrade Kintsugi, or name another database. Nothing was changed."
        )
    return revision


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


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
