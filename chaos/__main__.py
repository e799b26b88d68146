"""`make chaos`: every failpoint in turn, kills at random, and the controls in which it must find something."""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import logging
import platform
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from chaos.cut_off import CUT_FOR, cut_off
from chaos.databases import POSTGRES, SQLITE, Server, a_server
from chaos.driver import Verdict, a_run
from chaos.failpoints import DELAY, KILL, RAISE
from chaos.hosts import can_have_hosts
from chaos.worker import NO_LOCK, NO_LOOK, NO_QUIET

REPORT = Path(__file__).parents[1] / "docs" / "chaos.md"
_WAVE = 6
_ASKED = "deployer.deploy: after"
_WITHIN_ITS_LEASE, _BEYOND_ITS_LEASE = 30.0, 100.0  # seconds


@dataclass
class Report:
    """The rows of docs/chaos.md."""

    seed: int
    wanted: int
    rows: list[tuple[str, Verdict]] = field(default_factory=list)
    controls: list[tuple[str, str, int]] = field(default_factory=list)
    expected: list[bool] = field(default_factory=list)
    hosts: str = ""

    @property
    def kills(self) -> int:
        return sum(verdict.kills for _, verdict in self.rows)

    @property
    def faults(self) -> list[str]:
        return [f"{name}: {fault}" for name, verdict in self.rows for fault in verdict.faults]

    @property
    def good(self) -> bool:
        """Nothing was found where all is on, and something in each control."""
        return not self.faults and all(self.expected)


def main() -> int:
    """0 where nothing was lost or doubled, each control found something, and all was run that was asked for."""
    asked = _asked()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # whoever is killed drops what it asked
    report, ends = Report(asked.seed, asked.kills), time.monotonic() + asked.minutes * 60
    with tempfile.TemporaryDirectory(prefix="kintsugi-pg-") as folder, a_server(Path(folder)) as server:
        for name, there in ((SQLITE, None), (POSTGRES, server)):
            if asked.database in (name.lower(), "both"):
                half = ends if name == POSTGRES or asked.database != "both" else (time.monotonic() + ends) / 2
                wanted = asked.kills if asked.database != "both" else asked.kills // 2
                asyncio.run(Trials(name, there, report, half).run(wanted))
    asked.report.write_text(_written(report))
    print(f"{report.kills} kills of {asked.kills}; the report is in {asked.report}")
    for fault in report.faults:
        print(fault, file=sys.stderr)
    return 0 if report.good and report.kills >= asked.kills else 1


