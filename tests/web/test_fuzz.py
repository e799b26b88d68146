"""Whatever is asked, by whomever: never a fault of the server, and never more than a line of the log.

The requests are made by chance from a seed, byte for byte, as HTTP libraries refuse to send such things. Each route of
the application is asked, so that a new one is asked by itself: with a session and without, signed and not.
"""

from __future__ import annotations

import asyncio
import gzip
import hmac
import json
import logging
import random
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

import aiohttp
import pytest
from aiohttp import web

from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.persistence.database import Database
from kintsugi.persistence.sessions import SqlSessions
from kintsugi.web.entrance import ONCE
from kintsugi.web.login import Links
from kintsugi.web.metrics import MetricNeeds, Metrics, Readers
from kintsugi.web.needs import PageNeeds
from kintsugi.web.pages import Pages
from kintsugi.web.railway import RailwayDoor
from kintsugi.web.reported import Reported
from kintsugi.web.reports import Reports
from kintsugi.web.sentry import Project
from kintsugi.web.server import Server, ServerNeeds, serve
from kintsugi.web.shares import Room, Shares
from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.production import Production
from tests.world.migrated import migrate
from tests.world.ports import ScriptedCommits
from tests.world.reports import KEY, ReadsHere, an_event
from tests.world.viewer import Page
from tests.world.world import World, a_world

SEEDS, REQUESTS = range(4), 350
SECRET = secrets.token_urlsafe(24)
LONE, YEAR_1 = "\ud800", "0001-01-01T00:00:00+14:00"

WORDS = [b"", b"1", b"7", b"9" * 23, b"-1", b"0", "²".encode(), "٣".encode(), b"\xff\xfe", b"\xed\xa0\x80", b"\0"]
WORDS += [b"a" * 6000, b"../../etc/passwd", b"{{7*7}}", b"<script>", "\u202e".encode(), b"cancel", b"confirm", b"None"]
TYPES = [b"application/x-www-form-urlencoded", b"application/x-www-form-urlencoded; charset=klingon"]
TYPES += [b"application/json", b"multipart/form-data", b"multipart/form-data; boundary=x", b"text/plain; charset=\xff"]
TYPES += [b"application/x-sentry-envelope", b"", b";", b"application/json; charset=utf-16"]
ORIGINS = [b"null", b"http://[", b"http://", b"https://evil.example", b"\xff", b"http://a:b:c"]
ENCODINGS = [b"gzip", b"deflate", b"br", b"zstd", b"", b"gzip, gzip", b"\xff", b"identity"]
ODD_HEADERS = [
    b"Accept: \xff",
    b"Accept: application/openmetrics-text; version=9",
    b"Range: bytes=5-1",
    b"X: " + b"y" * 9000,
]
ODD_HEADERS += [b"If-Modified-Since: " + YEAR_1.encode(), b"Authorization: Bearer \xff", b"Authorization: Sentry"]
ODD_HEADERS += [b"X-Forwarded-For: \xff, 1.2.3", b"X-Forwarded-Proto: https", b"Expect: 100-continue", b"Expect: tea"]
ODD_HEADERS += [
    b"Transfer-Encoding: chunked",
    b"Upgrade: websocket",
    b"Cookie: kintsugi_session=\xff.\xff.\xff",
    b"Host: \xff",
]
ODD_HEADERS += [
    b"X-Hub-Signature-256: sha256=\xff\xed\xa0\x80",
    b"X-Sentry-Auth: Sentry sentry_key=\xff",
    b"X-GitHub-Event: \xff",
]


class NobodyAtDiscord:
    """Lets nobody in."""

    secret = SECRET

    def address(self, state: str, challenge: str) -> str:
        return f"https://discord.test/?state={state}&challenge={challenge}"

    async def member(self, code: str, verifier: str) -> Any:
        raise Refusal("Nobody of the server.")


@dataclass
class House:
    """Every door of the service, with somebody logged in."""

    url: str
    paths: list[tuple[str, str]]
    cookie: str
    csrf: str

    async def answers(self, request: bytes) -> int | None:
        """The status; None where the connection is closed without one."""
        at = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        try:
            writer.write(request)
            if is_torn(request):  # no more will come
                writer.write_eof()
            line = await reader.readline()
        except ConnectionError:
            return None
        finally:
            writer.close()
        return int(line.split(b" ", 2)[1]) if line else None


