"""Stopping a failure that came with a deployment, while its fix is on its way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import GuardRefused, NotAllowedNow, StepFailed
from kintsugi.workflow.incident import Category
from kintsugi.workflow.payload import Build
from kintsugi.workflow.ports import Rollout
from kintsugi.workflow.states import State
from tests.world.make import HEAD, MERGE, a_deployment, a_diagnosis, a_payload
from tests.world.ports import GOOD, WithAPast
from tests.world.world import World


@pytest.fixture
async def deployer(world: World) -> WithAPast:
    deployer = WithAPast()
    world.deployer = deployer
    return deployer


async def test_with_the_diagnosis_the_way_back_is_offered(world: World, deployer: WithAPast):
    await world.crashes()
    await world.settles()

    incident = await world.incident()
    diagnosed = next(step for step in await world.store.history(1) if step.trigger == "Diagnosed")
    assert incident.way_back == replace(a_deployment(), commit=HEAD, running=HEAD, previous=GOOD)
    assert diagnosed.says.endswith(
        f"It came with the deployment of {HEAD[:10]}: `kintsugi deploy rollback 1` brings {GOOD[:10]} back until it is mended."
    )


async def test_it_is_rolled_back_once_and_the_fix_goes_on_and_is_rolled_forward(world: World, deployer: WithAPast):
    await world.crashes()
    await world.settles()
    await world.fires(t.RollbackRequested)
    with pytest.raises(GuardRefused, match="a rollback is under way"):
        await world.fires(t.RollbackRequested, actor="test:bob")
    await world.settles()
    stopped = await world.incident()
    with pytest.raises(NotAllowedNow):
        await world.fires(t.RollbackRequested)
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()

    assert (stopped.state, stopped.rolling_back, stopped.deployment) == (State.AWAITING_CONFIRM, False, None)
    assert deployer.deployed == [GOOD, MERGE]
    assert await world.state() is State.HEALED
    assert (await world.incident()).deployment.previous == GOOD  # type: ignore[union-attr]


async def test_a_rollback_is_carried_out_though_the_patch_is_confirmed_meanwhile(world: World, deployer: WithAPast):
    await world.crashes()
    await world.settles()
    await world.fires(t.RollbackRequested)
    deployer.answers_first("the machine is away")
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.passes(minutes=3)

    assert deployer.deployed == [GOOD]
    assert await world.state() is State.PR_OPENED
    assert not (await world.incident()).rolling_back


async def test_a_merge_overtakes_a_rollback_that_has_not_happened(world: World, deployer: WithAPast):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.fires(t.RollbackRequested)
    await world.merges()
    await world.settles()
    await world.passes(hours=1)

    assert deployer.deployed == [MERGE]
    assert await world.state() is State.HEALED


async def test_a_rollback_that_gives_up_leaves_the_mending_alone(world: World, deployer: WithAPast):
    await world.crashes()
    await world.settles()
    await world.fires(t.RollbackRequested)
    deployer.answers_first(StepFailed("It keeps no such release.", final=True))
    await world.settles()
    given_up = await world.incident()
    await world.fires(t.RollbackRequested)
    await world.settles()

    assert (given_up.state, given_up.stuck, given_up.rolling_back) == (State.AWAITING_CONFIRM, None, False)
    assert given_up.says == "Gave up on roll back: It keeps no such release."
    assert deployer.deployed == [GOOD]


@pytest.mark.parametrize(("tells", "done"), [(GOOD[:7], True), (HEAD, False), ("main", False), ("", False)])
async def test_a_rollback_is_done_where_the_program_says_so(
    world: World, deployer: WithAPast, tells: str, *, done: bool
):
    await world.crashes()
    await world.settles()
    await world.fires(t.RollbackRequested)
    deployer.tells = tells
    await world.settles()

    assert deployer.deployed == [GOOD] or not done
    assert ("RolledBack" in [step.trigger for step in await world.store.history(1)]) == done


async def test_a_fault_that_is_none_of_the_code_can_be_stopped_as_well(world: World, deployer: WithAPast):
    world.analyst.answers_first(a_diagnosis(category=Category.CONFIGURATION, edits=()))
    await world.crashes()
    await world.settles()
    await world.fires(t.RollbackRequested)
    await world.settles()

    assert deployer.deployed == [GOOD]
    assert await world.state() is State.NEEDS_HUMAN


async def rolls_back_slowly(world: World, deployer: WithAPast) -> None:
    way_back = (await world.incident()).way_back
    assert way_back
    await world.fires(t.RollbackRequested)
    deployer.answers_first(Rollout(None, "It is under way.", way_back))
    await world.settles()


async def test_a_rollback_ends_though_the_analyst_is_asked_again_meanwhile(world: World, deployer: WithAPast):
    world.analyst.answers_first(a_diagnosis(category=Category.CONFIGURATION, edits=()))
    await world.crashes()
    await world.settles()
    await rolls_back_slowly(world, deployer)
    world.analyst.answers_first(StepFailed("No model is there.", final=True))
    await world.fires(t.Retried, hint="The key is gone.")
    await world.settles()
    await world.passes(minutes=30)

    assert deployer.deployed == [GOOD]
    assert await world.state() is State.AWAITING_CONFIRM
    assert not (await world.incident()).rolling_back


async def test_a_step_that_gives_up_while_it_is_rolled_back_is_tried_again(world: World, deployer: WithAPast):
    await world.crashes()
    await world.settles()
    await rolls_back_slowly(world, deployer)
    await world.fires(t.BaseMoved, base="ab" * 20)
    world.checker.answers_first(StepFailed("There is no sandbox.", final=True))
    await world.settles()
    await world.passes(minutes=30)

    assert deployer.deployed == [GOOD]
    assert await world.state() is State.AWAITING_CONFIRM


@pytest.mark.parametrize("ends", [t.Cancelled, t.Rejected])
async def test_what_is_ended_during_a_rollback_can_be_taken_up_again(
    world: World, deployer: WithAPast, ends: type[t.Command]
):
    await world.crashes()
    await world.settles()
    await rolls_back_slowly(world, deployer)
    await world.fires(ends)
    await world.fires(t.Reopened)
    await world.settles()
    assert not (await world.incident()).rolling_back

    await world.fires(t.RollbackRequested)
    await world.settles()
    assert deployer.deployed == [GOOD]


async def test_nothing_is_offered_where_it_failed_before_the_deployment_too(world: World, deployer: WithAPast):
    world.host.holds[GOOD] = "01de" * 10
    first = await world.crashes(payload=a_payload().model_copy(update={"build": Build(sha="01de" * 10)}))
    await world.settles()
    await world.fires(t.Cancelled, first)
    second = await world.crashes()
    await world.settles()

    assert (await world.incident(second)).way_back is None


@pytest.mark.parametrize("sha", [GOOD, None])
async def test_nothing_is_offered_where_it_came_from_another_build(world: World, deployer: WithAPast, sha: str | None):
    await world.crashes(payload=a_payload().model_copy(update={"build": Build(sha=sha)}))
    await world.settles()

    assert (await world.incident()).way_back is None
    with pytest.raises(NotAllowedNow):
        await world.fires(t.RollbackRequested)


async def test_a_deployer_that_is_away_holds_no_diagnosis_up(world: World, deployer: WithAPast):
    async def away() -> Rollout | None:
        raise StepFailed("It is away.")

    deployer.latest = away  # type: ignore[method-assign]
    await world.crashes()
    await world.settles()

    assert await world.state() is State.AWAITING_CONFIRM
