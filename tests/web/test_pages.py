"""The operator's pages over loopback, in front of a real engine and database."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kintsugi.persistence.database import Database
from kintsugi.web.entrance import ONCE
from kintsugi.web.login import Links, Login, Tries
from kintsugi.web.shown import link
from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import Role, Rules
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Turn
from kintsugi.workflow.states import State
from tests.world.make import MERGE, a_diagnosis, a_payload
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE
from tests.world.viewer import Viewer, a_viewer
from tests.world.world import World, a_world


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with a_world(database) as world:
        yield world


@pytest.fixture
def database(sqlite_url: Database) -> Database:
    migrate(sqlite_url)
    return sqlite_url


@pytest.fixture
async def viewer(world: World) -> AsyncIterator[Viewer]:
    async with a_viewer(world) as viewer:
        yield viewer


async def asked(world: World) -> str:
    """An incident that waits for its confirmation. Answers the token."""
    await world.crashes()
    await world.settles()
    return world.channel.tokens[1]


# --- reading ---


async def test_the_list_shows_what_is_there_newest_first(world: World, viewer: Viewer):
    await world.crashes()
    await world.crashes("v1:00000000000000bb", dry_run=True)

    page = await viewer.opens("/")

    links = [
        given["href"] for tag, given in page.tags if tag == "a" and str(given.get("href")).startswith("/incidents")
    ]
    assert links == ["/incidents/2", "/incidents/1"]
    assert "INC-2 staged KeyError: 'percent'" in page.text


async def test_an_empty_list_says_so(viewer: Viewer):
    page = await viewer.opens("/?state=stuck")

    assert "No incident is stuck." in page.text


async def test_the_list_is_paged_by_number_and_by_state(world: World, viewer: Viewer):
    for number in range(53):
        await world.crashes(f"v1:{number:016x}")
    await world.fires(t.Cancelled, 7)

    first = await viewer.opens("/")
    found = await viewer.opens("/?state=&find=keyerr")
    second = await viewer.opens("/?before=4")
    cancelled = await viewer.opens("/?state=cancelled")

    assert ("a", {"rel": "next", "href": "/?before=4"}) in first.tags
    assert ("a", {"rel": "next", "href": "/?find=keyerr&before=4"}) in found.tags
    assert "INC-3" in second.text
    assert "INC-4" not in second.text
    assert "INC-7" in cancelled.text
    assert "INC-8" not in cancelled.text


@pytest.mark.parametrize(("typed", "status"), [("inc-1", 200), ("99", 404), ("teapot", 200), ("9" * 30, 200)])
async def test_a_number_leads_to_its_incident_and_words_find_some(
    world: World, viewer: Viewer, typed: str, status: int
):
    await world.crashes()

    page = await viewer.opens(f"/?find={typed}")

    said = {"inc-1": "INC-1 captured", "99": "There is no INC-99."}.get(typed, "No incident was captured with")
    assert page.status == status
    assert said in page.text


async def test_an_incident_shows_the_whole_truth(world: World, viewer: Viewer):
    await asked(world)

    page = await viewer.opens("/incidents/1")

    for said in (
        "awaiting confirmation",
        "KeyError",
        "shop/pricing.py:12",
        "Patch +",
        "Proof E2 failed before, passes now",
        "line one",
        "History",
    ):
        assert said in page.text, said
    assert ("li", {"class": "here done ", "aria-current": "step"}) in page.tags


async def test_the_conversation_with_the_model_is_told(world: World, viewer: Viewer):
    await world.crashes()
    turns = (Turn(ours=True, text="Why? <b>"), Turn(ours=False, text='{"cause": "a\\nb"}'))
    await world.fires(t.Diagnosed, diagnosis=a_diagnosis(talk=turns, prompt="diagnose v1", manner="JSON in plain text"))

    page = await viewer.opens("/incidents/1")

    assert "Conversation tester" in page.text
    assert "prompt diagnose v1 · JSON in plain text" in page.text
    assert 'Asked Why? <b> Answered { "cause": "a b" }' in page.text


async def test_the_numbers_tell_what_came_of_the_incidents_and_what_each_step_took(world: World, viewer: Viewer):
    await asked(world)
    world.clock.passes(minutes=10)
    await world.fires(t.Acknowledged, 1)
    world.clock.passes(minutes=20)
    await world.confirms()
    await world.crashes("v1:02")
    await world.fires(t.Cancelled, 2)
    await world.crashes("v1:03")
    world.clock.passes(minutes=5)
    await world.fires(t.Noted, 3, text="looked")
    world.clock.passes(minutes=5)

    page = await viewer.opens("/numbers")

    assert "until somebody has it 10 min" in page.text
    assert "Waiting for Kintsugi : 2 incidents, the longest for 10 min INC-1 confirmed for 10 min" in page.text
    assert "INC-3 captured for 10 min" in page.text
    assert "to the approval 30 min" in page.text
    assert "Cost per healed incident: none was healed yet." in page.text
    assert page.text.count("3 0 2 1 0% $0.01") == 1
    assert len([tag for tag, given in page.tags if tag == "rect" and given.get("class") in ("under_way", "ended")]) == 2


async def test_without_incidents_there_are_no_numbers(viewer: Viewer):
    page = await viewer.opens("/numbers")

    assert "No incident was opened in the last 12 weeks." in page.text


async def test_an_incident_shows_how_long_each_stage_took_and_which_is_under_way(world: World, viewer: Viewer):
    await asked(world)
    world.clock.passes(hours=3)
    before = await viewer.opens("/incidents/1")
    await world.confirms()
    await world.settles()

    page = await viewer.opens("/incidents/1")

    assert "Next stage approval (waiting since 2026-11-23" in before.text
    assert "Next stage merge (waiting since 2026-11-23" in page.text
    assert "UTC after 3 h" in page.text
    assert "Noticed after 0 s" in page.text


async def test_no_page_holds_a_script_or_style_of_its_own(world: World, viewer: Viewer):
    await asked(world)

    for path in ("/", "/incidents/1", "/incidents/99", "/numbers", "/login"):
        page = await viewer.opens(path)
        assert [given for tag, given in page.tags if tag == "script"] == [{"src": "/static/page.js", "defer": None}]
        assert not [
            tag for tag, given in page.tags if tag == "style" or any(n == "style" or n.startswith("on") for n in given)
        ]


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "<script>evil()</script>",
            '" onload="evil()',
            "</pre><img src=x onerror=evil()>",
            "{{ 7*7 }}",
            "javascript:evil()",
            "\u202e\x00",
        ]
    ),
)


@given(summary=HOSTILE, name=HOSTILE, code=HOSTILE, line=HOSTILE)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_of_others_becomes_a_part_of_the_page(
    database: Database, harmless: list[tuple[str, tuple[str, ...]]], summary: str, name: str, code: str, line: str
):
    assert asyncio.run(parts(database, summary, name, code, line)) == harmless


@pytest.fixture
def harmless(database: Database) -> list[tuple[str, tuple[str, ...]]]:
    return asyncio.run(parts(database, "x", "x", "x", "x"))


async def parts(database: Database, summary: str, name: str, code: str, line: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every tag, with the names of its attributes, of the page of an incident with these texts; but for colours."""
    plain = a_payload(f"v1:{uuid.uuid4().hex}", f"a{summary}")
    assert plain.exception
    (raised,) = plain.exception.chain
    frame = raised.frames[0].model_copy(
        update={"path": f"a{name}", "code": f"a{code}", "variables": {f"b{name}": code}}
    )
    raised = raised.model_copy(update={"message": f"c{line}", "frames": (frame,)})
    failure = plain.exception.model_copy(update={"chain": (raised,)})
    async with a_world(database) as world, a_viewer(world) as viewer:
        number = await world.crashes(payload=plain.model_copy(update={"exception": failure, "log": (f"d{line}",)}))
        page = await viewer.opens(f"/incidents/{number}")
    assert page.status == 200
    return [(tag, tuple(given)) for tag, given in page.tags if tag != "span"]


