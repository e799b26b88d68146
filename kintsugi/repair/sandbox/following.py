"""A running box as it is seen from outside: what it prints, how long it takes, and what its launcher tells."""

from __future__ import annotations

import ast
import asyncio
import os
import time
from asyncio.subprocess import Process
from contextlib import suppress
from dataclasses import dataclass

_FLOOD = 64  # a command that prints this many times what we keep is stopped
_STOP_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Followed:
    """What was seen of a running box from outside: the end of its output, and why we stopped it if we did."""

    output: bytes
    stopped: str | None
    seconds: float
    in_time: bool = True


async def follow(process: Process, seconds: float, keep: int) -> Followed:
    assert process.stdout is not None
    started = time.monotonic()
    tail = bytearray()
    printed = 0
    stopped, in_time = None, True
    try:
        async with asyncio.timeout(seconds):
            while stopped is None and (chunk := await process.stdout.read(65536)):
                printed += len(chunk)
                tail = (tail + chunk)[-keep:]
                if printed > keep * _FLOOD:
                    stopped = f"it printed more than {keep * _FLOOD >> 20} MB"
            if stopped is None:
                await process.wait()
    except TimeoutError:
        stopped, in_time = f"it did not end within {seconds:.0f} s", False
    return Followed(bytes(tail), stopped, time.monotonic() - started, in_time)


async def end(process: Process) -> None:
    """Let go of the lifeline; the launcher clears the box. If it does not, it is killed itself."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await asyncio.gather(process.wait(), _drained(process))
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _drained(process: Process) -> None:
    """A launcher that writes into a full pipe would never end."""
    assert process.stdout is not None
    while await process.stdout.read(65536):
        pass


def read_report(fd: int) -> dict[str, object]:
    """The launcher's facts; the first line that tells of a failure wins."""
    os.set_blocking(fd, False)
    text = b""
    with suppress(BlockingIOError):
        while chunk := os.read(fd, 65536):
            text += chunk
    os.close(fd)
    reports: list[dict[str, object]] = [ast.literal_eval(line.decode()) for line in text.splitlines()]
    failures = [report for report in reports if "failed" in report]
    return (failures or reports or [{}])[0]
