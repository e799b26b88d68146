"""`kintsugi.install()` in programs of their own processes, which report to the real door over loopback."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

import kintsugi
from kintsugi.persistence.database import Database
from kintsugi.reporting import BadAddress, Reporter
from kintsugi.web.sentry import expanded
from kintsugi.workflow.incident import Incident
from tests.world.migrated import migrate
from tests.world.reports import KEY, Door, a_door, free_port
from tests.world.world import World, a_world

ROOT = Path(__file__).parents[2]
BUILD = "a1d0000" + "0" * 33
HEAD = "import asyncio, logging, multiprocessing, sys, threading, traceback\nimport kintsugi\nkintsugi.install()\n"
FAIL = """
def discount(coupon):
    return coupon["percent"]
def checkout():
    return discount({})
"""


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


@pytest.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with a_door(world) as door:
        yield door


def address(door: Door) -> str:
    return door.url.replace("http://", f"http://{KEY}@") + "/42"


async def run(code: str, folder: Path, report_to: str | None) -> tuple[int | None, str]:
    """The program's exit status, and what it wrote to standard error."""
    (folder / "program.py").write_text(HEAD + FAIL + code)
    environment = {"PYTHONPATH": str(ROOT), "KINTSUGI_BUILD_SHA": BUILD, "KINTSUGI_ENV_NAME": "live"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "program.py"),
        cwd=folder,
        env=environment | ({"KINTSUGI_REPORT_URL": report_to} if report_to else {}),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode()


async def the_one(world: World) -> Incident:
    [incident] = await world.store.incidents()
    return incident


WAYS = """
class InAThread(Exception): ...
class NobodyAwaited(Exception): ...
class Logged(Exception): ...
class Printed(Exception): ...
class LoggedAsAText(Exception): ...
class LoggedInColour(Exception): ...
class ToldThreeTimes(Exception): ...
class InAChild(Exception): ...
def fail(kind):
    raise kind("it failed")

child = multiprocessing.get_context("fork").Process(target=fail, args=[InAChild])
child.start()
child.join()

thread = threading.Thread(target=fail, args=[InAThread])
thread.start()
thread.join()

async def main():
    async def failing():
        fail(NobodyAwaited)
    await asyncio.wait([asyncio.ensure_future(failing())])
asyncio.run(main())

try: fail(Logged)
except Logged: logging.getLogger("shop").exception("no bill")

try: fail(Printed)
except Printed: traceback.print_exc()

try: fail(LoggedAsAText)
except LoggedAsAText: logging.error("no bill\\n" + traceback.format_exc())

class InColour(logging.Handler):
    def emit(self, record):
        record.msg, record.exc_info = "\x1b[31m" + record.msg, None

coloured = logging.getLogger("coloured")
coloured.addHandler(InColour())
try: fail(LoggedInColour)
except Exception as error: kept = error
coloured.error("no bill", exc_info=kept)

logging.error("words alone")

try: fail(ToldThreeTimes)
except ToldThreeTimes:
    logging.exception("no bill")
    traceback.print_exc()
    raise
"""


async def test_a_failure_becomes_an_incident_however_it_comes_out(world: World, door: Door, tmp_path: Path):
    _, said = await run(WAYS, tmp_path, address(door))

    incidents = await world.store.incidents()
    payloads = [await world.store.payload(each.id) for each in incidents]
    assert {each.summary.partition(":")[0]: each.count for each in incidents} == {
        "InAThread": 1, "NobodyAwaited": 1, "Logged": 1, "Printed": 1, "LoggedAsAText": 1, "ToldThreeTimes": 1,
        "InAChild": 1, "LoggedInColour": 1,
    }, said  # fmt: skip
    assert {each.exception.final.frames[-1].function for each in payloads if each.exception} == {"fail"}