# --- moving ---


async def test_a_patch_is_confirmed_with_its_token(world: World, viewer: Viewer):
    token = await asked(world)

    page = await viewer.does(1, "confirm", token=token)

    assert page.status == 200
    assert "INC-1 confirmed" in page.text
    assert (await world.store.history(1))[-1].actor == "web:operator"


async def test_a_stale_token_is_refused_with_a_sentence(world: World, viewer: Viewer):
    token = await asked(world)
    await world.passes(days=2)

    page = await viewer.sends("/incidents/1/confirm", token=token, once="1", csrf=await viewer.word())

    assert page.status == 409
    assert "INC-1 is expired" in page.text
    assert "Nothing was changed." in page.text


async def test_a_form_that_is_sent_twice_is_one_move(world: World, viewer: Viewer):
    await world.crashes()
    form = (await viewer.opens("/incidents/1")).forms["/incidents/1/cancel"]

    pages = [await viewer.sends("/incidents/1/cancel", **form) for _ in range(2)]

    assert [page.status for page in pages] == [200, 200]
    assert (await world.passed()).count("cancelled") == 1


async def test_only_what_the_state_allows_is_offered(world: World, viewer: Viewer):
    await world.crashes(dry_run=True)

    staged = await viewer.opens("/incidents/1")
    sent = await viewer.does(1, "send")

    forms = [
        {path.rpartition("/")[2] for path in page.forms if path.startswith("/incidents")} for page in (staged, sent)
    ]
    always = {"ack", "assign", "severity", "fixed", "duplicate", "note", "cancel", "ignore"}
    assert forms == [always | {"send"}, always]


