"""Fair shares: who asks for much waits for themselves, and nobody else for them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from kintsugi.web.shares import Crowded, Room, Shares

LARGE = Room(places=3, places_each=2)


class Turns:
    """Who got a place, in order; each keeps it until it is told to go."""

    def __init__(self, room: Room) -> None:
        self.shares, self.order = Shares(room), list[str]()
        self._goes: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def asks(self, who: str, name: str, peer: str = "") -> None:
        self._goes[who] = asyncio.Event()
        self._tasks[who] = asyncio.create_task(self._stay(who, name, peer))
        await self.settle()

    async def _stay(self, who: str, name: str, peer: str) -> None:
        async with self.shares.turn(name, peer):
            self.order.append(who)
            await self._goes[who].wait()

    async def goes(self, who: str) -> None:
        self._goes[who].set()
        await self.settle()

    async def gives_up(self, who: str) -> None:
        self._tasks[who].cancel()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


async def test_one_name_never_has_every_place():
    turns = Turns(LARGE)
    for number in range(5):
        await turns.asks(f"flood {number}", "flood")
    before = list(turns.order)
    await turns.asks("other", "other")

    assert before == ["flood 0", "flood 1"]
    assert turns.order[2:] == ["other"]


async def test_a_free_place_goes_round_the_names():
    turns = Turns(Room(places=1, places_each=1))
    for who, name in (("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("c1", "c")):
        await turns.asks(who, name)
    for who in ("a1", "a2", "b1", "c1"):
        await turns.goes(who)

    assert turns.order == ["a1", "a2", "b1", "c1", "a3"]


async def test_within_a_name_its_peers_take_turns():
    turns = Turns(Room(places=1, places_each=1))
    await turns.asks("first", "shop", "10.0.0.1")
    for number in range(4):
        await turns.asks(f"loud {number}", "shop", "10.0.0.1")
    await turns.asks("quiet", "shop", "10.0.0.2")
    await turns.goes("first")
    await turns.goes("loud 0")

    assert turns.order == ["first", "loud 0", "quiet"]


async def test_who_gives_up_keeps_no_place():
    turns = Turns(Room(places=1, places_each=1))
    await turns.asks("has it", "shop")
    await turns.asks("waits", "shop")
    await turns.gives_up("waits")
    await turns.gives_up("has it")
    await turns.asks("comes later", "shop")

    assert turns.order == ["has it", "comes later"]


def test_more_than_may_be_inside_are_sent_away_by_name_and_by_peer():
    shares = Shares(Room(places=1, places_each=1, inside=3, inside_each=2))

    def enter(stack: AsyncExitStack, peer: str, name: str = "shop") -> None:
        stack.enter_context(shares.entered(name, peer))

    for _ in range(2):  # whoever left may come again
        stack = AsyncExitStack()
        enter(stack, "10.0.0.1")
        enter(stack, "10.0.0.1")
        with pytest.raises(Crowded):
            enter(stack, "10.0.0.1")
        enter(stack, "10.0.0.2")
        with pytest.raises(Crowded):
            enter(stack, "10.0.0.3")
        enter(stack, "10.0.0.3", "another")
        asyncio.run(stack.aclose())


def test_a_peer_that_is_not_known_counts_for_its_name_alone():
    shares = Shares(Room(places=1, places_each=1, inside=3, inside_each=1))

    with shares.entered("shop", ""), shares.entered("shop", ""), shares.entered("shop", ""), pytest.raises(Crowded):
        shares.entered("shop", "").__enter__()
