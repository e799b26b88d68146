"""The processes that read reports: what they answer, what they may know, and what breaks them."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import queue
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from logging.handlers import QueueHandler
from pathlib import Path

import pytest

from kintsugi.capture.program import Program
from kintsugi.telemetry.redact import of_this_process
from kintsugi.web.reader import Setup
from kintsugi.web.readers import Readers
from kintsugi.web.reading import Delivery, Failed, Fault
from kintsugi.web.sentry import Project
from tests.world.make import NOON
from tests.world.reports import KEY, an_envelope, an_event

ROOT = Path(__file__).parents[2]
SECRET = secrets.token_urlsafe(24)


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    readers = Readers(Setup(Program(source=Path("/nowhere")), (SECRET,)))
    await readers.begin()
    yield readers
    await readers.close()


def a_delivery(body: bytes, **changes: object) -> Delivery:
    common = {"name": "42", "project": Project(KEY), "key": KEY, "encoding": "", "bare": False, "at": NOON}
    return Delivery(**{**common, "body": body, **changes})  # type: ignore[arg-type]


def of(readers: Readers) -> list[int]:
    return [reader.process.pid for reader in readers._all]


async def test_what_is_read_is_told_without_our_secrets_and_what_was_noted_is_logged_here(
    readers: Readers,
):
    hidden, noted = sum(of_this_process().hidden.values()), queue.SimpleQueue[logging.LogRecord]()
    event, listens = an_event(extra={"said": f"no luck with {SECRET}"}), QueueHandler(noted)
    logging.getLogger("kintsugi.service").addHandler(listens)

    (found,) = await readers.read(a_delivery(gzip.compress(an_envelope(event)), encoding="gzip"))
    logging.getLogger("kintsugi.service").removeHandler(listens)

    (failed,) = found.items
    assert isinstance(failed, Failed)
    assert failed.id == found.id == event["event_id"]
    assert SECRET not in failed.payload.model_dump_json()
    assert sum(of_this_process().hidden.values()) > hidden  # by whatever it was found
    assert [noted.get().message for _ in range(noted.qsize())] == ["source_not_found"]


async def test_who_answers_comes_before_who_reads(readers: Readers):
    await readers.read(a_delivery(an_envelope(an_event())))

    assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in of(readers)} == {min(os.nice(0) + 19, 19)}


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KINTSUGI_WEB_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET)


@pytest.mark.usefixtures("planted")
async def test_a_reader_is_told_nothing_by_its_environment_or_its_arguments():
    readers = Readers(Setup(Program(), (SECRET,)))
    await readers.begin()
    await readers.read(a_delivery(an_envelope(an_event())))

    known = [Path(f"/proc/{pid}/{where}").read_bytes() for pid in of(readers) for where in ("environ", "cmdline")]
    await readers.close()

    assert known
    assert not any(SECRET.encode() in each or b"KINTSUGI_" in each for each in known)


async def test_a_reader_that_dies_costs_one_delivery_and_is_replaced(readers: Readers):
    await readers.read(a_delivery(an_envelope(an_event())))
    for pid in of(readers):
        os.kill(pid, signal.SIGSTOP)  # so that it is found at work, however fast it is
    reading = asyncio.create_task(readers.read(a_delivery(an_envelope(an_event()))))
    await asyncio.sleep(0)
    for pid in of(readers):
        os.kill(pid, signal.SIGKILL)
    (lost,) = await reading
    found = [(await readers.read(a_delivery(an_envelope(an_event()))))[0] for _ in range(4)]

    assert lost.fault
    assert [bool(each.items) for each in found][-1]


async def test_a_reader_that_died_while_it_had_nothing_to_do_costs_nothing(readers: Readers):
    await readers.read(a_delivery(an_envelope(an_event())))
    for reader in list(readers._all):
        os.kill(reader.process.pid, signal.SIGKILL)
        await reader.process.wait()

    found = [(await readers.read(a_delivery(an_envelope(an_event()))))[0] for _ in range(3)]

    assert [each.fault for each in found] == [None] * 3


async def test_where_a_reader_dies_over_several_each_of_them_is_read_again_alone(readers: Readers):
    await readers.read(a_delivery(an_envelope(an_event())))
    for pid in of(readers):
        os.kill(pid, signal.SIGSTOP)
    reading = asyncio.create_task(readers.read(*[a_delivery(an_envelope(an_event(str(at)))) for at in range(5)]))
    await asyncio.sleep(0)
    for pid in of(readers):
        os.kill(pid, signal.SIGKILL)
    found = await reading

    assert len(found) == 5
    assert [bool(each.items) for each in found][-1]


async def test_a_delivery_that_takes_too_long_is_refused_and_holds_nobody_up():
    readers = Readers(Setup(Program(), ()), seconds=0.001)
    await readers.begin()
    try:
        (found,) = await readers.read(a_delivery(an_envelope(an_event())))
    finally:
        await readers.close()

    assert found.fault
    assert "too long" in found.fault.says


async def test_a_delivery_that_makes_too_much_of_itself_is_refused(readers: Readers):
    """Ten megabytes of lists become a hundred times as much; the reader has a bound, and the service is another process."""
    bomb = b'{}\n{"type":"event"}\n{"extra":' + b"[" * 900 + b"]" * 900 + b"}"
    wide = b"\n".join([b"{}", *[b'{"type":"event"}\n' + json.dumps({"extra": {"a": [[]] * 200_000}}).encode()] * 9])

    (deep,), (broad,) = await readers.read(a_delivery(bomb)), await readers.read(a_delivery(wide))
    (after,) = await readers.read(a_delivery(an_envelope(an_event())))

    assert all(isinstance(each, Failed | Fault) for each in (*deep.items, *broad.items))
    assert isinstance(after.items[0], Failed)


def test_a_reader_loads_nothing_of_what_it_does_not_do():
    """One more begins with each flood: it needs neither the lifecycle nor what listens to a program."""
    others = {"asyncio", "kintsugi.telemetry.installation", "kintsugi.workflow.triggers", "transitions"}
    program = f"import sys, kintsugi.web.reader; print(sorted({others!r} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
