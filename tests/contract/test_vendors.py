"""Our shapes (tests/world/wire) beside the vendors' own files: the only tests that need them.

In each shape is looked for what it allows and the vendor does not: property by property, and with samples at the leaves.
Then each stand-in is toured with the vendor as its judge, as a shape names only a part of an answer.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, urlsplit

import discord
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from discord import Interaction, app_commands
from graphql import GraphQLSchema, build_schema, is_required_argument, validate
from graphql import parse as parse_query
from pydantic import Field
from sqlalchemy import URL

from kintsugi.bot.address import point_at
from kintsugi.integrations import railway_api
from kintsugi.integrations.discord_oauth import DiscordOAuth
from kintsugi.integrations.github.host import GitHubWishes
from kintsugi.integrations.model.openai import Api, ModelAccess, OpenAIModel
from kintsugi.integrations.model.port import Message
from kintsugi.integrations.model.tool_calls import TOOLS
from kintsugi.web.github import Ignored, parse, verify
from kintsugi.web.railway import RailwayDoor, ignored
from kintsugi.web.sentry import Project
from kintsugi.workflow.by_hand import Judgement, Light
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.states import State
from tests.contract.vendors import ROOT, Vendor
from tests.world import discord as discord_stand_in
from tests.world import github, openai, railway
from tests.world.deliveries import REPOSITORY
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import APPLICATION, CHANNEL, GUILD
from tests.world.github_hosts import a_github_host, confirmed, github_pulls
from tests.world.make import NOON
from tests.world.migrated import migrate
from tests.world.openai import Answer, a_completion, a_response
from tests.world.reports import a_door
from tests.world.wire import Operation, Sent, Shapes
from tests.world.wire.discord import DISCORD, SCOPES
from tests.world.wire.github import GITHUB
from tests.world.wire.openai import OPENAI
from tests.world.wire.sentry import SENTRY
from tests.world.world import a_world

pytestmark = pytest.mark.skipif(
    not ROOT.is_dir(), reason="the vendors' files are not here: put them into ../shared/wire, or set KINTSUGI_WIRE"
)

# Where a vendor, or its clients, do not keep to its own document.
UNDESCRIBED = {
    ("post", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs"): "not among the operations in the file",
    ("get", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs"): "not among the operations in the file",
    ("get", "/users/@me/guilds"): "not among the operations in the file",
    ("post", "/repos/{owner}/{repo}/issues/{issue_number}/labels"): "the prose takes a bare list, the schema does not",
}
TAKEN_ALL_THE_SAME = (
    "/nsfw: the vendor knows nothing of it",  # these three discord.py sends with every command, embed and edit
    "embeds[]/flags: the vendor knows nothing of it",
    "/tts: the vendor knows nothing of it",
    "/breadcrumbs: the vendor takes no array",  # Sentry's SDK for Node sends one
)
DEFINITIONS = {
    "identify": "WireIdentify",
    "resume": "WireResume",
    "heartbeat": "WireHeartbeat",
    "hello": "WireHello",
    "ack": "GatewayHeartbeatAck",
    "ready": "WireReady",
    "resumed": "GatewayResumedDispatch",
    "guild": "WireGuildCreate",
    "message": "WireMessageCreate",
    "interaction": "WireInteractionCreate",
    "chat input": "WireChatInput",
    "component": "WireComponent",
    "autocomplete": "WireAutocomplete",
    "modal": "WireModal",
    "wish": "WireGateway",
    "missed": "WireGateway",
}
SENT_BY_CLIENTS = ("identify", "resume", "heartbeat")
OURS = (GITHUB, DISCORD, OPENAI, SENTRY)
OPERATIONS = [(shapes, each) for shapes in OURS for each in shapes.operations.values()]
FRAMES = [(shapes, kind) for shapes in OURS for kind in shapes.frames]
QUERIES = sorted((Path(railway_api.__file__).parent / "railway_queries").glob("*.graphql"))
EXAMPLES = sorted((ROOT / "github" / "webhook-examples").glob("*.json"))


def read(*path: str) -> Any:
    return json.loads(ROOT.joinpath(*path).read_text())


@cache
def vendor(name: str) -> Vendor:
    if name == "sentry":
        return Vendor({}, read("sentry", "event.schema.json"), {"event": {"$ref": "#"}})
    document = read(name, "openapi.trimmed.json")
    match name:
        case "discord":
            kinds = {kind: {"$ref": f"#/definitions/{definition}"} for kind, definition in DEFINITIONS.items()}
            return Vendor(document, read("discord", "gateway.schema.json"), kinds)
        case "github":
            deliveries = read("github", "webhooks.schema.json")
            return Vendor(document, deliveries, {kind: any_action(kind, deliveries) for kind in GITHUB.frames})
        case _:
            return Vendor(document)


def any_action(event: str, deliveries: dict[str, Any]) -> dict[str, Any]:
    """GitHub describes an event once for each action."""
    name = event.replace("_", "-")
    pattern = re.compile(rf"{name}(-(?!review|run|suite|status)[a-z-]+)?")
    return {"anyOf": [schema for action, schema in deliveries["x-events"].items() if pattern.fullmatch(action)]}


@cache
def railways() -> GraphQLSchema:
    """It has one inconsistency about deprecation, so it is taken as it is."""
    return build_schema((ROOT / "railway" / "schema.graphql").read_text(), assume_valid=True)


# --- shapes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shapes", "operation"), OPERATIONS, ids=[f"{shapes.name} {each.method} {each.path}" for shapes, each in OPERATIONS]
)
def test_what_we_send_and_read_is_the_vendors(shapes: Shapes, operation: Operation):
    theirs, at = vendor(shapes.name), (operation.path, operation.method)
    faults = []

    if operation.asks and (operation.method, operation.path) not in UNDESCRIBED:
        faults += theirs.against(operation.asks, theirs.request(*at), sent=True)
    for status, shape in operation.tells.items():
        if shape and theirs.knows(*at):
            faults += theirs.against(shape, theirs.reply(*at, status))
    if operation.streams:
        faults += theirs.against(operation.streams, theirs.event(*at))

    assert theirs.knows(*at) or (operation.method, operation.path) in UNDESCRIBED
    assert beyond_what_is_known(faults) == []


@pytest.mark.parametrize(("shapes", "kind"), FRAMES, ids=[f"{shapes.name} {kind}" for shapes, kind in FRAMES])
def test_every_frame_and_delivery_is_the_vendors(shapes: Shapes, kind: str):
    theirs = vendor(shapes.name)

    faults = theirs.against(shapes.frames[kind], theirs.frame(kind), sent=kind in SENT_BY_CLIENTS)

    assert beyond_what_is_known(faults) == []


def beyond_what_is_known(faults: list[str]) -> list[str]:
    return [fault for fault in faults if not fault.endswith(TAKEN_ALL_THE_SAME)]


class WithoutBase(Sent):
    head: str


class WithLabels(Sent):
    head: str
    base: str
    labels: list[str]


class DraftByWords(Sent):
    head: str
    base: str
    draft: Literal["yes", "no"]


class LongComment(Sent):
    content: Annotated[str, Field(max_length=4001)]


PULLS, MESSAGES = "/repos/{owner}/{repo}/pulls", "/channels/{channel_id}/messages"


@pytest.mark.parametrize(
    ("name", "path", "shape", "says"),
    [
        ("github", PULLS, WithoutBase, "the top: the vendor wants base as well"),
        ("github", PULLS, WithLabels, "/labels: the vendor knows nothing of it"),
        ("github", PULLS, DraftByWords, "/draft: at the top: 'yes' is not of type 'boolean'"),
        ("github", PULLS, list[WithLabels], "the top: the vendor takes no array"),
        ("discord", MESSAGES, LongComment, "/content: at the top: 'x"),
    ],
)
def test_a_shape_that_allows_more_than_the_vendor_is_found_out(name: str, path: str, shape: Any, says: str):
    theirs = vendor(name)

    assert theirs.against(shape, theirs.request(path, "post"), sent=True)[0].startswith(says)


def test_what_people_are_asked_to_agree_to_are_scopes_of_discords():
    assert vendor("discord").scopes >= SCOPES


def test_railways_schema_has_all_that_ours_has_with_the_same_types():
    ours, theirs = railway.schema(), railways()
    faults = []

    for name, kind in ours.type_map.items():
        there: Any = theirs.type_map.get(name)
        assert there, f"Railway has no {name}"
        for field, ours_is in getattr(kind, "fields", {}).items():
            given, wanted = getattr(ours_is, "args", {}), getattr(there.fields[field], "args", {})
            faults += [f"{name}.{field}"] * (str(ours_is.type) != str(there.fields[field].type))
            faults += [f"{name}.{field}({each})" for each in given if str(given[each].type) != str(wanted[each].type)]
            faults += [
                f"{name}.{field}({each})" for each in wanted.keys() - given if is_required_argument(wanted[each])
            ]
        if hasattr(kind, "values") and set(kind.values) != set(there.values):
            faults.append(name)

    assert faults == []


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_every_query_is_valid_against_railways_whole_schema(query: Path):
    assert validate(railways(), parse_query(query.read_text())) == []


# --- recordings -------------------------------------------------------------------------------------------------


def test_githubs_own_signature_vector_is_accepted():
    vector = read("github", "signature-vector.json")

    assert verify(vector["payload"].encode(), vector["X-Hub-Signature-256"], [vector["secret"]])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_recorded_delivery_has_our_shape_and_is_understood(path: Path):
    event, body = path.name.partition(".")[0], path.read_bytes()
    payload = json.loads(body)
    repository = payload.get("repository", {}).get("full_name", REPOSITORY)

    if event in GITHUB.frames:
        GITHUB.judge_frame(event, payload)
    answer = parse({"X-GitHub-Event": event, "Content-Type": "application/json"}, body, repository, NOON)

    assert isinstance(answer, Ignored)  # none of them is about a branch of ours


def test_railways_own_delivery_is_understood():
    example = (ROOT / "railway" / "webhook-example.json").read_bytes()
    resource = json.loads(example)["resource"]
    ids = [resource[name]["id"] for name in ("project", "environment", "service")]

    assert ignored(RailwayDoor("s", *ids), example) is None
    assert ignored(RailwayDoor("s", "another", *ids[1:]), example)


async def test_recorded_requests_of_every_sentry_sdk_are_understood(sqlite_url: URL):
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world, a_door(world, Project("pub")) as door:
        for name, path in (
            ("node-11.12.0.1.envelope", "envelope"),  # a session alone
            ("node-11.12.0.2.envelope", "envelope"),
            ("python-2.75.0.1.envelope", "envelope"),
            ("python-1.45.1.1.store.json", "store"),
        ):
            body = gzip.compress((ROOT / "sentry" / name).read_bytes())
            assert (await door.post(body, "gzip", key="pub", path=path))[0] == 200
        node, python = await world.store.incident(1), await world.store.incident(2)

    assert node.summary.startswith("TypeError: Cannot read properties of undefined (reading 'map') in ")
    assert python.summary == "ZeroDivisionError: division by zero in app.py:11"
    assert python.count == 2  # both of Python's SDKs told of the same failure


# --- tours ------------------------------------------------------------------------------------------------------


def nothing_was_left_out(shapes: Shapes, theirs: Vendor) -> None:
    """Whatever has a shape was judged by the vendor."""
    wanted = set()
    for at, each in shapes.operations.items():
        if at not in UNDESCRIBED:
            kinds = {"asked": each.asks, "streamed": each.streams, **{str(status): 1 for status in each.tells}}
            wanted |= {(*at, kind) for kind, there in kinds.items() if there}
    if shapes is DISCORD:  # GitHub's deliveries are made in part
        wanted |= {("", kind, "frame") for kind in shapes.frames}
    assert wanted - theirs.seen == set()


class Github:
    """GitHub's judge in a tour: what the file does not describe is left to our shapes."""

    def __init__(self, theirs: Vendor) -> None:
        self.theirs = theirs

    def judge_request(self, path: str, method: str, body: object) -> None:
        (GITHUB if (method, path) in UNDESCRIBED else self.theirs).judge_request(path, method, body)

    def judge_reply(self, path: str, method: str, status: int, body: object) -> None:
        (self.theirs if self.theirs.knows(path, method) else GITHUB).judge_reply(path, method, status, body)

    def judge_event(self, path: str, method: str, event: object) -> None:
        raise AssertionError("GitHub streams nothing")

    def judge_frame(self, kind: str, frame: object) -> None:
        raise AssertionError("GitHub has no frames here")


