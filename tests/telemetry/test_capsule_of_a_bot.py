"""The call that failed in a bot, made again on Discord's own objects: as discord.py makes them of what Discord sends."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

import discord
import pytest
from discord.ext import commands

from kintsugi.telemetry.capsule import record

ROLE = {"permissions": "8", "position": 1, "color": 0, "colors": {}, "hoist": False, "managed": False, "flags": 0}
CHANNEL = {"type": 0, "position": 0, "permission_overwrites": [], "parent_id": None}
GUILD = {"roles": [{**ROLE, "id": "1", "name": "@everyone"}, {**ROLE, "id": "2", "name": "Moderator"}], "name": "Here"}
MESSAGE = {
    "attachments": [],
    "embeds": [],
    "mentions": [],
    "mention_roles": [],
    "components": [],
    "type": 0,
    "flags": 0,
    "edited_timestamp": None,
    "pinned": False,
    "mention_everyone": False,
    "tts": False,
}


class OwnCommand(commands.Command[Any, Any, Any]):
    """As bots make them."""


class Prices(commands.Cog):
    def __init__(self, bot: commands.Bot) -> None:
        self.bot, self.prices, self.lock = bot, {"mug": 5}, asyncio.Lock()

    @commands.command()
    async def price(self, context: commands.Context[commands.Bot]) -> None:
        async with self.lock:
            sent = await context.send("One moment")
        await sent.add_reaction("x")
        raise LookupError(_seen_by(context.message, self.prices))

    @commands.command()
    async def again(self, context: commands.Context[commands.Bot]) -> None:
        sent = await context.send("One moment")
        raise LookupError(sent.content)

    @commands.command()
    async def told(self, context: commands.Context[commands.Bot]) -> None:
        assert isinstance(context.author, discord.Member)
        channel = await context.author.create_dm()
        raise LookupError(channel.id)

    @commands.command()
    async def bans(self, context: commands.Context[commands.Bot]) -> None:
        assert context.guild
        raise LookupError((await context.guild.fetch_ban(context.author)).reason)

    @commands.command()
    async def helps(self, context: commands.Context[commands.Bot]) -> None:
        raise LookupError(type(self).__name__, self.prices)

    @commands.command(cls=OwnCommand)
    async def asks(self, context: commands.Context[commands.Bot]) -> None:
        await self.helps(context)

    @commands.command()
    async def wrong(self, context: commands.Context[commands.Bot]) -> None:
        await context.message.create_thread("Prices")  # type: ignore[misc, call-arg]


class Buy(discord.ui.View):
    @discord.ui.button(label="Buy")
    async def buy(self, pressed: discord.Interaction[commands.Bot], _: discord.ui.Button[Buy]) -> None:
        assert pressed.guild
        raise LookupError(pressed.guild.name, pressed.user.name, pressed.type)


def _seen_by(message: discord.Message, prices: dict[str, int]) -> list[object]:
    member, channel = message.author, message.channel
    assert isinstance(member, discord.Member)
    assert isinstance(channel, discord.TextChannel)
    may = channel.permissions_for(member).administrator
    return [message.content, member.top_role.name, may, channel.type, channel.guild.name, prices, message.created_at]


@pytest.mark.parametrize("how", ["a command", "a command among many members and messages", "a button", "asks", "wrong"])
def test_a_call_in_a_bot_fails_in_the_same_way_again(how: str) -> None:
    error, source = asyncio.run(_failed(how, 200 if "many" in how else 0))
    assert _raised_by(source).args == error.args
    assert "OwnCommand" not in source  # a cog makes its commands anew


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("again", "Message.content: not shown"),
        ("bans", "BanEntry: not shown"),
        ("told", "what Discord answers to create_dm"),
    ],
)
def test_what_discord_would_have_answered_is_told_to_whoever_reads_it(how: str, why: str) -> None:
    _, source = asyncio.run(_failed(how))
    assert str(_raised_by(source)) == why


async def _failed(how: str, more: int = 0) -> tuple[BaseException, str]:
    bot = commands.Bot("!", intents=discord.Intents.all())
    await bot._async_setup_hook()
    state, cog = bot._connection, Prices(bot)
    await bot.add_cog(cog)
    state.user = discord.ClientUser(state=state, data=_user(9))  # type: ignore[arg-type]
    members = [_member(number) for number in range(10, 11 + more)]
    channels = [{**CHANNEL, "id": "3", "name": "general"}]
    guild: Any = {**GUILD, "id": "1", "members": members, "channels": channels}
    channel: Any = state._add_guild_from_data(guild).get_channel(3)
    message, *_ = [_message(bot, channel, number) for number in range(1 + more)]

    async def answer(*_: object, **__: object) -> Any:
        return {**MESSAGE, "id": "7", "channel_id": "3", "author": _user(9), "content": "", "timestamp": _NOW}

    bot.http.request = answer  # type: ignore[method-assign]
    context = await bot.get_context(message)
    view, token = Buy(), secrets.token_urlsafe(90)  # which Discord gives each interaction
    ways: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "a button": lambda: view.children[0].callback(_pressed(bot, token)),
        "again": lambda: Prices.again.callback(cog, context),  # type: ignore[arg-type, call-arg]
        "asks": lambda: Prices.asks.callback(cog, context),  # type: ignore[arg-type, call-arg]
        "bans": lambda: Prices.bans.callback(cog, context),  # type: ignore[arg-type, call-arg]
        "wrong": lambda: Prices.wrong.callback(cog, context),  # type: ignore[arg-type, call-arg]
        "told": lambda: Prices.told.callback(cog, context),  # type: ignore[arg-type, call-arg]
    }
    with pytest.raises((LookupError, TypeError)) as seen:
        await ways.get(how, lambda: Prices.price.callback(cog, context))()  # type: ignore[arg-type, call-arg]
    error: BaseException = seen.value
    assert error.__traceback__
    error = error.with_traceback(error.__traceback__.tb_next)
    capsule = record(error, is_project=lambda file: file == __file__)
    assert capsule
    assert capsule.why_not == ""
    assert token not in capsule.source
    return error, capsule.source


_NOW = "2026-01-01T00:00:00+00:00"


def _user(number: int) -> dict[str, Any]:
    return {"id": f"{number}", "username": f"user{number}", "discriminator": "0", "avatar": None}


def _member(number: int) -> dict[str, Any]:
    return {"user": _user(number), "roles": ["2"], "joined_at": _NOW, "flags": 0}


def _pressed(bot: commands.Bot, token: str) -> discord.Interaction[commands.Bot]:
    asked = {"id": "8", "application_id": "9", "type": 3, "token": token, "version": 1, "attachment_size_limit": 1}
    where = {"guild_id": "1", "channel": {**CHANNEL, "id": "3", "name": "general", "guild_id": "1", "permissions": "8"}}
    who = {"member": {**_member(10), "permissions": "8"}, "data": {"component_type": 2, "custom_id": "buy"}}
    data: Any = {**asked, **where, **who}
    return discord.Interaction(data=data, state=bot._connection)


def _message(bot: commands.Bot, channel: Any, number: int) -> discord.Message:
    ids = {"id": f"{100 + number}", "channel_id": "3", "guild_id": "1"}
    data: Any = {**MESSAGE, **ids, "author": _user(10), "member": _member(10), "content": "!price", "timestamp": _NOW}
    made = discord.Message(state=bot._connection, channel=channel, data=data)
    assert bot._connection._messages is not None
    bot._connection._messages.append(made)
    return made


def _raised_by(source: str) -> BaseException:
    names: dict[str, Any] = {}
    exec(compile(source, "capsule", "exec"), names)
    with pytest.raises(BaseException) as seen:
        next(value for name, value in names.items() if name.startswith("test_"))()
    return seen.value
