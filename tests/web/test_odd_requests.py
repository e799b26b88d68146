"""Requests that no client of ours sends: each is refused in a sentence, and none is a fault of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from kintsugi.persistence.database import Database
from kintsugi.web.github import verify
from kintsugi.web.sentry import is_known
from tests.world.migrated import migrate
from tests.world.viewer import Viewer, a_viewer
from tests.world.world import World, a_world

FORM = b"Content-Type: application/x-www-form-urlencoded"
TORN = b"--x\r\nContent-Disposition: form-data; name=token\r\n\r\nabc"


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


async def status(
    viewer: Viewer, method: str, path: str, *headers: bytes, body: bytes = b"", known: bool = False
) -> int:
    """Byte for byte as given, as HTTP libraries refuse to send such things."""
    at = urlsplit(viewer.url)
    cookies = "; ".join(f"{each.key}={each.value}" for each in viewer.session.cookie_jar)
    lines = [f"{method} {path} HTTP/1.1".encode(), f"Host: {at.netloc}".encode(), b"Connection: close", *headers]
    lines += [f"Cookie: {cookies}".encode()] if known else []
    lines += [f"Content-Length: {len(body)}".encode()]
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("known", [False, True])
async def test_an_odd_request_is_no_fault_of_the_server(world: World, known: bool):
    await world.crashes()
    async with a_viewer(world) as viewer:
        said = {
            "charset": await status(
                viewer, "POST", "/login", FORM + b"; charset=klingon", body=b"token=x", known=known
            ),
            "no text": await status(viewer, "POST", "/login", FORM, body=b"token=%ff%fe", known=known),
            "torn": await status(viewer, "POST", "/login", b"Content-Type: multipart/form-data; boundary=x", body=TORN),
            "no boundary": await status(viewer, "POST", "/login", b"Content-Type: multipart/form-data", body=TORN),
            "digits": await status(viewer, "GET", f"/?before={'9' * 23}", known=known),
            "other digits": await status(viewer, "GET", "/?before=%C2%B2", known=known),
            "origin": await status(viewer, "POST", "/incidents/1/cancel", FORM, b"Origin: http://[", known=known),
            "bytes": await status(viewer, "GET", "/login/once?key=%ff%00", b"X: \xff", known=known),
        }

    assert {name: code for name, code in said.items() if code not in (303, 400, 401, 403)} == {}


def test_a_signature_and_a_key_that_are_no_text_are_wrong():
    assert not verify(b"body", "sha256=\udcff", ("secret",))
    assert not is_known(None, "\udcff")
