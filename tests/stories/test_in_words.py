"""A wrong result that nothing crashes for: somebody says so, and a test that asserts the right one shows the fix."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kintsugi.app.bootstrap import code_context
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
from tests.world.boxes import in_a_box
from tests.world.make import NOON
from tests.world.openai import OpenAIStandIn, a_finding, a_fix, schema_name, serving, turns
from tests.world.world import World, a_world

TOTAL = """\
def total(prices):
    \"\"\"What a basket costs.\"\"\"
    return sum(prices[1:])


def count(prices):
    return len(prices)
"""
OLD_TEST = """\
import unittest

from shop.basket import count


class CountTest(unittest.TestCase):
    def test_count(self):
        self.assertEqual(count([1, 2]), 2)
"""
NEW_TEST = """\
import unittest

from shop.basket import total


class TotalTest(unittest.TestCase):
    def test_the_first_item_is_paid_too(self):
        self.assertEqual(total([3, 4]), 7)
"""
MENDED = {"path": "shop/basket.py", "search": "sum(prices[1:])", "replace": "sum(prices)", "occurrence": None}
EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@pytest.fixture
def git(tmp_path: Path) -> Git:
    git = Git.init_bare(tmp_path / "origin.git", "main")
    files = {
        "shop/__init__.py": b"",
        "shop/basket.py": TOTAL.encode(),
        "shop/unrelated.py": b"def colour():\n    return 'gold'\n",
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
        world.analyst = ModelAnalyst(asked, code_context(git.directory), redact)  # type: ignore[assignment]
        world.checker = Workbench(git, "main", await in_a_box(ProofSettings()), redact)  # type: ignore[assignment]
        yield world


async def reports(world: World, git: Git, words: str) -> None:
    intake = Intake(fire=world.engine.fire, clock=world.clock, program=Program(build=git.resolve("main")))
    await intake.told(words, key="cli:1", actor="cli:alice")
    await world.settles()


IN_A_NEW_FILE = {"regression_test": {"path": "tests/test_total.py", "content": NEW_TEST}}
IN_AN_OLD_ONE = {
    "edits": [
        MENDED,
        {"path": "tests/test_count.py", "search": "import count", "replace": "import count, total", "occurrence": None},
        {
            "path": "tests/test_count.py",
            "search": "        self.assertEqual(count([1, 2]), 2)\n",
            "replace": "        self.assertEqual(count([1, 2]), 2)\n        self.assertEqual(total([3, 4]), 7)\n",
            "occurrence": None,
        },
    ]
}


def proposing(*answers: dict[str, Any]) -> Any:
    """A model that proposes the same change each time, with one of these tests after the other."""
    left = list(answers)

    def thinks(asked: dict[str, Any]) -> dict[str, Any]:
        if schema_name(asked) == "finding":
            return a_finding(cause="total() leaves the first price out.")
        return a_fix(**{"edits": [MENDED], "regression_test": None} | left.pop(0))

    return thinks


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("test", [IN_A_NEW_FILE, IN_AN_OLD_ONE], ids=["new", "old"])
async def test_a_wrong_total_is_mended_by_a_test_that_asserts_the_right_one(
    world: World, git: Git, model: OpenAIStandIn, test: dict[str, Any]
):
    model.thinks = proposing({}, test)

    await reports(world, git, "The total of a basket is too low")

    asked = turns(model.asked[0])[0]["content"]
    assert "The total of a basket is too low" in asked
    assert "return sum(prices[1:])" in asked
    assert "only a test shows that a patch mends it" in turns(model.asked[2])[-1]["content"]
    incident = await world.incident()
    assert incident.state is State.AWAITING_CONFIRM
    assert incident.evidence
    assert incident.evidence.tier in ("E2", "E0")  # E0 where no box works: the test cannot run there
    assert incident.evidence.flags[0].startswith("no crash is behind it: only a person can tell")
    assert not any(flag.startswith("no failure was given") for flag in incident.evidence.flags)
