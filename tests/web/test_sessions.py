"""Sessions of the pages: two browsers, two processes, a restart, and what Discord and the settings say by now."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from sqlalchemy import text
from yarl import URL

from kintsugi.bot.gate import Access
from kintsugi.persistence.backup import backup
from kintsugi.persistence.database import Database, connect
from kintsugi.persistence.sessions import SqlSessions
from kintsugi.web.login import Login, Member
from kintsugi.web.sessions import ASK_AGAIN_SECONDS, SESSION_SECONDS, Sessions
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.states import State
from tests.web.test_discord_login import ADMINS, IN, by, heard
from tests.world import discord as stand_in
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import ALICE, BOB, GUILD
from tests.world.discord_weather import BROKEN_BEFORE, LIMITED
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE
from tests.world.viewer import Page, Viewer, a_viewer
from tests.world.world import World, a_world

SESSION = "kintsugi_session"
DEPLOYERS = Access(users=frozenset({BOB.id}), roles=frozenset({7007}), guilds=frozenset({GUILD}))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    url: Database = request.getfixturevalue(f"{request.param}_url")
    if request.param == "sqlite":
        migrate(url)
    return url


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with a_world(database) as world:
        yield world


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandIn]:
    async with stand_in.serving() as discord:
        yield discord


@pytest.fixture
def token() -> str:
    return secrets.token_urlsafe()


def kept(database: Database) -> list[Any]:
    """The rows of sessions, as anybody reads them who can read the database."""
    engine = connect(database)
    with engine.connect() as connection:
        rows = list(connection.execute(text("SELECT id, owner, facts FROM web_session ORDER BY began_at")))
    engine.dispose()
    return rows


@asynccontextmanager
async def another_browser(viewer: Viewer, cookie: str = "") -> AsyncIterator[Viewer]:
    """With a copy of somebody's cookie, where one is given."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        if cookie:
            session.cookie_jar.update_cookies({SESSION: cookie}, URL(viewer.url))
        yield Viewer(viewer.url, session)


def cookie_of(viewer: Viewer) -> str:
    return next(each.value for each in viewer.session.cookie_jar if each.key == SESSION)


def is_in(page: Page) -> bool:
    return "Log out" in page.text


async def logs_out(viewer: Viewer) -> Page:
    return await viewer.sends("/logout", **(await viewer.opens("/")).forms["/logout"])


# --- its end ---


async def test_logging_out_ends_it_for_every_process_and_every_copy_and_no_other_browser(
    world: World, database: Database, token: str
):
    async with (
        a_world(database) as elsewhere,  # another process has a store of its own
        a_viewer(world, token) as one,
        a_viewer(elsewhere, token) as other,
    ):
        await one.sends("/login", token=token, next="/")
        copy = cookie_of(one)
        async with another_browser(one) as second, another_browser(other, copy) as thief:
            await second.sends("/login", token=token, next="/")
            before = await thief.opens("/")
            await logs_out(one)
            seen = [await one.opens("/"), await thief.opens("/")]
            async with another_browser(one, copy) as same:
                seen.append(await same.opens("/"))
                moved = await same.sends("/incidents/1/cancel", once="1", csrf="")
            left = await second.opens("/")

    assert is_in(before)
    assert [is_in(page) for page in seen] == [False] * 3
    assert moved.status == 401
    assert is_in(left)


async def test_it_outlives_a_restart_and_not_another_token(world: World, token: str):
    async with a_viewer(world, token) as before:
        await before.sends("/login", token=token, next="/")
        cookie = cookie_of(before)
    async with a_viewer(world, token) as after, another_browser(after, cookie) as same:
        restarted = await same.opens("/")
    async with a_viewer(world, secrets.token_urlsafe()) as changed, another_browser(changed, cookie) as same:
        another_token = await same.opens("/")

    assert is_in(restarted)
    assert not is_in(another_token)


async def test_a_session_by_a_link_ends_with_the_process(world: World):
    async with a_viewer(world) as viewer:
        cookie = cookie_of(viewer)
        assert is_in(await viewer.opens("/"))
    async with a_viewer(world) as after, another_browser(after, cookie) as same:
        assert not is_in(await same.opens("/"))


