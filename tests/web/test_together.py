"""What is read in one go: by one sender, small, and each answered for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kintsugi.web.reading import Delivery, Read
from kintsugi.web.sentry import Project
from kintsugi.web.shares import Room, Shares
from kintsugi.web.together import Together
from tests.world.make import NOON


class Library:
    """Reads when it is told to, and remembers what it was given at a time."""

    def __init__(self, error: type[BaseException] | None = None) -> None:
        self.given, self.opens, self._error = list[list[bytes]](), asyncio.Event(), error

    async def begin(self) -> None: ...

    async def close(self) -> None: ...

    async def read(self, *deliveries: Delivery) -> Sequence[Read]:
        self.given.append([each.body for each in deliveries])
        await self.opens.wait()
        if self._error:
            raise self._error
        return [Read(id=each.body.decode()) for each in deliveries]


def a_delivery(body: bytes) -> Delivery:
    return Delivery(name="42", project=Project("key"), key="key", body=body, encoding="", bare=False, at=NOON)


async def begun(together: Together, *bodies: bytes, peer: str = "") -> list[asyncio.Task[Read]]:
    tasks = [asyncio.create_task(together.read(a_delivery(body), "42", peer)) for body in bodies]
    for _ in range(10):
        await asyncio.sleep(0)
    return tasks


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def together(library: Library) -> Together:
    return Together(library, Shares(Room(places=2, places_each=1)))


async def test_what_waits_is_read_in_one_go_and_each_hears_of_its_own(together: Together, library: Library):
    tasks = await begun(together, b"first")
    tasks += await begun(together, *[b"%d" % number for number in range(12)])
    library.opens.set()
    found = await asyncio.gather(*tasks)

    assert [len(each) for each in library.given] == [1, 8, 4]
    assert [each.id for each in found] == ["first", *map(str, range(12))]


async def test_a_large_one_goes_alone(together: Together, library: Library):
    large = b"x" * 40_000
    tasks = await begun(together, b"first")
    tasks += await begun(together, b"small", large, b"after")
    library.opens.set()
    await asyncio.gather(*tasks)

    assert library.given == [[b"first"], [b"small"], [large], [b"after"]]


async def test_nobody_is_read_with_somebody_else(together: Together, library: Library):
    tasks = await begun(together, b"one", peer="1")
    for peer in ("1", "2"):
        tasks += await begun(together, *[b"of %s" % peer.encode()] * 2, peer=peer)
    library.opens.set()
    await asyncio.gather(*tasks)

    assert library.given == [[b"one"], [b"of 1"] * 2, [b"of 2"] * 2]


async def test_one_that_goes_takes_nobody_along(together: Together, library: Library):
    tasks = await begun(together, b"first", b"goes", b"stays")
    tasks[1].cancel()
    library.opens.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(found[1], asyncio.CancelledError)
    assert [each.id for each in found if isinstance(each, Read)] == ["first", "stays"]


async def test_where_reading_ends_nobody_waits_for_ever():
    library = Library(error=asyncio.CancelledError)
    tasks = await begun(Together(library, Shares(Room(places=1, places_each=1))), b"1", b"2")
    library.opens.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(each, asyncio.CancelledError) for each in found)
