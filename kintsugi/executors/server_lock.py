"""Locks of a PostgreSQL server, which end with the connection that holds them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection

from kintsugi.workflow.errors import StoreUnavailable

_KEPT_ALIVE = "SET tcp_keepalives_idle TO 5; SET tcp_keepalives_interval TO 2; SET tcp_keepalives_count TO 3"
"""The server misses such a connection's client within seconds. Said in SQL: poolers take no `options`."""


async def set_up(connection: AsyncConnection[Any], schema: str = "") -> None:
    """What a new connection is told; `schema` is the statement that puts it where the tables are."""
    found = await connection.execute("SELECT pg_backend_pid()")
    row = await found.fetchone()
    if row and row[0] != connection.info.backend_pid:  # a pooler answers for it: who is behind it may change
        connection.prepare_threshold = None
    await connection.execute(f"{_KEPT_ALIVE}; {schema}".encode())
    if not connection.autocommit:
        await connection.commit()


@asynccontextmanager
async def alone_on_server(conninfo: str, name: str, wait: timedelta) -> AsyncIterator[bool]:
    """Whether the advisory lock of this name was had within the wait; it is held as long as the body lasts.

    It belongs to a connection of its own: it ends with its process, or when the server no longer reaches it. Raises
    StoreUnavailable.
    """
    connection = await _connected(conninfo)
    async with connection:
        ours = await _had(connection, name, wait)
        try:
            yield ours
        finally:
            if ours:
                await _let_go(connection, name)


async def _connected(conninfo: str) -> AsyncConnection[Any]:
    try:
        connection = await AsyncConnection.connect(conninfo, autocommit=True)
        await set_up(connection)
    except psycopg.Error as error:
        raise StoreUnavailable(f"The lock's connection cannot be made: {error}") from error
    return connection


async def _had(connection: AsyncConnection[Any], name: str, wait: timedelta) -> bool:
    try:
        if not wait:
            asked = await connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
            return await asked.fetchone() == (True,)
        milliseconds = max(1, wait // timedelta(milliseconds=1))  # 0 would be for ever
        await connection.execute("SELECT set_config('lock_timeout', %s, false)", [str(milliseconds)])
        await connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
    except psycopg.errors.LockNotAvailable:
        return False
    except psycopg.Error as error:
        raise StoreUnavailable(f"The database is away: {error}") from error
    return True


async def _let_go(connection: AsyncConnection[Any], name: str) -> None:
    """Before the connection is closed, as the server notices that a moment later. Where it was cut, it has let go."""
    with suppress(psycopg.Error):
        await connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
