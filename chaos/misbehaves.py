"""`python -m chaos.misbehaves`: what a database can do wrong, done to it while a web server and two workers are on it.

A program crashes all the while and reports each crash until it is taken. In the end every crash that was taken has one
incident, which is healed: one branch, one pull request, one deployment, one card. Nothing is owed, everybody is ready,
and everybody ends when told to. Where a trouble has a control, it is made once more with one safeguard switched off,
and harm must be found. The rows go into docs/running.md, between its two marks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import httpx

from chaos.databases import Server, a_server
from chaos.driver import Run
from chaos.pooler import a_pooler
from chaos.staged import OUTSIDE, WITHOUT
from chaos.troubles import TROUBLES, Stage, Trouble, moved_clock
from chaos.worker import SharedClock
from chaos.world import a_world, settings_of
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.states import ENDED
from tests.world.proxy import a_way
from tests.world.reports import KEY, an_envelope, an_event
from tests.world.service import Service, a_service

PAGE = Path(__file__).parents[1] / "docs" / "running.md"
_BEGINS, _ENDS = "<!-- misbehaves: begins -->", "<!-- misbehaves: ends -->"
_CRASHES = 10  # spread over a trouble
_CALM, _SOON = 3.0, 0.25
_ANSWERS_WITHIN = 25.0  # seconds: an answer is owed 15 s after the database fell silent
_LONGEST, _CONTROL_LONGEST = 600.0, 90.0  # until all are healed once the trouble is over
_HEADERS = {"X-Sentry-Auth": f"Sentry sentry_key={KEY}"}
_COURSE = ((timedelta(), "BUILDING"), (timedelta(seconds=3), "SUCCESS"))
_DISK = "400m"


async def tried(trouble: Trouble, server: Server, folder: Path, *, without: str = "") -> tuple[Stage, str]:
    """What was seen of one trouble, and how it went afterwards in words."""
    async with _a_stage(trouble, server, folder, without) as stage:
        stage.pace = (2 * _CALM + trouble.seconds) / _CRASHES
        program = asyncio.create_task(_crashes(stage))
        people = asyncio.create_task(_people(stage))
        stage.stack.callback(people.cancel)  # before the store that they read is closed
        await asyncio.sleep(_CALM)
        await trouble.make(stage, min(trouble.seconds, _CONTROL_LONGEST) if without else trouble.seconds)
        over, stage.pace = time.monotonic(), _SOON
        await asyncio.sleep(_CALM)
        if without and stage.faults:
            return stage, ""  # the harm is found
        await _is_taken(stage, program)
        healed = await _comes_right(stage, _CONTROL_LONGEST if without else _LONGEST)
        people.cancel()
        await asyncio.gather(people, return_exceptions=True)
        took = time.monotonic() - over
        if healed:
            await _compare(stage)
        return stage, f"all healed after {took:.0f} s; {await _ends(stage)}"


@asynccontextmanager
async def _a_stage(trouble: Trouble, server: Server, folder: Path, without: str) -> AsyncIterator[Stage]:
    database, clock = Database.parse(server.database()), SharedClock(folder / "clock")
    (folder / "clock").write_text("0")
    upgrade(database)
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(a_world(folder, clock, random.Random(1)))
        world.railway.course = _COURSE
        way, url = await stack.enter_async_context(a_way(database))
        pooler = None
        if trouble.pooler:
            pooler = await stack.enter_async_context(a_pooler(server, folder, trouble.pooler))
            way.leads_to(pooler.socket)
        settings = settings_of(world, folder, url.address) | {
            "KINTSUGI_SENTRY_PROJECTS": json.dumps({"42": {"key": KEY, "a_day": 100_000}}),
            "KINTSUGI_METRICS_TOKEN": secrets.token_hex(16),
            OUTSIDE: world.url,
            WITHOUT: without,
        }
        web = await _staged(stack, folder, "web", settings)
        first = await _staged(stack, folder, "worker", settings | (moved_clock(trouble.clock) if trouble.clock else {}))
        workers = [first, await _staged(stack, folder, "worker", settings)]
        run = Run(world, folder, url.address, server=None)
        stack.push_async_callback(run.store.close)
        for each in (web, *workers):
            await each.becomes("/readyz", 200)
        yield Stage(folder, server, database, way, run, web, workers, stack, pooler)


async def _staged(stack: AsyncExitStack, folder: Path, part: str, settings: dict[str, str]) -> Service:
    more = {"KINTSUGI_METRICS_BIND": f"127.0.0.1:{_free_port()}"} if part == "worker" else {}
    return await stack.enter_async_context(a_service(folder, "--only", part, module="chaos.staged", **settings, **more))


async def _crashes(stage: Stage) -> None:
    """Each crash is reported until it is taken, as a program does that must not lose one."""
    url = f"{await stage.web.address()}/api/42/envelope/"
    for number in range(1, _CRASHES + 1):
        body = an_envelope(an_event(f"{number:x}", f"Crash{number}"))
        while (status := await _posted(stage, url, body)) != 200:
            stage.refused += 1
            if status != 503:
                stage.faults.append(f"answered {status}")
            await asyncio.sleep(0.5)
        stage.taken += 1
        paused = time.monotonic()
        while time.monotonic() - paused < stage.pace:  # it may be shortened meanwhile
            await asyncio.sleep(_SOON)


async def _posted(stage: Stage, url: str, body: bytes) -> int:
    began = time.monotonic()
    try:
        return (await stage.web.http.post(url, content=body, headers=_HEADERS, timeout=100)).status_code
    except httpx.HTTPError as error:
        stage.faults.append(type(error).__name__)
        return 0
    finally:
        if time.monotonic() - began > _ANSWERS_WITHIN:
            stage.faults.append("silent for longer than 25 s")


async def _is_taken(stage: Stage, program: asyncio.Task[None]) -> None:
    """Every crash, which the program goes on to report."""
    try:
        async with asyncio.timeout(_CONTROL_LONGEST):
            await program
    except TimeoutError:
        stage.faults.append(f"lost: {stage.taken} of {_CRASHES} crashes were taken")


async def _people(stage: Stage) -> None:
    """They confirm and merge, whenever the database lets them read."""
    while True:
        with suppress(StoreUnavailable):
            ids = [each.id for each in await stage.run.store.incidents(limit=1000)]
            await stage.run.people(ids)
        await asyncio.sleep(0.5)


async def _comes_right(stage: Stage, longest: float) -> bool:
    """Whether every incident has ended, nothing is owed and everybody is ready, within so many seconds."""
    left = "nothing could be read"
    ends = time.monotonic() + longest
    while time.monotonic() < ends:
        with suppress(StoreUnavailable):
            incidents = await stage.run.store.incidents(limit=1000)
            open_ones = [each for each in incidents if each.state not in ENDED]
            owed = await stage.run.store.ledger()
            left = f"{len(open_ones)} of {len(incidents)} open, {len(owed)} steps owed"
            if not open_ones and not owed and len(incidents) >= stage.taken:
                for each in stage.services:
                    await each.becomes("/readyz", 200)
                return True
        await asyncio.sleep(0.5)
    stage.faults.append(f"lost: {left}")
    return False


async def _compare(stage: Stage) -> None:
    """Every crash that was taken has one incident, and the records of all services agree with it."""
    incidents = await stage.run.store.incidents(limit=1000)
    if len(incidents) != stage.taken:
        stage.faults.append(f"{stage.taken} crashes taken, {len(incidents)} incidents")
    twice = [name for name, n in Counter(each.fingerprint for each in incidents).items() if n > 1]
    stage.faults += [f"doubled: {name}" for name in twice]
    stage.faults += stage.run.world.faults(incidents)


async def _ends(stage: Stage) -> str:
    """Told to end, how long each took at the most."""
    began = time.monotonic()
    ended = [each for each in stage.services if each.process.returncode is not None]
    statuses = await asyncio.gather(*(each.is_told_to_end() for each in stage.services if each not in ended))
    if ended:
        stage.faults.append(f"{len(ended)} of 3 services ended by themselves")
    if any(statuses):
        stage.faults.append(f"ended with {statuses}")
    return f"ended in {time.monotonic() - began:.0f} s"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


# --- all of them --------------------------------------------------------------------------------------------------


def main() -> int:
    """0 where all that was promised was seen, and each control found harm."""
    parser = argparse.ArgumentParser(prog="python -m chaos.misbehaves", description=__doc__)
    parser.add_argument("only", nargs="*", help="the functions of some troubles; none: all")
    only = parser.parse_args().only
    troubles = [each for each in TROUBLES if not only or each.make.__name__ in only]
    good = True
    for trouble in troubles:
        row, kept = _row(trouble)
        _write(row)
        good = good and kept
    return 0 if good else 1


def _row(trouble: Trouble) -> tuple[str, bool]:
    """The row of one trouble, and whether it went as promised."""
    if missing := trouble.missing():
        return f"| {trouble.title} | {trouble.promise} | not tried: this machine has no {missing} | |", True
    stage, after = _tried_alone(trouble)
    says = "; ".join(_counted(stage.faults)) or f"{stage.taken} of {stage.taken} crashes taken, each once"
    found, bad = "", False
    if trouble.control:
        harm, _ = _tried_alone(trouble, without=trouble.control)
        bad = not harm.faults
        found = f"{trouble.control}: {'; '.join(_counted(harm.faults)) or 'NOTHING WAS FOUND'}"
    row = f"| {trouble.title} | {trouble.promise} | {says}; {stage.refused} times 503; {after} | {found} |"
    print(time.strftime("%H:%M:%S"), row, flush=True)
    return row, not stage.faults and not bad


def _tried_alone(trouble: Trouble, *, without: str = "") -> tuple[Stage, str]:
    """On a server of its own."""
    with tempfile.TemporaryDirectory(prefix="kintsugi-pg-") as name:
        folder = Path(name)
        with _a_disk(folder / "disk", small=trouble.small_disk), a_server(folder / "disk") as server:
            return asyncio.run(tried(trouble, server, folder, without=without))


@contextmanager
def _a_disk(folder: Path, *, small: bool) -> Iterator[None]:
    folder.mkdir()
    if not small:
        yield
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=755", "kintsugi", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def _counted(faults: list[str]) -> list[str]:
    return [f"{fault} ({n} times)" if n > 1 else fault for fault, n in Counter(faults).items()]


def _write(row: str) -> None:
    """Into the page, in the place of the one that the same trouble had."""
    before, _, rest = PAGE.read_text().partition(_BEGINS)
    told, _, after = rest.partition(_ENDS)
    known = {row.split("|")[1]: row for row in told.strip().splitlines()[2:]} | {row.split("|")[1]: row}
    table = "\n".join(["| the database is | promised | seen | without … |", "|---|---|---|---|", *known.values()])
    PAGE.write_text(f"{before}{_BEGINS}\n\n{table}\n\n{_ENDS}{after}")


if __name__ == "__main__":
    sys.exit(main())
