"""A program that reports, and the real door for it over loopback; or a whole server in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.persistence.scheduled import ScheduledJobs
from kintsugi.telemetry.counts import Tally
from kintsugi.web.reading import Delivery, Read, read
from kintsugi.web.reported import Reported
from kintsugi.web.reports import Reports
from kintsugi.web.sentry import Project
from kintsugi.web.server import Server, ServerNeeds
from kintsugi.web.shares import Room, Shares
from tests.world import terminal
from tests.world.terminal import StartedInLoop
from tests.world.world import World

ROOT = Path(__file__).parents[2]
KEY = "0f" * 16


@dataclass
class Door:
    url: str
    session: aiohttp.ClientSession
    passed_over: Tally
    read_whole: list[bool]  # of each delivery that was read: whether more than its outline was
    reported: Reported

    async def half_posts(self) -> asyncio.StreamWriter:
        """Begins a report and does not go on; the head is read when this returns."""
        at = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        head = (
            f"POST /api/42/envelope/?sentry_key={KEY} HTTP/1.1\r\nHost: k\r\nContent-Length: 9\r\nExpect: 100-continue"
        )
        writer.write(f"{head}\r\n\r\n".encode())
        await reader.readuntil(b"100 Continue\r\n\r\n")
        writer.write(b"half")
        return writer

    async def post(
        self,
        body: bytes,
        encoding: str = "",
        *,
        key: str = KEY,
        path: str = "envelope",
        peer: str = "",
        project: str = "42",
    ) -> tuple[int, Any]:
        """`peer`: whom a proxy on this machine names."""
        headers = {"X-Sentry-Auth": f"Sentry sentry_key={key}, sentry_version=7"} | (
            {"Content-Encoding": encoding} if encoding else {}
        )
        headers |= {"X-Forwarded-For": peer} if peer else {}
        async with self.session.post(f"{self.url}/api/{project}/{path}/", data=body, headers=headers) as answer:
            return answer.status, await answer.json()


@dataclass
class ReadsHere:
    """Reads in a thread of the test, whose coverage and clock it shares."""

    program: Program
    whole: list[bool] = field(default_factory=list)

    async def begin(self) -> None: ...

    async def read(self, *deliveries: Delivery) -> Sequence[Read]:
        self.whole += [each.whole for each in deliveries]
        return await asyncio.to_thread(lambda: [read(each, self.program) for each in deliveries])

    async def close(self) -> None: ...


@asynccontextmanager
async def a_door(
    world: World,
    project: Project | None = None,
    program: Program = Program(),  # noqa: B008  # frozen
    *,
    inside: int = 128,
    others: Mapping[str, Project] = {},  # only read
    jobs: ScheduledJobs | None = None,
) -> AsyncIterator[Door]:
    intake = Intake(
        fire=world.engine.fire,
        clock=world.clock,
        program=program,
        contains=world.host.contains,
        count=world.engine.count,
    )
    passed_over, readers = Tally(), ReadsHere(program)
    reported = Reported(world.store, world.clock, intake, world.host, jobs or ScheduledJobs(world.store))
    doors = ServerNeeds(
        clock=world.clock,
        fire=world.engine.fire,
        hint=world.store.hint,
        ready=_ready,
        reports=Reports(
            take=reported.take,
            readers=readers,
            shares=Shares(Room(places=3, places_each=1, inside=inside)),
            clock=world.clock,
            projects={"42": project or Project(KEY), **others},
            passed_over=passed_over,
        ),
    )
    runner = web.AppRunner(Server(doors).application(), access_log=None, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            yield Door(f"http://127.0.0.1:{runner.addresses[0][1]}", session, passed_over, readers.whole, reported)
    finally:
        await runner.cleanup()


async def _ready() -> None:
    return None


def an_event(id: str = "1", kind: str = "KeyError", **changes: Any) -> dict[str, Any]:
    frames = [{"filename": "shop/pricing.py", "function": "discount", "lineno": 12, "in_app": True}]
    raised = {"type": kind, "value": "'percent'", "stacktrace": {"frames": frames}}
    return {"event_id": id.rjust(32, "0"), "platform": "python", "exception": {"values": [raised]}} | changes


def an_envelope(*events: dict[str, Any]) -> bytes:
    items = [b"{}"]
    for event in events:
        payload = json.dumps(event).encode()
        items += [json.dumps({"type": "event", "length": len(payload)}).encode(), payload]
    return b"\n".join(items) + b"\n"


_CRASHES = """
import json, sys, time, sentry_sdk
class Told(sentry_sdk.transport.HttpTransport):
    def _request(self, method, endpoint_type, body, headers):
        try:
            answer = super()._request(method, endpoint_type, body, headers)
        except Exception:
            time.sleep(0.2)  # the server is away, and the SDK drops what it has: not all of it at once
            raise
        if answer.status == 200:
            print(json.loads(answer.data)["id"], flush=True)
        return answer
dsn, name, events, failures = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sentry_sdk.init(dsn=dsn, transport=Told, default_integrations=False)
for number in range(events):
    try:
        raise type(f"Error{name}x{number % failures}", (Exception,), {})("it failed")
    except Exception:
        sentry_sdk.capture_exception()
    sentry_sdk.flush(30)
"""


async def a_program(port: int, name: int, events: int, *, failures: int) -> asyncio.subprocess.Process:
    """A process with the real SDK that crashes so often, in so many ways of its own, and waits for each answer."""
    given = (f"http://{KEY}@127.0.0.1:{port}/42", str(name), str(events), str(failures))
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _CRASHES, *given), stdout=asyncio.subprocess.PIPE
    )


async def accepted_of(program: asyncio.subprocess.Process) -> AsyncIterator[str]:
    """The ids of the events that were answered with 200, as they come, until the program ends."""
    assert program.stdout
    while line := await program.stdout.readline():
        yield line.decode().strip()


async def a_server(folder: Path, port: int) -> StartedInLoop:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    env = {
        **kept,
        "PYTHONPATH": str(ROOT),
        "KINTSUGI_WEB_BIND": f"127.0.0.1:{port}",
        "KINTSUGI_SENTRY_PROJECTS": json.dumps({"42": {"key": KEY, "a_day": 10_000}}),
    }
    process = await terminal.start_in_loop(["run", "--only", "web"], folder, env)
    assert process.stderr
    async for line in process.stderr:
        if b"Listening" in line:
            return process
    raise AssertionError("the server did not start")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