async def test_it_ends_with_its_time(world: World):
    rows = SqlSessions(world.store)
    old, _ = await Sessions(Login("a token", now=lambda: 0.0).seal, rows).begin()
    new, _ = await Sessions(Login("a token").seal, rows).begin()

    assert await Sessions(Login("a token").seal, rows).find(old) is None
    assert await Sessions(Login("a token").seal, rows).find(new)


async def test_who_forges_a_cookie_is_nobody_and_asks_no_database(world: World, token: str):
    async with a_viewer(world, token) as viewer:
        await viewer.sends("/login", token=token, next="/")
        claims = jwt.decode(cookie_of(viewer), options={"verify_signature": False})
        forged = [
            "rubbish",
            jwt.encode(claims, "another key that is long enough.", algorithm="HS256"),
            jwt.encode(claims, "", algorithm="none"),
            claims["name"],
        ]
        await world.store.close()  # whoever asked it would be told so
        for cookie in forged:
            async with another_browser(viewer, cookie) as stranger:
                page = await stranger.opens("/")
                assert (page.status, is_in(page)) == (200, False), cookie


async def test_a_session_that_somebody_planted_is_not_the_one_that_a_login_begins(world: World, token: str):
    async with a_viewer(world, token) as viewer, another_browser(viewer) as attacker:
        await attacker.sends("/login", token=token, next="/")
        planted = cookie_of(attacker)
        async with another_browser(viewer, planted) as victim:
            await victim.sends("/login", token=token, next="/")
            own = cookie_of(victim)
        after = await attacker.opens("/")

    assert own != planted
    assert not is_in(after)


async def test_they_do_not_fill_the_database(world: World, database: Database, token: str):
    async with a_viewer(world, token) as viewer:
        for _ in range(60):
            async with another_browser(viewer) as browser:
                await browser.sends("/login", token=token, next="/")
        many = kept(database)
        world.clock.passes(hours=13)
        await viewer.sends("/login", token=token, next="/")

    assert len(many) == 50
    assert len(kept(database)) == 1


async def test_nobody_is_told_of_moves_after_logging_out(world: World, token: str):
    await world.crashes()
    async with a_viewer(world, token) as viewer:
        await viewer.sends("/login", token=token, next="/")
        async with (
            another_browser(viewer, cookie_of(viewer)) as watcher,
            watcher.session.get(f"{viewer.url}/incidents/1/events") as stream,
        ):
            first = await stream.content.readuntil(b"\n\n")
            await logs_out(viewer)
            await world.crashes()  # it is counted, and the page would change
            rest = await asyncio.wait_for(stream.content.read(), PATIENCE)

    assert first.startswith(b"event: moved")
    assert b"moved" not in rest


# --- what Discord says by now ---


async def test_the_deploy_role_is_kept_and_asked_again(world: World, discord: DiscordStandIn):
    """Alice may deploy by a role of its own; it is taken away from her while she is logged in."""
    world.monitor.answers_first(*[StepFailed("not yet")] * 9)
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()
    discord.accounts.person = replace(ALICE, roles=(*ALICE.roles, 7007))
    async with a_viewer(world, discord=by(discord, ADMINS, deploys=DEPLOYERS)) as viewer:
        await viewer.opens(IN)
        before = await viewer.opens("/incidents/1")
        discord.accounts.person = ALICE
        world.clock.passes(seconds=ASK_AGAIN_SECONDS - 1)
        soon = await viewer.opens("/incidents/1")
        calls = len(discord.weather.calls)
        world.clock.passes(seconds=2)
        after = await viewer.opens("/incidents/1")
        await viewer.opens("/incidents/1")

    assert "/incidents/1/rollback" in before.forms
    assert "/incidents/1/rollback" in soon.forms
    assert "/incidents/1/rollback" not in after.forms
    assert "INC-1" in after.text
    assert len(discord.weather.calls) == calls + 3  # once: who they are, and their roles in two servers


