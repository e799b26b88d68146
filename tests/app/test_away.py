"""`kintsugi run` while something that it needs is away: what does not need it goes on."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from pathlib import Path

import pytest

from kintsugi.persistence.database import Database
from tests.app.test_discord import environment
from tests.world import discord as stand_in
from tests.world.deliveries import a_merge, signed
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import ALICE
from tests.world.discord_weather import BANNED
from tests.world.proxy import a_way
from tests.world.reports import KEY, an_envelope, an_event
from tests.world.service import Service, a_service

REPORTS = {"KINTSUGI_SENTRY_PROJECTS": json.dumps({"42": {"key": KEY}})}


def nobody_there() -> str:
    """An address on loopback at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def discord_at(at: DiscordStandIn) -> dict[str, str]:
    given = environment(at, stand_in.TOKEN)
    return {name: value for name, value in given.items() if name.startswith("KINTSUGI_")}


async def reports(service: Service) -> int:
    """A program's crash comes in; the status it is answered with."""
    url, headers = f"{await service.address()}/api/42/envelope/", {"X-Sentry-Auth": f"Sentry sentry_key={KEY}"}
    return (await service.http.post(url, content=an_envelope(an_event()), headers=headers)).status_code


async def diagnosed(service: Service) -> None:
    await service.says(r'"dest": ?"needs_human"')  # no model: nothing is proposed


async def test_a_host_that_discord_bans_for_a_while_serves_on_and_asks_once(tmp_path: Path):
    async with stand_in.serving() as at:
        at.weather.banned_for = 900
        at.weather.comes(BANNED, "/users/@me", times=9)
        async with a_service(tmp_path, **discord_at(at), **REPORTS) as service:
            said = await service.says("Discord limits this host")
            status = await reports(service)
            await diagnosed(service)
            await service.becomes("/readyz", 200)
            ended = await service.is_told_to_end()

        asked = [call for call in at.weather.calls if "/users/@me" in call]

    assert said.string.endswith("Retrying in 15 min; the rest of the service runs.")
    assert (status, ended, len(asked)) == (200, 0, 1)
    assert not any("Traceback" in line for line in service.said)


async def test_when_the_ban_is_over_the_bot_comes(tmp_path: Path):
    async with stand_in.serving() as at:
        at.weather.comes(BANNED, "/users/@me", times=2)
        async with a_service(tmp_path, **discord_at(at)) as service:
            await service.says("Discord is back")
            answer = await at.slash("/debug incidents", ALICE)
            ended = await service.is_told_to_end()

    assert (answer.says, ended) == ("No incidents.", 0)
    assert "Unclosed" not in "\n".join(service.said)


@pytest.mark.parametrize("only", ["discord,web,worker", "web,worker"])
async def test_without_discord_the_rest_works(tmp_path: Path, only: str):
    api = f"http://{nobody_there()}/api/v10"
    discord = {"KINTSUGI_DISCORD_TOKEN": stand_in.TOKEN, "KINTSUGI_DISCORD_API_BASE": api}
    channel = {"KINTSUGI_DISCORD_CHANNEL": "17"}
    async with a_service(tmp_path, "--only", only, **discord, **channel, **REPORTS) as service:
        await service.says(r"Discord cannot be reached \(ClientConnectorError\)\. Retrying in 5 s")
        status = await reports(service)
        await diagnosed(service)
        ended = await service.is_told_to_end()

    assert (status, ended) == (200, 0)


async def test_a_gateway_that_wants_no_more_of_the_bot_leaves_the_rest(tmp_path: Path):
    async with stand_in.serving() as at, a_service(tmp_path, **discord_at(at), **REPORTS) as service:
        await asyncio.wait_for(at.ready.wait(), 60)
        await at.drops(4004)
        said = await service.says(r"ended the connection for good \(4004\)")
        status = await reports(service)
        ended = await service.is_told_to_end()

    assert "set KINTSUGI_DISCORD_TOKEN" in said.string
    assert (status, ended) == (200, 0)


async def test_a_database_that_is_away_at_the_start_is_waited_for(tmp_path: Path, postgres_url: Database):
    secret = secrets.token_hex(16)
    body = json.dumps(a_merge()).encode()
    signature = {"X-Hub-Signature-256": signed(body, secret), "X-GitHub-Delivery": "1"}
    delivery = {"X-GitHub-Event": "pull_request", "Content-Type": "application/json", **signature}
    async with a_way(postgres_url) as (way, url):
        await way.shuts()
        settings = {
            "KINTSUGI_DATABASE_URL": url.address,
            "KINTSUGI_GITHUB_WEBHOOK_SECRET": secret,
            "KINTSUGI_GITHUB_REPO": "shop/checkout",
            "KINTSUGI_GITHUB_TOKEN": secrets.token_hex(20),
            "KINTSUGI_GITHUB_BASE_URL": f"http://{nobody_there()}",
        }
        async with a_service(tmp_path, **settings, **REPORTS) as service:
            said = await service.says(r"could not be opened.*[^.]\. Retrying every 5 s")
            hook = f"{await service.address()}/webhooks/github"
            refused = await service.http.post(hook, content=body, headers=delivery)
            away = await service.becomes("/readyz", 503), await service.becomes("/healthz", 200)
            reported = await reports(service)
            await way.opens()
            await service.says("The database is back")
            await service.becomes("/readyz", 200)
            taken = await reports(service)
            await diagnosed(service)
            ended = await service.is_told_to_end()

    assert "refused" in said.string
    assert (refused.status_code, reported, taken, ended) == (503, 503, 200, 0)
    assert refused.headers["Retry-After"] == "5"
    assert away[0].json()["says"] == "The database is unavailable."
    assert not any("Traceback" in line for line in service.said)


async def test_a_database_without_our_tables_ends_it_with_what_to_do(tmp_path: Path, empty_postgres_url: Database):
    settings = {"KINTSUGI_DATABASE_URL": empty_postgres_url.address}
    async with a_service(tmp_path, "--only", "worker", **settings) as service:
        await service.says("Run `kintsugi db upgrade` first")
        async with asyncio.timeout(60):
            status = await service.process.wait()

    assert status == 1


async def test_github_the_model_and_the_sheet_may_be_away(tmp_path: Path):
    settings = {
        "KINTSUGI_GITHUB_REPO": "shop/checkout",
        "KINTSUGI_GITHUB_TOKEN": secrets.token_hex(20),
        "KINTSUGI_GITHUB_BASE_URL": f"http://{nobody_there()}",
        "KINTSUGI_LLM_API_KEY": secrets.token_hex(20),
        "KINTSUGI_LLM_BASE_URL": f"http://{nobody_there()}/v1",
        "KINTSUGI_SHEET_ID": "sheet",
        "KINTSUGI_SHEET_API_KEY": secrets.token_hex(20),
        "KINTSUGI_SHEET_BASE_URL": f"http://{nobody_there()}",
    }
    async with a_service(tmp_path, **settings, **REPORTS) as service:
        status = await reports(service)
        await service.says(r'"why": ?"The model')
        await service.becomes("/readyz", 200)
        ended = await service.is_told_to_end()

    assert (status, ended) == (200, 0)
