"""`kintsugi db …` as it is typed. What it does is loaded when it is called, so that help is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

db_app = typer.Typer(help="The database.", no_args_is_help=True)


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to this version's tables. `run` and `demo` do this themselves on SQLite.

    Example: `kintsugi db upgrade`
    """
    from kintsugi.commands import database
    from kintsugi.commands.outcome import run

    run(database.upgrade)


@db_app.command("prune")
def db_prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be removed.")] = False,
) -> None:
    """Remove what was captured of incidents that ended, by KINTSUGI_KEEP_PAYLOADS_DAYS and _MB.

    The history, the cause and the patch stay. `kintsugi run` does this every hour.

    Example: `kintsugi db prune --dry-run`
    """
    from kintsugi.commands import database
    from kintsugi.commands.outcome import run

    run(lambda: database.prune(dry_run))


@db_app.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
) -> None:
    """Copy the SQLite database, also while the service runs; the copy is checked. To restore, put it in its place.

    Example: `kintsugi db backup kintsugi-backup.db`
    """
    from kintsugi.commands import database
    from kintsugi.commands.outcome import run

    run(lambda: database.backup(file, force))


@db_app.command("copy")
def db_copy(
    source: Annotated[str, typer.Argument(metavar="SQLITE_URL", help="The database to copy: sqlite:///path.")],
    target: Annotated[str, typer.Argument(metavar="POSTGRES_URL", help="An empty database: postgresql://….")],
) -> None:
    """Move a team's history from SQLite to PostgreSQL.

    Stop the service first. Everything is copied in one transaction, read back and compared: a copy that was
    interrupted has left nothing, and is made again.

    Example: `kintsugi db copy sqlite:///.kintsugi/kintsugi.db postgresql://kintsugi@db.example/kintsugi`
    """
    from kintsugi.commands import database
    from kintsugi.commands.outcome import run

    run(lambda: database.copy(source, target))
