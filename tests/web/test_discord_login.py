"""Logging in with Discord: the real pages, the bot's gate and the real HTTP client, before a stand-in of Discord."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from kintsugi.app.discord_login import DiscordLogin
from kintsugi.app.discord_oauth import discord_oauth
from kintsugi.app.settings import DiscordSettings
from kintsugi.bot.gate import Access
from kintsugi.integrations.discord_oauth import DiscordOAuth
from kintsugi.persistence.database import Database
from kintsugi.web.discord import BACK, ByDiscord
from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import Role, Rules
from kintsugi.workflow.errors import SettingsError
from kintsugi.workflow.states import State
from tests.world import discord as stand_in
from tests.world.discord import DiscordStandIn
from tests.world.discord_shapes import ADMIN_ROLE, ALICE, APPLICATION, BOB, GUILD, MALLORY, Person
from tests.world.discord_weather import BROKEN_BEFORE, LIMITED
from tests.world.make import a_payload
from tests.world.migrated import migrate
from tests.world.viewer import Page, Viewer, a_viewer
from tests.world.world import World, a_world

ADMINS = Access(roles=frozenset({ADMIN_ROLE}), guilds=frozenset({GUILD}))
IN, STATE = "/login/discord", "kintsugi_login"


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandIn]:
    async with stand_in.serving() as discord:
        yield discord


@pytest.fixture
async def viewer(world: World, discord: DiscordStandIn) -> AsyncIterator[Viewer]:
    async with a_viewer(world, discord=by(discord)) as viewer:
        yield viewer


def by(
    discord: DiscordStandIn, access: Access = ADMINS, *, deploys: Access = ADMINS, api: str = ""
) -> Callable[[str], ByDiscord]:
    def at(url: str) -> ByDiscord:
        application = DiscordOAuth(
            APPLICATION, discord.accounts.secret, url + BACK, (GUILD + 1, GUILD), api or discord.api
        )
        return DiscordLogin(application, {Role.DEBUG: access, Role.DEPLOY: deploys})

    return at


@contextmanager
def heard() -> Iterator[list[dict[str, Any]]]:
    """What is logged meanwhile."""
    lines: list[dict[str, Any]] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(vars(record))  # type: ignore[method-assign]
    logging.getLogger("kintsugi.web").addHandler(handler)
    yield lines
    logging.getLogger("kintsugi.web").removeHandler(handler)


async def asked(world: World, **changes: Any) -> str:
    """An incident that waits for its confirmation. Answers the token."""
    await world.crashes(**changes)
    await world.settles()
    return world.channel.tokens[1]


# --- who comes in ---


async def test_who_may_use_the_bot_logs_in_and_confirms_under_their_name(world: World, viewer: Viewer):
    """Without a token: a second page shows the patch, and its answer is good for exactly that request."""
    await asked(world)

    before = await viewer.opens("/incidents/1")
    way = next(str(given["href"]) for tag, given in before.tags if str(given.get("href")).startswith(IN))
    page = await viewer.opens(way)
    question = await viewer.opens("/incidents/1/confirm")
    form = question.forms["/incidents/1/confirm"]
    forged = await viewer.sends("/incidents/1/confirm", **form | {"answer": "0f" * 16})
    foreign = await viewer.sends("/incidents/1/confirm", origin="https://elsewhere.example", **form)
    still = await world.state()
    await viewer.sends("/incidents/1/confirm", **form)
    confirmed = await viewer.sends("/incidents/1/confirm", **form)

    assert "token" not in page.forms["/incidents/1/confirm"]
    assert "INC-1: push this patch and open its pull request?" in question.text
    assert "This changed since it was shown to you. Nothing was done." in forged.text
    assert (foreign.status, still) == (403, State.AWAITING_CONFIRM)
    assert "Log in with Discord" in before.text
    assert "INC-1" not in before.text
    assert "INC-1 awaiting confirmation" in page.text
    assert "Log out alice" in page.text
    assert "INC-1 confirmed" in confirmed.text
    step = (await world.store.history(1))[-1]
    assert (step.actor, step.says) == (
        by_alice := f"discord:alice ({ALICE.id})",
        f"Confirmed by {by_alice} on the page.",
    )


async def test_the_cookies_are_kept_from_scripts_and_sent_over_https_alone(viewer: Viewer):
    """And under names that a browser takes from this host alone, and not over plain http."""
    https, host = {"X-Forwarded-Proto": "https"}, "__Host-"
    async with viewer.session.get(f"{viewer.url}{IN}", headers=https, allow_redirects=False) as answer:
        way, there = answer.cookies[host + STATE], answer.headers["Location"]
    async with viewer.session.get(there, allow_redirects=False) as answer:
        back = answer.headers["Location"]
    kept = https | {"Cookie": f"{way.key}={way.value}"}  # a client on plain http keeps none that is for https
    async with viewer.session.get(back, headers=kept, allow_redirects=False) as answer:
        session, gone = answer.cookies[host + "kintsugi_session"], answer.cookies[host + STATE]
    plain = {"Cookie": f"kintsugi_session={session.value}"}
    async with viewer.session.get(viewer.url, headers=https | plain, allow_redirects=False) as answer:
        planted = answer.headers.get("Location", "")

    for cookie, seconds in ((way, "600"), (session, "43200")):
        assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)
        assert (cookie["max-age"], cookie["path"], cookie["domain"]) == (seconds, "/", "")
    assert (gone["path"], gone["max-age"]) == ("/", "0")
    assert "/login" in planted


async def test_a_user_on_the_list_needs_no_role(world: World, discord: DiscordStandIn):
    discord.accounts.person = MALLORY
    async with a_viewer(world, discord=by(discord, Access(users=frozenset({MALLORY.id})))) as viewer:
        page = await viewer.opens(IN)

    assert "Log out mallory" in page.text


async def test_both_logins_stand_beside_each_other(world: World, discord: DiscordStandIn):
    token = secrets.token_urlsafe()
    async with a_viewer(world, token, by(discord)) as viewer:
        both = await viewer.opens("/login")
        by_token = await viewer.sends("/login", token=token, next="/")

    assert "Log in with Discord or Token Log in with the token" in both.text
    assert "Log out" in by_token.text


async def test_with_discord_alone_no_token_opens_anything(viewer: Viewer):
    page = await viewer.opens("/login")
    empty = await viewer.sends("/login", token="", next="/")

    assert "/login" not in page.forms
    assert empty.status == 403


# --- who does not ---


@pytest.mark.parametrize(
    ("person", "access", "says"),
    [
        (MALLORY, ADMINS, "Discord knows you as mallory, whom nobody lets in here: on no allowlist."),
        (Person(4004, "carol", (GUILD,)), Access(roles=frozenset({GUILD})), "on no allowlist"),
        (ALICE, Access(guilds=frozenset({GUILD})), "no allowlist is set"),
        (ALICE, Access(roles=frozenset({ADMIN_ROLE}), guilds=frozenset({GUILD + 1})), "another guild"),
    ],
)
async def test_nobody_else_comes_in(world: World, discord: DiscordStandIn, person: Person, access: Access, says: str):
    discord.accounts.person = person
    async with a_viewer(world, discord=by(discord, access)) as viewer:
        with heard() as lines:
            page = await viewer.opens(IN)
        after = await viewer.opens("/")

    assert_refused(page, 403, says)
    assert [says in line["why"] for line in lines if line["msg"] == "login_refused"] == [True]
    assert "Log in" in after.text


async def test_who_left_the_server_does_not_come_in(discord: DiscordStandIn, viewer: Viewer):
    discord.accounts.away.add(ALICE.id)

    assert_refused(await viewer.opens(IN), 403, "not in a guild")


async def test_who_does_not_agree_is_told_that_nobody_was_let_in(discord: DiscordStandIn, viewer: Viewer):
    discord.accounts.agrees = False

    with heard() as lines:
        page = await viewer.opens(IN)

    assert_refused(page, 403, "Discord was told not to say who you are")
    assert [line["why"] for line in lines] == ["access_denied"]


@pytest.mark.parametrize(
    ("trouble", "says"), [(BROKEN_BEFORE, "Discord is down (500)"), (LIMITED, "Discord is asked too often")]
)
@pytest.mark.parametrize("call", ["oauth2/token", "users/@me$", "/member$"])
async def test_while_discord_is_away_nobody_comes_in(
    discord: DiscordStandIn, viewer: Viewer, trouble: str, says: str, call: str
):
    discord.weather.comes(trouble, call)

    assert_refused(await viewer.opens(IN), 503, says)


async def test_discord_that_cannot_be_reached_lets_nobody_in(world: World, discord: DiscordStandIn):
    async with a_viewer(world, discord=by(discord, api="http://127.0.0.1:9/api/v10")) as viewer:
        async with viewer.session.get(f"{viewer.url}{IN}", allow_redirects=False) as answer:
            state = answer.headers["Location"].partition("&state=")[2].partition("&")[0]
        page = await viewer.opens(f"{BACK}?code=a-code&state={state}")

    assert_refused(page, 503, "Discord is down or cannot be reached (ConnectError)")


async def test_another_client_secret_is_named(discord: DiscordStandIn, viewer: Viewer):
    discord.accounts.secret = "another"

    assert_refused(await viewer.opens(IN), 503, "KINTSUGI_DISCORD_CLIENT_SECRET")


def assert_refused(page: Page, status: int, says: str) -> None:
    assert page.status == status
    assert says in page.text
    assert "Log out" not in page.text


# --- the way there and back ---


async def test_a_way_back_without_the_way_there_leads_nowhere(viewer: Viewer):
    never = await viewer.opens(f"{BACK}?code=a-code&state=")
    await viewer.session.get(f"{viewer.url}{IN}", allow_redirects=False)
    another = await viewer.opens(f"{BACK}?code=a-code&state=another")

    for page in (never, another):
        assert_refused(page, 403, "This login was not begun in this browser")


async def test_a_code_that_was_caught_is_worth_nothing_in_another_browser(world: World, viewer: Viewer):
    codes, states = [], []
    for _ in range(2):  # two browsers: the second is given the code of the first
        async with viewer.session.get(f"{viewer.url}{IN}", allow_redirects=False) as answer:
            there = answer.headers["Location"]
        async with viewer.session.get(there, allow_redirects=False) as answer:
            code, _, state = answer.headers["Location"].partition("?code=")[2].partition("&state=")
        codes.append(code)
        states.append(state)

    page = await viewer.opens(f"{BACK}?code={codes[0]}&state={states[1]}")

    assert_refused(page, 403, "Discord does not take this code")


async def test_the_cookie_of_the_way_is_no_session(viewer: Viewer):
    async with viewer.session.get(f"{viewer.url}{IN}", allow_redirects=False) as answer:
        way = answer.cookies[STATE].value

    page = await viewer.opens("/", Cookie=f"kintsugi_session={way}")

    assert_refused(page, 200, "Log in")


async def test_failed_logins_close_the_way_for_a_while_and_leave_the_token_alone(world: World, discord: DiscordStandIn):
    token = secrets.token_urlsafe()
    discord.accounts.person = MALLORY
    async with a_viewer(world, token, by(discord)) as viewer:
        refused = [(await viewer.opens(IN)).status for _ in range(6)]
        calls = len(discord.weather.calls)
        discord.accounts.person = ALICE
        right = await viewer.opens(IN)
        by_token = await viewer.sends("/login", token=token, next="/")

    assert refused == [403] * 5 + [429]
    assert_refused(right, 429, "Too many failed logins: come back in")
    assert len(discord.weather.calls) == calls + 1  # the page of consent: nothing was asked of Discord
    assert "Log out" in by_token.text


# --- once in ---


async def test_a_session_ends_where_the_settings_let_somebody_in_no_longer(
    world: World, discord: DiscordStandIn, viewer: Viewer
):
    await viewer.opens(IN)
    async with a_viewer(world, discord=by(discord, Access(users=frozenset({BOB.id})))) as other:
        other.session.cookie_jar.update_cookies({each.key: each for each in viewer.session.cookie_jar})
        page = await other.opens("/")

    assert_refused(page, 200, "Log in with Discord")


async def test_who_opened_an_incident_does_not_confirm_it_where_two_have_to(world: World, discord: DiscordStandIn):
    payload = a_payload()
    hers = payload.incident.model_copy(update={"opened_by": f"discord:alice ({ALICE.id})"})
    await asked(world, payload=payload.model_copy(update={"incident": hers}))
    async with a_viewer(world, discord=by(discord), rules=Rules(two_persons=True)) as viewer:
        await viewer.opens(IN)
        offered = await viewer.opens("/incidents/1")
        asks = await viewer.opens("/incidents/1/confirm")
        own = await viewer.sends("/incidents/1/confirm", once="1", csrf=await viewer.word())
        discord.accounts.person = BOB
        await viewer.sends("/logout", **(await viewer.opens("/")).forms["/logout"])
        await viewer.opens(IN)
        bobs = await viewer.sends(path := "/incidents/1/confirm", **(await viewer.opens(path)).forms[path])

    assert "/incidents/1/confirm" not in offered.forms
    for refused in (asks, own):
        assert (refused.status, "You opened INC-1: somebody else has to confirm it." in refused.text) == (403, True)
    assert "INC-1 confirmed" in bobs.text


async def test_a_page_that_shows_an_older_patch_confirms_nothing(world: World, viewer: Viewer):
    await asked(world)
    await viewer.opens(IN)
    form = (await viewer.opens("/incidents/1/confirm")).forms["/incidents/1/confirm"]
    await world.fires(t.BaseMoved, base="ba5e" * 10)
    await world.settles()

    page = await viewer.sends("/incidents/1/confirm", **form)

    assert "This changed since it was shown to you. Nothing was done." in page.text
    assert await world.state() is State.AWAITING_CONFIRM


async def test_who_asks_too_fast_waits_as_in_discord(world: World, viewer: Viewer):
    await asked(world)
    await viewer.opens(IN)
    for _ in range(8):
        await viewer.does(1, "note", text="looked")

    page = await viewer.does(1, "cancel")

    assert "Too fast: come back in" in page.text
    assert await world.state() is State.AWAITING_CONFIRM


# --- settings ---


def test_half_of_the_settings_are_a_fault_that_is_named():
    secret = SecretStr(secrets.token_urlsafe())
    whole = {"client_secret": secret, "guilds": frozenset({GUILD})}
    url = "https://kintsugi.example/"

    application = discord_oauth(DiscordSettings(client_id=APPLICATION, **whole), url)  # type: ignore[arg-type]

    assert application
    assert application.redirect == "https://kintsugi.example/login/discord/callback"
    assert secret.get_secret_value() not in repr(application)
    for missing in whole:
        half = {name: value for name, value in whole.items() if name != missing}
        with pytest.raises(SettingsError, match="KINTSUGI_DISCORD_CLIENT_ID needs"):
            discord_oauth(DiscordSettings(client_id=APPLICATION, **half), url)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="KINTSUGI_DISCORD_CLIENT_ID needs"):
        discord_oauth(DiscordSettings(client_id=APPLICATION, **whole), None)  # type: ignore[arg-type]


async def test_who_leaves_is_forgotten_by_discord_unless_they_are_logged_in_elsewhere(
    viewer: Viewer, discord: DiscordStandIn
):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        elsewhere = Viewer(viewer.url, session)
        for browser in (viewer, elsewhere):
            await browser.opens(IN)
        await viewer.sends("/logout", **(await viewer.opens("/")).forms["/logout"])
        after_one = len(discord.accounts.tokens)
        page = await elsewhere.opens("/")
        await elsewhere.sends("/logout", **page.forms["/logout"])

    assert after_one == 2
    assert "Log out alice" in page.text
    assert discord.accounts.tokens == {}


async def test_who_leaves_while_discord_is_down_is_logged_out_all_the_same(viewer: Viewer, discord: DiscordStandIn):
    await viewer.opens(IN)
    form = (await viewer.opens("/")).forms["/logout"]
    discord.weather.comes(BROKEN_BEFORE, "revoke")
    with heard() as lines:
        await viewer.sends("/logout", **form)

    assert "Log out" not in (await viewer.opens("/")).text
    assert [line["why"] for line in lines if line["msg"] == "token_not_revoked"] == [
        "Discord did not take the token back (500)."
    ]
