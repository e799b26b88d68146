"""A pull request that somebody opens by hand for an incident: proven, judged beside its head, followed to the cure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from kintsugi.integrations.pull_request_text import as_it_is
from kintsugi.integrations.workbench import Workbench
from kintsugi.persistence.database import Database
from kintsugi.repair.proof import ProofSettings
from kintsugi.workflow import triggers as t
from kintsugi.workflow.by_hand import ByHand
from kintsugi.workflow.incident import Cure, PullRequest
from kintsugi.workflow.ports import Reading
from kintsugi.workflow.reconcile import Reconciler
from kintsugi.workflow.states import State
from tests.world import github
from tests.world.boxes import in_a_box
from tests.world.github import Fault, GitHubStandIn, Pull
from tests.world.github_hosts import a_github_host, github_pulls
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE
from tests.world.world import World, a_world

CHECKED = ("pending", "It is being checked.")


class Story:
    def __init__(self, people: GitHubStandIn, world: World, folder: Path) -> None:
        self.people, self.world, self.folder = people, world, folder
        self.first = people.commits({"shop.py": b"price = 1\n"})
        self.host, self.objects = a_github_host(people, folder)
        world.host = self.host  # type: ignore[assignment]
        self.fetched: list[int] = []
        self.reconciler = self.starts()

    def starts(self) -> Reconciler:
        """What a new process begins with."""
        world = self.world
        pulls = github_pulls(self.people, self.objects, self.host, self.fetched)
        by_hand = ByHand(world.store, pulls, world.clock, world.engine.fire)
        return Reconciler(world.store, self.host, world.clock, world.engine.fire, by_hand)

    def opens(
        self,
        title: str = "Fix INC-1",
        content: bytes = b"price = 2\n",
        more: dict[str, bytes] | None = None,
        **whose: str,
    ) -> Pull:
        branch = f"fix-{len(self.people.pulls)}"
        self.people.git.run("update-ref", f"refs/heads/{branch}", self.first)
        self.people.commits({"shop.py": content} | (more or {}), branch)
        return self.people.opens(branch, title, **whose)

    async def looks(self) -> State:
        """A look, what follows from it, and a look at what came of that."""
        await self.reconciler.once()
        await self.world.settles()
        await self.reconciler.once()
        await self.world.settles()
        return await self.world.state()

    async def followed(self) -> PullRequest:
        found = (await self.world.incident()).pull_request
        assert found
        return found


@pytest.fixture
async def story(sqlite_url: Database, tmp_path: Path) -> AsyncIterator[Story]:
    migrate(sqlite_url)
    async with github.serving(tmp_path) as people, a_world(sqlite_url) as world:
        await world.crashes()
        yield Story(people, world, tmp_path)


async def test_it_is_proven_merged_deployed_and_healed(story: Story):
    pull = story.opens(author="rita")

    assert await story.looks() is State.PR_OPENED
    followed, world = await story.followed(), story.world
    said = story.people.statuses[pull.head]
    merge = story.people.merges(pull.number)
    world.monitor.answers_first(Reading(Cure(1, 1, "It is served again."), merge))
    await story.reconciler.once()
    await world.settles()
    await world.passes(hours=1)

    assert not world.analyst.asked
    handed = (await world.incident()).diagnosis
    assert handed
    assert (handed.by, handed.base) == ("github:rita", story.first)
    assert "+price = 2" in handed.patch
    assert (followed.number, followed.by, followed.head) == (pull.number, "github:rita", pull.head)
    assert [each["state"] for each in said] == ["pending", "success"]
    assert said[-1]["target_url"] == "https://kintsugi.example/incidents/1"
    assert (await world.incident()).evidence
    assert world.deployer.deployed == [merge]
    assert await world.state() is State.HEALED
    assert len(story.people.pulls) == 1
    assert "kintsugi" not in pull.body


async def test_a_look_that_github_refuses_is_none(story: Story):
    story.people.tokens.clear()
    await story.reconciler.once()
    refused = story.reconciler.last
    story.people.tokens.add(github.TOKEN)
    await story.reconciler.once()

    assert (refused, story.reconciler.last) == (None, story.world.clock.now())


async def test_a_verdict_that_github_does_not_take_hides_nothing_that_was_read(story: Story):
    story.opens()
    story.people.shapes.permissions["statuses"] = "read"
    await story.reconciler.once()

    assert story.reconciler.last == story.world.clock.now()


async def test_its_verdict_is_told_at_the_next_glance_and_not_at_the_next_look(story: Story):
    pull, told = story.opens(), asyncio.Queue[str]()

    async def listen(index: int, done: bool) -> None:
        if done and story.people.calls[index].startswith("POST") and (lights := story.people.lights(pull.head)):
            told.put_nowait(lights[-1][0])

    story.people.on_call = listen
    looking = asyncio.create_task(story.reconciler.run(timedelta(hours=1), timedelta(milliseconds=20)))
    try:
        assert await asyncio.wait_for(told.get(), PATIENCE) == "pending"
        await story.world.settles()
        assert await asyncio.wait_for(told.get(), PATIENCE) == "success"
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def test_a_look_a_restart_and_a_delivery_more_change_nothing(story: Story):
    pull = story.opens()
    await story.looks()
    steps = len(await story.world.passed())

    story.reconciler = story.starts()
    await story.world.store.hint("github:delivery:1", 1)
    assert await story.looks() is State.PR_OPENED

    assert len(await story.world.passed()) == steps
    assert len(story.people.lights(pull.head)) == 2


async def test_a_refused_one_says_why_and_the_incident_goes_on_as_before(story: Story):
    story.world.checker.answers_first("The patch breaks the policy: hunter2 [skip ci].")
    pull = story.opens()

    assert await story.looks() is State.AWAITING_CONFIRM  # by the analyst's own

    pending, refused = story.people.lights(pull.head)
    assert pending == CHECKED
    assert refused == ("failure", "The patch breaks the policy: [redacted] (skip ci).")
    assert (await story.world.incident()).pull_request is None
    assert len(story.world.analyst.asked) == 1


async def test_a_push_has_it_proven_again_and_what_was_proven_of_the_old_head_is_not_said_of_the_new(story: Story):
    pull = story.opens()
    await story.looks()
    first = pull.head
    story.world.checker.answers_first("It mends nothing.")
    story.people.commits({"shop.py": b"price = 3\n"}, pull.branch)

    refused = await story.looks()
    second = pull.head
    story.people.commits({"shop.py": b"price = 4\n"}, pull.branch)
    proven = await story.looks()

    assert (refused, proven) == (State.NEEDS_HUMAN, State.PR_OPENED)
    assert [story.people.lights(head)[-1][0] for head in (first, second, pull.head)] == [
        "success",
        "failure",
        "success",
    ]
    assert (await story.followed()).head == pull.head


async def test_merged_at_a_head_that_nobody_proved_it_is_followed_without_evidence_and_not_deployed_by_us(story: Story):
    pull = story.opens()
    await story.looks()
    story.people.commits({"shop.py": b"price = 3\n"}, pull.branch)
    story.people.merges(pull.number)

    await story.reconciler.once()

    incident = await story.world.incident()
    assert (incident.state, incident.evidence) == (State.MERGED, None)
    assert incident.pull_request and not incident.pull_request.deploys


async def test_one_from_a_fork_by_a_member_is_fetched_and_never_a_branch_of_ours(story: Story):
    pull = story.opens(fork="rita")

    assert await story.looks() is State.PR_OPENED
    assert story.fetched == [pull.number]
    assert story.people.lights(pull.head)[-1][0] == "success"


@pytest.mark.parametrize("association", ["NONE", "CONTRIBUTOR", "FIRST_TIME_CONTRIBUTOR"])
async def test_nothing_follows_from_a_strangers(story: Story, association: str):
    pull = story.opens(association=association, fork="mallory")

    await story.looks()

    assert story.fetched == []
    assert story.people.lights(pull.head) == []
    assert story.world.analyst.asked  # the incident went its own way
    assert await story.world.state() is State.AWAITING_CONFIRM


async def test_while_another_fix_is_on_its_way_it_is_refused_and_taken_once_that_is_closed(story: Story):
    first, second = story.opens(), story.opens(content=b"price = 5\n")
    await story.looks()
    assert (await story.followed()).number == second.number  # the newest is listed first

    light, says = story.people.lights(first.head)[-1]

    assert light == "error"
    assert says.startswith("Not looked at: ")
    assert f"no. {second.number}" in says
    assert (await story.world.passed()).count(State.DIAGNOSED.value) == 1


async def test_when_the_incident_has_ended_nothing_changes(story: Story):
    await story.world.fires(t.Cancelled)
    pull = story.opens()

    assert await story.looks() is State.CANCELLED
    ((light, says),) = story.people.lights(pull.head)
    assert light == "error"
    assert "INC-1" in says


async def test_one_for_an_incident_that_is_not_here_is_left_alone(story: Story):
    pull = story.opens(title="Fix INC-99")

    await story.looks()

    assert story.people.lights(pull.head) == []


async def test_merged_while_it_is_checked_it_is_judged_and_followed_all_the_same(story: Story):
    pull = story.opens()
    await story.reconciler.once()
    merge = story.people.merges(pull.number)

    await story.looks()

    assert story.people.lights(pull.head)[-1][0] == "success"
    assert (await story.followed()).merged_as == merge


async def test_where_github_asks_to_wait_it_is_not_asked_again_before(story: Story):
    pull = story.opens()
    story.people.line[len(story.people.calls)] = Fault("429")

    await story.looks()
    waited = list(story.people.calls)
    await story.world.passes(minutes=2)
    await story.reconciler.once()

    assert len(waited) == 1
    assert [light for light, _ in story.people.lights(pull.head)] == ["error"]  # the model was faster


async def test_what_is_in_one_from_a_fork_runs_in_the_box_alone_on_the_branch_as_it_is_now(story: Story):
    proofs = await in_a_box(ProofSettings(seconds=PATIENCE))
    story.world.checker = Workbench(story.objects, "main", proofs, as_it_is)  # type: ignore[assignment]
    out = story.folder / "escaped"
    test = f"import pathlib\n\ndef test_it():\n    pathlib.Path({str(out)!r}).write_text('x')\n"
    story.people.commits({"readme": b"moved\n"})
    pull = story.opens(fork="rita", more={"tests/test_shop.py": test.encode()})

    await story.looks()

    light, says = story.people.lights(pull.head)[-1]
    assert not out.exists()
    assert light in ("success", "failure"), says


async def test_what_the_policy_refuses_is_refused_in_it_too(story: Story):
    story.world.checker = Workbench(story.objects, "main", ProofSettings(), as_it_is)  # type: ignore[assignment]
    pull = story.opens(more={".github/workflows/ci.yml": b"on: push\n"})

    await story.looks()

    light, says = story.people.lights(pull.head)[-1]
    assert light == "failure"
    assert "policy" in says


async def test_one_that_has_nothing_in_common_with_the_branch_is_not_looked_at(story: Story):
    story.people.commits({"shop.py": b"price = 2\n"}, "orphan")
    pull = story.people.opens("orphan", "Fix INC-1")

    await story.looks()

    ((light, says),) = story.people.lights(pull.head)
    assert (light, says) == ("error", "Not looked at: It has no commit in common with main.")


async def test_closed_without_a_merge_it_is_given_up(story: Story):
    pull = story.opens()
    await story.looks()
    story.people.closes(pull.number)

    assert await story.looks() is State.ABANDONED