async def test_a_failure_is_ignored_and_taken_back_from_its_page(world: World, viewer: Viewer):
    await world.crashes()

    unread = await viewer.does(1, "ignore", **{"for": "a while"})
    ignored = await viewer.does(1, "ignore", **{"for": "7d", "until": "1a2b3c4"})
    listed = await viewer.opens("/")
    await world.crashes()
    counted = await viewer.opens("/incidents/1")
    back = await viewer.does(1, "unignore")

    assert unread.status == 409
    assert "'a while' is neither a time nor a number of times." in unread.text
    assert "Ignored by web:operator until 2026-11-30 03:00 UTC or until a build with 1a2b3c4" in ignored.text
    assert "· ignored" in listed.text
    assert "seen 1 times since" in counted.text
    assert "No longer ignored: web:operator took it back." in back.text


async def test_where_how_often_and_whom_it_hit_is_shown(world: World, viewer: Viewer):
    payload = a_payload()
    entities = {"url": "https://shop.example:8443/cart?token=secret"}
    request = payload.request.model_copy(update={"entities": entities})
    for user in ("ann", "bob", "ann"):
        await world.crashes(payload=payload.model_copy(update={"request": request}), who=user)

    page = await viewer.opens("/incidents/1")

    assert "Users hit 2" in page.text
    assert "3 in seven days, at most 3 in six hours" in page.text
    assert "Environment test" in page.text
    links = [given for tag, given in page.tags if tag == "a" and "shop.example" in (given.get("href") or "")]
    assert [link["href"] for link in links] == ["https://shop.example:8443/cart"]
    assert "noopener" in (links[0]["rel"] or "")


@pytest.mark.parametrize(
    "given",
    [
        "javascript:alert(1)",
        "https://shop.example@evil.example/",
        "//evil.example",
        "https://[::1",
        "/cart",
        "data:,x",
        "",
    ],
)
async def test_what_is_no_safe_address_is_no_link(given: str):
    payload = a_payload()
    request = payload.request.model_copy(update={"entities": {"url": given}})

    assert link(payload.model_copy(update={"request": request})) is None