@dataclass
class Trials:
    """All that is tried on one database, until `ends` by time.monotonic()."""

    name: str
    server: Server | None
    report: Report
    ends: float
    kills: int = 0

    async def run(self, kills: int) -> None:
        """The controls, each point in turn, then kills at random until there were so many."""
        await self._controls()
        if self.server:
            await self._hosts(self.server)
        async with a_run(self.report.seed, self.server) as run:
            await run.wave(2)
            points = (await run.ends()).seen
        for action in (KILL, RAISE, DELAY):
            await self._in_turn(points, action)
        seed = self.report.seed
        while (left := kills - self.kills) > 0 and time.monotonic() < self.ends:
            seed += 1
            await self._at_random(points, seed, min(left, 100))

    async def _in_turn(self, points: list[str], action: str) -> None:
        """Every point that lives without kills come to, each until it was acted at."""
        left: list[str] = points
        async with a_run(self.report.seed, self.server) as run:
            run.no_more_after = self.ends
            while left and time.monotonic() < self.ends:
                left = await run.wave(_WAVE, left, action)
                self._tell(f"{action} at each of {len(points)} points, {len(left)} left", run.verdict)
            self._add(f"{action} at {len(points) - len(left)} of {len(points)} points", await run.ends())

    async def _at_random(self, points: list[str], seed: int, kills: int) -> None:
        async with a_run(seed, self.server) as run:
            run.no_more_after = self.ends
            while run.verdict.kills < kills and time.monotonic() < self.ends:
                await run.wave(_WAVE, points, random=True)
                self._tell(f"at random, seed {seed}", run.verdict)
            self._add(f"at random, seed {seed}", await run.ends())

    async def _controls(self) -> None:
        for without in (NO_LOOK, NO_QUIET):
            for off in (without, ""):
                async with a_run(self.report.seed, self.server, without=off) as run:
                    run.world.always_late = True
                    await run.wave(3, [_ASKED], most=30 if off else 200)
                    self._found(off or f"{without}: switched on again", await run.ends(), bool(off))
        for off in (NO_LOCK, ""):
            async with a_run(self.report.seed, self.server, without=off) as run:
                asked = await run.wakes_in_a_deployment()
                name = f"{off or 'the lock on'}, a worker asleep in a deployment"
                self._found(name, await run.ends(), bool(off))
                assert asked == bool(off), "the lock let a second process in, or the control did not"

    async def _hosts(self, server: Server) -> None:
        if not can_have_hosts():
            self.report.hosts = "Not tried here: four hosts of which one is cut off. It needs root and `ip`."
            return
        for sleeps in (_WITHIN_ITS_LEASE, _BEYOND_ITS_LEASE):
            run = await cut_off(self.report.seed, server, sleeps)
            self._add(f"4 hosts, one cut off for {CUT_FOR:.0f} s and asleep for {sleeps:.0f} s", run.verdict)

    def _found(self, name: str, verdict: Verdict, expected: bool) -> None:
        self.report.controls.append((f"{self.name}, {name}", "doubles" if expected else "none", verdict.doubled))
        self.report.expected.append(bool(verdict.doubled) == expected)
        self._tell(f"control, {name}", verdict)

    def _add(self, name: str, verdict: Verdict) -> None:
        self.kills += verdict.kills
        self.report.rows.append((f"{self.name}, {name}", verdict))
        self._tell(name, verdict)

    def _tell(self, name: str, verdict: Verdict) -> None:
        """How far it is; doubles are known only where the records were compared, at a run's end."""
        found = f", {verdict.doubled} doubled, {verdict.lost} lost" if verdict.seen else ""
        told = f"{verdict.incidents} incidents, {verdict.lives} lives, {verdict.kills} kills{found}"
        print(f"{time.strftime('%H:%M:%S')} {self.name}, {name}: {told}", flush=True)


def _written(report: Report) -> str:
    lines = [
        "# What kill -9 did",
        "",
        f"Written by `make chaos`, seed {report.seed}: {report.kills} kills of the {report.wanted} asked for.",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"SQLAlchemy {importlib.metadata.version('sqlalchemy')}.",
        "",
        "| run | incidents | starts | kills | restarts of the database | doubled | lost |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {name} | {v.incidents} | {v.lives} | {v.kills} | {v.restarts} | {v.doubled} | {v.lost} |"
        for name, v in report.rows
    ]
    lines += ["", "| control | must find | doubles found |", "|---|---|--:|"]
    lines += [f"| {name} | {wanted} | {found} |" for name, wanted, found in report.controls]
    return "\n".join([*lines, "", *([report.hosts, ""] if report.hosts else []), _LIMITS])


_LIMITS = """What is real: the store, the engine, the executors, the adapters of the model, git, GitHub, Railway and
Discord, the processes and their end by SIGKILL; on PostgreSQL three of them at a time, and a server that is
killed under them as by `pg_ctl restart -m immediate`. What is not: the services are stand-ins over loopback that lose
replies, reset connections, fail, limit, and show a deployment late; the sandbox and the monitor are asked by a line
of HTTP; the driver plays the people: it confirms what it reads in Discord, merges, reports that twice or not at all,
and retries what is stuck; between two starts the driver moves the clock forward.

The four hosts are network namespaces of one machine, on real time and the database's clock. The first
to deploy is cut off from the database (not from the world) for longer than its lease, and sleeps before it asks. In the
end it is left alone with one more incident.

Compared at the end: branches, pull requests, deployments, cards, questions and progress messages: each must be there
once, as the history says. Power loss is not part of it.
"""


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how many there should be")
    parser.add_argument("--minutes", type=float, default=60, help="after which no more is begun")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=REPORT)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
