"""Whole programs as people write them: bots in processes of their own, and bots of other libraries."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world import discord as stand_in
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import ADMIN_ROLE, ALICE
from tests.world.patience import PATIENCE

ROOT = Path(__file__).parents[2]
_AUDIOOP = "ignore:'audioop' is deprecated:DeprecationWarning"  # discord.py 2.7 imports it on Python below 3.13

BEGINS = """
import asyncio, logging, os, discord, yarl, discord.gateway, discord.http
from discord.ext import commands
discord.http.Route.BASE = os.environ["API"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["GATEWAY"])
bot = commands.Bot("!", intents=discord.Intents(guilds=True))

@bot.tree.command()
async def price(interaction: discord.Interaction):
    "What it costs."

@bot.event
async def on_app_command_completion(*_):
    await bot.close()
"""

TWO_LOOPS = """
@bot.event
async def on_ready():
    await bot.tree.sync()

async def load():
    await bot.load_extension("kintsugi.discord")

asyncio.run(load())
bot.run(os.environ["TOKEN"])
"""

ONE_LOOP = """
@bot.event
async def on_ready():
    await bot.tree.sync()

async def main():
    async with bot:
        await bot.load_extension("kintsugi.discord")
        await bot.start(os.environ["TOKEN"])

asyncio.run(main())
"""

IN_ITS_HOOK = """
@bot.event
async def setup_hook():
    await bot.load_extension("kintsugi.discord")
    await bot.tree.sync()

bot.run(os.environ["TOKEN"])
"""

TALKS = """
@bot.event
async def setup_hook():
    if os.environ.get("WITH_KINTSUGI"):
        await bot.load_extension("kintsugi.discord")
    logging.warning("one of %d by the module", 4)
    logging.getLogger("shop").error("two by a logger")
    logging.getLogger("shop").info("hidden by its level")
    logging.getLogger("shop").warning("three", exc_info=KeyError("coupon"))
    print("four is printed")
    if os.environ.get("WITH_KINTSUGI"):
        lines = bot.__kintsugi__.logs.recent()
        assert len([line for line in lines if '"logger":"shop"' in line]) == 2, lines
    await bot.close()

bot.run(os.environ["TOKEN"], log_handler=None)
"""

FAILS = """
@bot.tree.command()
async def breaks(interaction: discord.Interaction):
    "Has no handler but discord.py's."
    {}["by slash"]

@bot.hybrid_command()
async def either(ctx):
    "Has no handler but discord.py's, which is not the tree's."
    {}["hybrid"]

@bot.tree.command()
async def handled(interaction: discord.Interaction):
    "Has one of its own."
    {}["handled"]

@handled.error
async def answer(interaction: discord.Interaction, error: Exception):
    await interaction.response.send_message("Handled.")

@bot.event
async def setup_hook():
    if os.environ.get("WITH_KINTSUGI"):
        await bot.load_extension("kintsugi.discord")
    await bot.tree.sync()