async def test_a_reason_is_kept(world: World, viewer: Viewer):
    await asked(world)

    await viewer.does(1, "reject", why="It hides the fault.")

    assert (await world.store.history(1))[-1].says == "Rejected by web:operator: It hides the fault."


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
async def test_a_form_from_elsewhere_does_nothing(world: World, viewer: Viewer, origin: str):
    await world.crashes()

    page = await viewer.sends("/incidents/1/cancel", origin=origin, once="1", csrf=await viewer.word())

    assert page.status == 403
    assert await world.state() is State.CAPTURED


# --- asked twice ---


async def deployed(world: World) -> None:
    """An incident whose fix runs, and is not shown to be a cure yet."""
    world.monitor.answers_first(*[StepFailed("not yet")] * 9)
    await asked(world)
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()


async def test_a_rollback_says_what_it_will_do_and_does_it_after_a_second_yes(world: World, viewer: Viewer):
    await deployed(world)

    question = await viewer.opens("/incidents/1/rollback")
    nothing_yet = await world.incident()
    done = await viewer.sends("/incidents/1/rollback", **question.forms["/incidents/1/rollback"])
    again = await viewer.sends("/incidents/1/rollback", **question.forms["/incidents/1/rollback"])
    await world.settles()

    assert "INC-1: roll back test to c0ffee0?" in question.text
    assert "Runs now beefca5ebeef “Take fixed amounts off”, 3 days old" in question.text
    assert "Will run c0ffee0c0ffe “Round to whole cents”, 3 days old" in question.text
    assert "Undone with it: beefca5 Take fixed amounts off 7ea7ca5 A tray for two" in question.text
    assert "The fix of INC-1 goes too: its failure can come back." in question.text
    assert not nothing_yet.rolling_back
    assert "web:operator asked for a rollback." in done.text
    assert (again.status, "a rollback is under way" in again.text) == (409, True)
    assert await world.state() is State.ROLLED_BACK


async def test_without_an_answer_nothing_is_rolled_back_but_asked(world: World, viewer: Viewer):
    await deployed(world)

    for answer in ("", "sure", "0" * 16):
        page = await viewer.sends("/incidents/1/rollback", once="1", csrf=await viewer.word(), answer=answer)
        assert (page.status, "roll back test to c0ffee0?" in page.text) == (200, True)

    assert not (await world.incident()).rolling_back


async def test_what_was_shown_is_not_done_once_it_changed(world: World, viewer: Viewer):
    await deployed(world)
    question = await viewer.opens("/incidents/1/rollback")
    world.deployer.runs = "f00d" * 10

    page = await viewer.sends("/incidents/1/rollback", **question.forms["/incidents/1/rollback"])

    assert "This changed since it was shown to you. Nothing was done." in page.text
    assert "Runs now f00df00df00d" in page.text
    assert not (await world.incident()).rolling_back


async def test_other_fixes_that_go_with_a_rollback_are_named(world: World, viewer: Viewer):
    await deployed(world)
    await world.crashes("v1:02")
    await world.settles()
    await world.confirms(2)
    await world.settles()
    await world.merges(2, sha="7ea7ca5e" * 5)
    await world.settles()

    world.deployer.runs = MERGE
    both = await viewer.opens("/incidents/1/rollback")
    world.deployer.runs = "7ea7ca5e" * 5
    question = await viewer.opens("/incidents/1/rollback")

    assert "The fixes of INC-1, INC-2 go too: their failures can come back." in both.text
    assert "The fix of INC-2 goes too: its failure can come back." in question.text


async def test_a_program_that_says_nothing_is_not_said_to_run_anything_for_sure(world: World, viewer: Viewer):
    await deployed(world)
    world.deployer.silent = True

    question = await viewer.opens("/incidents/1/rollback")

    assert "The program does not say what it runs" in question.text