async def test_a_tour_of_github(tmp_path: Path):
    theirs = vendor("github")
    async with github.serving(tmp_path, contract=Github(theirs)) as people:
        first = people.commits({"shop.py": b"price = 1\n"})
        wishes = GitHubWishes(labels=("kintsugi",), reviewers=("rita",))
        host, objects = a_github_host(people, tmp_path, wishes=wishes)
        before = confirmed(objects, first, {"shop.py": b"price = 2\n"})
        pull = await host.open_pull_request(before)
        after = confirmed(objects, first, {"shop.py": b"price = 3\n"}, pull_request=pull)
        pull = await host.open_pull_request(after)
        opened = after.but(state=State.PR_OPENED, pull_request=pull)
        check = people.checks_end(pull.head, "failure")
        people.reviews_with(pull.number, "CHANGES_REQUESTED", "rename it")
        for _ in ("it is sent there again", "it fails again"):
            assert await host.standing(opened)
            check.conclusion = "failure"
        pulls = github_pulls(people, objects, host, [])
        people.commits({"amounts.py": b""}, "amounts")
        by_hand = people.opens("amounts", "Fix INC-1")
        assert [each.incident for each in await pulls.by_hand()] == [1]
        await pulls.judge(1, by_hand.head, Judgement(Light.SUCCESS, "It is proven."))
        merge = people.merges(pull.number)
        assert await host.contains(merge, first)
        await host.tell(opened.but(state=State.HEALED, pull_request=replace(pull, merged_as=merge), seq=8))
        app = {"token": "", "app_id": 7, "app_key": a_key()}
        await a_github_host(people, tmp_path, access=app)[0].head()

    nothing_was_left_out(GITHUB, theirs)


