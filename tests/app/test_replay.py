"""Old incidents, asked about again: both answers side by side, and nothing changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kintsugi.app.replays import Replay, ReplayNeeds, newest_ended, replayed
from kintsugi.persistence.database import Database
from kintsugi.prompts import render, using
from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import Refusal, StepFailed
from kintsugi.workflow.incident import Category, Cost
from kintsugi.workflow.states import State
from tests.app.test_command_line import Terminal
from tests.app.test_propose import CRASH, settings  # noqa: F401  # a fixture
from tests.world.make import a_diagnosis
from tests.world.migrated import migrate
from tests.world.openai import Answer, a_completion, serving
from tests.world.world import World, a_world


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


async def replays(world: World) -> Replay:
    needs = ReplayNeeds(
        store=world.store, analyst=world.analyst, checker_at=lambda _: world.checker, budget=world.budget
    )
    return await replayed(needs, 1, lambda words: None)


async def ended(world: World) -> None:
    await world.crashes()
    await world.settles()
    await world.fires(t.Rejected)


async def test_another_answer_is_proven_and_put_beside_the_old_one(world: World):
    await ended(world)
    before = await world.store.history(1)
    world.checker.answers_first("It does not apply.")

    found = await replays(world)

    assert (found.then.proven, found.then.tier, found.then.rounds) == (True, "E2", 1)
    assert (found.now.proven, found.now.tier, found.now.rounds) == (True, "E2", 2)
    assert "It does not apply." in world.analyst.asked[-1].incident.feedback
    assert world.analyst.asked[1].incident.feedback == ""  # what was said then is not told now
    assert await world.store.history(1) == before


async def test_all_of_them_twice_is_the_same_table(world: World):
    for number in range(1, 11):
        await world.crashes(f"v1:{number:016x}")
        await world.settles()
        await world.fires(t.Rejected, number)
    needs = ReplayNeeds(
        store=world.store, analyst=world.analyst, checker_at=lambda _: world.checker, budget=world.budget
    )

    tables = [[await replayed(needs, number, lambda words: None) for number in range(1, 11)] for _ in range(2)]

    first, again = [[{**each.facts()["now"], "seconds": 0} for each in table] for table in tables]
    assert first == again
    assert [each.incident.state for each in tables[1]] == [State.REJECTED] * 10


async def test_what_is_never_proven_says_why_after_its_rounds(world: World):
    await ended(world)
    world.checker.answers_first("one", "two", "three")

    found = await replays(world)

    assert (found.now.proven, found.now.says, found.now.rounds) == (False, "three", 3)


async def test_an_answer_without_a_patch_ends_it(world: World):
    await ended(world)
    world.analyst.answers_first(a_diagnosis(category=Category.DATA, edits=()))

    found = await replays(world)

    assert (found.now.proven, found.now.rounds) == (False, 1)


async def test_answers_that_cannot_be_used_were_paid_for_and_prove_nothing(world: World):
    await ended(world)
    world.analyst.answers_first(StepFailed("The model's reply is no JSON.", spent=Cost(calls=2, tokens_out=9)))

    found = await replays(world)

    assert (found.now.proven, found.now.tier, found.now.says) == (False, "", "The model's reply is no JSON.")
    assert found.now.cost.tokens_out == 9


async def test_a_model_that_cannot_be_asked_has_no_verdict(world: World):
    await ended(world)
    world.analyst.answers_first(StepFailed("Nobody answers."))

    with pytest.raises(StepFailed, match="Nobody answers"):
        await replays(world)


async def test_the_newest_that_ended_are_found_behind_many_that_did_not(world: World):
    await ended(world)
    for number in range(60):
        await world.crashes(f"v1:{number:016x}")

    assert [incident.id async for incident in newest_ended(world.store, 1)] == [1]


async def test_one_that_is_open_is_refused(world: World):
    await world.crashes()

    with pytest.raises(Refusal, match="replayed when it has ended"):
        await replays(world)


def test_prompts_of_ones_own_take_the_place_of_ours_as_far_as_they_are_there(tmp_path: Path):
    (tmp_path / "again.md").write_text("<!-- version: 9 -->\nAgain: {{ feedback }}\n")

    with using(tmp_path):
        own = render("again", feedback="no")

    assert own.text == "Again: no\n"
    assert own.id.startswith("again v9 ")
    assert render("again", feedback="no").id != own.id


async def test_twice_the_same_table_from_the_command_line(tmp_path: Path, settings: dict[str, str]):  # noqa: F811
    """Through the real model client, referee and box. The incident is where it was."""
    terminal = Terminal(tmp_path)
    async with serving() as model:
        env = settings | {"KINTSUGI_LLM_BASE_URL": model.url, "KINTSUGI_LLM_MODEL": "stand-in"}

        async def types(*words: str, stdin: str = "") -> str:
            done = await asyncio.to_thread(terminal.types, *words, stdin=stdin, **env)
            assert done.returncode == 0, done.stderr
            return done.stdout

        await types("capture", "-", stdin=CRASH)
        await types("cancel", "1")
        before = json.loads(await types("incident", "show", "1", "--json"))
        tables = [json.loads(await types("replay", "--all", "--json")) for _ in range(2)]
        model.answers_first(*[Answer(a_completion("It is the coupon."))] * 2)
        unread = json.loads(await types("replay", "--all", "--json"))["replays"][0]["now"]
        after = json.loads(await types("incident", "show", "1", "--json"))

    said = [
        [(each["now"]["analyst"], each["now"]["proven"], each["now"]["says"]) for each in table["replays"]]
        for table in tables
    ]
    assert said[0] == said[1]
    assert len(said[0]) == 1
    assert (unread["proven"], "no JSON" in unread["says"]) == (False, True)
    assert before == after