async def test_looking_at_a_question_that_cannot_be_asked_says_why(world: World, viewer: Viewer):
    await world.crashes()

    early = await viewer.opens("/incidents/1/rollback")
    lost = await viewer.opens("/incidents/99/rollback")
    other = await viewer.opens("/incidents/1/teapot")
    asks_once = await viewer.opens("/incidents/1/cancel")

    assert (early.status, "INC-1 is captured: not" in early.text) == (409, True)
    assert (lost.status, other.status) == (404, 404)
    assert "INC-1 captured" in asks_once.text


async def test_trying_a_stuck_deployment_again_is_asked_about(world: World, viewer: Viewer):
    world.deployer.answers_first("It does not start.")
    await asked(world)
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()
    assert await world.state() is State.STUCK

    question = await viewer.opens("/incidents/1/retry")
    done = await viewer.sends("/incidents/1/retry", **question.forms["/incidents/1/retry"])

    assert "INC-1: deploy beefca5 to test again?" in question.text
    assert "It failed It does not start." in question.text
    assert "INC-1 merged" in done.text


async def test_whoever_may_not_deploy_is_not_offered_it_and_is_refused(world: World):
    await deployed(world)
    async with a_viewer(world, token := secrets.token_urlsafe(), operator_may=frozenset({Role.DEBUG})) as viewer:
        page = await viewer.sends("/login", token=token, next="/incidents/1")
        looked = await viewer.opens("/incidents/1/rollback")
        sent = await viewer.sends("/incidents/1/rollback", once="1", csrf=await viewer.word(), answer="sure")

    assert "/incidents/1/rollback" not in page.forms
    assert "'Roll back' is for those who may deploy here. Ask one of them." in page.text
    assert (looked.status, sent.status) == (403, 403)
    assert "is for those who may deploy here. Ask one of them." in sent.text
    assert not (await world.incident()).rolling_back


async def test_a_login_that_names_nobody_confirms_nothing_where_two_have_to(world: World):
    token = await asked(world)
    async with a_viewer(world, rules=Rules(two_persons=True)) as viewer:
        page = await viewer.opens("/incidents/1")
        sent = await viewer.sends("/incidents/1/confirm", token=token, once="1", csrf=await viewer.word())

    assert "/incidents/1/confirm" not in page.forms
    assert (sent.status, "this login names nobody" in sent.text) == (403, True)
    assert await world.state() is State.AWAITING_CONFIRM


# --- who may ---


async def test_with_no_login_set_up_nobody_is_let_in_for_coming_from_this_machine(world: World):
    await world.crashes()
    async with a_viewer(world) as viewer, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as stranger:
        other = Viewer(viewer.url, stranger)
        seen = await other.opens("/incidents/1")
        live = await other.opens("/events")
        moved = await other.sends("/incidents/1/cancel", once="1", csrf="")

    assert "kintsugi login" in seen.text
    assert "KeyError" not in seen.text
    assert (live.status, moved.status) == (401, 401)
    assert await world.state() is State.CAPTURED


async def test_a_link_works_once_and_only_in_its_time(world: World):
    links, hour = Links(key := secrets.token_bytes(32)), 3600
    async with a_viewer(world, links=links) as viewer:
        async with viewer.session.head(f"{viewer.url}{ONCE}?key={(new := links.new())}") as looked_at:
            head = looked_at.status
        first = await viewer.opens(f"{ONCE}?key={new}")
        again = await viewer.opens(f"{ONCE}?key={new}")
        old = await viewer.opens(f"{ONCE}?key={Links(key, lambda: time.time() - hour).new()}")
        strange = await viewer.opens(f"{ONCE}?key={Links(secrets.token_bytes(32)).new()}")
        nothing = await viewer.opens(ONCE)

    assert head == 405
    assert "Incidents" in first.text
    assert [page.status for page in (again, old, strange, nothing)] == [403] * 4
    assert "kintsugi login" in again.text


