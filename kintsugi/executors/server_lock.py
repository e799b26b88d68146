"""Locks of a PostgreSQL server, which end with the connection that holds them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection

from kintsugi.workflow.errors import StoreUnavailable

KEPT_ALIVE = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
"""Options of a connection whose client PostgreSQL shall miss within seconds."""


@asynccontextmanager
async def alone_on_server(conninfo: str, name: str, wait: timedelta) -> AsyncIterator[bool]:
    """Whether the advisory lock of this name was had within the wait; it is held as long as the body lasts.

    It belongs to a connection of its own: it ends with its process, or when the server no longer reaches it. Raises
    StoreUnavailable.
    """
    connection = await _connected(conninfo)
    async with connection:
        yield await _had(connection, name, wait)


async def _connected(conninfo: str) -> AsyncConnection[Any]:
    try:
        return await AsyncConnection.connect(conninfo, autocommit=True, options=KEPT_ALIVE, connect_timeout=10)
    except psycopg.Error as error:
        raise StoreUnavailable(f"The database is away: {error}") from error


async def _had(connection: AsyncConnection[Any], name: str, wait: timedelta) -> bool:
    milliseconds = max(1, wait // timedelta(milliseconds=1))  # 0 would be for ever
    try:
        await connection.execute("SELECT set_config('lock_timeout', %s, false)", [str(milliseconds)])
        await connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
    except psycopg.errors.LockNotAvailable:
        return False
    except psycopg.Error as error:
        raise StoreUnavailable(f"The database is away: {error}") from error
    return True
