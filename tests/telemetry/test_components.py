"""Buttons, menus and modals of a bot that is logged in: bound, counted, and their errors named."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from kintsugi.bot.address import point_at
from kintsugi.telemetry import Telemetry, install
from kintsugi.telemetry.alerts import DiscordChannel
from kintsugi.telemetry.outcomes import MOST_TAILS, Outcomes
from tests.world import discord as stand_in
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import ALICE, CHANNEL
from tests.world.patience import PATIENCE

log = logging.getLogger("tests.bot")
Interaction = discord.Interaction[discord.Client]


class Panel(discord.ui.View):
    """Its first button has an id of its own, the second one that discord.py makes up."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Buy", custom_id="shop:buy:4711")
    async def buy(self, interaction: Interaction, button: Any) -> None:
        log.info("bought")
        await interaction.response.send_message("thanks")

    @discord.ui.button(label="Break")
    async def breaks(self, interaction: Interaction, button: Any) -> None:
        raise KeyError("percent")

    @discord.ui.select(custom_id="size", options=[discord.SelectOption(label="S"), discord.SelectOption(label="XL")])
    async def size(self, interaction: Interaction, menu: discord.ui.Select[Any]) -> None:
        if menu.values == ["XL"]:
            await interaction.response.defer(ephemeral=True, thinking=True)
            raise KeyError("no XL")
        await interaction.response.send_message(menu.values[0])

    @discord.ui.button(label="Form")
    async def form(self, interaction: Interaction, button: Any) -> None:
        await interaction.response.send_modal(Feedback())


class Closed(Panel):
    """Its check lets nobody through."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        await interaction.response.send_message("closed")
        return False


class Handled(discord.ui.View):
    """It has an error handler of its own."""

    @discord.ui.button(label="Handled", custom_id="handled")
    async def breaks(self, interaction: Interaction, button: Any) -> None:
        raise KeyError("percent")

    async def on_error(self, interaction: Interaction, error: Exception, item: Any, /) -> None:
        await interaction.response.send_message(f"see {interaction.extras['error_id']}")


class Feedback(discord.ui.Modal, title="Feedback"):
    words: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Words", custom_id="words")

    async def on_submit(self, interaction: Interaction) -> None:
        stars = {"good": 5}[self.words.value]
        await interaction.response.send_message("*" * stars)


class Vote(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"vote:(?P<what>\w+)"):
    """Its checks and its making may break as well."""

    @classmethod
    async def from_custom_id(cls, _: Any, item: Any, found: Any, /) -> Vote:
        if found["what"] == "unmade":
            raise LookupError("unmade")
        vote = cls(item)
        vote.what = found["what"]
        return vote

    what = ""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        if self.what == "unchecked":
            raise LookupError("unchecked")
        return True

    async def callback(self, interaction: Interaction) -> None:
        await interaction.response.send_message(["up", "down"][int(self.what)])


class Shop(app_commands.Group, name="shop", description="The shop"):
    @app_commands.command(description="Shows what there is")
    async def panel(self, interaction: Interaction) -> None:
        await interaction.response.send_message("what there is", view=Panel())

    @app_commands.command(description="Shows what nobody gets")
    async def closed(self, interaction: Interaction) -> None:
        await interaction.response.send_message("what nobody gets", view=Closed())

    @app_commands.command(description="Shows what is handled")
    async def handled(self, interaction: Interaction) -> None:
        await interaction.response.send_message("what is handled", view=Handled())

    @app_commands.command(description="Shows votes")
    async def votes(self, interaction: Interaction) -> None:
        view = discord.ui.View(timeout=None)
        for what in ("0", "7", "unmade", "unchecked"):
            view.add_item(discord.ui.Button(label=what, custom_id=f"vote:{what}"))
        view.stop()
        await interaction.response.send_message("vote", view=view)


class Bot:
    """A bot of somebody's, with telemetry in it, in a Discord."""

    def __init__(self, at: DiscordStandIn, client: commands.Bot, telemetry: Telemetry) -> None:
        self.discord, self.client, self.telemetry = at, client, telemetry

    async def counts(self, intent: str, succeeded: int, failed: int) -> None:
        """A success is counted after its answer was sent, so perhaps a moment later."""
        async with asyncio.timeout(PATIENCE):
            while self.telemetry.outcomes.of(intent)[2:] != (succeeded, failed):
                await asyncio.sleep(0.01)

    def said(self, where: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.telemetry.recent()) if where(line)]

    def failure(self) -> dict[str, Any]:
        (line,) = self.said(lambda line: bool(line["exception"] and "error_id" in line["extra"]))
        return line


@pytest.fixture
async def bot(installed) -> AsyncIterator[Bot]:
    async with stand_in.serving() as at:
        point_at(at.api, at.gateway)
        client = commands.Bot("!", intents=discord.Intents(guilds=True))
        installed.telemetry.watch(client)
        client.tree.add_command(Shop())
        client.add_dynamic_items(Vote)
        client.setup_hook = client.tree.sync  # type: ignore[method-assign]  # discord.py's own way in
        running = asyncio.create_task(client.start(stand_in.TOKEN))
        await asyncio.wait_for(at.ready.wait(), PATIENCE)
        yield Bot(at, client, installed.telemetry)
        await client.close()
        await running