async def test_with_a_token_nothing_is_seen_before_the_login(world: World):
    token = secrets.token_urlsafe()
    await world.crashes()
    async with a_viewer(world, token) as viewer:
        before = await viewer.opens("/incidents/1")
        live = await viewer.opens("/events")
        moved = await viewer.sends("/incidents/1/cancel", once="1")
        wrong = await viewer.sends("/login", token="wrong", next="/")
        after = await viewer.sends("/login", token=token, next="/incidents/1")
        (cookie,) = viewer.session.cookie_jar

    assert "Log in" in before.text
    assert "INC-1" not in before.text
    assert (live.status, moved.status, wrong.status) == (401, 401, 403)
    assert "INC-1 captured" in after.text
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


async def test_a_move_needs_the_word_of_its_session(world: World):
    token = secrets.token_urlsafe()
    await world.crashes()
    async with a_viewer(world, token) as viewer:
        await viewer.sends("/login", token=token, next="/")
        forged = await viewer.sends("/incidents/1/cancel", once="1", csrf="guess")
        own = await viewer.does(1, "cancel")

    assert forged.status == 403
    assert "INC-1 cancelled" in own.text


async def test_after_the_log_out_nothing_is_seen(world: World):
    token = secrets.token_urlsafe()
    async with a_viewer(world, token) as viewer:
        page = await viewer.sends("/login", token=token, next="/")
        await viewer.sends("/logout", **page.forms["/logout"])
        after = await viewer.opens("/")

    assert "Log in" in after.text


async def test_wrong_tokens_delay_who_sends_them_and_never_the_right_one(world: World):
    token = secrets.token_urlsafe()
    async with a_viewer(world, token) as viewer:
        statuses = [(await viewer.sends("/login", token="wrong", next="/")).status for _ in range(6)]
        right = await viewer.sends("/login", token=token, next="/")

    assert statuses == [403] * 5 + [429]
    assert right.status == 200


def test_five_hundred_wrong_tokens_of_one_peer_concern_no_other():
    login = Login("the right one")
    for _ in range(500):
        login.opens("wrong", "192.0.2.1")

    assert login.wait("192.0.2.1") > 0
    assert login.wait("192.0.2.2") == 0
    assert login.opens("the right one", "192.0.2.2")


def test_peers_that_were_wrong_do_not_fill_the_memory():
    tries = Tries()
    for number in range(20_000):
        tries.count(str(number))

    assert len(tries) == 10_000


@pytest.mark.parametrize(
    "where", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nSet-Cookie: x=1"]
)
async def test_the_login_leads_nowhere_else(world: World, where: str):
    token = secrets.token_urlsafe()
    async with (
        a_viewer(world, token) as viewer,
        viewer.session.post(
            f"{viewer.url}/login", data={"token": token, "next": where}, allow_redirects=False
        ) as answer,
    ):
        assert answer.headers["Location"] == "/"


# --- live ---


async def test_a_move_is_told_to_whoever_watches(world: World, viewer: Viewer):
    await world.crashes()
    async with viewer.session.get(f"{viewer.url}/incidents/1/events") as stream:
        first = await told(stream.content)
        await world.fires(t.Cancelled)
        second = await told(stream.content)

    assert first != second


async def test_one_session_cannot_listen_for_all(world: World):
    """Whoever opens streams without end is told to come later, and another session listens on."""
    token = secrets.token_urlsafe(16)
    async with (
        a_viewer(world, token=token) as viewer,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        AsyncExitStack() as stack,
    ):
        await viewer.sends("/login", token=token)
        other = Viewer(viewer.url, session)
        await other.sends("/login", token=token)
        mine = [await stack.enter_async_context(viewer.session.get(f"{viewer.url}/events")) for _ in range(21)]
        theirs = await stack.enter_async_context(session.get(f"{viewer.url}/events"))

    assert [stream.status for stream in mine] == [200] * 20 + [503]
    assert theirs.status == 200


async def told(stream: asyncio.StreamReader) -> str:  # type: ignore[type-arg]
    async with asyncio.timeout(PATIENCE):
        async for line in stream:
            if line.startswith(b"data: "):
                return line.decode()
    raise AssertionError("the stream ended")