bot.run(os.environ["TOKEN"], log_formatter=logging.Formatter("%(name)s: %(message)s"), log_level=logging.ERROR)
"""


def environment(at: DiscordStandIn | None = None, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    where = {"API": at.api, "GATEWAY": at.gateway, "TOKEN": stand_in.TOKEN} if at else {}
    given = {"PYTHONPATH": str(ROOT), "KINTSUGI_DISCORD_ADMIN_ROLES": str(ADMIN_ROLE)}
    return kept | given | where | more


async def started(folder: Path, program: str, at: DiscordStandIn, **more: str) -> asyncio.subprocess.Process:
    (folder / "bot.py").write_text(BEGINS + program)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-W", _AUDIOOP, "bot.py"),
        cwd=folder,
        env=environment(at, **more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("program", [TWO_LOOPS, ONE_LOOP, IN_ITS_HOOK], ids=["two loops", "one loop", "in its hook"])
async def test_a_bot_named_bot_keeps_its_command_and_gets_ours(tmp_path: Path, program: str):
    async with stand_in.serving() as at:
        process = await started(tmp_path, program, at)
        ended = asyncio.create_task(process.communicate())
        listed = asyncio.create_task(at.registered.has("debug", "deploy", "price"))
        await asyncio.wait({ended, listed}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        assert not ended.done(), ended.result()
        answer = await at.slash("/debug incidents", ALICE)
        _, said = await ended

    assert answer.says == "No incidents."
    assert process.returncode == 0, said.decode()
    for chatter in ("alembic", "Context impl", "transitions", "never awaited", "Traceback"):
        assert chatter not in said.decode()


async def test_what_a_bot_prints_stays_as_it_was_and_what_is_missing_is_said_once(tmp_path: Path):
    async with stand_in.serving() as at:
        before = await (await started(tmp_path, TALKS, at)).communicate()
        process = await started(tmp_path, TALKS, at, WITH_KINTSUGI="yes")
        after = await process.communicate()

    assert process.returncode == 0, after
    assert after[0] == before[0] == b"four is printed\n"
    added = [line for line in after[1].decode().splitlines() if line not in before[1].decode().splitlines()]
    assert [line.split(" here (")[0].split(" on this")[0] for line in added] == [
        "Kintsugi: No worker is running",
        "Kintsugi: No model is set",
        "Kintsugi: No repository is set",
    ]
    assert b"WARNING:root:one of 4 by the module" in after[1]


async def test_what_fails_is_logged_as_ever_and_its_own_handler_has_the_last_word(tmp_path: Path):
    said = []
    for with_kintsugi in ("", "yes"):
        async with stand_in.serving() as at:
            process = await started(tmp_path, FAILS, at, WITH_KINTSUGI=with_kintsugi)
            ended = asyncio.create_task(process.communicate())
            answer = await at.slash("/handled", ALICE)
            broken = [await at.sends(name, ALICE) for name in ("/breaks", "/either")]
            await at.sends("/price", ALICE)
            said.append((await ended)[1].decode().splitlines())
        assert (process.returncode, answer.says) == (0, "Handled.")

    assert "discord.app_commands.tree: Ignoring exception in command 'breaks'" in said[0]
    assert [line for line in said[1] if not line.startswith("Kintsugi: ")] == said[0]
    assert all("Please give this id" in each.seen.text for each in broken)


OTHERS = {
    "disnake": "This bot runs on disnake; the extension kintsugi.discord is for discord.py 2.3 or newer.",
    "nextcord": "This bot runs on nextcord; the extension kintsugi.discord is for discord.py 2.3 or newer.",
    "interactions": "This bot runs on interactions.py; the extension kintsugi.discord is for discord.py 2.3 or newer.",
    "pycord": "This bot runs on py-cord 2.6.1; the extension kintsugi.discord is for discord.py 2.3 or newer.",
    "old": "discord.py 2.2.3 is too old for the extension kintsugi.discord, which needs 2.3 or newer.",
}

A_LIBRARY = """
import importlib
__title__, __version__, version_info = {title!r}, {version!r}, {info!r}

class Bot:
    "Loads extensions as this library does: the module's setup is called, and nothing is awaited."

    def load_extension(self, name):
        importlib.import_module(name).setup(self)
"""


@pytest.mark.parametrize("library", OTHERS)
def test_a_bot_of_another_library_is_told_at_once_which_way_in_works(tmp_path: Path, library: str):
    title, version = {"pycord": ("pycord", "2.6.1"), "old": ("discord", "2.2.3")}.get(library, (library, "2.9.0"))
    name = "discord" if library in ("pycord", "old") else library
    info = tuple(map(int, version.split(".")))
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(A_LIBRARY.format(title=title, version=version, info=info))
    (tmp_path / name / "app_commands.py").write_text("class CommandTree: ...\n" if library == "old" else "")
    (tmp_path / "main.py").write_text(f"import {name}\n{name}.Bot().load_extension('kintsugi.discord')\n")

    ran = subprocess.run(
        [sys.executable, "-W", "error", "main.py"], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )

    assert ran.returncode == 1
    assert OTHERS[library] in ran.stderr.splitlines()[-1]
    assert "kintsugi.install()" in ran.stderr.splitlines()[-1]