async def test_a_tap_is_bound_and_counted_by_the_words_of_its_custom_id(bot: Bot):
    panel = await bot.discord.slash("/shop panel")

    seen = await bot.discord.tap(panel, "Buy")

    assert seen.text == "thanks"
    await bot.counts("shop:buy", 1, 0)
    (line,) = bot.said(lambda line: line["msg"] == "bought")
    assert (line["user"], line["channel"], line["intent"]) == (str(ALICE.id), str(CHANNEL), "shop:buy")


async def test_a_tap_that_breaks_is_counted_and_its_user_told_the_id_of_the_line(bot: Bot):
    panel = await bot.discord.slash("/shop panel")

    seen = await bot.discord.tap(panel, "Break")

    await bot.counts("Panel.breaks", 0, 1)
    assert "KeyError: 'percent'" in bot.failure()["exception"]
    assert bot.failure()["intent"] == "Panel.breaks"
    assert bot.failure()["extra"]["error_id"] in seen.text


async def test_a_menu_counts_each_way_even_after_its_first_answer(bot: Bot):
    panel = await bot.discord.slash("/shop panel")

    small = await bot.discord.picks(panel, "S")
    large = await bot.discord.picks(panel, "XL")

    await bot.counts("size", 1, 1)
    assert small.text == "S"
    assert bot.failure()["entities"] == {"values": ["XL"]}
    assert bot.failure()["extra"]["error_id"] in large.text


async def test_a_modal_counts_each_way(bot: Bot):
    panel = await bot.discord.slash("/shop panel")

    good = await bot.discord.submits(await bot.discord.tap(panel, "Form"), "good")
    bad = await bot.discord.submits(await bot.discord.tap(panel, "Form"), "bad")

    await bot.counts("Panel.form", 2, 0)
    await bot.counts("Feedback", 1, 1)
    assert good.text == "*****"
    assert bot.failure()["entities"] == {"words": "bad"}
    assert bot.failure()["extra"]["error_id"] in bad.text


async def test_a_views_own_error_handler_is_asked_and_finds_the_id(bot: Bot):
    panel = await bot.discord.slash("/shop handled")

    seen = await bot.discord.tap(panel, "Handled")

    await bot.counts("handled", 0, 1)
    assert seen.text == f"see {bot.failure()['extra']['error_id']}"


@pytest.mark.parametrize("what", ["7", "unmade", "unchecked"])
async def test_a_dynamic_item_that_breaks_anywhere_is_counted_and_told(bot: Bot, what: str):
    votes = await bot.discord.slash("/shop votes")

    up = await bot.discord.tap(votes, "0")
    broken = await bot.discord.tap(votes, what)

    assert up.text == "up"
    await bot.counts("vote" if what == "7" else f"vote:{what}", 1 if what == "7" else 0, 1)
    assert bot.failure()["extra"]["error_id"] in broken.text


async def test_what_a_check_refuses_is_neither_a_success_nor_a_failure(bot: Bot):
    panel = await bot.discord.slash("/shop closed")

    seen = await bot.discord.tap(panel, "Buy")

    assert seen.text == "closed"
    assert bot.telemetry.outcomes.of("shop:buy")[2:] == (0, 0)


async def test_closed_and_installed_anew_it_counts_once_and_tells_once(bot: Bot):
    panel = await bot.discord.slash("/shop panel")
    bot.telemetry.close()
    await bot.discord.tap(panel, "Buy")
    assert bot.telemetry.outcomes.of("shop:buy")[2:] == (0, 0)

    bot.telemetry = install(bot.client)
    try:
        await bot.discord.tap(panel, "Buy")
        seen = await bot.discord.tap(panel, "Break")
        await bot.counts("shop:buy", 1, 0)
        await bot.counts("Panel.breaks", 0, 1)
        assert bot.failure()["extra"]["error_id"] in seen.text
    finally:
        bot.telemetry.close()


async def test_an_alert_is_posted_to_a_channel_and_mentions_nobody(bot: Bot):
    bot.telemetry.tell("channel", DiscordChannel(bot.client, CHANNEL))

    for number in range(40):
        log.warning("@everyone 404 Not Found (error code: 10008): Unknown Message ``` %s", number)
    async with asyncio.timeout(PATIENCE):
        while not bot.discord.channels.cards:
            await asyncio.sleep(0.01)

    (posted,) = bot.discord.channels.cards
    assert posted["content"].startswith("⚠️ **Discord no longer knows the interaction")
    assert "3 times" in posted["content"]
    assert "@everyone" not in posted["content"]
    assert posted["content"].count("```") == 2


def test_names_that_turn_out_to_be_data_are_counted_together():
    outcomes = Outcomes("c0ffee0")

    for number in range(MOST_TAILS + 10):
        outcomes.succeeded(f"profile:{'x' * (number + 1)}")

    assert len(outcomes.all()) == MOST_TAILS + 1
    assert outcomes.of("profile").succeeded == 10
