"""Connections that come to nothing are closed, nobody has them all, and who waits for an answer is left alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from logging.handlers import QueueHandler
from queue import SimpleQueue
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web

from kintsugi.web.bodies import body_of
from kintsugi.web.connections import Patience, room_for_connections
from kintsugi.web.server import serve
from tests.world.patience import PATIENCE

HALF = b"GET /healthz HTTP/1.1\r\nHost: kintsugi\r\nX-Slow: "
LONG = Patience(head=PATIENCE, taking=PATIENCE, between=PATIENCE)
End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Server:
    """Answers /healthz at once, /waits when it may, /large without an end, /body what came."""

    def __init__(self) -> None:
        self.url = ""
        self.may, self.asked, self.gone = asyncio.Event(), asyncio.Semaphore(0), asyncio.Event()
        self.opened: list[asyncio.StreamWriter] = []

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/healthz", self._health)
        application.router.add_get("/waits", self._waits)
        application.router.add_get("/large", self._large)
        application.router.add_post("/body", self._body)
        return application

    async def opens(self, say: bytes = b"") -> End:
        at = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(say)
        self.opened.append(writer)
        return reader, writer

    async def closes(self) -> None:
        for writer in self.opened:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self.opened), return_exceptions=True)

    async def health(self) -> int:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/healthz") as answer:
            return answer.status

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _waits(self, _: web.Request) -> web.Response:
        self.asked.release()
        await self.may.wait()
        return web.Response(text="at last")

    async def _large(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(bytes(2**20))
        finally:
            self.gone.set()

    async def _body(self, request: web.Request) -> web.Response:
        return web.Response(body=await body_of(request, seconds=0.05))


@asynccontextmanager
async def a_server(patience: Patience = LONG, most: int | None = None) -> AsyncIterator[Server]:
    server, begun = Server(), asyncio.Event()

    def started(url: str) -> None:
        server.url = url
        begun.set()

    serving = asyncio.create_task(serve(server.application(), "127.0.0.1", 0, started, patience=patience, most=most))
    await begun.wait()
    try:
        yield server
    finally:
        await server.closes()
        server.may.set()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def rest_of(end: End) -> bytes:
    """What still comes, until the other side closes."""
    reader, _ = end
    found = b""
    with suppress(ConnectionError):
        while piece := await reader.read(2**16):
            found += piece
    return found


def half_open() -> int:
    """A thousand, or as many as this machine has files for: both ends are ours."""
    return min(1000, room_for_connections() // 3)


async def test_a_thousand_half_open_requests_keep_health_from_nobody():
    async with a_server() as server:
        ends = [await server.opens(HALF) for _ in range(half_open())]
        healthy = await server.health()

    assert (len(ends), healthy) == (half_open(), 200)


async def test_half_open_requests_are_closed_within_their_deadline():
    async with a_server(Patience(head=0.3)) as server:
        ends = [await server.opens(HALF) for _ in range(half_open())]
        told = await asyncio.gather(*map(rest_of, ends))

    assert set(told) == {b""}


async def test_where_there_are_too_many_the_oldest_that_waits_is_closed():
    async with a_server(most=8) as server:
        ends = [await server.opens(HALF) for _ in range(4)]  # all of one peer, which may have half of them
        healthy = await server.health()
        closed = await rest_of(ends[0])
        ends[3][1].write(b"done\r\nConnection: close\r\n\r\n")
        finished = await rest_of(ends[3])

    assert (healthy, closed) == (200, b"")
    assert b"200 OK" in finished


async def test_nobody_who_waits_for_an_answer_is_closed_and_who_comes_new_is_not_taken():
    request = b"GET /waits HTTP/1.1\r\nHost: kintsugi\r\nConnection: close\r\n\r\n"
    async with a_server(most=8) as server:
        ends = [await server.opens(request) for _ in range(4)]
        for _ in ends:
            await server.asked.acquire()
        refused = await rest_of(await server.opens(request))
        server.may.set()
        told = [await rest_of(end) for end in ends]

    assert refused == b""
    assert all(b"at last" in each for each in told)


async def test_a_kept_connection_waits_between_its_requests():
    request = b"GET /healthz HTTP/1.1\r\nHost: kintsugi\r\n\r\n"
    async with a_server(most=4) as server:
        reader, writer = await server.opens()
        for _ in range(2):
            writer.write(request)
            await reader.readuntil(b"ok")
        other = await server.opens(request)
        await other[0].readuntil(b"ok")
        third = await server.opens(request)  # of one peer there may be two
        await third[0].readuntil(b"ok")
        told = await rest_of((reader, writer))

    assert told == b""


async def test_who_takes_nothing_of_an_answer_is_closed():
    async with a_server(Patience(taking=0.2)) as server:
        reader, writer = await server.opens(b"GET /large HTTP/1.1\r\nHost: kintsugi\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await server.gone.wait()
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        taken = await rest_of((reader, writer))

    assert taken.startswith(b"HTTP/1.1 200 OK")


async def test_a_body_that_does_not_come_is_not_waited_for():
    async with a_server() as server:
        slow = await rest_of(await server.opens(b"POST /body HTTP/1.1\r\nHost: k\r\nContent-Length: 9\r\n\r\nhalf"))
        torn = await server.opens(b"POST /body HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        told = await rest_of(torn)

    assert b" 408 " in slow.splitlines()[0]
    assert b" 400 " in told.splitlines()[0]


@pytest.mark.parametrize(
    "request_", [b"\x16\x03\x01\x02\x00", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", b"\0" * 9000]
)
async def test_what_is_no_http_is_told_in_one_line(request_: bytes):
    noted: SimpleQueue[logging.LogRecord] = SimpleQueue()
    listens = QueueHandler(noted)
    logging.getLogger().addHandler(listens)
    try:
        async with a_server() as server:
            reader, writer = await server.opens(request_)
            writer.write_eof()
            told = await rest_of((reader, writer))
            healthy = await server.health()
    finally:
        logging.getLogger().removeHandler(listens)

    lines = [noted.get() for _ in range(noted.qsize())]
    assert healthy == 200
    assert told == b"" or told.split()[1] in (b"400", b"404")  # HTTP/0.9 is HTTP to the parser for Python 3.13
    assert [(line.name, line.levelname, "\n" in line.getMessage()) for line in lines] in (
        [],
        [("kintsugi.web.requests", "WARNING", False)],
    )
