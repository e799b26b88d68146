"""The intake of Sentry's SDKs beside a bare aiohttp handler that unpacks, parses and commits the same row.

    python -m bench.reports [events]
    python -m bench.reports noisy [events]      of one failure with 500 names in its words, and another one in between
    python -m bench.reports killed [events]     with real SDKs, and a server that is killed while they report

A storm, on a server that has begun: events of a real shape, gzipped, of fifty failures. Ours redacts them and counts
each on the incident of its failure, in one transaction. The server is a process of its own, killed with SIGKILL after
the last answer; then the rows are counted. Both run on the same file system, in turn, in the same run.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bench.reports_killed import main as killed
from kintsugi.app.desk import Desk
from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.executors.embedded import Embedded
from kintsugi.integrations.clock import SystemClock
from kintsugi.integrations.unconfigured import NoCodeHost
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.persistence.store import SqlStore
from kintsugi.telemetry.redact import redact
from kintsugi.web.reader import Setup
from kintsugi.web.readers import Readers, room_for_readers
from kintsugi.web.reported import Reported
from kintsugi.web.reports import Reports
from kintsugi.web.sentry import EVENT, Item, Project, items_in
from kintsugi.web.server import Server, ServerNeeds, serve
from kintsugi.web.shares import Shares
from kintsugi.workflow.engine import Engine

AT_ONCE, FAILURES, ROUNDS, KEY = 32, 50, 3, "bench-key"
NAMES = 500
BEFORE = 1000  # events of one failure, before the storm: what begins with the first reports is not the storm's


async def main(events: int) -> None:
    print(f"reports: {events} events of {FAILURES} failures, {AT_ONCE} at a time, median of {ROUNDS} rounds")
    rounds = [(await one_round("ours", events), await one_round("bare", events)) for _ in range(ROUNDS)]
    ours, bare = sorted(rounds, key=lambda pair: pair[0]["rate"] / pair[1]["rate"])[ROUNDS // 2]
    for name, found in (("ours", ours), ("bare handler", bare)):
        print(f"  {name:14}{found['rate']:8,.0f}/s   p50 {found['p50']:6.1f} ms   p99 {found['p99']:6.1f} ms", end="")
        print(f"   the first {found['first']:6.1f} ms")
    lost = sum(found["lost"] for pair in rounds for found in pair)
    rate, p99 = ours["rate"] / bare["rate"], ours["p99"] / bare["p99"]
    print(f"  {'ratio':14}{rate:8.2f}     {'':16}   p99 {p99:6.1f}")
    print(f"  answered, then killed with SIGKILL: {lost:.0f} of {2 * ROUNDS * events} rows missing")


async def noisy(events: int) -> None:
    """How many incidents come of it, and how long the other failure took beside the noisy one's own answers."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kintsugi.db"
        async with a_server("ours", file) as url:
            waits, took, other = await beside(f"{url}/api/1/envelope/?sentry_key={KEY}", events)
        incidents, counted = rows_of(file, "incident"), rows_of(file, "inbox")
    half, p99 = 1000 * statistics.median(waits), 1000 * statistics.quantiles(waits, n=100)[98]
    print(f"noisy: {events} events of one failure, {NAMES} names in its words, {AT_ONCE} at a time; one other between")
    print(f"  {incidents} incidents, {counted} of {events + 1} events kept, {events / took:,.0f}/s")
    print(f"  the other was answered after {1000 * other:.0f} ms; the noisy one's p50 {half:.0f} ms, p99 {p99:.0f} ms")


async def beside(url: str, events: int) -> tuple[list[float], float, float]:
    """As `deliver`, of the noisy failure; and how long the other one waited, sent when half of them were."""
    bodies = [gzip.compress(a_noisy_envelope(number)) for number in range(events)]
    half = events // 2
    other = gzip.compress(an_envelope(events))

    async def post(session: aiohttp.ClientSession, body: bytes) -> float:
        began = time.perf_counter()
        async with session.post(url, data=body, headers={"Content-Encoding": "gzip"}) as answer:
            assert answer.status == 200, await answer.text()
        return time.perf_counter() - began

    async def work(session: aiohttp.ClientSession, queue: Iterator[bytes]) -> list[float]:
        return [await post(session, body) for body in queue]

    async def all_of(session: aiohttp.ClientSession, some: list[bytes]) -> list[float]:
        queue = iter(some)
        waits = await asyncio.gather(*[work(session, queue) for _ in range(AT_ONCE)])
        return [wait for each in waits for wait in each]

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE + 1)) as session:
        began = time.perf_counter()
        first = await all_of(session, bodies[:half])
        rest, waited = await asyncio.gather(all_of(session, bodies[half:]), post(session, other))
        return first + rest, time.perf_counter() - began, waited


def a_noisy_envelope(number: int) -> bytes:
    name = f"{number % NAMES:x}".translate(str.maketrans("0123456789abcdef", "abcdefghijklmnop"))
    frame = {"filename": "shop/bills.py", "function": "bill", "lineno": 7, "in_app": True}
    raised = {"type": "ValueError", "value": f"no bill for {name}", "stacktrace": {"frames": [frame]}}
    event = {"event_id": f"{number:032x}", "exception": {"values": [raised]}, "platform": "python"}
    return b"{}\n" + b'{"type":"event"}\n' + json.dumps(event).encode() + b"\n"


