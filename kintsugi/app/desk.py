"""The engine on the configured database, without anything that touches the world: for reading, and for human moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kintsugi.executors.embedded import Embedded
from kintsugi.integrations.clock import SystemClock
from kintsugi.persistence.clock import DatabaseClock
from kintsugi.persistence.database import Database, DatabaseError
from kintsugi.persistence.migrations import is_current, upgrade
from kintsugi.persistence.store import SqlStore
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.engine import Engine
from kintsugi.workflow.ports import Clock, Executor


@dataclass(frozen=True, slots=True)
class Desk:
    """Where incidents are read and moved."""

    store: SqlStore
    executor: Executor
    engine: Engine
    clock: Clock


@asynccontextmanager
async def opened(database: Database, *, at_once: int = 4) -> AsyncIterator[Desk]:
    """A desk on this database, whose tables are up to date. `at_once`: effects of a kind. Raises DatabaseError."""
    desk = a_desk_on(database, at_once=at_once)
    try:
        yield desk
    finally:
        await desk.store.close()


def a_desk_on(database: Database, *, at_once: int = 4) -> Desk:
    """`opened`, for whom no `async with` can span it: the caller closes the store."""
    clock: Clock = SystemClock() if database.one_process else DatabaseClock()
    store = SqlStore(database, clock)
    executor = _executor(store, database, at_once)
    return Desk(store, executor, Engine(store, executor, clock, redact=redact), clock)


def _executor(store: SqlStore, database: Database, at_once: int) -> Executor:
    """By the database: SQLite has one process, PostgreSQL any number of them."""
    if database.file:
        return Embedded(store, lock_of(database.file), slots=at_once)
    from kintsugi.executors.procrastinate import Procrastinate  # noqa: PLC0415  # takes 0.2 s, which SQLite need not wait for

    direct = database.past_poolers()
    return Procrastinate(store, direct.conninfo, schema=direct.settles, slots=at_once)


def lock_of(file: Path) -> Path:
    """What the one process that performs the effects of this SQLite file holds."""
    return file.with_name(f"{file.name}.lock")


def prepare(database: Database) -> None:
    """Bring its tables up to date, on SQLite. Raises DatabaseError where they are not, and it is PostgreSQL."""
    if is_current(database):
        return
    if not database.one_process:
        raise DatabaseError("The database is not at this version's tables. Run `kintsugi db upgrade` first.")
    upgrade(database)
