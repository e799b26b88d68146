"""A storm of commands while the model hangs, beside a bare discord.py bot that does nothing but defer.

    python -m bench.discord [interactions] [seconds]

Fifty users type into Discord's stand-in on loopback: they open issues, list and read incidents, read the log and the
status. The bot is a process of its own, with its database, its worker and a model that takes every call and answers
none; its limits per user and guild are lifted, so that each command is worked on. Both bots are stormed twice: memory
is what the second storm added.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import discord
from aiohttp import web
from discord import app_commands
from pydantic import SecretStr

from kintsugi import telemetry
from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.discord_bot import InWords
from kintsugi.app.settings import DatabaseSettings, ModelSettings, Settings
from kintsugi.bot import About, Access, BotNeeds, attach
from kintsugi.bot.address import point_at
from kintsugi.bot.gate import Gate
from kintsugi.bot.status import Probes
from kintsugi.persistence.database import Database
from kintsugi.telemetry import Telemetry
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.rates import Rate
from kintsugi.workflow.states import Effect

if TYPE_CHECKING:
    from tests.world.discord import DiscordStandIn
    from tests.world.discord_messages import Exchange

USERS = 50
MIX: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/debug open-issue", {"summary": "Checkout answers 500"}),
    ("/debug incidents", {}),
    ("/debug incident", {"id": "1"}),
    ("/debug logs", {"lines": 50}),
    ("/debug status", {}),
)
_LIFTED = Rate(10**9, 1)


async def main(interactions: int, seconds: float) -> None:
    print(f"discord: {interactions} commands of {USERS} users in {seconds:g} s, the model hangs")
    ours, bare = [await one_bot(which, interactions, seconds) for which in ("ours", "bare")]
    for name, found in (("ours", ours), ("bare discord.py", bare)):
        print(
            f"  {name:16}deferred {found['deferred']:5.0f}   p50 {found['p50']:6.1f} ms   p99 {found['p99']:6.1f} ms"
            f"   processor {found['cpu']:5.2f} ms each   memory +{found['grown']:.1f} MB"
        )
    print(f"  {'ratio':16}{'':16}p50 {ours['p50'] / bare['p50']:6.2f}      p99 {ours['p99'] / bare['p99']:6.2f}")
    print(f"  answered by ours: {ours['answered']:.0f} of {interactions}; targets: all, and p99 1000 ms")


async def one_bot(which: str, interactions: int, seconds: float) -> dict[str, float]:
    from tests.world.discord import serving  # here, as the bot that is measured needs none of it

    with tempfile.TemporaryDirectory() as folder:
        async with serving() as at, a_model_that_hangs() as model:
            bot = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bench.discord", "serve", which, at.api, at.gateway, model, folder),
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                await asyncio.wait_for(at.ready.wait(), 60)
                await storm(at, interactions, seconds, answers=which == "ours")
                before = memory(bot.pid), processor(bot.pid)
                found = await storm(at, interactions, seconds, answers=which == "ours")
                grown, used = memory(bot.pid) - before[0], processor(bot.pid) - before[1]
            finally:
                bot.terminate()
                await bot.communicate()
    return found | {"grown": grown, "cpu": used * 1000 / interactions}


async def storm(at: DiscordStandIn, interactions: int, seconds: float, *, answers: bool) -> dict[str, float]:
    """Evenly over the time, whatever the bot does meanwhile."""
    from tests.world.discord_shapes import ADMIN_ROLE, Person

    people = [Person(5000 + number, f"user{number}", (ADMIN_ROLE,)) for number in range(USERS)]
    start, sent = time.monotonic(), []
    for number in range(interactions):
        await asyncio.sleep(max(start + number * seconds / interactions - time.monotonic(), 0))
        command, options = MIX[number % len(MIX)]
        sent.append(await at.sends(command, people[number % USERS], **options))
    await settled(sent, answers)
    waits = [exchange.acknowledged_at - exchange.asked_at for exchange in sent if exchange.acknowledged]
    return {
        "deferred": len(waits),
        "answered": sum(exchange.done.is_set() for exchange in sent),
        "p50": 1000 * statistics.median(waits),
        "p99": 1000 * statistics.quantiles(waits, n=100)[98],
    }


async def settled(sent: list[Exchange], answers: bool) -> None:
    """Until all are answered, or half a minute after the storm."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if all(exchange.done.is_set() if answers else exchange.acknowledged for exchange in sent):
            return
        await asyncio.sleep(0.05)


