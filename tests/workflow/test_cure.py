"""What counts as a cure, by counting runs; and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kintsugi.workflow.cure import Runs, counted
from kintsugi.workflow.incident import Cure
from kintsugi.workflow.payload import Build
from kintsugi.workflow.ports import Reading
from kintsugi.workflow.words import Effect, State
from tests.world.make import HEAD, MERGE, a_payload
from tests.world.world import World

INTENT = "/checkout"
NEWER = "f00d" * 10
UNWATCHED = Reading(Cure(0, 1, "Unproven: nothing watches the program."), "")


def ran(succeeded: int, failed: int = 0, build: str = MERGE) -> Runs:
    return Runs(INTENT, build, succeeded, failed)


@pytest.mark.parametrize(
    ("before", "needed"),
    [((11, 1), 37), ((0, 5), 4), ((1, 1), 7), ((999, 1), 3001)],
    ids=["1 of 12", "always", "every second time", "1 of 1000"],
)
def test_so_many_clean_runs_are_needed_that_three_by_their_number_is_below_the_old_rate(
    before: tuple[int, int], needed: int
):
    cure = counted(INTENT, [ran(4)], [ran(*before, build=HEAD)])

    assert (cure.clean, cure.needed) == (4, needed)
    assert 3 / needed < before[1] / sum(before) <= 3 / (needed - 1)


def test_it_says_how_far_it_is():
    cure = counted(INTENT, [ran(4)], [ran(11, 1, HEAD)])

    assert cure.says == (
        "Unproven: 4 clean of the 37 needed. These are runs of /checkout; it failed in 1 of 12 before."
    )


def test_builds_from_before_the_fault_do_not_thin_out_the_rate():
    assert counted(INTENT, [ran(4)], [ran(11, 1, HEAD), ran(10_000, 0, "older")]).needed == 37


def test_any_failure_with_the_fix_speaks_against_the_count():
    cure = counted(INTENT, [ran(4000, 1)], [ran(11, 1, HEAD)])

    assert cure.clean < cure.needed
    assert cure.says.startswith("Unproven: 1 of 4001 runs of /checkout with the fix failed")


def test_where_nobody_counted_before_many_are_needed_and_that_is_said():
    cure = counted(INTENT, [ran(4)], [])

    assert cure.needed == 301
    assert "how often it failed before was not counted" in cure.says


async def deployed(world: World, *readings: Reading) -> None:
    world.monitor.answers_first(*(readings or [UNWATCHED] * 99))
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()


async def test_it_heals_when_enough_runs_were_clean_and_says_until_then_how_many(world: World):
    await world.store.keep_runs("old", [ran(11, 1, HEAD)])
    await deployed(world)
    await world.store.keep_runs("new", [ran(4)])
    await world.passes(minutes=1)
    unproven = await world.incident()
    await world.store.keep_runs("new", [ran(36)])  # told again, it takes the place of the 4
    await world.passes(minutes=1)
    still = await world.incident()
    await world.store.keep_runs("new", [ran(36)])
    await world.store.keep_runs("newer", [ran(1, build=NEWER)])
    world.host.holds[NEWER] = MERGE
    await world.passes(minutes=1)

    healed = await world.incident()
    assert unproven.state is still.state is State.DEPLOYED
    assert unproven.cure
    assert unproven.cure.says.startswith("Unproven: 4 clean of the 37 needed.")
    assert healed.state is State.HEALED
    assert healed.cure
    assert (healed.cure.clean, healed.cure.needed) == (37, 37)


async def test_clean_runs_of_an_older_build_show_nothing(world: World):
    await world.store.keep_runs("old", [ran(11, 1, HEAD)])
    await deployed(world)
    await world.store.keep_runs("replica", [ran(5000, 0, "0ld")])
    await world.passes(minutes=1)

    assert await world.state() is State.DEPLOYED


async def test_silence_shows_nothing(world: World):
    await deployed(world)
    await world.passes(hours=12)

    found = await world.incident()
    assert found.state is State.DEPLOYED
    assert found.cure
    assert found.cure.says.startswith("Unproven")


async def test_the_same_failure_from_a_commit_with_the_fix_is_a_recurrence_at_once(world: World):
    await deployed(world)
    await world.crashes(payload=a_payload().model_copy(update={"build": Build(sha=MERGE)}))
    await world.settles()

    assert await world.state() is State.RECURRED
    assert (await world.incident()).says == f"The same failure came from {MERGE[:10]}, which contains the fix."


async def test_the_same_failure_from_an_old_replica_does_not_count_against_the_fix(world: World):
    await deployed(world, *[UNWATCHED] * 5, Reading(Cure(1, 1, "It is served again."), MERGE))
    for _ in range(3):
        await world.crashes(payload=a_payload().model_copy(update={"build": Build(sha=HEAD)}))
        await world.settles()
    seen = await world.incident()
    await world.passes(minutes=5)
    await world.passes(minutes=5)

    assert (seen.state, seen.count) == (State.DEPLOYED, 4)
    assert await world.state() is State.HEALED


async def test_what_was_healed_recurs_when_it_comes_from_a_commit_with_the_fix(world: World):
    await deployed(world, Reading(Cure(1, 1, "It is served again."), MERGE))
    healed = await world.state()
    second = await world.crashes(payload=a_payload().model_copy(update={"build": Build(sha=MERGE)}))
    await world.settles()

    assert healed is State.HEALED
    assert second == 2
    assert await world.state(1) is State.RECURRED
    assert await world.state(2) is State.AWAITING_CONFIRM


async def test_what_was_healed_stays_so_when_it_comes_from_an_old_replica(world: World):
    await deployed(world, Reading(Cure(1, 1, "It is served again."), MERGE))
    await world.crashes(payload=a_payload().model_copy(update={"build": Build(sha=HEAD)}))
    await world.settles()

    assert await world.state(1) is State.HEALED


async def test_an_older_build_that_answers_is_named(world: World):
    await deployed(world, *[replace(UNWATCHED, running=HEAD)] * 9)

    (debt,) = [debt for debt in await world.store.debts(1) if debt.kind is Effect.WATCH]
    found = await world.incident()
    assert found.cure
    assert found.cure.says == debt.error == f"{HEAD[:10]} answers, without the fix."