@pytest.mark.parametrize("what", ["left", "role", "consent"])
async def test_what_discord_no_longer_says_ends_it(world: World, discord: DiscordStandIn, what: str):
    async with a_viewer(world, discord=by(discord)) as viewer:
        await viewer.opens(IN)
        cookie = cookie_of(viewer)
        if what == "left":
            discord.accounts.away.add(ALICE.id)
        elif what == "role":
            discord.accounts.person = replace(ALICE, roles=())
        else:
            discord.accounts.tokens.clear()
        world.clock.passes(seconds=ASK_AGAIN_SECONDS + 1)
        with heard() as lines:
            seen = await viewer.opens("/")
        discord.accounts.away.clear()
        async with another_browser(viewer, cookie) as same:
            later = await same.opens("/")

    assert not is_in(seen)
    assert [line["msg"] for line in lines] == ["session_ended"]
    assert not is_in(later)


@pytest.mark.parametrize("trouble", [BROKEN_BEFORE, LIMITED])
async def test_while_discord_cannot_be_asked_nothing_is_shown_and_then_it_goes_on(
    world: World, discord: DiscordStandIn, trouble: str
):
    await world.crashes()
    async with a_viewer(world, discord=by(discord)) as viewer:
        page = await viewer.opens(IN)
        world.clock.passes(seconds=ASK_AGAIN_SECONDS + 1)
        discord.weather.comes(trouble, "users/@me$")
        shut = await viewer.opens("/incidents/1")
        discord.weather.comes(trouble, "users/@me$")
        moved = await viewer.sends("/incidents/1/cancel", once="1", csrf=page.forms["/logout"]["csrf"])
        back = await viewer.opens("/incidents/1")

    assert (shut.status, moved.status) == (503, 503)
    assert "Discord is" in shut.text
    assert "Until then nothing is shown." in shut.text
    assert "KeyError" not in shut.text
    assert await world.state() is State.CAPTURED
    assert "INC-1 captured" in back.text


async def test_who_leaves_while_discord_is_away_is_out(world: World, discord: DiscordStandIn):
    async with a_viewer(world, discord=by(discord)) as viewer:
        page = await viewer.opens(IN)
        world.clock.passes(seconds=ASK_AGAIN_SECONDS + 1)
        discord.weather.comes(BROKEN_BEFORE, "users/@me$")
        await viewer.sends("/logout", **page.forms["/logout"])
        after = await viewer.opens("/")

    assert not is_in(after)


async def test_many_at_once_ask_discord_once(world: World, discord: DiscordStandIn):
    async with a_viewer(world, discord=by(discord)) as viewer:
        await viewer.opens(IN)
        world.clock.passes(seconds=ASK_AGAIN_SECONDS + 1)
        calls = len(discord.weather.calls)
        pages = await asyncio.gather(*[viewer.opens("/") for _ in range(10)])

    assert all(is_in(page) for page in pages)
    assert len(discord.weather.calls) == calls + 3


async def test_whoever_reads_the_database_has_no_use_of_it(world: World, discord: DiscordStandIn, database: Database):
    async with a_viewer(world, discord=by(discord)) as viewer:
        await viewer.opens(IN)
        (row,) = kept(database)
        (discords,) = discord.accounts.tokens
        async with another_browser(viewer, row.id) as thief:
            seen = await thief.opens("/")

    assert row.owner == f"discord:{ALICE.id}"
    assert discords not in row.facts
    assert not is_in(seen)


async def test_a_session_that_ended_while_discord_was_asked_stays_ended(world: World):
    login = Login("a token")
    sessions = Sessions(login.seal, SqlSessions(world.store))
    alice = Member(ALICE.id, "alice", GUILD, frozenset())
    cookie, seconds = await sessions.begin(alice, "Discord's")
    found = await sessions.find(cookie)
    assert found
    await sessions.end(cookie)

    assert seconds == SESSION_SECONDS
    assert found.token == "Discord's"
    assert "Discord's" not in repr(found)
    assert await sessions.asked_again(cookie, found, alice) is None
    assert await sessions.find(cookie) is None


async def test_a_copy_of_the_database_logs_nobody_in(sqlite_url: Database, token: str, tmp_path: Path):
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world, a_viewer(world, token) as viewer:
        await viewer.sends("/login", token=token, next="/")
        assert sqlite_url.file
        copied = backup(sqlite_url.file, tmp_path / "copy.db")

    assert len(kept(sqlite_url)) == 1
    assert kept(Database.at(tmp_path / "copy.db")) == []
    assert copied.rows["web_session"] == 0
