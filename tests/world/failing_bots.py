"""Bots that fail in every way in which one made with discord.py can, each way in a function of its own name.

`Broken` says what breaks; with it off, the same bot is the fixed build.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands, tasks

from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import Seen

Interaction = discord.Interaction[Any]
INTENTS = discord.Intents(guilds=True, messages=True, message_content=True)

# How a failure is met by the way: its intent, and the way's name in the log.
WAYS = {
    "listener": ("on_message:listener", "listener"),
    "slash": ("slash", "command"),
    "autocomplete": ("find (autocomplete)", "autocomplete"),
    "button": ("panel:buy", "button"),
    "select": ("panel:size", "select menu"),
    "modal": ("Form", "modal"),
    "loop": ("poll (loop)", "task loop"),
    "background": ("on_message:background", "background task"),
    "thread": ("on_message:thread", "thread"),
    "prefix": ("prefix", "prefix command"),
    "hybrid": ("hybrid", "hybrid command"),
}
OF_A_CLIENT = tuple(way for way in WAYS if way not in ("prefix", "hybrid"))


class Shop:
    """What fails, and what does not once it is fixed."""

    def __init__(self) -> None:
        self.broken = True
        self.kept: list[object] = []

    def fail(self, way: str) -> str:
        if self.broken:
            raise KeyError(way)
        return "done"


class Panel(discord.ui.View):
    def __init__(self, shop: Shop) -> None:
        super().__init__(timeout=None)
        self.shop = shop

    @discord.ui.button(label="Buy", custom_id="panel:buy:4711")
    async def buy(self, interaction: Interaction, _: discord.ui.Button[Any]) -> None:
        await interaction.response.send_message(self.shop.fail("button"))

    @discord.ui.select(custom_id="panel:size", options=[discord.SelectOption(label="S")])
    async def size(self, interaction: Interaction, _: discord.ui.Select[Any]) -> None:
        await interaction.response.send_message(self.shop.fail("select"))

    @discord.ui.button(label="Form", custom_id="panel:form")
    async def form(self, interaction: Interaction, _: discord.ui.Button[Any]) -> None:
        await interaction.response.send_modal(Form(self.shop))


class Form(discord.ui.Modal, title="Form"):
    words: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Words", custom_id="words")

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop

    async def on_submit(self, interaction: Interaction, /) -> None:
        await interaction.response.send_message(self.shop.fail("modal"))


def add_commands(tree: app_commands.CommandTree[Any], shop: Shop) -> None:
    @tree.command(description="Fails")
    async def slash(interaction: Interaction, count: int) -> None:
        await interaction.response.send_message(shop.fail("slash") * count)

    @tree.command(description="Shows the panel")
    async def panel(interaction: Interaction) -> None:
        await interaction.response.send_message("here", view=Panel(shop))

    @tree.command(description="Completes")
    async def find(interaction: Interaction, what: str) -> None:
        await interaction.response.send_message(what)

    @find.autocomplete("what")
    async def offer(_: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=shop.fail("autocomplete"), value=typed)]


async def answer(message: discord.Message, shop: Shop) -> None:
    """What a plain `on_message` does."""
    if message.content == "!listener":
        shop.fail("listener")
    elif message.content == "!thread":

        def in_thread() -> None:
            shop.fail("thread")

        thread = threading.Thread(target=in_thread)
        thread.start()
        await asyncio.to_thread(thread.join)
    elif message.content == "!background":

        async def in_background() -> None:
            shop.fail("background")

        asyncio.create_task(in_background())  # noqa: RUF006  # as many do
    elif message.content == "!loop":

        @tasks.loop(hours=1)
        async def poll() -> None:
            shop.fail("loop")

        poll.start()
        shop.kept.append(poll)


class PlainClient(discord.Client):
    """With a tree of its own."""

    def __init__(self) -> None:
        super().__init__(intents=INTENTS)
        self.shop = Shop()
        self.tree = app_commands.CommandTree(self)
        add_commands(self.tree, self.shop)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        await answer(message, self.shop)


class Bot(commands.Bot):
    """With prefix and hybrid commands."""

    def __init__(self) -> None:
        super().__init__("!", intents=INTENTS, help_command=None)
        self.shop = Shop()
        add_commands(self.tree, self.shop)

        @self.command()
        async def prefix(ctx: commands.Context[Any], count: int) -> None:
            self.shop.fail("prefix")

        @self.hybrid_command(description="Fails either way")
        async def hybrid(ctx: commands.Context[Any], count: int) -> None:
            await ctx.send(self.shop.fail("hybrid") * count)

        @self.listen()
        async def on_message(message: discord.Message) -> None:
            await answer(message, self.shop)

    async def setup_hook(self) -> None:
        await self.tree.sync()


async def provoke(at: DiscordStandIn, way: str) -> None:
    """Have the bot fail in this way, as its users would."""
    match way:
        case "listener" | "loop" | "background" | "thread":
            await at.says(f"!{way}")
        case "prefix":
            await at.says("!prefix 3")
        case "hybrid":
            await at.sends("/hybrid", count=3)
        case "slash":
            await at.sends("/slash", count=3)
        case "autocomplete":
            await at.types("/find", "what", "te")
        case "button":
            await at.tap(await _panel(at), "Buy")
        case "select":
            await at.picks(await _panel(at), "S")
        case "modal":
            await at.submits(await at.tap(await _panel(at), "Form"), "good")


async def _panel(at: DiscordStandIn) -> Seen:
    return await at.slash("/panel")