@asynccontextmanager
async def a_house(world: World) -> AsyncIterator[House]:
    intake = Intake(fire=world.engine.fire, clock=world.clock, program=Program(), contains=world.host.contains)
    reported = Reported(world.store, world.clock, intake, world.host)
    links = Links(secrets.token_bytes(32))
    server = Server(
        ServerNeeds(
            clock=world.clock,
            fire=world.engine.fire,
            hint=world.store.hint,
            ready=nothing_wrong,
            github_repository="shop/checkout",
            github_secrets=(SECRET,),
            railway=RailwayDoor(SECRET, "p", "e", "s"),
            deploy_secrets=(SECRET,),
            look_at_deployments=none_under_way,
            reports=Reports(
                take=reported.take,
                readers=ReadsHere(Program()),
                shares=Shares(Room(places=3, places_each=1)),
                clock=world.clock,
                projects={"42": Project(KEY)},
            ),
        )
    )
    application = server.application()
    pages = PageNeeds(
        clock=world.clock,
        store=world.store,
        fire=world.engine.fire,
        token=SECRET,
        environment="test",
        sessions=SqlSessions(world.store),
        production=lambda: Production(world.host, world.deployer, ScriptedCommits()),
        discord=NobodyAtDiscord(),  # type: ignore[arg-type]
        links=links,
    )
    Pages(pages).add_to(application)
    Metrics(MetricNeeds(figures=world.store.figures), Readers(metrics_token=SECRET)).add_to(application)
    begun: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(application, "127.0.0.1", 0, begun.set_result))
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            url = await begun
            async with session.get(f"{url}{ONCE}?key={links.new()}") as answer:
                page = Page(answer.status, await answer.text())
            (cookie,) = [f"{each.key}={each.value}" for each in session.cookie_jar]
        yield House(url, paths_of(application), cookie, page.forms["/logout"]["csrf"])
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


def paths_of(application: web.Application) -> list[tuple[str, str]]:
    """Each route's method, and its path as it was given."""
    found = {(route.method, route.resource.canonical) for route in application.router.routes() if route.resource}
    return sorted(found)


def is_torn(request: bytes) -> bool:
    """Whether its head tells of more than there is."""
    head, _, body = request.partition(b"\r\n\r\n")
    told = re.search(rb"Content-Length: (\d+)", head)
    return b"chunked" in head or told is None or int(told[1]) > len(body)


async def nothing_wrong() -> None: ...


async def none_under_way() -> None: ...