@asynccontextmanager
async def a_model_that_hangs() -> AsyncIterator[str]:
    over = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", hang)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    over.set()
    await runner.cleanup()


def memory(process: int) -> float:
    """Resident, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def processor(process: int) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- the bots -----------------------------------------------------------------------------------------------------


class Nowhere:
    """A channel that nobody reads: the storm is about commands."""

    async def announce(self, incident: Incident) -> None: ...

    async def ask(self, incident: Incident, token: str) -> None: ...

    def progress(self, incident: Incident, step: Effect, words: str) -> None: ...


async def serve(which: str, api: str, gateway: str, model: str, folder: str) -> None:
    point_at(api, gateway)
    client = discord.Client(intents=discord.Intents(guilds=True), max_messages=None)
    tree = app_commands.CommandTree(client)
    if which == "bare":
        await be_bare(client, tree)
    else:
        await be_ours(client, tree, model, Path(folder), quiet_logs(client))


def quiet_logs(client: discord.Client) -> Telemetry:
    """The whole logging; its lines go nowhere."""
    return telemetry.install(client, stream=Path(os.devnull).open("w", encoding="utf-8"))


async def be_bare(client: discord.Client, tree: app_commands.CommandTree[discord.Client]) -> None:
    """The same commands with the same options; each defers, and that is all."""
    from tests.world.discord import TOKEN

    group = app_commands.Group(name="debug", description="Defers.")

    @group.command(name="open-issue", description="Defers.")
    async def open_issue(interaction: discord.Interaction, summary: str) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)

    @group.command(name="incident", description="Defers.")
    async def incident(interaction: discord.Interaction, id: str) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)

    @group.command(name="logs", description="Defers.")
    async def logs(interaction: discord.Interaction, lines: int) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)

    @group.command(name="incidents", description="Defers.")
    async def incidents(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)

    @group.command(name="status", description="Defers.")
    async def status(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)

    tree.add_command(group)
    client.setup_hook = tree.sync  # type: ignore[method-assign, assignment]  # discord.py's own way in
    await client.start(TOKEN)


async def be_ours(
    client: discord.Client, tree: app_commands.CommandTree[discord.Client], model: str, folder: Path, logs: Telemetry
) -> None:
    """Everything that `kintsugi run` has, but for its limits and its channel."""
    from tests.world.discord import TOKEN
    from tests.world.discord_shapes import ADMIN_ROLE, GUILD

    bootstrap = Bootstrap(
        Settings(
            database=DatabaseSettings(url=Database.at(folder / "kintsugi.db")),
            model=ModelSettings(api_key=SecretStr("of-the-model-that-hangs"), base_url=model),
        )
    )
    access = Access(roles=frozenset({ADMIN_ROLE}), guilds=frozenset({GUILD}))
    async with bootstrap.desk() as desk, asyncio.TaskGroup() as group:
        parts = BotNeeds(
            store=desk.store,
            clock=desk.clock,
            fire=desk.engine.fire,
            reporting=InWords(bootstrap.intake(desk), logs, bootstrap.places()),
            recent=logs.recent,
            probes=Probes({"model": forever}),
            about=About("bench", "c0ffee0", desk.clock.now(), lambda: logs.dropped),
        )

        async def set_up() -> None:
            await attach(tree, parts, access, gate=Gate(access, per_user=_LIFTED, per_guild=_LIFTED))

        client.setup_hook = set_up  # type: ignore[method-assign]  # discord.py's own way in
        group.create_task(bootstrap.worker(desk, Nowhere()).work())
        group.create_task(client.start(TOKEN))


async def forever() -> str:
    await asyncio.Event().wait()
    return "never"


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(*sys.argv[2:]))
    else:
        given = sys.argv[1:]
        asyncio.run(main(int(given[0]) if given else 1000, float(given[1]) if given[1:] else 10.0))
