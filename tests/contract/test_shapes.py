"""A stand-in that is spoken to wrongly fails its test, on any machine: the shapes are no ornament."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.world import discord, github, openai, railway
from tests.world.clock import ManualClock
from tests.world.discord_shapes import CHANNEL
from tests.world.make import HEAD
from tests.world.wire.github import GITHUB

BOT = {"Authorization": f"Bot {discord.TOKEN}"}
PULL = {"title": "Fix", "head": "fix", "base": "main", "body": "", "draft": False}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (PULL | {"labels": ["bug"]}, "labels: Extra inputs are not permitted"),
        ({name: PULL[name] for name in PULL if name != "head"}, "head: Field required"),
        (PULL | {"draft": "no"}, "draft: Input should be a valid boolean"),
    ],
)
def test_a_body_that_is_not_as_we_send_it_is_no_request(asked: dict[str, Any], says: str):
    with pytest.raises(AssertionError, match=says):
        GITHUB.judge_request("/repos/{owner}/{repo}/pulls", "post", asked)


def test_an_answer_without_what_we_read_is_none():
    with pytest.raises(AssertionError, match="200 to get .* breaks our shape at object: Field required"):
        GITHUB.judge_reply("/repos/{owner}/{repo}/git/ref/{ref}", "get", 200, {"ref": "refs/heads/main", "url": ""})


def test_an_answer_with_a_status_that_nobody_expects_is_none():
    with pytest.raises(AssertionError, match="is not answered with 204"):
        GITHUB.judge_reply("/repos/{owner}/{repo}/pulls", "get", 204, [])


def test_a_call_that_is_new_says_where_its_shape_goes():
    with pytest.raises(AssertionError, match="add its shape to tests/world/wire/github.py"):
        GITHUB.template("get", "/repos/shop/checkout/milestones")


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/repos/o/r/git/refs/heads/fix/it", "/repos/{owner}/{repo}/git/refs/{ref}"),
        ("/repos/o/r/pulls/41", "/repos/{owner}/{repo}/pulls/{pull_number}"),
    ],
)
def test_a_number_is_digits_and_a_reference_may_hold_slashes(path: str, template: str):
    assert GITHUB.template("patch", path) == template


def test_what_may_be_missing_is_not_null():
    at = "/app/installations/{installation_id}/access_tokens", "post"

    GITHUB.judge_request(*at, {})
    with pytest.raises(AssertionError, match="permissions: Input should be a valid dictionary"):
        GITHUB.judge_request(*at, {"permissions": None})


async def test_githubs_stand_in_fails_the_test_that_sends_what_has_no_shape(tmp_path: Path):
    with pytest.raises(AssertionError, match="sha: String should match pattern"):
        async with github.serving(tmp_path) as people, httpx.AsyncClient() as client:
            sha = people.commits({"readme": b"hello\n"})
            headers = {"Authorization": f"token {github.TOKEN}"}
            url = f"{people.url}/repos/shop/checkout/git/refs"
            await client.post(url, headers=headers, json={"ref": "refs/heads/x", "sha": sha.upper()})


async def test_discords_stand_in_fails_the_test_that_sends_what_has_no_shape():
    with pytest.raises(AssertionError, match="embed: Extra inputs are not permitted"):
        async with discord.serving() as at, httpx.AsyncClient() as client:
            body = {"content": "INC-1", "embed": {"title": "captured"}}
            await client.post(f"{at.api}/channels/{CHANNEL}/messages", headers=BOT, json=body)


async def test_openais_stand_in_fails_the_test_that_sends_what_has_no_shape():
    with pytest.raises(AssertionError, match="messages: Field required"):
        async with openai.serving() as provider, httpx.AsyncClient() as client:
            provider.answers_first(openai.Answer("busy", 503))
            await client.post(f"{provider.url}/chat/completions", json={"model": "stand-in", "stream": True})


async def test_railways_stand_in_refuses_what_its_schema_has_not():
    async with railway.serving(ManualClock().now, HEAD) as there, httpx.AsyncClient() as client:
        asked = {
            "query": "mutation Rollback($id: String!) { deploymentRollback(id: $id) { id } }",
            "variables": {"id": "1"},
        }
        answer = await client.post(there.url, headers={"Project-Access-Token": railway.TOKEN}, json=asked)

    assert "must not have a selection" in answer.json()["errors"][0]["message"]
