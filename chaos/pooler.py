"""A PgBouncer in front of a server of ours, in session or in transaction mode."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from chaos.databases import PORT, Server

_PORT = 6432
_PROGRAM = "pgbouncer"
_SETTINGS = """\
[databases]
* = host={server} port={port} user=postgres

[pgbouncer]
listen_addr =
listen_port = {own}
unix_socket_dir = {folder}
auth_type = any
pool_mode = {mode}
max_client_conn = 500
default_pool_size = 60
"""


def can_have_a_pooler() -> bool:
    return _path() is not None


class Pooler:
    """Its socket stays the same however often it is started."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self._folder, self._user = folder, user
        self._process: asyncio.subprocess.Process | None = None

    @property
    def socket(self) -> str:
        return f"{self._folder}/.s.PGSQL.{_PORT}"

    async def starts(self) -> None:
        words = (_path() or _PROGRAM, "-q", str(self._folder / "pgbouncer.ini"))
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(*words, user=self._user, stdout=quiet, stderr=quiet)
        async with asyncio.timeout(10):
            while not Path(self.socket).exists():
                await asyncio.sleep(0.05)

    async def dies(self) -> None:
        """With every connection through it."""
        assert self._process
        self._process.kill()
        await self._process.wait()
        Path(self.socket).unlink(missing_ok=True)


@asynccontextmanager
async def a_pooler(server: Server, folder: Path, mode: str) -> AsyncIterator[Pooler]:
    """`mode`: session or transaction."""
    (own := folder / "pooler").mkdir()
    (own / "pgbouncer.ini").write_text(
        _SETTINGS.format(server=server.folder, port=PORT, own=_PORT, folder=own, mode=mode)
    )
    if server.user:
        for path in (own, own / "pgbouncer.ini"):
            shutil.chown(path, server.user)
    pooler = Pooler(own, server.user)
    await pooler.starts()
    try:
        yield pooler
    finally:
        await pooler.dies()


def _path() -> str | None:
    return shutil.which(_PROGRAM, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