def a_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    return key.private_bytes(*kinds).decode()


async def test_a_tour_of_openai():
    theirs = vendor("openai")
    failed = a_response(None, status="failed", error={"code": "server_error", "message": "overloaded"})
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    chats = [
        a_completion("{}"),
        a_completion(None, refusal="No."),
        a_completion("{", finish_reason="length"),
        a_completion("", finish_reason="content_filter"),
    ]
    responses = [a_response("{}"), a_response(None, refusal="No."), a_response("{", **cut), failed]
    async with openai.serving(theirs) as provider, httpx.AsyncClient() as client:
        await client.get(f"{provider.url}/models/stand-in")
        tours: list[tuple[Api, list[dict[str, Any]]]] = [("chat", chats), ("responses", responses)]
        for api, replies in tours:
            provider.answers_first(*map(Answer, replies))
            model = OpenAIModel(ModelAccess("stand-in", "key", provider.url, api=api))
            for _ in replies:
                with suppress(StepFailed):
                    await model.ask([Message("user", "Why?")], ("finding", SCHEMA), lambda words: None)
            provider.thinks = lambda asked: {"tool": "list", "path": ""}
            talk = [
                Message("user", "Look."),
                Message("assistant", LISTED, "look00001"),
                Message("user", "a", "look00001"),
            ]
            await model.ask(talk, ("step", SCHEMA), lambda words: None, TOOLS)
        assert provider.line == []

    nothing_was_left_out(OPENAI, theirs)


