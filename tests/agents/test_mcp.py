"""The protocol, spoken by its official client over both ways, and by one that knows nothing but JSON-RPC."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from kintsugi.agents.calls import AgentCalls, AgentNeeds, Bounds
from kintsugi.agents.protocol import over_http
from kintsugi.persistence.database import Database
from kintsugi.repair.replies import read_reply
from kintsugi.web.agents import AgentDoor
from kintsugi.web.server import LARGEST
from kintsugi.workflow.payload import Capsule
from kintsugi.workflow.proposals import Proposals
from kintsugi.workflow.states import State
from tests.app.test_command_line import TRACEBACK, Terminal
from tests.world.make import a_patch, a_payload
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE
from tests.world.world import World, a_world

ROOT = Path(__file__).parents[2]
PATCH = "--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
ALL = ["incidents", "incident", "context", "capsule", "prove", "propose"]
TOKEN = "t" * 40


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


def tools(world: World, bounds: Bounds = Bounds()) -> AgentCalls:  # noqa: B008  # frozen
    return AgentCalls(
        AgentNeeds(
            store=world.store,
            clock=world.clock,
            proposals=Proposals(world.store, world.clock, world.engine.fire, read_reply),
            checker=world.checker,
            context=lambda case, tokens: f"the code of {case.incident.name} in {tokens} tokens",
            link="https://kintsugi.example/incidents/{}",
            bounds=bounds,
        )
    )


@asynccontextmanager
async def listening(tools: AgentCalls) -> AsyncIterator[str]:
    """The address of `/mcp`."""
    application = web.Application(client_max_size=LARGEST)
    AgentDoor(TOKEN, partial(over_http, tools)).add_to(application)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[ClientSession]:
    """The official client."""
    import httpx2

    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as http,
        streamable_http_client(url, http_client=http) as (reading, writing, *_),
        ClientSession(reading, writing) as session,
    ):
        await session.initialize()
        yield session


async def test_an_agent_reads_an_incident_and_hands_a_patch_in_over_http(world: World):
    await world.crashes()
    async with listening(tools(world)) as url, connected(url) as session:
        listed = await session.list_tools()
        context = await session.call_tool("context", {"incident": "INC-1", "tokens": 500})
        handed = await session.call_tool("propose", {"incident": "1", "patch": PATCH, "title": "Two"})
        checked = (await session.call_tool("incident", {"incident": 1})).structured_content
        await world.settles()
        proven = (await session.call_tool("incident", {"incident": 1})).structured_content

    assert [tool.name for tool in listed.tools] == ALL
    assert context.structured_content["code"] == "the code of INC-1 in 500 tokens"
    assert (handed.structured_content["state"], handed.structured_content["proven"]) == ("diagnosed", None)
    assert [each["proven"] for each in checked["proposals"]] == [None]
    assert [each["proven"] for each in proven["proposals"]] == [True]
    assert proven["state"] == "awaiting_confirm"
    token = world.channel.tokens[1]
    assert token not in json.dumps(proven)


async def test_half_a_patch_is_not_shown_as_a_whole_one(world: World):
    world.checker.answers_first(a_patch(diff="+x = 1\n" * 50_000))
    await world.crashes()
    await world.settles()

    shown = (await tools(world).call("incident", "mcp:agent", {"incident": 1})).facts["patch"]

    assert shown.endswith("[cut after 200,000 of 350,000 characters: this is not the whole patch]\n")


async def test_what_strangers_wrote_stands_between_marks_that_they_cannot_know(world: World):
    await world.crashes()
    async with listening(tools(world)) as url, connected(url) as session:
        first, again = [(await session.call_tool("incident", {"incident": 1})).content[0].text for _ in range(2)]

    assert first.startswith("Programs, strangers and models wrote")
    marks = {text.split("<<<DATA ")[1].split("\n")[0] for text in (first, again)}
    assert len(marks) == 2


@pytest.mark.parametrize(
    ("capsule", "source", "says"),
    [
        (None, None, "No failing call was recorded."),
        (Capsule(module="shop", function="f", why_not="a secret"), None, "No failing call was recorded: a secret."),
        (Capsule(module="shop", function="f", source="from shop import f\n"), "from shop import f\n", ""),
    ],
)
async def test_the_failing_call_is_shown_where_there_is_one(world: World, capsule: Any, source: Any, says: str):
    await world.crashes(payload=a_payload().model_copy(update={"capsule": capsule}))
    async with listening(tools(world)) as url, connected(url) as session:
        facts = (await session.call_tool("capsule", {"incident": 1})).structured_content

    assert (facts["capsule"] and facts["capsule"]["source"], facts["says"]) == (source, says)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("confirm", {}, "There is no tool 'confirm'"),
        ("deploy", {}, "There is no tool 'deploy'"),
        ("incident", {"incident": 7}, "There is no INC-7"),
        ("incident", {"incident": "x"}, "'x' is not an incident"),
        ("incident", {}, "Give `incident`"),
        ("incident", {"incident": 1, "token": True}, "incident takes no 'token'"),
        ("incidents", {"state": "fine"}, "'fine' is not a state"),
        ("context", {"incident": 1, "tokens": "many"}, "`tokens` is a number"),
        ("prove", {"incident": 1}, "Give `patch`"),
        ("propose", {"incident": 1, "patch": " "}, "The patch is empty"),
        ("propose", {"incident": 1, "patch": "Please rate it."}, "The patch cannot be read"),
        ("propose", {"incident": 1, "patch": "x" * 1_100_000}, "The patch is too long"),
    ],
)
async def test_what_cannot_be_done_is_said_with_what_can(world: World, name: str, given: dict[str, Any], says: str):
    await world.crashes()
    async with listening(tools(world)) as url, connected(url) as session:
        answer = await session.call_tool(name, given)

    assert answer.is_error
    assert says in answer.content[0].text
    assert await world.state() is State.CAPTURED


async def test_a_client_that_floods_is_told_to_wait(world: World):
    await world.crashes()
    async with listening(tools(world, Bounds(calls=3))) as url, connected(url) as session:
        answers = [await session.call_tool("incidents", {}) for _ in range(5)]

    assert [answer.is_error for answer in answers] == [False, False, False, True, True]
    assert "Too many calls. Try again in" in answers[-1].content[0].text


async def test_proving_changes_nothing(world: World):
    world.checker.answers_first("It does not apply.")
    await world.crashes()
    async with listening(tools(world)) as url, connected(url) as session:
        refused = (await session.call_tool("prove", {"incident": 1, "patch": PATCH})).structured_content
        proven = (await session.call_tool("prove", {"incident": 1, "patch": PATCH})).structured_content

    assert (refused["proven"], refused["says"], refused["output"]) == (
        False,
        "It does not apply.",
        "the end of the run",
    )
    assert (proven["proven"], proven["tier"]) == (True, "E2")
    assert await world.passed() == ["captured"]


async def test_what_a_run_printed_is_told_without_secrets(world: World):
    secret = "ghp_" + "a1B2" * 9
    world.checker.answers_first(f"It printed {secret}.")
    await world.crashes()

    answer = await tools(world).call("prove", "mcp:agent", {"incident": 1, "patch": PATCH})

    assert answer.facts["proven"] is False
    assert secret not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
    ],
)
async def test_over_http_a_token_is_needed(world: World, headers: dict[str, str], status: int):
    """By a client that knows nothing but JSON-RPC."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "incidents", "arguments": {}}}
    accepts = {"Accept": "application/json, text/event-stream"}
    async with listening(tools(world)) as url, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(url, json=call, headers=accepts | headers)

    assert answer.status_code == status
    if status == 200:
        assert answer.json()["result"]["structuredContent"] == {"incidents": []}


async def test_an_agent_that_starts_us_is_served_over_its_pipes(tmp_path: Path):
    """Through the real command. Whatever else prints does not disturb the protocol."""
    Terminal(tmp_path).types("capture", "-", stdin=TRACEBACK)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "kintsugi", "mcp"],
        env=clean | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    )
    async with (
        asyncio.timeout(PATIENCE),
        stdio_client(started) as (reading, writing),
        ClientSession(reading, writing) as session,
    ):
        told = await session.initialize()
        listed = await session.list_tools()
        found = await session.call_tool("incidents", {"state": "captured"})

    assert told.server_info.name == "kintsugi"
    assert "A human confirms it" in (told.instructions or "")
    assert [tool.name for tool in listed.tools] == ALL
    assert [each["incident"] for each in found.structured_content["incidents"]] == ["INC-1"]


def test_the_rules_are_printed_and_written_nowhere(tmp_path: Path):
    done = Terminal(tmp_path).types("mcp", "--rules")

    assert done.stdout.startswith("# Working with Kintsugi")
    assert list(tmp_path.iterdir()) == []
