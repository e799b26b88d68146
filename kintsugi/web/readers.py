"""The processes that read deliveries: the service's loop must not wait for them, nor share an interpreter with them.

Each reads what one sender sent at a time. One that ends, or takes too long over a delivery, is replaced, and the
delivery is refused.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from contextlib import suppress

from kintsugi.children import environment
from kintsugi.telemetry.redact import of_this_process
from kintsugi.web.reader import LENGTH, Answer, Setup, packed
from kintsugi.web.reading import Delivery, Fault, Read
from kintsugi.web.shares import Room

SECONDS = 60.0  # for one delivery, on a machine that has much else to do
# What is pickled is not of `__main__` then. Garbage is seldom looked for, as there is none among what is loaded.
_BEGINS = "import gc; gc.set_threshold(20_000); from kintsugi.web.reader import main; main()"
_BROKEN = "This broke what reads it, or takes too long to read."
log = logging.getLogger("kintsugi.web")


def room_for_readers() -> Room:
    """As many readers as processors, of which one is for whoever comes next, whatever one program sends."""
    readers = max(3, min(os.cpu_count() or 1, 4))
    return Room(places=readers, places_each=readers - 2)


class Readers:
    """At most so many, of which one more than are busy is kept ready, as beginning one takes a second."""

    def __init__(self, setup: Setup, most: int = 3, *, seconds: float = SECONDS) -> None:
        self._setup, self._most, self._seconds = setup, most, seconds
        self._idle = asyncio.LifoQueue[_Reader]()  # whoever read last knows what it read, and its memory is warm
        self._all: set[_Reader] = set()
        self._beginning: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """One, before the first delivery comes; with that begins the next, for others than who has begun a flood."""
        self._add()

    async def read(self, *deliveries: Delivery) -> Sequence[Read]:
        """What each says. Never raises: where one of them breaks its reader, each goes alone, and that one is told."""
        try:
            return await self._read(deliveries)
        except (TimeoutError, OSError, EOFError) as error:
            if len(deliveries) > 1:
                return [read for each in deliveries for read in await self.read(each)]
            log.warning("report_parser_crashed", extra={"project": deliveries[0].name, "why": type(error).__name__})
            return [Read(fault=Fault(_BROKEN))]

    async def _read(self, deliveries: tuple[Delivery, ...]) -> Sequence[Read]:
        reader = None
        try:
            async with asyncio.timeout(self._seconds):
                reader = await self._next()
                answer = await reader.asked(deliveries)
        except BaseException:  # also where nobody waits any more: its answer would be taken for the next one's
            self._end(reader)
            raise
        self._idle.put_nowait(reader)
        return _told(answer)

    async def _next(self) -> _Reader:
        """One that is idle. What ended meanwhile, as a system does that is short of memory, is replaced."""
        while True:
            if self._idle.qsize() <= 1:
                self._add()
            reader = await self._idle.get()
            if reader.process.returncode is None:
                return reader
            self._end(reader)

    async def close(self) -> None:
        """End them all."""
        for task in self._beginning:
            task.cancel()
        await asyncio.gather(*self._beginning, return_exceptions=True)
        gone = list(self._all)
        for reader in gone:
            self._end(reader)
        await asyncio.gather(*(reader.process.wait() for reader in gone))

    def _add(self) -> None:
        if len(self._all) + len(self._beginning) < self._most:
            task = asyncio.create_task(self._begin_one())
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    async def _begin_one(self) -> None:
        try:
            reader = await _Reader.begun(self._setup)
        except (OSError, EOFError) as error:
            log.warning("report_parser_not_started", extra={"why": str(error)})
            return
        self._all.add(reader)
        self._idle.put_nowait(reader)

    def _end(self, reader: _Reader | None) -> None:
        if reader:
            self._all.discard(reader)
            reader.end()


class _Reader:
    """One process, and the way to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def begun(cls, setup: Setup) -> _Reader:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", _BEGINS),
            env=environment({"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}),
            stdin=PIPE,
            stdout=PIPE,
            # Ctrl-C is for the service, which ends its readers. A group is enough for that. In a session of its own a
            # reader's low priority would not count: Linux shares the processor between sessions first.
            process_group=0,
        )
        reader = cls(process)
        try:
            await reader._asked(setup)
        except BaseException:
            reader.end()
            await process.wait()
            raise
        return reader

    async def asked(self, deliveries: tuple[Delivery, ...]) -> Answer:
        """Raises OSError, EOFError where it has ended."""
        answer: Answer = pickle.loads(await self._asked(deliveries))  # noqa: S301  # of a process of ours
        return answer

    async def _asked(self, value: object) -> bytes:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(packed(value))
        await self.process.stdin.drain()
        head = await self.process.stdout.readexactly(LENGTH.size)
        return await self.process.stdout.readexactly(LENGTH.unpack(head)[0])

    def end(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()


def _told(answer: Answer) -> Sequence[Read]:
    """What the reader noted and counted is ours from here on."""
    for record in answer.logged:
        logging.getLogger(record.name).handle(record)
    for kind, count in answer.hidden.items():
        of_this_process().hidden[kind] += count
    return answer.found
