"""Pages that report from a browser: what they are answered across origins, and that nothing else of ours is open."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kintsugi.persistence.database import Database
from kintsugi.web.sentry import Project
from tests.world.migrated import migrate
from tests.world.reports import KEY, Door, a_door, an_envelope, an_event
from tests.world.world import World, a_world

SHOP, ELSEWHERE = "https://shop.example", "https://elsewhere.example"
ALLOWED = "Access-Control-Allow-Origin"


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


async def reported(door: Door, origin: str, number: int, key: str = KEY) -> tuple[int, dict[str, str]]:
    """As a browser's SDK does it: the key in the query, and a type that asks no questions before."""
    body = an_envelope(an_event(str(number), f"Error{number}"))
    headers = {"Origin": origin, "Content-Type": "text/plain;charset=UTF-8"}
    url = f"{door.url}/api/42/envelope/?sentry_version=7&sentry_key={key}&sentry_client=browser"
    async with door.session.post(url, data=body, headers=headers) as answer:
        return answer.status, dict(answer.headers)


async def asked(door: Door, origin: str, path: str = "/api/42/envelope/") -> tuple[int, dict[str, str]]:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    async with door.session.options(door.url + path, headers=headers) as answer:
        return answer.status, dict(answer.headers)


async def test_a_page_of_any_origin_may_report_and_read_what_it_is_told(world: World):
    async with a_door(world, Project(KEY, a_day=1)) as door:
        taken = await reported(door, SHOP, 1)
        limited = await reported(door, SHOP, 2)
        stranger = await reported(door, SHOP, 3, key="wrong" * 6)

    assert [status for status, _ in (taken, limited, stranger)] == [200, 429, 403]
    for _, headers in (taken, limited, stranger):
        assert headers[ALLOWED] == "*"
        exposed = headers["Access-Control-Expose-Headers"].split(", ")
        assert set(exposed) == {"X-Sentry-Error", "X-Sentry-Rate-Limits", "Retry-After"}
        assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize("path", ["envelope", "store"])
async def test_a_browser_that_asks_first_is_told_what_it_may_send(world: World, path: str):
    async with a_door(world) as door:
        status, headers = await asked(door, SHOP, f"/api/42/{path}/")

    assert (status, headers[ALLOWED], headers["Access-Control-Allow-Methods"]) == (204, "*", "POST")
    assert {"X-Sentry-Auth", "Content-Type"} <= set(headers["Access-Control-Allow-Headers"].split(", "))


async def test_only_the_origins_that_a_project_names_are_heard(world: World):
    async with a_door(world, Project(KEY, origins=(SHOP,))) as door:
        ours, others = await reported(door, SHOP, 1), await reported(door, ELSEWHERE, 2)
        asked_by_ours, asked_by_others = await asked(door, SHOP), await asked(door, ELSEWHERE)
        server = await door.post(an_envelope(an_event("3", "Error3")))

    assert (ours[0], others[0], server[0]) == (200, 403, 200)
    assert (ours[1][ALLOWED], asked_by_ours[1][ALLOWED], ours[1]["Vary"]) == (SHOP, SHOP, "Origin")
    assert ALLOWED not in {**others[1], **asked_by_others[1]}
    assert [incident.summary.split(":")[0] for incident in await world.store.incidents()] == ["Error3", "Error1"]


async def test_nothing_else_is_open_to_other_origins(world: World):
    async with a_door(world) as door:
        status, headers = await asked(door, SHOP, "/webhooks/github")
        async with door.session.get(f"{door.url}/healthz", headers={"Origin": SHOP}) as health:
            others = dict(health.headers)

    assert status == 405
    assert ALLOWED not in {**headers, **others}
