"""The webhook intake beside a bare aiohttp handler that only verifies the signature and commits the same inbox row.

    python -m bench.webhooks [deliveries]

Each delivery is the merge of another incident: ours decides, and writes incident, history, inbox and two effects in one
transaction. The server is a process of its own, killed with SIGKILL as soon as the last answer is here; then the rows
are counted. Both run on the same file system, in turn, in the same run.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from aiohttp import web
from sqlalchemy import insert

from kintsugi.executors.embedded import Embedded
from kintsugi.integrations.clock import SystemClock
from kintsugi.persistence.codec import incident_to_json
from kintsugi.persistence.database import Database
from kintsugi.persistence.ledger import SqlLedger
from kintsugi.persistence.migrations import upgrade
from kintsugi.persistence.store import SqlStore
from kintsugi.persistence.tables import INCIDENT
from kintsugi.web.github import parse, verify
from kintsugi.web.server import Server, ServerNeeds
from kintsugi.workflow.engine import Engine
from kintsugi.workflow.incident import Incident, PullRequest
from kintsugi.workflow.ports import Ledger
from kintsugi.workflow.states import State
from kintsugi.workflow.triggers import PullRequestMerged

AT_ONCE = 32
ROUNDS = 3
REPOSITORY = "shop/checkout"


async def main(deliveries: int) -> None:
    print(f"webhooks: {deliveries} signed deliveries, {AT_ONCE} at a time, median of {ROUNDS} rounds")
    rounds = [(await one_round("ours", deliveries), await one_round("bare", deliveries)) for _ in range(ROUNDS)]
    ours = sorted(rounds, key=lambda pair: pair[0]["rate"] / pair[1]["rate"])[ROUNDS // 2]
    for name, found in zip(("ours", "bare handler"), ours, strict=True):
        print(f"  {name:14}{found['rate']:8,.0f}/s   p50 {found['p50']:6.1f} ms   p99 {found['p99']:6.1f} ms")
    print(f"  ratio         {ours[0]['rate'] / ours[1]['rate']:8.2f}      target for p99: 250 ms")
    lost = sum(found["lost"] for pair in rounds for found in pair)
    print(f"  answered, then killed with SIGKILL: {lost:.0f} of {2 * ROUNDS * deliveries} rows missing")


async def one_round(which: str, deliveries: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kintsugi.db"
        await prepare(file, deliveries)
        secret = secrets.token_hex(16)
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.webhooks", "serve", which, str(file)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert server.stdin
        assert server.stdout
        server.stdin.write(f"{secret}\n".encode())
        url = (await server.stdout.readline()).decode().strip()
        waits, took = await deliver(url, secret, deliveries)
        server.send_signal(signal.SIGKILL)
        await server.wait()
        with sqlite3.connect(file) as connection:
            (rows,) = connection.execute("SELECT count(*) FROM inbox WHERE outcome = 'applied'").fetchone()
        connection.close()
    p99 = statistics.quantiles(waits, n=100)[98]
    return {
        "rate": deliveries / took,
        "p50": 1000 * statistics.median(waits),
        "p99": 1000 * p99,
        "lost": deliveries - rows,
    }


async def prepare(file: Path, incidents: int) -> None:
    """A database with so many incidents whose pull request is open."""
    url = Database.parse(f"sqlite:///{file}")
    upgrade(url)
    store, now = SqlStore(url, SystemClock()), datetime.now(UTC)

    def rows(ledger: Ledger) -> None:
        assert isinstance(ledger, SqlLedger)
        ledger.connection.execute(insert(INCIDENT), [row(number, now) for number in range(1, incidents + 1)])

    await store.transact(rows)
    await store.close()


def row(number: int, now: datetime) -> dict[str, object]:
    pull_request = PullRequest(number, f"https://localhost/{number}", f"kintsugi/inc-{number}-fix", "0" * 40)
    incident = Incident(
        id=number,
        state=State.PR_OPENED,
        fingerprint=f"v1:{number:016x}",
        summary="KeyError: 'percent'",
        opened_by="bench",
        opened_at=now,
        updated_at=now,
        pull_request=pull_request,
    )
    return {
        "id": number,
        "state": incident.state.value,
        "fingerprint": incident.fingerprint,
        "open_fingerprint": incident.fingerprint,
        "has_open_pull_request": True,
        "opened_at": now,
        "updated_at": now,
        "facts": incident_to_json(incident),
    }


async def deliver(url: str, secret: str, deliveries: int) -> tuple[list[float], float]:
    """How long each answer took, and all of them together, in seconds."""
    bodies = [a_merge(number) for number in range(1, deliveries + 1)]
    signatures = [hmac.new(secret.encode(), body, "sha256").hexdigest() for body in bodies]
    waits: list[float] = []
    queue = iter(zip(bodies, signatures, strict=True))

    async def work(session: aiohttp.ClientSession) -> None:
        for body, signature in queue:
            headers = {
                "X-GitHub-Event": "pull_request",
                "Content-Type": "application/json",
                "X-Hub-Signature-256": f"sha256={signature}",
            }
            began = time.perf_counter()
            async with session.post(url, data=body, headers=headers) as answer:
                assert answer.status == 202, await answer.text()
            waits.append(time.perf_counter() - began)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        began = time.perf_counter()
        await asyncio.gather(*[work(session) for _ in range(AT_ONCE)])
        return waits, time.perf_counter() - began


def a_merge(number: int) -> bytes:
    """A delivery as large as GitHub's: some 20 KB, of which little is read."""
    pull = {
        "number": number,
        "merged": True,
        "merge_commit_sha": f"{number:040x}",
        "head": {"ref": f"kintsugi/inc-{number}-fix", "sha": "0" * 40, "repo": {"full_name": REPOSITORY}},
        "_links": {f"link_{at}": {"href": f"https://localhost/{number}/{at}"} for at in range(400)},
    }
    about = {"repository": {"full_name": REPOSITORY}, "sender": {"login": "rita"}}
    return json.dumps({"action": "closed", "number": number, "pull_request": pull, **about}).encode()