@asynccontextmanager
async def a_server(which: str, file: Path) -> AsyncIterator[str]:
    """Its address, in a process of its own that is killed with SIGKILL when the block ends."""
    upgrade(Database.parse(f"sqlite:///{file}"))
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.reports", "serve", which, str(file)), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout
    try:
        yield (await server.stdout.readline()).decode().strip()
    finally:
        server.send_signal(signal.SIGKILL)
        await server.wait()


def rows_of(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return found


async def one_round(which: str, events: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kintsugi.db"
        async with a_server(which, file) as url:
            to = f"{url}/api/1/envelope/?sentry_key={KEY}"
            before = [an_envelope(events + FAILURES * number) for number in range(BEFORE)]
            (first, *_), _ = await deliver(to, before)
            waits, took = await deliver(to, [an_envelope(number) for number in range(events)])
        rows = rows_of(file, "inbox") - BEFORE
    p99 = statistics.quantiles(waits, n=100)[98]
    rate = events / took
    found = {"first": first, "p50": statistics.median(waits), "p99": p99}
    return {"rate": rate, "lost": events - rows} | {name: 1000 * seconds for name, seconds in found.items()}


async def deliver(url: str, envelopes: Sequence[bytes]) -> tuple[list[float], float]:
    """How long each answer took, and all of them together, in seconds."""
    waits: list[float] = []
    queue = iter([gzip.compress(envelope) for envelope in envelopes])

    async def work(session: aiohttp.ClientSession) -> None:
        for body in queue:
            began = time.perf_counter()
            async with session.post(url, data=body, headers={"Content-Encoding": "gzip"}) as answer:
                assert answer.status == 200, await answer.text()
            waits.append(time.perf_counter() - began)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        began = time.perf_counter()
        await asyncio.gather(*[work(session) for _ in range(AT_ONCE)])
        return waits, time.perf_counter() - began


def an_envelope(number: int) -> bytes:
    """Some 12 KB: ten frames with code and locals, forty breadcrumbs."""
    frames = [
        {
            "filename": f"shop/part{at}.py",
            "function": f"step{at}",
            "lineno": 20 + at,
            "in_app": True,
            "context_line": "    return total * coupon['percent']",
            "pre_context": ["def step(total, coupon):", "    check(coupon)"],
            "vars": {"total": "4000", "coupon": "{'amount': 500}"},
        }
        for at in range(10)
    ]
    crumbs = [{"timestamp": 1.7e9 + at, "category": "db", "message": f"SELECT {at} FROM orders"} for at in range(40)]
    raised = {"type": f"Error{number % FAILURES}x", "value": "it failed", "stacktrace": {"frames": frames}}
    event = {"event_id": f"{number:032x}", "exception": {"values": [raised]}, "breadcrumbs": {"values": crumbs}}
    payload = json.dumps(event | {"platform": "python", "release": "shop@1a2b3c4"}).encode()
    return b"{}\n" + json.dumps({"type": "event", "length": len(payload)}).encode() + b"\n" + payload


async def serving(which: str, file: Path) -> None:
    application = ours(file) if which == "ours" else bare(file)
    await serve(application, "127.0.0.1", 0, lambda address: print(address, flush=True))


def ours(file: Path) -> web.Application:
    clock = SystemClock()
    store = SqlStore(Database.parse(f"sqlite:///{file}"), clock)
    executor = Embedded(store, file.with_suffix(".lock"))
    desk = Desk(store, executor, Engine(store, executor, clock, redact=redact), clock)
    intake = Intake(fire=desk.engine.fire, clock=desk.clock, program=Program(), count=desk.engine.count)
    reports = Reports(
        take=Reported(desk.store, desk.clock, intake, NoCodeHost()).take,
        readers=Readers(Setup(intake.program, ())),
        shares=Shares(room_for_readers()),
        clock=clock,
        projects={"1": Project(KEY, a_day=10_000)},
    )
    doors = ServerNeeds(clock=clock, fire=desk.engine.fire, hint=store.hint, ready=_ready, reports=reports)
    return Server(doors).application()


async def _ready() -> None:
    return None


def bare(file: Path) -> web.Application:
    threads = ThreadPoolExecutor(1)
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=OFF")
    columns = "key, incident_id, trigger, actor, outcome, says, at, body"

    def commit(event: dict[str, Any]) -> None:
        row = (event["event_id"], 1, "Captured", "bare", "applied", "", "2026-01-01 00:00:00", json.dumps(event))
        connection.execute(f"INSERT INTO inbox ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # ours

    async def take(request: web.Request) -> web.Response:
        for item in items_in(gzip.decompress(await request.read())):
            assert isinstance(item, Item)
            assert item.kind == EVENT
            event = item.data
            await asyncio.get_running_loop().run_in_executor(threads, commit, event)
        return web.json_response({})

    application = web.Application()
    application.router.add_post("/api/1/envelope/", take)
    return application


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serving(sys.argv[2], Path(sys.argv[3])))
    elif sys.argv[1:2] == ["killed"]:
        sys.exit(asyncio.run(killed(int(sys.argv[2]) if len(sys.argv) > 2 else 5000)))
    elif sys.argv[1:2] == ["noisy"]:
        asyncio.run(noisy(int(sys.argv[2]) if len(sys.argv) > 2 else 10_000))
    else:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000))