class Asks:
    """Makes requests, each from the next numbers of its seed."""

    def __init__(self, seed: int, house: House) -> None:
        self._by, self._house = random.Random(seed), house  # the same each time

    def next(self) -> bytes:
        method, path = self._by.choice(self._house.paths)
        if self._by.random() < 0.1:
            method = self._by.choice(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"])
        body = self._body() if method == "POST" or self._by.random() < 0.1 else b""
        encoding = self._by.choice(ENCODINGS) if self._by.random() < 0.3 else None
        if encoding == b"gzip" and self._by.random() < 0.7:
            body = gzip.compress(body)
        lines = [f"{method} ".encode() + self._filled(path) + self._query() + b" HTTP/1.1", *self._head(body)]
        lines += [b"Content-Encoding: " + encoding] if encoding is not None else []
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def _head(self, body: bytes) -> list[bytes]:
        by, house = self._by, self._house
        origin = house.url.encode() if by.random() < 0.7 else by.choice(ORIGINS)
        length = len(body) if by.random() < 0.95 else by.choice([0, len(body) + 9, 10**18])
        lines = [b"Host: " + urlsplit(house.url).netloc.encode(), b"Connection: close", b"Origin: " + origin]
        lines += [b"Content-Type: " + by.choice(TYPES), b"Content-Length: %d" % length]
        if by.random() < 0.5:
            lines.append(f"Cookie: {house.cookie}".encode())
        if by.random() < 0.5:
            signature = b"sha256=" + hmac.new(SECRET.encode(), body, "sha256").hexdigest().encode()
            lines += [b"X-Hub-Signature-256: " + signature, b"X-Kintsugi-Signature-256: " + signature]
            lines += [b"X-GitHub-Event: " + by.choice([b"pull_request", b"push", b"status", b"pull_request_review"])]
        if by.random() < 0.5:
            lines.append(f"X-Sentry-Auth: Sentry sentry_key={KEY}".encode())
        return lines + by.sample(ODD_HEADERS, by.choice([0, 0, 1, 2]))

    def _filled(self, path: str) -> bytes:
        def value(match: re.Match[str]) -> str:
            right = {"id": b"1", "project": b"42", "secret": SECRET.encode(), "action": b"cancel"}
            name = match[1]
            return quote_from_bytes(right[name] if name in right and self._by.random() < 0.6 else self._word())

        return re.sub(r"\{(\w+)[^/]*\}", value, path).encode()

    def _query(self) -> bytes:
        names = (b"before", b"find", b"state", b"next", b"key", b"code", b"sentry_key", b"asked", b"tab")
        pairs = [name + b"=" + quote_from_bytes(self._word()).encode() for name in self._by.sample(names, 3)]
        return b"?" + b"&".join(pairs) if self._by.random() < 0.5 else b""

    def _body(self) -> bytes:
        make = self._by.choice([self._form, self._torn, self._json, self._event, self._envelope, self._word])
        return make()

    def _form(self) -> bytes:
        fields = {b"csrf": self._house.csrf.encode(), b"once": b"7", b"token": self._word(), b"why": self._word()}
        return b"&".join(name + b"=" + quote_from_bytes(value).encode() for name, value in fields.items())

    def _torn(self) -> bytes:
        return b"--x\r\nContent-Disposition: form-data; name=token\r\n\r\n" + self._word()

    def _json(self) -> bytes:
        return json.dumps(self._value()).encode()

    def _event(self) -> bytes:
        changed = {name: self._value() for name in self._by.sample(("user", "extra", "tags", "release", "level"), 2)}
        event = an_event(
            self._by.choice(["1", LONE, "\0", "9" * 40]), self._by.choice(["KeyError", LONE, "\0"]), **changed
        )
        return json.dumps(
            event | {"timestamp": self._by.choice([YEAR_1, "9999-12-31T23:59:59-14:00", 1e400, -1])}
        ).encode()

    def _envelope(self) -> bytes:
        head = {"dsn": self._by.choice([f"https://{KEY}@k.example/42", f"https://{LONE}@k/42", "http://[", 7])}
        kind = self._by.choice(["event", "transaction", "session", "sessions", LONE, 7])
        return json.dumps(head).encode() + b"\n" + json.dumps({"type": kind}).encode() + b"\n" + self._event() + b"\n"

    def _word(self) -> bytes:
        return self._by.choice(WORDS)

    def _value(self, depth: int = 0) -> Any:
        by = self._by
        plain: list[Any] = [None, True, -1, 2**70, 0.5, float("nan"), "", LONE, "a\0b", "closed", YEAR_1]
        names = (
            "action",
            "repository",
            "full_name",
            "pull_request",
            "number",
            "head",
            "ref",
            "type",
            "merged",
            LONE,
            "id",
        )
        match by.randrange(4 if depth < 4 else 1):
            case 1:
                return [self._value(depth + 1) for _ in range(by.randrange(4))]
            case 2 | 3:
                known = {"repository": {"full_name": "shop/checkout"}} if by.random() < 0.5 else {}
                return known | {by.choice(names): self._value(depth + 1) for _ in range(by.randrange(6))}
        return by.choice(plain)


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_that_is_asked_is_a_fault_of_the_server(world: World, seed: int):
    await world.crashes()
    noted: SimpleQueue[logging.LogRecord] = SimpleQueue()
    listens = QueueHandler(noted)
    logging.getLogger().addHandler(listens)
    try:
        async with a_house(world) as house:
            asks = Asks(seed, house)
            said = [(request, await house.answers(request)) for request in (asks.next() for _ in range(REQUESTS))]
    finally:
        logging.getLogger().removeHandler(listens)

    lines = [noted.get() for _ in range(noted.qsize())]
    assert [(status, request[:300]) for request, status in said if status and status >= 500] == []
    assert [line.getMessage() for line in lines if line.levelno >= logging.ERROR or "\n" in line.getMessage()] == []
    assert {200, 303, 400, 401, 403, 404} <= {status for _, status in said}
