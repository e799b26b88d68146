"""`kintsugi run` as it is started, in a folder of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.world import terminal
from tests.world.terminal import StartedInLoop

ROOT = Path(__file__).parents[2]
_LONGEST = 90.0  # seconds, on a machine that has much else to do


class Service:
    """A running process: what it says, and what it answers."""

    def __init__(self, process: Process | StartedInLoop) -> None:
        self.process = process
        self.said: list[str] = []
        self._heard = asyncio.Condition()
        self._listening = asyncio.create_task(self._listen())
        self.http = httpx.AsyncClient(timeout=_LONGEST, trust_env=False)

    async def says(self, pattern: str) -> re.Match[str]:
        """Waits until a line of its standard error fits."""
        async with asyncio.timeout(_LONGEST), self._heard:
            while True:
                for line in self.said:
                    if found := re.search(pattern, line):
                        return found
                assert not self._listening.done(), f"it ended and never said {pattern!r}: {self.said}"
                await self._heard.wait()

    async def address(self) -> str:
        return (await self.says(r"Listening at (\S+)"))[1]

    async def becomes(self, path: str, status: int) -> httpx.Response:
        """Waits until it answers so."""
        async with asyncio.timeout(_LONGEST):
            while (answer := await self.http.get(f"{await self.address()}{path}")).status_code != status:
                await asyncio.sleep(0.05)
        return answer

    async def is_told_to_end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_LONGEST):
            return await self.process.wait()

    async def close(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._listening
        await self.http.aclose()

    async def _listen(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            async with self._heard:
                self.said.append(line.decode().rstrip())
                self._heard.notify_all()
        async with self._heard:
            self._heard.notify_all()


@asynccontextmanager
async def a_service(folder: Path, *words: str, **settings: str) -> AsyncIterator[Service]:
    """Started with these settings and no others; killed at the end where it still runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    env = {**kept, "KINTSUGI_WEB_BIND": "127.0.0.1:0", **settings, "PYTHONPATH": str(ROOT)}
    if "LD_PRELOAD" in settings:  # which only a Python that starts by itself obeys
        service = Service(await _started_cold(folder, words, env))
    else:
        service = Service(await terminal.start_in_loop(["run", *words], folder, env))
    try:
        yield service
    finally:
        await service.close()


async def _started_cold(folder: Path, words: Sequence[str], env: dict[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kintsugi", "run", *words),
        cwd=folder,
        env=env,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