LISTED = '{"tool": "list", "path": ""}'
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


class Question(discord.ui.Modal, title="Why?"):
    words: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Words", custom_id="words")

    async def on_submit(self, interaction: Interaction) -> None:
        await interaction.response.send_message("So that is why.")


class Panel(discord.ui.View):
    @discord.ui.button(label="Ask", custom_id="ask")
    async def ask(self, interaction: Interaction, _: Any) -> None:
        await interaction.response.send_modal(Question())

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: Interaction, _: Any) -> None:
        await interaction.response.defer()
        await interaction.followup.send("Now.")

    @discord.ui.select(custom_id="size", options=[discord.SelectOption(label="S"), discord.SelectOption(label="XL")])
    async def size(self, interaction: Interaction, menu: Any) -> None:
        await interaction.response.send_message(menu.values[0])


class Tour(app_commands.Group, name="tour", description="All that there is"):
    @app_commands.command(description="Shows a panel")
    async def panel(self, interaction: Interaction) -> None:
        await interaction.response.send_message("Here", view=Panel())

    @app_commands.command(description="Answers late")
    async def late(self, interaction: Interaction, what: str, often: int = 1, loud: bool = False) -> None:
        await interaction.response.defer(ephemeral=True)
        embed = discord.Embed(title=what, colour=often).add_field(name="loud", value=str(loud))
        text = discord.File(io.BytesIO(b"text"), "text.txt")
        await interaction.edit_original_response(content=what, embed=embed, attachments=[text])
        await interaction.followup.send("And more")

    @late.autocomplete("what")
    async def offers(self, _: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{typed}ea", value="tea")]


@asynccontextmanager
async def a_bot(at: DiscordStandIn, guild: int | None) -> AsyncIterator[discord.Client]:
    """Somebody's bot, whose commands are the guild's or everybody's."""
    point_at(at.api, at.gateway)
    client = discord.Client(intents=discord.Intents(guilds=True))
    tree = app_commands.CommandTree(client)
    where = discord.Object(guild) if guild else None
    tree.add_command(Tour(), guild=where)

    async def set_up() -> None:
        for _ in ("it is new", "it is there"):
            await one_by_one(client, tree, guild)
        await tree.sync(guild=where)

    client.setup_hook = set_up  # type: ignore[method-assign]  # discord.py's own way in
    at.ready.clear()
    running = asyncio.create_task(client.start(discord_stand_in.TOKEN))
    await asyncio.wait_for(at.ready.wait(), 30)
    yield client
    await client.close()
    await running


async def one_by_one(client: discord.Client, tree: app_commands.CommandTree[Any], guild: int | None) -> None:
    """As a guest registers its commands."""
    http, id = client.http, client.application_id
    assert id
    for command in tree.get_commands(guild=discord.Object(guild) if guild else None):
        payload: Any = command.to_dict(tree)
        if guild:
            await http.upsert_guild_command(id, guild, payload)
            await http.get_guild_commands(id, guild)
        else:
            await http.upsert_global_command(id, payload)
            await http.get_global_commands(id)


async def test_a_tour_of_discord():
    theirs = vendor("discord")
    async with discord_stand_in.serving(theirs) as at:
        at.heartbeat = 0.1
        async with a_bot(at, None):
            panel = await at.slash("/tour panel")
        async with a_bot(at, GUILD) as client:
            assert await at.completes("/tour late", "what", "t") == ["tea"]
            late = await at.slash("/tour late", what="tea", often=2, loud=True)
            panel = await at.slash("/tour panel")
            form = await at.tap(panel, "Ask")
            answer = await at.submits(form, "because")
            await at.tap(panel, "Later")
            size = await at.picks(panel, "XL")
            await at.says("hello")
            await in_the_channel(client)
            await comes_back(at)
        await logs_in(at)

    assert (late.text, answer.text, size.text) == ("And more", "So that is why.", "XL")
    nothing_was_left_out(DISCORD, theirs)


async def in_the_channel(client: discord.Client) -> None:
    await client.fetch_guild(GUILD, with_counts=False)
    channel = await client.fetch_channel(CHANNEL)
    assert isinstance(channel, discord.TextChannel)
    card = await channel.send("INC-1", embed=discord.Embed(title="captured"), view=Panel())
    await card.edit(content="INC-2")
    thread = await card.create_thread(name="INC-2")
    await thread.send("news", nonce=7)
    assert [message.content async for message in channel.history()] == ["INC-2"]
    await client.fetch_channel(thread.id)


async def comes_back(at: DiscordStandIn) -> None:
    """The connection is cut, and asked to be made anew; what was missed meanwhile comes again."""
    await at.drops()
    missed = await at.sends("/tour panel")
    await asyncio.wait_for(missed.done.wait(), 30)
    await at.wishes(7)


async def logs_in(at: DiscordStandIn) -> None:
    """Somebody, in the browser."""
    oauth = DiscordOAuth(APPLICATION, at.accounts.secret, "http://127.0.0.1/back", (GUILD,), at.api)
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    async with httpx.AsyncClient() as browser:
        sent = await browser.get(oauth.address(secrets.token_urlsafe(22), challenge))
    code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
    assert (await oauth.person(code, verifier)).name == "alice"
