"""`make chaos`: every failpoint in turn, kills at random, and the controls in which it must find something."""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import platform
import sqlite3
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from chaos.driver import Verdict, a_run
from chaos.failpoints import DELAY, KILL, RAISE
from chaos.worker import NO_LOCK, NO_LOOK, NO_QUIET

REPORT = Path(__file__).parents[1] / "docs" / "chaos.md"
_WAVE = 6
_ASKED = "deployer.deploy: after"


@dataclass
class Report:
    """The rows of docs/chaos.md."""

    seed: int
    wanted: int
    rows: list[tuple[str, Verdict]] = field(default_factory=list)
    controls: list[tuple[str, str, int]] = field(default_factory=list)
    expected: list[bool] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Nothing was found where all is on, and something in each control."""
        return not any(verdict.faults for _, verdict in self.rows) and all(self.expected)


def main() -> int:
    """0 where nothing was lost or doubled, each control found something, and all was run that was asked for."""
    asked = _asked()
    report, ends = Report(asked.seed, asked.kills), time.monotonic() + asked.minutes * 60
    asyncio.run(_all(report, asked.kills, ends))
    kills = sum(verdict.kills for _, verdict in report.rows)
    asked.report.write_text(_written(report, kills))
    print(f"{kills} kills of {asked.kills}; the report is in {asked.report}")
    for _, verdict in report.rows:
        for fault in verdict.faults:
            print(fault, file=sys.stderr)
    return 0 if report.good and kills >= asked.kills else 1


async def _all(report: Report, kills: int, ends: float) -> None:
    await _controls(report)
    async with a_run(report.seed) as run:
        await run.wave(2)
        points = (await run.ends()).seen
    for action in (KILL, RAISE, DELAY):
        await _in_turn(points, action, report, ends)
    seed = report.seed
    while (left := kills - sum(verdict.kills for _, verdict in report.rows)) > 0 and time.monotonic() < ends:
        seed += 1
        async with a_run(seed) as run:
            run.no_more_after = ends
            while run.verdict.kills < min(left, 100) and time.monotonic() < ends:
                await run.wave(_WAVE, points, random=True)
                _tell(f"at random, seed {seed}", run.verdict)
            report.rows.append((f"SQLite, at random, seed {seed}", await run.ends()))


async def _in_turn(points: list[str], action: str, report: Report, ends: float) -> None:
    """Every point that lives without kills come to, each until it was acted at."""
    left: list[str] = points
    if time.monotonic() > ends:
        return
    async with a_run(report.seed) as run:
        run.no_more_after = ends
        while left and time.monotonic() < ends:
            left = await run.wave(_WAVE, left, action)
            _tell(f"{action} at each of {len(points)} points, {len(left)} left", run.verdict)
        report.rows.append((f"SQLite, {action} at {len(points) - len(left)} of {len(points)} points", await run.ends()))


async def _controls(report: Report) -> None:
    for without in (NO_LOOK, NO_QUIET):
        for off in (without, ""):
            async with a_run(report.seed, without=off) as run:
                run.world.always_late = True
                await run.wave(3, [_ASKED], most=12 if off else 100)
                _found(report, off or f"{without}: switched on again", await run.ends(), bool(off))
    for off in (NO_LOCK, ""):
        async with a_run(report.seed, without=off) as run:
            began = await run.wakes_in_a_deployment()
            name = f"{off or 'the lock on'}, a worker asleep in a deployment"
            _found(report, name, await run.ends(), bool(off))
            assert began == bool(off), "the lock let a second process in, or the control did not"


def _found(report: Report, name: str, verdict: Verdict, expected: bool) -> None:
    report.controls.append((name, "doubles" if expected else "none", verdict.doubled))
    report.expected.append(bool(verdict.doubled) == expected)
    _tell(f"control, {name}", verdict)


def _tell(name: str, verdict: Verdict) -> None:
    """How far it is; doubles are known only where the records were compared, at a run's end."""
    found = f", {verdict.doubled} doubled" if verdict.seen else ""
    told = f"{verdict.incidents} incidents, {verdict.lives} lives, {verdict.kills} kills{found}"
    print(f"{time.strftime('%H:%M:%S')} {name}: {told}", flush=True)


def _written(report: Report, kills: int) -> str:
    lines = [
        "# What kill -9 did",
        "",
        f"Written by `make chaos`, seed {report.seed}: {kills} kills of the {report.wanted} asked for.",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"SQLAlchemy {importlib.metadata.version('sqlalchemy')}.",
        "",
        "| run | incidents | lives | kills | doubled | lost |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {name} | {each.incidents} | {each.lives} | {each.kills} | {each.doubled} | {each.lost} |"
        for name, each in report.rows
    ]
    lines += ["", "| control | must find | doubles found |", "|---|---|--:|"]
    lines += [f"| {name} | {wanted} | {found} |" for name, wanted, found in report.controls]
    return "\n".join([*lines, "", _LIMITS])


_LIMITS = """What is real: the store, the engine, the executor, the adapters of git, GitHub and Railway, the processes
and their end by SIGKILL. What is not: GitHub and Railway are stand-ins over loopback that lose replies, reset
connections, fail, and show a deployment late; the model, the sandbox, the channel and the monitor are asked by
a line of HTTP; time is the machine's own and as much more as the driver lets pass between two lives.
Discord, PostgreSQL and power loss are not in it.
"""


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how many there should be")
    parser.add_argument("--minutes", type=float, default=60, help="after which no more is begun")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=REPORT)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
