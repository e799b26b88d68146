"""How a service ends: in its time when it is told to, and by itself where it stands still."""

from __future__ import annotations

import asyncio
import signal
import sys

_HANGS = """
import asyncio, datetime
from kintsugi.app.ending import until_told

async def hangs():
    print("begun", flush=True)
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass  # somebody's library swallows it

asyncio.run(until_told(hangs(), within=datetime.timedelta(seconds=0.5)))
"""
_BLOCKED = """
import time
from kintsugi.app.ending import watched

with watched(lambda: 7, every=0.05, still=5):
    time.sleep(3600)
"""
_MOVES = """
import itertools, time
from kintsugi.app.ending import watched

with watched(itertools.count().__next__, every=0.01, still=5):
    time.sleep(0.5)
"""


async def started(program: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def test_what_does_not_end_in_its_time_is_left():
    process = await started(_HANGS)
    assert process.stdout
    await process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        _, said = await process.communicate()

    assert process.returncode == 0
    assert b"forced_exit" in said


async def test_a_worker_that_stands_still_ends_its_process():
    process = await started(_BLOCKED)
    async with asyncio.timeout(60):
        _, said = await process.communicate()

    assert process.returncode == 1
    assert b"forced_exit" in said


async def test_a_worker_that_moves_is_let_alone():
    process = await started(_MOVES)
    async with asyncio.timeout(60):
        await process.communicate()

    assert process.returncode == 0
