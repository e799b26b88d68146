"""What becomes of a merge: asked for at most once, whatever is known of the asking, and what ran before stays known."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from kintsugi.workflow import triggers as t
from kintsugi.workflow.incident import Deployment
from kintsugi.workflow.ports import Manners, OutcomeUnknown, Progress, Rollout
from kintsugi.workflow.states import Effect, State
from tests.world.make import HEAD, MERGE, a_deployment
from tests.world.ports import ScriptedDeployer
from tests.world.world import World


@dataclass
class Elsewhere(ScriptedDeployer):
    """A deployer like Railway: it takes its time, and cannot tell a second asking from the first."""

    shown: Rollout | None = None
    newest: Rollout | None = None
    by_itself: timedelta = timedelta()
    asked: list[str] = field(default_factory=list)
    hangs: bool = False
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def find(self, commit: str) -> Rollout | None:
        return self.shown

    async def latest(self) -> Rollout | None:
        return self.newest

    async def manners(self) -> Manners:
        return Manners(by_itself=self.by_itself)

    async def deploy(self, commit: str, progress: Progress, *, incident: int | None = None) -> Rollout:
        self.asked.append(commit)
        self.heard.set()
        if self.hangs:
            await asyncio.Event().wait()
        answer = self.next(None)
        return Rollout(a_deployment(running=HEAD, previous=""), None, str(answer or "is being built"))

    async def roll_back(
        self, deployment: Deployment, since: datetime, progress: Progress, *, incident: int | None = None
    ) -> Rollout:
        return Rollout(a_deployment(commit=deployment.previous, running=self.runs), True, "It is done.")


@pytest.fixture
async def deployer(world: World) -> Elsewhere:
    deployer = Elsewhere()
    world.deployer = deployer
    return deployer


async def merged(world: World) -> None:
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()


async def two_confirmed(world: World) -> str:
    """Two incidents with open pull requests. Answers what the second merges as, on top of the first."""
    for number in (1, 2):
        await world.crashes(f"v1:{number:016x}")
        await world.settles()
        await world.confirms(number)
        await world.settles()
    newer = "f00d" * 10
    world.host.holds[newer] = MERGE
    return newer


async def merged_and_cut_off_while_asking(world: World, deployer: Elsewhere) -> None:
    deployer.hangs = True
    work = asyncio.create_task(merged(world))
    await deployer.heard.wait()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


def stands(done: bool | None, **changes: object) -> Rollout:
    return Rollout(a_deployment(**{"previous": "", **changes}), done, "It stands so.")


async def test_what_is_asked_for_is_known_before_it_is_asked(world: World, deployer: Elsewhere):
    await merged_and_cut_off_while_asking(world, deployer)

    incident = await world.incident()

    assert deployer.asked == [MERGE]
    assert len(incident.deploy_asks) == 1
    assert incident.deployment == Deployment("", MERGE, previous=HEAD)


async def test_killed_between_asking_and_writing_that_down_nothing_is_asked_twice(world: World, deployer: Elsewhere):
    await merged_and_cut_off_while_asking(world, deployer)
    await world.passes(seconds=61)  # the lease of the one that was killed
    deployer.shown = stands(True)
    await world.passes(minutes=3)

    incident = await world.incident()

    assert deployer.asked == [MERGE]
    assert incident.state is State.HEALED
    assert incident.deployment == replace(a_deployment(), previous=HEAD)


async def test_an_asking_that_was_not_heard_is_repeated_once_and_then_a_human_is_asked(
    world: World, deployer: Elsewhere
):
    deployer.answers_first(OutcomeUnknown("No answer."), OutcomeUnknown("No answer."))
    await merged(world)
    asked_at_once = list(deployer.asked)
    await world.passes(seconds=119)
    asked_before_the_quiet_was_over = list(deployer.asked)
    await world.passes(seconds=2)
    await world.passes(minutes=3)

    stuck = await world.incident()
    await world.fires(t.Retried)
    deployer.shown = stands(True)
    await world.settles()

    assert asked_at_once == asked_before_the_quiet_was_over == [MERGE]
    assert deployer.asked == [MERGE, MERGE]
    assert stuck.says == (
        "Gave up on deploy: It was asked for 2 times, and no deployment shows. Look at the deployer, then retry."
    )
    assert await world.state() is State.HEALED


async def test_of_two_workers_that_come_to_ask_at_once_one_asks(world: World, deployer: Elsewhere):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    key = f"fx:1:deploy:{(await world.incident()).seq}:asked:1"
    await world.fires(t.DeployAsked, key=key, commit=MERGE, previous=HEAD)  # the other worker's
    await world.store.transact(lambda ledger: ledger.amend((ledger.incident(1)).but(deploy_asks=())))  # type: ignore[union-attr]

    await world.settles()

    assert deployer.asked == []


async def test_a_deployment_that_begins_by_itself_is_waited_for(world: World, deployer: Elsewhere):
    deployer.by_itself = timedelta(minutes=5)
    await merged(world)
    await world.passes(minutes=4)
    waited = list(deployer.asked)
    deployer.shown = stands(True)
    await world.passes(minutes=1)

    assert waited == deployer.asked == []
    assert await world.state() is State.HEALED


async def test_one_that_does_not_begin_by_itself_is_asked_for(world: World, deployer: Elsewhere):
    deployer.by_itself = timedelta(minutes=5)
    await merged(world)
    await world.passes(minutes=6)

    assert deployer.asked == [MERGE]


@pytest.mark.parametrize("own", [None, stands(False)])
async def test_a_newer_deployment_that_contains_the_merge_will_do(
    world: World, deployer: Elsewhere, own: Rollout | None
):
    newer = "f00d" * 10
    world.host.holds[newer] = MERGE
    deployer.shown, deployer.newest = own, stands(True, commit=newer, running=newer)
    await merged(world)

    incident = await world.incident()

    assert deployer.asked == []
    assert incident.deployment
    assert incident.deployment.running == newer
    assert [step.trigger for step in await world.store.history(1)][-2] == "DeploySucceeded"


async def test_an_older_merge_is_not_put_over_a_newer_one_that_is_not_listed_yet(world: World, deployer: Elsewhere):
    newer, deployer.by_itself = await two_confirmed(world), timedelta(minutes=3)
    await world.merges(1)
    await world.settles()
    await world.passes(minutes=1)
    await world.merges(2, newer)
    await world.passes(minutes=10)

    asked = list(deployer.asked)
    deployer.newest = deployer.shown = stands(True, commit=newer, running=newer)
    await world.passes(minutes=10)

    assert asked == deployer.asked == [newer]
    found = [(await world.incident(number)).deployment for number in (1, 2)]
    assert [each and each.commit for each in found] == [newer, newer]


async def test_an_older_merge_goes_out_where_the_newer_one_got_stuck(world: World, deployer: Elsewhere):
    newer, deployer.by_itself = await two_confirmed(world), timedelta(minutes=3)
    deployer.answers_first(*[OutcomeUnknown("No answer.")] * 2)
    await world.merges(1)
    await world.merges(2, newer)
    for _ in range(20):
        await world.passes(minutes=3)

    assert await world.state(2) is State.STUCK
    assert deployer.asked[:3] == [newer, newer, MERGE]


async def test_after_a_failed_deployment_trying_again_asks_for_another_one_once(world: World, deployer: Elsewhere):
    deployer.shown, deployer.by_itself = stands(False), timedelta(minutes=3)
    await merged(world)
    failed = await world.state()
    deployer.answers_first(OutcomeUnknown("No answer."))
    await world.fires(t.Retried)
    await world.settles()
    await world.passes(seconds=100)
    asked = list(deployer.asked)
    deployer.shown = stands(True, id="d2")
    await world.passes(minutes=2)

    assert failed is State.STUCK
    assert asked == deployer.asked == [MERGE]
    assert await world.state() is State.HEALED


async def test_a_second_failure_is_told_as_the_first_was(world: World, deployer: Elsewhere):
    deployer.shown = stands(False)
    await merged(world)
    await world.fires(t.Retried)
    await world.settles()
    deployer.shown = stands(False, id="d2")
    await world.passes(minutes=2)

    incident = await world.incident()

    assert deployer.asked == [MERGE]
    assert incident.state is State.STUCK
    assert incident.deployment
    assert incident.deployment.id == "d2"


async def test_success_counts_when_the_program_says_so_and_until_then_says_what_runs(world: World, deployer: Elsewhere):
    deployer.shown = replace(stands(True, running=HEAD), since=world.clock.now())
    await merged(world)
    (owes,) = [owes for owes in await world.store.owed(1) if owes.kind is Effect.DEPLOY]
    waits = await world.state()
    await world.passes(minutes=10)

    incident = await world.incident()

    assert waits is State.MERGED
    says = f"The deployer reports success, but {HEAD[:10]} runs, without {MERGE[:10]}."
    assert owes.error == says
    assert incident.state is State.STUCK
    assert incident.says == says


async def test_a_long_deployment_is_looked_at_ever_less_often(world: World, deployer: Elsewhere):
    looks = 0

    async def find(commit: str) -> Rollout:
        nonlocal looks
        looks += 1
        return stands(None)

    deployer.find = find  # type: ignore[method-assign]
    await merged(world)
    for _ in range(240):
        await world.passes(seconds=15)

    assert 30 < looks < 60  # within an hour; Railway's free plan takes 100 calls


async def test_a_rollback_counts_when_the_program_says_so(world: World, deployer: Elsewhere):
    await merged(world)
    deployer.shown, deployer.runs = stands(False), MERGE
    await world.passes(minutes=1)
    await world.fires(t.RollbackRequested)
    await world.settles()
    (owes,) = [owes for owes in await world.store.owed(1) if owes.kind is Effect.ROLL_BACK]
    waits = await world.state()
    deployer.runs = HEAD
    await world.passes(minutes=1)

    assert waits is State.STUCK
    assert owes.error == f"It is done. But {MERGE[:10]} runs, and not {HEAD[:10]}."
    assert await world.state() is State.ROLLED_BACK
