"""Locks of a PostgreSQL server, which end with the connection that holds them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection

from kintsugi.workflow.errors import StoreUnavailable

_KEPT_ALIVE = "SET tcp_keepalives_idle TO 5; SET tcp_keepalives_interval TO 2; SET tcp_keepalives_count TO 3"
"""The server misses such a connection's client within seconds. Said in SQL: poolers take no `options`."""


async def set_up(connection: AsyncConnection[Any], schema: str = "") -> None:
    """What a new connection is told; `schema` is the statement that puts it where the tables are."""
    statements = [schema] if schema else []
    if await is_pooled(connection):
        connection.prepare_threshold = None
    else:
        statements.append(_KEPT_ALIVE)
    for statement in statements:
        await connection.execute(statement.encode())
    if not connection.autocommit:
        await connection.commit()


async def is_pooled(connection: AsyncConnection[Any]) -> bool:
    """Whether a pooler answers for the server, which tells of a process of its own making: who is behind it may change.

    So does PgBouncer, as it hands on cancellations by a key of its own:
    https://www.pgbouncer.org/features.html
    """
    row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    return row is not None and row[0] != connection.info.backend_pid


@asynccontextmanager
async def alone_on_server(conninfo: str, name: str, wait: timedelta) -> AsyncIterator[bool]:
    """Whether the advisory lock of this name was had within the wait; it is held as long as the body lasts.

    It belongs to a connection of its own: it ends with its process, or when the server no longer reaches it. Behind a
    pooler it belongs to a transaction, which stays with one server. Raises StoreUnavailable.
    """
    connection, of_transaction = await _connected(conninfo)
    async with connection:
        ours = await _had(connection, name, wait, "_xact" if of_transaction else "")
        try:
            yield ours
        finally:
            await _let_go(connection, name, of_transaction=of_transaction or not ours)


async def _connected(conninfo: str) -> tuple[AsyncConnection[Any], bool]:
    try:
        connection = await AsyncConnection.connect(conninfo, autocommit=True)
        pooled = await is_pooled(connection)
        await set_up(connection)
        await connection.set_autocommit(not pooled)
    except psycopg.Error as error:
        raise StoreUnavailable(f"The lock's connection cannot be made: {error}") from error
    return connection, pooled


async def _had(connection: AsyncConnection[Any], name: str, wait: timedelta, scope: str) -> bool:
    """`scope` of PostgreSQL's functions: "" until it is let go, "_xact" until the transaction ends."""
    try:
        if not wait:
            asked = await connection.execute(_TRY[scope], [name])
            return await asked.fetchone() == (True,)
        milliseconds = max(1, wait // timedelta(milliseconds=1))  # 0 would be for ever
        await connection.execute("SELECT set_config('lock_timeout', %s, %s)", [str(milliseconds), bool(scope)])
        await connection.execute(_TAKE[scope], [name])
    except psycopg.errors.LockNotAvailable:
        return False
    except psycopg.Error as error:
        raise StoreUnavailable(f"The database is away: {error}") from error
    return True


_TAKE: dict[str, LiteralString] = {
    "": "SELECT pg_advisory_lock(hashtextextended(%s, 0))",
    "_xact": "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
}
_TRY: dict[str, LiteralString] = {
    "": "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))",
    "_xact": "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
}


async def _let_go(connection: AsyncConnection[Any], name: str, *, of_transaction: bool) -> None:
    """Before the connection is closed, as the server notices that a moment later. Where it was cut, it has let go."""
    with suppress(psycopg.Error):
        if of_transaction:
            await connection.rollback()
        else:
            await connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


async def hears(conninfo: str, within: timedelta) -> bool:
    """Whether a connection made now hears what another one tells by NOTIFY. Raises psycopg.Error."""
    listens = await AsyncConnection.connect(conninfo, autocommit=True)
    async with listens, await AsyncConnection.connect(conninfo, autocommit=True) as tells:
        await listens.execute("LISTEN kintsugi_doctor")
        await tells.execute("NOTIFY kintsugi_doctor")
        async for _ in listens.notifies(timeout=within.total_seconds(), stop_after=1):
            return True
    return False
