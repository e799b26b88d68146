"""The database's own commands."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.desk import lock_of
from kintsugi.commands.outcome import UsageError
from kintsugi.executors.lock import only_one
from kintsugi.integrations.terminal import PlainConsole
from kintsugi.persistence import backup as copying
from kintsugi.persistence import migrations, transfer
from kintsugi.persistence.database import Database, DatabaseError
from kintsugi.persistence.retention import Pruner
from kintsugi.workflow.errors import Refusal


def upgrade() -> None:
    """Bring the database to this version's tables."""
    database = Bootstrap.read().database.past_poolers()
    before, after = migrations.upgrade(database)
    if before == after:
        PlainConsole().print(f"{database} is at revision {after} already.", highlight=False)
    else:
        PlainConsole().print(f"{database}: revision {before or 'none'} → {after}.", highlight=False)
    if lacking := migrations.differences(database):
        raise DatabaseError(
            f"The tables are not those of revision {after}: {'; '.join(lacking)}. Something other than Kintsugi changed"
            " them. Restore a backup, or name a new database in KINTSUGI_DATABASE_URL."
        )


async def prune(dry_run: bool) -> None:
    """Prune what the settings no longer keep, now."""
    bootstrap = Bootstrap.read()
    keep = bootstrap.settings.keep.keep
    if keep.everything:
        raise UsageError("Everything is kept. Set KINTSUGI_KEEP_PAYLOADS_DAYS or KINTSUGI_KEEP_PAYLOADS_MB.")
    async with bootstrap.desk() as desk:
        pruned = await Pruner(desk.store, keep, desk.clock.now(), dry_run=dry_run).run()
    verb = "would be" if dry_run else "was"
    many = "1 ended incident" if pruned.incidents == 1 else f"{pruned.incidents} ended incidents"
    says = f"What was captured of {many} {verb} pruned: {pruned.bytes / 2**20:.1f} MB."
    file = bootstrap.database.file
    if pruned.incidents and file and not dry_run:
        says += (
            f" The file keeps its size, and the room in it is used again. To shrink it, stop the service and run"
            f" `sqlite3 {shlex.quote(str(file))} VACUUM`."
        )
    PlainConsole().print(says, highlight=False, markup=False)


def backup(file: Path, force: bool) -> None:
    """Copy the SQLite database to `file`, also while a service works on it."""
    database = Bootstrap.read().database
    source = database.file
    if source is None:
        raise Refusal(f"PostgreSQL is backed up with its own tools. Run: {_pg_dump(database, file)}")
    if not source.exists():
        raise DatabaseError(f"There is no database at {source} yet.")
    if file.exists() and file.samefile(source):
        raise UsageError(f"{file} is the database itself. Name another file.")
    if file.exists() and not force:
        raise Refusal(f"{file} is there already. Name another file, or overwrite it with --force.")
    if beside := [each for each in copying.beside(file) if each.exists()]:
        raise Refusal(f"{beside[0]} is there: a database of that name is in use, or a copy broke off. Name another.")
    copied = copying.backup(source, file)
    rows = sum(copied.rows.values())
    says = (
        f"{file}: {copied.bytes / 2**20:.1f} MB, {rows} rows of {len(copied.rows)} tables, whole by SQLite's own check."
    )
    PlainConsole().print(says, highlight=False, markup=False)


def copy(source: str, target: str) -> None:
    """Move a team's history from SQLite to PostgreSQL, while no service works on it."""
    old, new = Database.parse(source), Database.parse(target)
    file, console = old.file, PlainConsole(stderr=True)
    if file and not file.exists():
        raise DatabaseError(f"There is no database at {file}.")
    with only_one(lock_of(file)) if file else nullcontext(), console.status("copying") as status:
        copied = transfer.copy(old, new, lambda table, rows: status.update(f"copying {table}: {rows:,} rows"))
    rows = sum(content.rows for content in copied.values())
    told = f"{rows:,} rows of {len(copied)} tables are there, each table read back and compared."
    PlainConsole().print(f"{new}: {told}", highlight=False, markup=False, soft_wrap=True)
    PlainConsole().print(
        f"Set KINTSUGI_DATABASE_URL to it and start the service. {file} is as it was: keep it, and work on it no more.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _pg_dump(database: Database, file: Path) -> str:
    """Without the password, which pg_dump asks for, or reads from PGPASSWORD or ~/.pgpass."""
    address = database.without_password
    return shlex.join(["pg_dump", "--format=custom", f"--file={file}", address])
