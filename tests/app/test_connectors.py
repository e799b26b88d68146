"""Services as values: what is missing is said with the setting that brings it, and each is asked by the work's client."""

import secrets
from pathlib import Path
from typing import Any

import discord
import pytest
from pydantic import SecretStr

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.connectors import FAULT, OFF, OK, discord_account, model
from kintsugi.app.settings import (
    CodeSettings,
    DatabaseSettings,
    DeploySettings,
    DiscordSettings,
    ModelSettings,
    RailwaySettings,
    Settings,
)
from kintsugi.commands.service import left_out
from kintsugi.integrations.git import Git
from kintsugi.persistence.database import Database
from tests.world import discord as stand_in
from tests.world.discord_shapes import ADMIN_ROLE, BOB, CHANNEL, GUILD, NEEDED


def an_empty_house(folder: Path, **rooms: object) -> Bootstrap:
    here = DatabaseSettings(url=Database.at(folder / "kintsugi.db"))
    return Bootstrap(Settings(database=here, **rooms))  # type: ignore[arg-type]


FILES = discord.Permissions(embed_links=True, attach_files=True).value


async def test_what_is_not_configured_is_off_and_is_left_out_by_the_same_words(tmp_path: Path):
    bootstrap = an_empty_house(tmp_path)

    looked = [await each.look() for each in (bootstrap.discord, *bootstrap.connectors)]
    lines = left_out(bootstrap, ("discord", "web", "worker"))

    assert {each.how for each in looked} == {OFF}
    for each in (bootstrap.discord, *bootstrap.connectors):
        assert each.missing
        assert each.missing.line in lines


async def test_whether_discord_knows_the_bot_is_asked_by_its_own_client():
    async with stand_in.serving() as at:
        known = await discord_account(in_discord(at)).look()
        wrong = DiscordSettings(token=SecretStr(secrets.token_urlsafe()), api_base=at.api)
        refused = await discord_account(wrong).look()
    away = await discord_account(DiscordSettings(token=SecretStr(stand_in.TOKEN), api_base=at.api)).look()

    assert (known.how, refused.how, away.how) == (OK, FAULT, FAULT)
    assert known.says.startswith("the token is that of ")
    assert known.says.endswith("; the gateway answers; cards go to #incidents; let in: @admin, Bob")
    assert refused.says.startswith("KINTSUGI_DISCORD_TOKEN: Discord refuses it.")
    assert "Discord cannot be reached" in away.says


def in_discord(at: stand_in.DiscordStandIn, **changes: Any) -> DiscordSettings:
    usual = {"channel": CHANNEL, "admin_roles": frozenset({ADMIN_ROLE}), "admin_users": frozenset({BOB.id})}
    addresses = {"api_base": at.api, "gateway_url": at.gateway}
    return DiscordSettings(token=SecretStr(stand_in.TOKEN), **usual | addresses | changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"channel": 3009}, "KINTSUGI_DISCORD_CHANNEL: the bot cannot see the channel 3009."),
        ({"guilds": frozenset({GUILD + 1})}, "KINTSUGI_DISCORD_GUILDS: the bot is not in the server 2002."),
        ({"guilds": frozenset({1})}, "#incidents is in the shop (2001), which KINTSUGI_DISCORD_GUILDS does not name"),
        ({"admin_roles": frozenset({77})}, "KINTSUGI_DISCORD_ADMIN_ROLES: 77 is not a role of the shop. Copy its id"),
        ({"deploy_roles": frozenset({77})}, "KINTSUGI_DISCORD_DEPLOY_ROLES: 77 is not a role of the shop."),
        ({"admin_roles": frozenset({GUILD})}, "2001 is @everyone of the shop, which lets in nobody. Name a role."),
        ({"admin_users": frozenset({78}), "channel": None}, "_ADMIN_USERS: 78 is not a member of the shop."),
        ({"ping": "12345"}, "KINTSUGI_DISCORD_PING: 12345 is not a role of the shop."),
        ({"ping": f"role:{ADMIN_ROLE:05}"}, "the bot may not mention @admin, so nobody would be called."),
        ({"allowed": NEEDED & ~FILES}, "In #incidents the bot lacks Embed Links and Attach Files. Allow that in"),
        ({"gateway_url": "ws://127.0.0.1:9/"}, "Discord's gateway at ws://127.0.0.1:9/ cannot be reached (Client"),
    ],
)  # fmt: skip
async def test_what_would_fail_in_discord_is_named_before_the_bot_runs(changes: dict[str, Any], says: str):
    async with stand_in.serving() as at:
        at.allowed = changes.pop("allowed", at.allowed)
        looked = await discord_account(in_discord(at, **changes)).look()

    assert looked.how == FAULT
    assert says in looked.says


async def test_of_a_bot_in_many_servers_no_role_is_called_unknown():
    async with stand_in.serving() as at:
        at.guilds = [GUILD + number for number in range(12)]
        looked = await discord_account(in_discord(at, channel=None, admin_roles=frozenset({77}))).look()

    assert (looked.how, "77" in looked.says) == (OK, False)


async def test_a_model_that_is_away_is_a_fault_that_names_what_to_check():
    settings = ModelSettings(api_key=SecretStr(secrets.token_urlsafe()), base_url="http://127.0.0.1:9/v1")

    looked = await model(settings).look()

    assert looked.how == FAULT
    assert looked.says.startswith("The model cannot be reached: nothing answers at http://127.0.0.1:9/v1 (")
    assert looked.says.endswith("Check KINTSUGI_LLM_BASE_URL.")


async def test_half_of_a_deployer_is_a_fault_that_names_the_other_half(tmp_path: Path):
    railway = an_empty_house(tmp_path, railway=RailwaySettings(token=SecretStr(secrets.token_urlsafe())))
    webhook = an_empty_house(tmp_path, deploy=DeploySettings(webhook_url="https://deploy.example/"))

    assert "needs KINTSUGI_RAILWAY_PROJECT_ID" in (await railway.deployer.look()).says
    assert "needs KINTSUGI_DEPLOY_WEBHOOK_SECRET" in (await webhook.deployer.look()).says


async def test_a_repository_on_this_machine_has_to_be_bare_and_to_have_the_branch(tmp_path: Path):
    git = Git.init_bare(tmp_path / "origin.git", "main")
    bootstrap = an_empty_house(tmp_path, code=CodeSettings(repo=git.directory))

    looked = await bootstrap.code_host.look()

    assert (looked.what, looked.how) == ("repository", FAULT)
    assert "has no branch main" in looked.says
