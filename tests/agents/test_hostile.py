"""A hostile patch that an agent hands in: by the real referee it never becomes a question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from kintsugi.agents.calls import AgentCalls, AgentNeeds
from kintsugi.integrations.git import NO_OBJECT, Git, GitError, RefChange
from kintsugi.integrations.workbench import Workbench
from kintsugi.persistence.database import Database
from kintsugi.repair.proof import ProofSettings
from kintsugi.repair.replies import read_reply
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.incident import Category
from kintsugi.workflow.proposals import Proposals
from kintsugi.workflow.states import State
from tests.repair.malicious import BEFORE, patches
from tests.world.boxes import in_a_box
from tests.world.make import NOON, a_diagnosis
from tests.world.migrated import migrate
from tests.world.world import World, a_world

EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@pytest.fixture
def git(tmp_path: Path) -> Git:
    git = Git.init_bare(tmp_path / "origin.git", "main")
    commit = git.commit(
        git.write_tree(EMPTY, {path: text.encode() for path, text in BEFORE.items()}), [], "A shop", NOON, "Somebody"
    )
    git.update_refs([RefChange("refs/heads/main", commit, NO_OBJECT)])
    return git


@pytest.fixture
async def world(sqlite_url: Database, git: Git) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        world.checker = Workbench(git, "main", await in_a_box(ProofSettings()), redact)  # type: ignore[assignment]
        world.analyst.answers_first(a_diagnosis(category=Category.DATA, edits=()))
        yield world


def one_of_each_kind(git: Git) -> Iterator[tuple[str, str]]:
    """Name and unified diff, as far as a diff can say it."""
    base = git.resolve("main") or ""
    seen = set()
    for patch in patches():
        if patch.rule in seen:
            continue
        try:
            diff = git.diff(base, git.write_tree(base, patch.files, patch.modes))
        except (GitError, UnicodeError):
            continue
        if diff:
            seen.add(patch.rule)
            yield patch.name, diff


async def test_none_of_a_kind_becomes_a_question(world: World, git: Git):
    await world.crashes()
    await world.settles()
    calls = AgentCalls(
        AgentNeeds(
            store=world.store,
            clock=world.clock,
            proposals=Proposals(world.store, world.clock, world.engine.fire, read_reply),
            checker=world.checker,
            context=lambda case, tokens: "",
        )
    )
    tried = list(one_of_each_kind(git))[:12]
    for name, diff in tried:
        await calls.call("propose", "mcp:somebody", {"incident": 1, "patch": diff, "title": name})
        await world.settles()
        assert await world.state() is State.NEEDS_HUMAN, name

    told = (await calls.call("incident", "mcp:somebody", {"incident": 1})).facts["proposals"]
    assert len(tried) == 12
    assert [each["proven"] for each in told] == [False] * 12
    assert world.channel.tokens == {}
