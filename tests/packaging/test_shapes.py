"""Bots as people have them, with files and folders of any name, each with Kintsugi from the wheel: all keep working.

Each is a process of its own, against Discord's stand-in.
"""

from __future__ import annotations

import asyncio
import os
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.world import discord as stand_in
from tests.world.discord import DiscordStandIn
from tests.world.discord_commands import GLOBAL
from tests.world.discord_shapes import ALICE

NAMES = (
    "app",
    "web",
    "telemetry",
    "workflow",
    "capture",
    "integrations",
    "persistence",
    "repair",
    "executors",
    "prompts",
)
OWN = ("shop", "ping", "help", "info", "kick")

PROGRAM = f"""
import importlib, os, sys
import discord
from discord.ext import commands

NAMES, SYNCS = sys.argv[1].split(","), sys.argv[2]


def own_modules():
    return [importlib.import_module(name).OF for name in NAMES]


class Shop(commands.Bot):
    async def setup_hook(self):
        if SYNCS != "never":
            self.add_ours()
        if SYNCS == "first":
            await self.tree.sync()
        await self.load_extension("kintsugi.discord")
        if SYNCS == "never":
            self.add_ours()
        if SYNCS == "last":
            await self.tree.sync()
        assert own_modules() == before

    def add_ours(self):
        for name in {OWN[1:]}:
            self.tree.command(name=name, description="Our own")(_nothing(name))
        self.tree.add_command(Group(name="shop", description="Our own"))


def _nothing(name):
    async def nothing(interaction: discord.Interaction): ...
    nothing.__name__ = name
    return nothing


class Group(discord.app_commands.Group):
    @discord.app_commands.command(description="What it costs")
    async def price(self, interaction: discord.Interaction):
        await interaction.response.send_message("4 coins")


before = own_modules()
assert before == ["the shop"] * len(NAMES), before
import kintsugi
assert os.environ["WHEEL"] in kintsugi.__file__, kintsugi.__file__
address = importlib.import_module("kintsugi.bot.address")
address.point_at(os.environ["KINTSUGI_DISCORD_API_BASE"], os.environ["KINTSUGI_DISCORD_GATEWAY_URL"])
bot = Shop("!", intents=discord.Intents(guilds=True), help_command=None)
bot.run(os.environ["TOKEN"])
"""


@dataclass(frozen=True)
class Shape:
    """A project: the name of its main file, the form of its own modules, and when it registers its commands."""

    main: str
    form: str  # of a module `app`: app.py, app/__init__.py, or app/ alone
    syncs: str  # before ours are added, after, or never: an earlier run did, and this one makes its commands last

    def lay_out(self, folder: Path) -> list[str]:
        """The project's files; the names that it imports."""
        names = [*NAMES, *([] if self.main == "bot.py" else ["bot"])]
        for name in names:
            file = folder / self.form.format(name)
            file.parent.mkdir(exist_ok=True)
            file.write_text("OF = 'the shop'\n")
        (folder / self.main).write_text(PROGRAM)
        return [
            ".".join(Path(self.form.format(name)).with_suffix("").parts).removesuffix(".__init__") for name in names
        ]


SHAPES = {
    "bot.py beside modules, registered first": Shape("bot.py", "{}.py", "first"),
    "packages, registered last": Shape("main.py", "{}/__init__.py", "last"),
    "folders without __init__.py, registered before": Shape("main.py", "{}/ours.py", "never"),
}


@pytest.fixture(scope="session")
def guest(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of an environment that holds the wheel, and is lent the packages of ours, but nothing of the checkout."""
    folder = tmp_path_factory.mktemp("guest") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    [packages] = folder.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    (packages / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "bin" / "python"


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_bot_starts_and_keeps_its_commands_and_gets_ours(shape: str, guest: Path, tmp_path: Path):
    project = SHAPES[shape]
    names = project.lay_out(tmp_path)
    async with stand_in.serving() as at:
        if project.syncs == "never":
            at.registered.listed[GLOBAL] = [_registered(number, name) for number, name in enumerate(OWN)]
        bot = await _started(guest, tmp_path, at, [project.main, ",".join(names), project.syncs])
        try:
            ended = asyncio.create_task(bot.wait())
            ready = asyncio.create_task(at.ready.wait())
            await asyncio.wait({ready, ended}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
            assert ready.done(), (await bot.stderr.read()).decode() if bot.stderr else ""
            await at.registered.has("debug", "deploy", *OWN)
            ours = await at.slash("/debug incidents", ALICE)
            own = await at.slash("/shop price", ALICE)
        finally:
            if bot.returncode is None:
                bot.terminate()
            await bot.communicate()

    assert at.registered.names() == sorted((*OWN, "debug", "deploy"))
    assert (ours.says, own.says) == ("No incidents.", "4 coins")


async def _started(python: Path, folder: Path, at: DiscordStandIn, arguments: list[str]) -> asyncio.subprocess.Process:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KINTSUGI_", "PYTHON"))}
    return await asyncio.create_subprocess_exec(
        *(str(python), "-W", "ignore::DeprecationWarning", *arguments),
        cwd=folder,
        env={
            **kept,
            "TOKEN": stand_in.TOKEN,
            "WHEEL": str(python.parents[1]),
            "KINTSUGI_DISCORD_ADMIN_USERS": str(ALICE.id),
            "KINTSUGI_DISCORD_API_BASE": at.api,
            "KINTSUGI_DISCORD_GATEWAY_URL": at.gateway,
        },
        stderr=asyncio.subprocess.PIPE,
    )


def _registered(number: int, name: str) -> dict[str, object]:
    """A command as an earlier run of the bot registered it."""
    price = {"type": 1, "name": "price", "description": "What it costs", "options": []}
    options = {"options": [price]} if name == "shop" else {}
    common = {"application_id": "1", "version": "1", "description": "Our own", "default_member_permissions": None}
    return {**common, **options, "id": str(900 + number), "type": 1, "name": name}