async def test_a_report_says_all_that_is_known(world: World, door: Door, tmp_path: Path):
    code = """
from kintsugi import telemetry
logging.getLogger("shop.cart").warning("cart is empty", extra={"cart": 4711})
with telemetry.bind(user="alice", intent="checkout", entities={"coupon": "WELCOME5"}):
    try: checkout()
    except KeyError: logging.exception("no bill")
"""

    await run(code, tmp_path, address(door))

    payload = await world.store.payload((await the_one(world)).id)
    assert payload.build.sha == BUILD
    assert payload.build.environment == "live"
    assert (payload.request.user, payload.request.intent) == ("alice", "checkout")
    assert payload.request.entities["coupon"] == "WELCOME5"
    assert any('WARNING shop.cart: cart is empty {"cart": 4711}' in line for line in payload.log)
    assert payload.capsule
    assert (payload.capsule.module, payload.capsule.function) == (
        "program",
        "discount",
    )  # the program's start is not it
    assert "def test_discount():\n    discount({})\n" in payload.capsule.source


@asynccontextmanager
async def an_ear() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Somebody who takes any report and keeps it as it was on the wire."""
    heard: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        heard.append(expanded(await request.read(), request.headers["Content-Encoding"]))
        return web.json_response({})

    application = web.Application()
    application.router.add_post("/api/42/envelope/", take)
    runner = web.AppRunner(application, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://{KEY}@127.0.0.1:{runner.addresses[0][1]}/42", heard
    await runner.cleanup()


async def test_no_secret_leaves_the_process(tmp_path: Path):
    """Neither one that is known, nor one that its shape or its name tells; in texts, locals and the log."""
    code = """
from kintsugi.telemetry.redact import remember
own, shaped, named = "esaelp-nepo-emases"[::-1], "gh" + "p_" + "Q9x" * 12, "!2retnuh"[::-1]
remember([own])
def pay(password, words):
    raise ValueError(f"refused: {words} {shaped}")
logging.info("we begin", extra={"password": named, "words": own})
try: pay(named, own)
except ValueError: logging.exception("with %s", own)
"""
    async with an_ear() as (report_to, heard):
        status, said = await run(code, tmp_path, report_to)

    assert status == 0, said
    assert b"refused: *** ***" in heard[0]
    assert [secret for secret in (b"sesame-", b"Q9xQ9x", b"hunter2") if secret in heard[0]] == []


async def test_a_storm_is_told_in_part(world: World, door: Door, tmp_path: Path):
    code = "for _ in range(500):\n    try: checkout()\n    except KeyError: logging.exception('no bill')"

    status, _ = await run(code, tmp_path, address(door))

    assert status == 0
    assert 1 <= (await the_one(world)).count <= 30


def test_what_sends_runs_before_anything_fails():
    """Python 3.12 starts no thread any more while a program ends, when it is heard what ended it."""
    before = set(threading.enumerate())
    reporter = Reporter(f"http://{KEY}@127.0.0.1:9/42", lambda _: [], build=None, environment=None)
    running = [one for one in set(threading.enumerate()) - before if one.name.startswith("sentry-sdk")]
    reporter.close()

    assert running


async def test_nobody_at_the_address_harms_nobody(tmp_path: Path):
    status, said = await run("checkout()", tmp_path, f"http://{KEY}@127.0.0.1:{free_port()}/42")

    assert status == 1
    assert "KeyError" in said


async def test_without_an_address_it_says_so(tmp_path: Path):
    status, said = await run("", tmp_path, None)

    assert status == 0
    assert said.count("Failures are kept in this process's memory and reported nowhere: set KINTSUGI_REPORT_URL") == 1


@pytest.mark.parametrize(
    "wrong", ["kintsugi.example", "https://kintsugi.example/42", "https://key@kintsugi.example/shop"]
)
def test_a_wrong_address_is_refused_before_anything_is_changed(wrong: str):
    hook = sys.excepthook

    with pytest.raises(BadAddress, match=r"KINTSUGI_REPORT_URL: .* as in https://key@kintsugi\.example/42"):
        kintsugi.install(report_to=wrong)

    assert sys.excepthook is hook
