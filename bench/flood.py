"""What a flood of one project's reports costs the others, at the same door, in the same run.

    python -m bench.flood [reports]

The service is `kintsugi run --only web` as it is started. One program floods it: seven reports at once, 120 KB packed
and 500 KB as JSON, as fast as it gets answers. Beside it another program reports a small one now and then, and somebody
asks for /healthz. The figure is how much longer their slowest hundredth takes than in quiet, the median of some rounds.
Then a thousand requests stay half open, and five hundred wrong tokens come from one address.
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
from urllib.parse import urlsplit

import aiohttp

from bench.reports import an_envelope
from kintsugi.web.connections import room_for_connections

FLOODS, QUIET = "1", "2"  # the projects
KEYS = {FLOODS: secrets.token_hex(16), QUIET: secrets.token_hex(16)}
AT_ONCE, PACKED, ROUNDS = 7, 120_000, 3  # of the flood; bytes
HALF_OPEN, WRONG = 1000, 500
TOKEN = secrets.token_urlsafe(24)


async def main(reports: int) -> None:
    run_first()
    print(f"flood: {AT_ONCE} at once of {PACKED // 1000} KB packed; {reports} reports of another, median of {ROUNDS}")
    with tempfile.TemporaryDirectory() as folder:
        async with a_service(Path(folder)) as url:
            await timed(url, 20)  # whatever the first reports start
            rounds = [await one_round(url, reports) for _ in range(ROUNDS)]
            for at, what in enumerate(("a report of another program", "/healthz")):
                shown(what, [each[at] for each in rounds])
            await half_open(url)
            await wrong_tokens(url)


def run_first() -> None:
    """Somebody elsewhere has a processor of their own: this process gets one here as soon as it needs it."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except (AttributeError, PermissionError):
        print("  (not as root on Linux: the times include how long this process itself waits for a processor)")


async def one_round(url: str, reports: int) -> list[tuple[float, float]]:
    """For reports and for /healthz the p99 in quiet and beside a flood, in seconds."""
    quiet = await timed(url, reports)
    async with a_flood(url) as flood:
        beside = await timed(url, reports)
    print(f"  (the flood got {flood.taken:.0f} answers a second, of which {flood.refused:.0%} say to wait)")
    return [(p99(before), p99(then)) for before, then in zip(quiet, beside, strict=True)]


def p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def shown(what: str, rounds: list[tuple[float, float]]) -> None:
    quiet, beside = sorted(rounds, key=lambda pair: pair[1] / pair[0])[len(rounds) // 2]
    times = f"p99 {1000 * quiet:6.1f} ms in quiet, {1000 * beside:6.1f} ms beside"
    print(f"  {what:28} {times}: ratio {beside / quiet:.2f} (2 allowed)")


async def half_open(url: str) -> None:
    """Requests that never end their heads: how /healthz answers meanwhile, and when they are gone."""
    room_for_connections()  # of this process: it has the other ends
    at, began = urlsplit(url), time.perf_counter()
    ends = [await asyncio.open_connection(at.hostname, at.port) for _ in range(HALF_OPEN)]
    for _, writer in ends:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: kintsugi\r\nX-Slow: ")
    slowest = 0.0
    async with aiohttp.ClientSession() as session:
        for _ in range(50):
            asked = time.perf_counter()
            async with session.get(f"{url}/healthz") as answer:
                assert answer.status == 200
            slowest = max(slowest, time.perf_counter() - asked)
    await asyncio.gather(*(reader.read() for reader, _ in ends), return_exceptions=True)
    gone = time.perf_counter() - began
    for _, writer in ends:
        writer.close()
    print(f"  {HALF_OPEN} half-open requests: /healthz at most {1000 * slowest:.0f} ms (1000 allowed)", end="")
    print(f", gone after {gone:.0f} s")


async def wrong_tokens(url: str) -> None:
    """From one address, named as a proxy on this machine names it; then the right one from another."""
    async with aiohttp.ClientSession() as session:

        async def tries(token: str, peer: str) -> int:
            headers, form = {"X-Forwarded-For": peer}, {"token": token}
            async with session.post(f"{url}/login", data=form, headers=headers, allow_redirects=False) as answer:
                return answer.status

        wrong = [await tries("wrong", "192.0.2.1") for _ in range(WRONG)]
        began = time.perf_counter()
        right = await tries(TOKEN, "198.51.100.1")
        took = time.perf_counter() - began
    assert right == 303
    print(f"  {WRONG} wrong tokens from one address ({wrong.count(429)} told to wait)", end="")
    print(f": the right one, from another, opens in {1000 * took:.0f} ms")


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
    """A program elsewhere would use no processor of ours: this one takes what is left."""
    os.nice(19)
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
    settings |= {"KINTSUGI_WEB_TOKEN": TOKEN}
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
