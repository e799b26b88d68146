"""Real SDKs in four processes, and a server that is killed while they report: what was answered 200 is there, once.

    python -m bench.reports killed [events]

Each program crashes in fifty ways, again and again, and waits for each answer; while the server is away the SDK drops
what it has. The server is killed with SIGKILL and started again, on the same file, until all programs have ended. Then
the ids of the events that were answered with 200 are held against the rows, and the rows against what the incidents
counted. The exit status is 1 where one is missing, or was counted twice.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.world.reports import a_program, a_server, accepted_of, free_port

PROGRAMS, FAILURES, KILLS = 4, 50, 8


@dataclass
class Run:
    """One server after another on one file, and the ids that the programs were answered 200 for."""

    folder: Path
    events: int
    port: int = field(default_factory=free_port)
    accepted: list[str] = field(default_factory=list)
    kills: int = 0
    due: asyncio.Event = field(default_factory=asyncio.Event)  # so many are accepted that the server is killed anew

    async def until_the_end(self) -> None:
        self.server = await a_server(self.folder, self.port)
        programs = asyncio.gather(*[self._program(number) for number in range(PROGRAMS)])
        programs.add_done_callback(lambda _: self.due.set())
        while await self.due.wait() and not programs.done():
            await self._killed()
        await programs
        self.server.kill()
        await self.server.communicate()

    async def _program(self, number: int) -> None:
        each = self.events // PROGRAMS + (number < self.events % PROGRAMS)
        async for id in accepted_of(await a_program(self.port, number, each, failures=FAILURES)):
            self.accepted.append(id)
            if len(self.accepted) >= (self.kills + 1) * self.events // (KILLS + 1):
                self.due.set()

    async def _killed(self) -> None:
        self.server.kill()
        await self.server.communicate()
        self.kills += 1
        self.due.clear()
        self.server = await a_server(self.folder, self.port)


def kept_in(file: Path) -> tuple[list[str], int, int]:
    """The ids of the events that are there, and how many incidents counted how many of them."""
    connection = sqlite3.connect(file)
    keys = [key for (key,) in connection.execute("SELECT key FROM inbox WHERE key LIKE 'sentry:42:%'")]
    incidents, counted = connection.execute(
        "SELECT count(*), sum(json_extract(facts, '$.count')) FROM incident"
    ).fetchone()
    connection.close()
    return [key.removeprefix("sentry:42:") for key in keys], incidents, counted


def told(run: Run, kept: list[str], incidents: int, counted: int) -> bool:
    """Prints the table. Answers whether nothing is missing, and nothing counted twice."""
    missing, twice = set(run.accepted) - set(kept), counted - len(set(kept))
    lines: Iterable[tuple[str, int]] = (
        ("events of the programs", run.events),
        ("the server was killed", run.kills),
        ("answered with 200", len(run.accepted)),
        ("there", len(set(kept))),
        ("there, the answer lost with its server", len(set(kept) - set(run.accepted))),
        ("dropped by the SDK while the server was away", run.events - len(set(kept))),
        ("counted by the incidents", counted),
        (f"answered with 200 and missing ({incidents} incidents)", len(missing)),
        ("counted twice", twice),
    )
    for what, count in lines:
        print(f"  {what:46}{count:8,}")
    return not missing and not twice


async def main(events: int) -> int:
    print(f"reports, killed: {PROGRAMS} processes with the real SDK, {FAILURES} failures each")
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), events)
        await run.until_the_end()
        return 0 if told(run, *kept_in(run.folder / ".kintsugi" / "kintsugi.db")) else 1