# --- the servers ------------------------------------------------------------------------------------------------


async def serve(which: str, file: Path, secret: str) -> None:
    application = ours(file, secret) if which == "ours" else bare(file, secret)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/github", flush=True)
    await asyncio.Event().wait()


def ours(file: Path, secret: str) -> web.Application:
    clock = SystemClock()
    store = SqlStore(Database.parse(f"sqlite:///{file}"), clock)
    engine = Engine(store, Embedded(store, file.with_suffix(".lock")), clock, redact=str)

    async def ready() -> str | None:
        return None

    doors = ServerNeeds(
        clock=clock,
        fire=engine.fire,
        hint=store.hint,
        ready=ready,
        github_repository=REPOSITORY,
        github_secrets=(secret,),
    )
    return Server(doors).application()


def bare(file: Path, secret: str) -> web.Application:
    threads = ThreadPoolExecutor(1)

    def opened() -> sqlite3.Connection:
        connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    connection = opened()

    def commit(merge: PullRequestMerged) -> None:
        values = (merge.key, merge.incident, "PullRequestMerged", merge.actor, "applied", merge.says, str(merge.at))
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO inbox (key, incident_id, trigger, actor, outcome, says, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        connection.execute("COMMIT")

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        if not verify(body, request.headers.get("X-Hub-Signature-256"), [secret]):
            return web.Response(status=401)
        told = parse(request.headers, body, REPOSITORY, datetime.now(UTC))
        assert isinstance(told, PullRequestMerged)
        await asyncio.get_running_loop().run_in_executor(threads, commit, told)
        return web.Response(status=202)

    application = web.Application()
    application.router.add_post("/webhooks/github", take)
    return application


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(sys.argv[2], Path(sys.argv[3]), sys.stdin.readline().strip()))
    else:
        asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 2000))
