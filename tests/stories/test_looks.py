"""A fault whose place nobody shows the model: it looks at the program, call by call, and each call is a row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kintsugi.app.bootstrap import code_context, looking_at
from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.integrations.git import NO_OBJECT, Git, RefChange
from kintsugi.integrations.model.analyst import ModelAnalyst
from kintsugi.integrations.model.openai import ModelAccess, OpenAIModel
from kintsugi.integrations.workbench import Workbench
from kintsugi.persistence.database import Database
from kintsugi.repair.proof import ProofSettings
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.states import State
from tests.integrations.test_looking import a_step
from tests.stories.test_in_words import EMPTY, MENDED, NEW_TEST, OLD_TEST, TOTAL
from tests.world.boxes import in_a_box
from tests.world.make import NOON
from tests.world.openai import OpenAIStandIn, a_finding, a_fix, an_error, schema_name, serving
from tests.world.world import World, a_world


@pytest.fixture
def git(tmp_path: Path) -> Git:
    git = Git.init_bare(tmp_path / "origin.git", "main")
    files = {
        "shop/__init__.py": b"",
        "shop/basket.py": TOTAL.encode(),
        "tests/__init__.py": b"",
        "tests/test_count.py": OLD_TEST.encode(),
    }
    commit = git.commit(git.write_tree(EMPTY, files), [], "A shop", NOON, "Somebody")
    git.update_refs([RefChange("refs/heads/main", commit, NO_OBJECT)])
    return git


@pytest.fixture
async def model() -> AsyncIterator[OpenAIStandIn]:
    async with serving() as stand_in:
        yield stand_in


@pytest.fixture
async def world(database_url: Database, git: Git, model: OpenAIStandIn) -> AsyncIterator[World]:
    async with a_world(database_url) as world:
        asked = OpenAIModel(ModelAccess("stand-in", "key", model.url))
        bench = Workbench(git, "main", await in_a_box(ProofSettings()), redact)
        tools = looking_at(git, "main", bench)
        world.analyst = ModelAnalyst(asked, code_context(git.directory), redact, tools)  # type: ignore[assignment]
        world.checker = bench  # type: ignore[assignment]
        yield world


async def reports(world: World, git: Git, words: str) -> None:
    intake = Intake(fire=world.engine.fire, clock=world.clock, program=Program(build=git.resolve("main")))
    await intake.told(words, key="cli:1", actor="cli:alice")
    await world.settles()


def stepping(*steps: dict[str, Any], **fix: Any) -> Any:
    left = list(steps)

    def thinks(asked: dict[str, Any]) -> dict[str, Any]:
        match schema_name(asked):
            case "finding":
                return a_finding(category="unknown", need="I need to see who adds up")
            case "step":
                return left.pop(0)
            case _:
                return a_fix(**fix)

    return thinks


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_it_is_found_run_and_proven(world: World, git: Git, model: OpenAIStandIn):
    fix = a_fix(edits=[MENDED], regression_test={"path": "tests/test_total.py", "content": NEW_TEST})
    model.thinks = stepping(
        a_step("find", text="sum("),
        a_step("read", path="shop/basket.py"),
        a_step("run", path="tests/test_count.py"),
        a_step("run", path="/etc/passwd"),
        a_step("propose", fix=fix),
        **fix,
    )
    said: list[str] = []
    world.channel.on_progress = said.append

    await reports(world, git, "Customers are happy, which is odd")

    incident = await world.incident()
    assert incident.state is State.AWAITING_CONFIRM
    assert sum("the regression test without the patch" in words for words in said) == 1
    assert said[-1].startswith("nothing runs again: exactly this patch was proven")
    assert incident.diagnosis
    assert incident.diagnosis.looked == "looked at 2 places, ran 3 tests"
    looks = await world.store.looks(1)
    assert [look.tool for look in looks] == ["opened", "find", "read", "run", "run", "accepted"]
    assert "shop/basket.py:3: return sum(prices[1:])" in looks[1].answer
    assert "ended with status 0" in looks[3].answer or "Tests can't run here" in looks[3].answer
    assert "Nothing was run" in looks[4].answer
    assert looks[5].answer.startswith("It holds: E")
    assert incident.cost.calls == 6
    (talk,) = await world.store.talks(1)
    assert any("I need to see who adds up" in turn.text for turn in talk.turns)


async def test_a_try_that_ends_in_the_middle_goes_on_from_its_rows(world: World, git: Git, model: OpenAIStandIn):
    model.thinks = stepping(
        a_step("list", path=""),
        a_step("find", text="sum("),
        a_step("read", path="shop/basket.py"),
        *[a_step("list", path="shop")] * 9,
        edits=[],
    )
    thinks = model.thinks

    def is_busy_after_the_first_look(asked: dict[str, Any]) -> dict[str, Any]:
        if len(model.asked) == 2:
            model.answers_first(an_error(429, "rate_limit_exceeded", "Slow down.", Retry_After="600"))
        return thinks(asked)

    model.thinks = is_busy_after_the_first_look

    await reports(world, git, "Customers are happy, which is odd")
    in_the_middle = [look.tool for look in await world.store.looks(1)]
    await world.passes(hours=2)

    assert in_the_middle == ["opened", "list"]
    incident = await world.incident()
    asked = [schema_name(each) for each in model.asked]
    assert (asked.count("finding"), asked.count("step"), asked.count("fix")) == (1, 13, 1)
    assert incident.state is State.NEEDS_HUMAN
    assert [look.number for look in await world.store.looks(1)] == list(range(13))
    assert incident.cost.calls == 14  # the cause, twelve looks, the change
    assert (await world.store.spent_on(world.clock.now().date())).tokens == incident.cost.spent.tokens
