import asyncio
import io
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
from aiohttp import web
from discord import app_commands

from examples.plain_bot import make_bot
from kintsugi.telemetry import install
from kintsugi.telemetry.intents import entities_of, intent_of
from tests.world import discord as stand_in
from tests.world.patience import PATIENCE

log = logging.getLogger("tests.bot")


def event(kind=2, **data):
    """An interaction as the gateway sends it."""
    return {
        "id": "900000000000000001", "application_id": "900000000000000002", "type": kind, "token": "interaction" + "-token",
        "version": 1, "channel_id": "900000000000000003", "locale": "en-GB", "entitlements": [], "app_permissions": "0",
        "authorizing_integration_owners": {}, "attachment_size_limit": 0,
        "channel": {"id": "900000000000000003", "type": 1}, "data": data,
        "user": {"id": "900000000000000004", "username": "alice", "discriminator": "0", "avatar": None},
    }  # fmt: skip


def option(name, value, kind=4):
    return {"name": name, "value": value, "type": kind}


@pytest.fixture
async def discord_api():
    """Discord's HTTP side over loopback: takes every answer to an interaction."""
    answers: list[Any] = []

    async def take(request):
        answers.append(await request.json())
        body = b'{"interaction": {"id": "1", "type": 2}, "resource": {"type": 4}}'
        return web.Response(body=body, headers={"Content-Type": "application/json"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    before = discord.http.Route.BASE
    discord.http.Route.BASE = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v10"
    yield answers
    discord.http.Route.BASE = before
    await runner.cleanup()


async def started(bot):
    await bot._async_setup_hook()
    bot.http._HTTPClient__session = aiohttp.ClientSession()
    return bot


async def receives(bot, payload):
    """Hands the event to the bot as its gateway would, and waits for all it sets off."""
    bot._connection.parsers["INTERACTION_CREATE"](payload)
    while running := [task for task in asyncio.all_tasks() if task.get_name().startswith(("CommandTree", "discord"))]:
        await asyncio.gather(*running, return_exceptions=True)


async def test_a_command_binds_user_channel_intent_and_entities_and_counts_its_success(installed, discord_api):
    bot = await started(make_bot())
    installed.telemetry.watch(bot)

    await receives(bot, event(name="divide", id="5", type=1, options=[option("dividend", 6), option("divisor", 3)]))
    await bot.close()

    line = next(line for line in installed.lines() if line["msg"] == "dividing")
    assert (line["user"], line["channel"], line["intent"]) == ("900000000000000004", "900000000000000003", "divide")
    assert line["entities"] == {"dividend": 6, "divisor": 3}
    outcome = installed.telemetry.outcomes.of("divide")
    assert (outcome.build, outcome.succeeded, outcome.failed) == ("c0ffee0", 1, 0)
    assert discord_api[0]["data"]["content"] == "2"


async def test_an_error_gets_an_id_that_the_user_is_told_and_the_log_holds(installed, discord_api):
    bot = await started(make_bot())
    installed.telemetry.watch(bot)

    await receives(bot, event(name="divide", id="5", type=1, options=[option("dividend", 6), option("divisor", 0)]))
    await bot.close()

    line = next(line for line in installed.lines() if line["msg"] == "Ignoring exception in command 'divide'")
    assert "ZeroDivisionError" in line["exception"]
    assert line["intent"] == "divide"
    assert line["extra"]["error_id"] in discord_api[0]["data"]["content"]
    assert installed.telemetry.outcomes.of("divide").failed == 1


async def test_a_bots_own_error_handler_is_asked_and_finds_the_id(installed, discord_api):
    bot = await started(make_bot())
    found = []

    @bot.tree.error
    async def on_error(interaction, error):
        found.append(interaction.extras["error_id"])

    installed.telemetry.watch(bot)
    await receives(bot, event(name="divide", id="5", type=1, options=[option("dividend", 6), option("divisor", 0)]))
    await bot.close()

    assert found == [
        next(line["extra"]["error_id"] for line in installed.lines() if line["msg"] == "interaction failed")
    ]
    assert discord_api == []


async def test_a_refused_command_neither_succeeds_nor_fails(installed, discord_api):
    bot = await started(make_bot())

    async def nobody(interaction):
        return False

    bot.tree.interaction_check = nobody
    installed.telemetry.watch(bot)
    await receives(bot, event(name="divide", id="5", type=1, options=[]))
    await bot.close()

    assert installed.telemetry.outcomes.all() == []


async def test_a_plain_client_with_a_tree_is_watched_as_well(installed, discord_api):
    client = discord.Client(intents=discord.Intents.none())
    client.tree = app_commands.CommandTree(client)

    @client.tree.command(name="ping", description="Answers")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    await started(client)
    installed.telemetry.watch(client)
    await receives(client, event(name="ping", id="5", type=1))
    await client.close()

    assert installed.telemetry.outcomes.of("ping").succeeded == 1


async def test_a_secret_option_is_hidden(installed, discord_api):
    bot = await started(make_bot())
    installed.telemetry.watch(bot)

    await receives(
        bot, event(name="divide", id="5", type=1, options=[option("dividend", 6), option("password", "sunshine", 3)])
    )
    await bot.close()

    assert not any("sunshine" in line for line in installed.telemetry.recent())


@pytest.mark.parametrize(
    ("data", "intent", "entities"),
    [
        ({"name": "deploy", "options": [{"name": "latest", "type": 1, "options": [option("dry", True, 5)]}]},
         "deploy latest", {"dry": True}),
        ({"name": "a", "options": [{"name": "b", "type": 2, "options": [{"name": "c", "type": 1, "options": []}]}]}, "a b c", {}),
        ({"name": "Report", "target_id": "77"}, "Report", {"target_id": "77"}),
        ({"custom_id": "pick", "values": ["x"]}, "pick", {"values": ["x"]}),
        ({"custom_id": "form", "components": [{"type": 1, "components": [{"custom_id": "why", "value": "no"}]}]},
         "form", {"why": "no"}),
        ({"custom_id": "form", "components": [{"type": 18, "component": {"custom_id": "why", "value": "no"}}]},
         "form", {"why": "no"}),
        ({"custom_id": "shop:buy:4711:alice", "component_type": 2}, "shop:buy", {}),
        ({"custom_id": "ticket_close_81384788765712384", "component_type": 2}, "ticket_close", {}),
        ({"custom_id": "v2:confirm:7", "component_type": 2}, "v2:confirm", {}),
        ({"custom_id": "0123456789abcdef" * 2, "component_type": 2}, "component", {}),
        ({"custom_id": "abcdef0123456789" * 2}, "modal", {}),
        ({}, "unknown", {}),
    ],
)  # fmt: skip
def test_intent_and_entities_are_read_from_what_discord_sends(data, intent, entities):
    assert (intent_of(data), entities_of(data)) == (intent, entities)


async def test_the_three_line_example_logs_redacted_lines_from_its_first_command_on(discord_api):
    token = "MTIz" + "NDU2Nzg5MDEyMzQ1Njc4." + "AbCdEf." + "x1" * 19
    bot = await started(make_bot())
    stream = io.StringIO()
    installed = install(bot, secrets=[token], stream=stream)
    await receives(bot, event(name="divide", id="5", type=1, options=[option("dividend", 6), option("divisor", 0)]))
    log.info("my token is %s", token)
    await bot.close()
    installed.close()

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {"dividing", "Ignoring exception in command 'divide'", "my token is ***"} <= {line["msg"] for line in lines}


async def test_the_example_as_it_stands_logs_in_and_writes_only_lines_without_its_token():
    script = "import sys; from kintsugi.bot.address import point_at; from examples import plain_bot; point_at(*sys.argv[1:]); plain_bot.main()"
    async with stand_in.serving() as at:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-c", script, at.api, at.gateway),
            cwd=Path(__file__).parents[2],
            env={**os.environ, "DISCORD_TOKEN": stand_in.TOKEN},
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr
        lines = []
        async with asyncio.timeout(PATIENCE):
            while not any("has connected to Gateway" in line["msg"] for line in lines):
                lines.append(json.loads(await process.stderr.readline()))
        process.terminate()
        await process.communicate()

    assert all(line["logger"].startswith("discord") for line in lines)
    assert stand_in.TOKEN not in json.dumps(lines)
