"""A real discord.py client with the commands attached, a real store, and Discord's stand-in between test and client."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands

from kintsugi import telemetry
from kintsugi.app.discord_bot import InWords
from kintsugi.app.places import Places
from kintsugi.bot import About, Access, Attached, BotNeeds, Probe, attach
from kintsugi.bot.address import point_at
from kintsugi.bot.gate import Gate
from kintsugi.bot.status import Probes
from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.persistence.database import Database
from kintsugi.telemetry import Telemetry
from tests.world import discord as stand_in
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import ADMIN_ROLE, ALICE, GUILD, Person, Seen
from tests.world.migrated import migrate
from tests.world.world import World, a_world

ADMINS = Access(roles=frozenset({ADMIN_ROLE}), guilds=frozenset({GUILD}))


@dataclass
class Room:
    """Discord, the bot in it, and the world behind it."""

    discord: DiscordStandIn
    world: World
    logs: Telemetry
    printed: io.StringIO
    seconds: list[float]  # the gate's clock
    probes: dict[str, Probe]
    attached: Attached | None = None
    breaks: list[Exception] = field(default_factory=list)
    looked: datetime | None = None  # when the world was looked at last
    code: Path | None = None  # of the program, for reports in words

    async def slash(self, command: str, person: Person = ALICE, **options: Any) -> Seen:
        return await self.discord.slash(command, person, **options)

    async def fire(self, trigger: Any) -> Any:
        """The engine, or what a test lets break in its place."""
        if self.breaks:
            raise self.breaks.pop(0)
        return await self.world.engine.fire(trigger)


def parts_of(room: Room) -> BotNeeds:
    intake = Intake(fire=room.fire, clock=room.world.clock, program=Program())
    about = About("test", "c0ffee0", room.world.clock.now(), lambda: room.logs.dropped, lambda: room.looked)
    return BotNeeds(
        store=room.world.store,
        clock=room.world.clock,
        fire=room.fire,
        reporting=InWords(intake, room.logs, Places(lambda: room.code, lambda: None)),
        recent=room.logs.recent,
        probes=Probes(room.probes, deadline=0.2, fresh=0),
        about=about,
    )


@asynccontextmanager
async def a_room(url: Database, access: Access = ADMINS) -> AsyncIterator[Room]:
    """Everything started; at the end everything is stopped."""
    printed = io.StringIO()
    logs = telemetry.install(stream=printed, rules=None)
    try:
        async with stand_in.serving() as discord_, a_world(url) as world:
            room = Room(discord_, world, logs, printed, [0.0], {})
            point_at(discord_.api, discord_.gateway)
            async with logged_in(room, access):
                yield room
    finally:
        logs.close()


@asynccontextmanager
async def logged_in(room: Room, access: Access) -> AsyncIterator[None]:
    client = discord.Client(intents=discord.Intents(guilds=True))
    tree = app_commands.CommandTree(client)
    gate = Gate(access, now=lambda: room.seconds[0])

    async def set_up() -> None:
        room.attached = await attach(tree, parts_of(room), access, gate=gate)

    client.setup_hook = set_up  # type: ignore[method-assign]  # discord.py's own way in
    running = asyncio.create_task(client.start(stand_in.TOKEN))
    try:
        ready = asyncio.create_task(room.discord.ready.wait())
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        assert ready.done(), running.exception()
        yield
    finally:
        await client.close()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def room(sqlite_url: Database) -> AsyncIterator[Room]:
    migrate(sqlite_url)
    async with a_room(sqlite_url) as room:
        yield room


@pytest.fixture
def a_room_for(sqlite_url: Database) -> Any:
    """A room with other allowlists."""
    migrate(sqlite_url)
    return partial(a_room, sqlite_url)
