"""How long each stage took."""

from datetime import timedelta

from kintsugi.workflow.history import Step
from kintsugi.workflow.states import State
from kintsugi.workflow.times import Times, ended_by, times, under_way
from tests.world.make import NOON
from tests.world.world import World


def at(seq: int, state: State, minute: int) -> Step:
    return Step(seq, "Whatever", "", state, "test:alice", NOON + timedelta(minutes=minute), "")


def test_each_stage_counts_from_the_end_of_the_one_before_it():
    line = [State.CAPTURED, State.DIAGNOSED, State.AWAITING_CONFIRM, State.CONFIRMED]
    line += [State.PR_OPENED, State.MERGED, State.DEPLOYED, State.HEALED]
    history = [at(seq, state, 10 * seq) for seq, state in enumerate(line, 1)]

    minutes = {name: seconds / 60 for name, seconds in times(NOON, history).seconds().items()}

    assert minutes == {"detect": 10, "diagnose": 10, "approve": 20, "merge": 20, "deploy": 10, "heal": 10}


def test_what_had_to_be_done_again_counts_in_the_stage_that_waited_for_it():
    again = [State.CAPTURED, State.DIAGNOSED, State.CAPTURED, State.DIAGNOSED, State.AWAITING_CONFIRM, State.CONFIRMED]
    history = [at(seq, state, seq) for seq, state in enumerate(again, 1)]

    found = times(NOON, history)

    assert found.diagnose == timedelta(minutes=1)
    assert found.approve == timedelta(minutes=4)
    assert found.merge is None


def test_what_has_not_ended_has_no_time_and_none_is_negative():
    assert times(NOON, []) == Times()
    assert times(NOON + timedelta(hours=1), [at(1, State.CAPTURED, 0)]) == Times(detect=timedelta())


async def test_the_times_of_an_incident_are_in_its_history(world: World):
    await world.crashes()
    await world.settles()
    world.clock.passes(hours=3)
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()

    found = times((await world.incident()).opened_at, await world.store.history(1))

    assert found.approve == timedelta(hours=3)
    assert set(found.seconds()) == {"detect", "diagnose", "approve", "merge", "deploy", "heal"}


def test_what_is_under_way_is_the_first_stage_that_has_not_ended():
    history = [at(1, State.CAPTURED, 0), at(2, State.DIAGNOSED, 5), at(3, State.AWAITING_CONFIRM, 7)]

    assert under_way([]) is None
    assert under_way(history[:1]) == ("diagnose", NOON)
    assert under_way(history) == ("approve", NOON + timedelta(minutes=5))


def test_the_last_step_tells_which_stage_it_ended():
    history = [at(1, State.CAPTURED, 0), at(2, State.DIAGNOSED, 5), at(3, State.AWAITING_CONFIRM, 7)]

    assert ended_by(history[:2]) == ("diagnose", timedelta(minutes=5))
    assert ended_by(history) is None
    assert ended_by([]) is None
