"""Bringing a database to this version's tables, and telling when it belongs to another."""

from __future__ import annotations

from pathlib import Path

import alembic.command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, inspect
from sqlalchemy.exc import DBAPIError

from persistence.database import DatabaseError, connect, sqlite_file


def upgrade(url: URL) -> tuple[str | None, str]:
    """Bring the database to the newest revision. Answers the revisions before and after. Raises DatabaseError."""
    engine = connect(url)
    try:
        with engine.begin() as connection:
            before = _known_revision(connection)
            config = _config()
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
            return before, newest()
    except DBAPIError as error:
        raise DatabaseError(f"The database could not be opened: {_first_line(error)}") from error
    finally:
        engine.dispose()


def is_current(url: URL) -> bool:
    """Whether the database has this version's tables. Raises DatabaseError where it belongs to a newer one."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return False
    engine = connect(url)
    try:
        with engine.connect().execution_options(read_only=True) as connection:
            return _known_revision(connection) == newest()
    except DBAPIError as error:
        raise DatabaseError(f"The database could not be opened: {_first_line(error)}") from error
    finally:
        engine.dispose()


def newest() -> str:
    """The newest revision this version knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head
    return head


def _known_revision(connection: Connection) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseError(
            f"The database is at revision {revision}, which this version (up to {newest()}) does not know: it was "
            "used by a newer Kintsugi. Upgrade Kintsugi, or name another database. Nothing was changed."
        )
    if revision is None and inspect(connection).has_table("incident"):
        raise DatabaseError("The database has a table `incident` that is not ours. Name another database.")
    return revision


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    return config


def _scripts() -> Path:
    """The migrations: inside this package where it is installed, beside it in a checkout."""
    installed = Path(__file__).parent / "alembic"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "alembic"


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
