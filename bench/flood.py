"""What a flood of one project's reports costs the others, at the same door, in the same run.

    python -m bench.flood [reports]

The service is `kintsugi run --only web` as it is started. One program floods it: seven reports at once, 120 KB packed
and 500 KB as JSON, as fast as it gets answers. Beside it another program reports a small one now and then, and somebody
asks for /healthz. The figure is how much longer their slowest hundredth takes than in quiet.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import secrets
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bench.reports import an_envelope

FLOODS, QUIET = "1", "2"  # the projects
KEYS = {FLOODS: secrets.token_hex(16), QUIET: secrets.token_hex(16)}
AT_ONCE, PACKED = 7, 120_000  # of the flood; bytes


async def main(reports: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with a_service(Path(folder)) as url:
            await timed(url, 20)  # whatever the first reports start
            quiet = await timed(url, reports)
            async with a_flood(url) as flood:
                beside = await timed(url, reports)
            shown("a report of another program", quiet[0], beside[0])
            shown("/healthz", quiet[1], beside[1])
            print(f"  the flood got {flood.taken:.0f} answers a second, of which {flood.refused:.0%} say to wait")


def shown(what: str, quiet: list[float], beside: list[float]) -> None:
    before, then = (statistics.quantiles(each, n=100)[98] for each in (quiet, beside))
    print(f"  {what:28} p99 {1000 * before:6.1f} ms in quiet, {1000 * then:6.1f} ms beside: ratio {then / before:.2f}")


async def timed(url: str, reports: int) -> tuple[list[float], list[float]]:
    """How long each report and each look at /healthz took, one after the other, in seconds."""
    told, asked = [], []
    async with aiohttp.ClientSession() as session:
        for number in range(reports):
            body = gzip.compress(an_envelope(int(time.monotonic() * 1e6)))
            began = time.perf_counter()
            headers = {"Content-Encoding": "gzip"}
            async with session.post(endpoint(url, QUIET), data=body, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
            then = time.perf_counter()
            async with session.get(f"{url}/healthz") as answer:
                assert answer.status == 200
            told.append(then - began)
            asked.append(time.perf_counter() - then)
            await asyncio.sleep(0.02 + 0.01 * (number % 3))
    return told, asked


class Flood:
    taken = refused = 0.0


@asynccontextmanager
async def a_flood(url: str) -> AsyncIterator[Flood]:
    """In a process of its own, for as long as it is looked at."""
    found, began = Flood(), time.monotonic()
    words = (sys.executable, "-m", "bench.flood", "floods", url, KEYS[FLOODS])
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    await process.stdout.readline()  # it has its first answer
    try:
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        answers, refused = json.loads(await process.stdout.read())
        found.taken, found.refused = answers / (time.monotonic() - began), refused / max(answers, 1)
        await process.wait()


async def floods(url: str, key: str) -> None:
    answers = refused = 0
    body, headers = a_large_report(), {"Content-Encoding": "gzip"}
    ends = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ends.set)

    async def work(session: aiohttp.ClientSession) -> None:
        nonlocal answers, refused
        while True:
            async with session.post(endpoint(url, FLOODS, key), data=body, headers=headers) as answer:
                await answer.read()
                answers += 1
                refused += answer.status == 429
                if answers == 1:
                    print("begun", flush=True)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        working = [asyncio.create_task(work(session)) for _ in range(AT_ONCE)]
        await ends.wait()
        for each in working:
            each.cancel()
        await asyncio.gather(*working, return_exceptions=True)
    print(json.dumps([answers, refused]))


def endpoint(url: str, project: str, key: str = "") -> str:
    return f"{url}/api/{project}/envelope/?sentry_key={key or KEYS[project]}"


def a_large_report() -> bytes:
    """120 KB packed: frames with code and locals of words that do not pack well."""
    said, words = random.Random(7), [f"word{number}" for number in range(4000)]  # the same each time
    frames: list[dict[str, object]] = []
    packed = b""

    def text(length: int) -> str:
        return " ".join(said.choice(words) for _ in range(length))

    while len(packed) < PACKED:
        frames += [
            {
                "filename": f"shop/part{len(frames)}.py",
                "function": f"step{len(frames)}",
                "lineno": 20,
                "in_app": True,
                "context_line": text(8),
                "pre_context": [text(8) for _ in range(5)],
                "post_context": [text(8) for _ in range(5)],
                "vars": {f"v{at}": text(20) for at in range(12)},
            }
            for _ in range(10)
        ]
        raised = {"type": "Large", "value": "it failed", "stacktrace": {"frames": frames}}
        event = json.dumps({"platform": "python", "exception": {"values": [raised]}}).encode()
        packed = gzip.compress(b'{}\n{"type":"event"}\n' + event)
    return packed


@asynccontextmanager
async def a_service(folder: Path) -> AsyncIterator[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    projects = {name: {"key": key, "a_day": 100_000} for name, key in KEYS.items()}
    settings = {"KINTSUGI_WEB_BIND": "127.0.0.1:0", "KINTSUGI_SENTRY_PROJECTS": json.dumps(projects)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kintsugi", "run", "--only", "web"),
        cwd=folder,
        env={**kept, **settings, "PYTHONPATH": str(Path(__file__).parents[1])},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    try:
        async for line in process.stderr:
            if b"Listening at " in line:
                yield line.decode().partition("Listening at ")[2].strip()
                break
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["floods"]:
        asyncio.run(floods(*sys.argv[2:4]))
    else:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
