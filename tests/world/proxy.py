"""A way to a PostgreSQL server that can be shut, cut, slow, or silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from kintsugi.persistence.database import Database

_CHUNK = 2**16


class Way:
    """Listens on loopback and hands on to the server's socket.

    `seconds`: how long each piece takes, there and back. While `silent`, the connections of now hear and say nothing
    more; with `silent_to_new` those to come neither.
    """

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._goes = asyncio.Event()
        self._goes.set()
        self.port = 0
        self.seconds = 0.0
        self.silent_to_new = False
        self.connections = 0  # that were ever made

    async def opens(self) -> None:
        """Connections are taken from now on, at the same port as before."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shuts(self) -> None:
        """Nobody is let in any more, and everybody is cut off."""
        if self._server:
            self._server.close()
        self.cuts()

    def cuts(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    def leads_to(self, socket: str) -> None:
        """Elsewhere, from now on; who is connected is cut off."""
        self._socket = socket
        self.cuts()

    def falls_silent(self, *, to_new: bool = False) -> None:
        """Packets of the connections there are vanish, and of those to come with `to_new`."""
        self._goes.clear()
        self._goes = asyncio.Event()  # whoever comes now has one of its own
        self.silent_to_new = to_new

    def speaks(self) -> None:
        """For whoever comes from now on; what fell silent stays so, as after a change of routes."""
        self.silent_to_new = False
        self._goes = asyncio.Event()
        self._goes.set()

    async def ends(self) -> None:
        await self.shuts()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        goes = asyncio.Event()
        if not self.silent_to_new:
            goes = self._goes
            goes.set()
        try:
            to_reader, to_writer = await asyncio.open_unix_connection(self._socket)
        except OSError:  # the server is away
            writer.transport.abort()
            return
        for pair in ((reader, to_writer), (to_reader, writer)):
            task = asyncio.create_task(self._hand_on(*pair, goes))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, goes: asyncio.Event) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError):
                while piece := await reader.read(_CHUNK):
                    await goes.wait()
                    if self.seconds:
                        await asyncio.sleep(self.seconds / 2)
                    writer.write(piece)
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()


@asynccontextmanager
async def a_way(database: Database) -> AsyncIterator[tuple[Way, Database]]:
    """A way to this database, whose server listens on a Unix socket; and the address that goes by it."""
    way = Way(f"{database.url.query['host']}/.s.PGSQL.{database.url.port or 5432}")
    await way.opens()
    try:
        yield way, Database(database.url.set(host="127.0.0.1", port=way.port, query={}), None)
    finally:
        await way.ends()
