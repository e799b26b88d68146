"""The way back from GitHub: failed checks and reviewers' wishes lead to a new patch for the same pull request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from kintsugi.persistence.database import Database
from kintsugi.workflow.incident import Patch
from kintsugi.workflow.reconcile import Reconciler
from kintsugi.workflow.states import State
from tests.world import github
from tests.world.github import GitHubStandIn
from tests.world.github_hosts import a_github_host
from tests.world.make import a_patch
from tests.world.migrated import migrate
from tests.world.world import World, a_world


class Story:
    def __init__(self, people: GitHubStandIn, world: World, folder: Path) -> None:
        self.people, self.world = people, world
        self.first = people.commits({"shop.py": b"price = 1\n"})
        host, self.objects = a_github_host(people, folder)
        world.host = host  # type: ignore[assignment]
        self.reconciler = Reconciler(world.store, host, world.clock, world.engine.fire)

    def patch(self, content: bytes) -> Patch:
        tree = self.objects.write_tree(self.first, {"shop.py": content})
        return a_patch(base=self.first, tree=tree, diff=self.objects.diff(self.first, tree))

    async def opens(self, *contents: bytes) -> None:
        """A pull request is opened with the first of these; the others are what the model says next."""
        self.world.checker.answers_first(*[self.patch(content) for content in contents])
        await self.world.crashes()
        await self.world.settles()
        await self.confirms()

    async def confirms(self) -> None:
        await self.world.confirms()
        await self.world.settles()

    async def looks(self) -> State:
        await self.reconciler.once()
        return await self.world.state()


@pytest.fixture
async def story(sqlite_url: Database, tmp_path: Path) -> AsyncIterator[Story]:
    migrate(sqlite_url)
    async with github.serving(tmp_path) as people, a_world(sqlite_url) as world:
        yield Story(people, world, tmp_path)


async def test_failed_checks_lead_to_a_new_patch_for_the_same_pull_request(story: Story):
    await story.opens(b"price = 2\n", b"price = 3\n")
    (pull,) = story.people.pulls
    first = pull.head
    check = story.people.checks_end(first, "failure", "AssertionError: 2 != 3")

    flaky = await story.looks()
    check.conclusion = "failure"
    failed = await story.looks()
    await story.world.settles()
    asked = story.world.analyst.asked[-1]
    await story.confirms()

    assert (flaky, failed) == (State.PR_OPENED, State.CAPTURED)
    assert "AssertionError: 2 != 3" in asked.feedback
    assert len(story.people.pulls) == 1
    assert story.people.git.file(pull.head, "shop.py") == b"price = 3\n"
    assert story.people.git.contains(pull.head, first)
    assert await story.looks() is State.PR_OPENED


async def test_a_check_that_was_only_flaky_costs_no_round(story: Story):
    await story.opens(b"price = 2\n")
    check = story.people.checks_end(story.people.pulls[0].head, "failure")
    await story.looks()
    check.conclusion = "success"

    assert await story.looks() is State.PR_OPENED
    assert len(story.world.analyst.asked) == 1


async def test_a_reviewers_wish_leads_to_a_new_patch_once(story: Story):
    await story.opens(b"price = 2\n", b"price = 3\n")
    story.people.reviews_with(41, "CHANGES_REQUESTED", "make it three")

    first = await story.looks()
    await story.world.settles()
    await story.confirms()

    assert first is State.CAPTURED
    assert "make it three" in story.world.analyst.asked[-1].feedback
    assert await story.looks() is State.PR_OPENED
    assert story.people.git.file(story.people.pulls[0].head, "shop.py") == b"price = 3\n"


async def test_when_the_rounds_are_used_up_a_human_has_to_take_it_on(story: Story):
    await story.opens(b"price = 2\n", b"price = 3\n", b"price = 4\n")
    for _ in range(2):
        story.people.reviews_with(41, "CHANGES_REQUESTED", "no")
        await story.looks()
        await story.world.settles()
        await story.confirms()
    story.people.reviews_with(41, "CHANGES_REQUESTED", "no again")

    assert await story.looks() is State.PR_OPENED
    assert len(story.world.analyst.asked) == 3


async def test_a_humans_push_is_told_and_left_alone(story: Story):
    await story.opens(b"price = 2\n")
    theirs = story.people.commits({"shop.py": b"price = 9\n"}, story.people.pulls[0].branch)

    await story.looks()
    await story.world.settles()

    history = await story.world.store.history(1)
    assert [step.trigger for step in history].count("BranchPushed") == 1
    assert story.people.pulls[0].head == theirs
    merge = story.people.merges(41)
    await story.looks()
    assert (await story.world.incident()).merge_sha == merge


async def test_old_pull_requests_are_looked_at_ever_more_seldom(story: Story):
    await story.opens(b"price = 2\n")
    looked = 0
    for _ in range(2 * 24 * 20):  # two days of three minutes each
        before = len(story.people.calls)
        story.world.clock.passes(minutes=3)
        await story.reconciler.round(timedelta(minutes=3))
        looked += len(story.people.calls) > before

    assert 40 < looked < 120
    assert story.people.paid < 40
