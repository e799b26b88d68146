"""Quiet on purpose: what is ignored or was cancelled opens nothing, is counted, and ends as it was wished."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import BadInput, Refusal
from kintsugi.workflow.machine import advance
from kintsugi.workflow.ports import Outcome
from kintsugi.workflow.quiet import Wish
from kintsugi.workflow.states import State
from kintsugi.workflow.wishes import wish_of
from tests.world.make import HEAD, MERGE, NOON, a_payload, a_trigger, an_incident
from tests.world.world import World


async def test_what_is_ignored_for_good_opens_nothing_and_is_counted(world: World):
    await world.crashes()

    ignored = await world.fires(t.Ignored)
    again = [await world.fires(t.Captured, 0, payload=a_payload()) for _ in range(3)]

    assert ignored.incident.state is State.CANCELLED
    assert [(receipt.outcome, receipt.incident.id) for receipt in again] == [(Outcome.COUNTED, 1)] * 3
    assert again[-1].says.startswith("INC-1 is ignored by test:alice for good; seen 3 times since ")
    assert (await world.incident()).count == 4
    assert len(await world.store.incidents()) == 1


async def test_it_is_in_the_history_with_who_and_when(world: World):
    await world.crashes()
    await world.fires(t.Ignored, wish=Wish(more=5), why="known upstream")
    await world.fires(t.Unignored)

    steps = (await world.store.history(1))[-2:]
    assert [(step.trigger, step.actor, step.at) for step in steps] == [
        ("Ignored", "test:alice", world.clock.now()),
        ("Unignored", "test:alice", world.clock.now()),
    ]
    assert steps[0].says == "Ignored by test:alice for 5 more: known upstream"


async def test_no_model_is_asked_of_what_is_ignored(world: World):
    await world.crashes()
    await world.fires(t.Ignored)

    await world.settles()

    assert await world.state() is State.CANCELLED
    assert world.analyst.asked == []


async def test_what_was_taken_back_opens_again(world: World):
    await world.crashes()
    await world.fires(t.Ignored)
    await world.crashes()

    await world.fires(t.Unignored)

    assert await world.crashes() == 2
    with pytest.raises(Refusal, match=r"INC-1 stays cancelled: it is not ignored\."):
        await world.fires(t.Unignored)


async def test_a_time_ends_with_the_first_sighting_after_it(world: World):
    await world.crashes()
    await world.fires(t.Ignored, wish=Wish(until=world.clock.now() + timedelta(days=7)))

    await world.passes(days=6, hours=23)
    within = await world.crashes()
    await world.passes(hours=1)
    after = await world.crashes()

    assert (within, after) == (1, 2)
    told = (await world.store.history(1))[-1]
    assert (told.trigger, told.actor) == ("Unignored", "kintsugi")
    assert told.says == "No longer ignored: It was to open nothing until 2026-11-30 03:00 UTC."
    assert (await world.incident(1)).quiet is None


async def test_so_many_more_are_counted_and_the_next_one_opens(world: World):
    await world.crashes()
    await world.fires(t.Ignored, wish=Wish(more=2))

    assert [await world.crashes() for _ in range(4)] == [1, 1, 2, 2]


async def test_a_build_ends_it_that_is_known_to_contain_the_commit(world: World):
    await world.crashes()
    await world.fires(t.Ignored, wish=Wish(build=MERGE[:10]))

    assert await world.crashes(key="old") == 1
    assert await world.crashes(key="new", contains=MERGE[:10]) == 2


async def test_the_next_build_ends_it_and_an_invented_one_does_not(world: World):
    await world.crashes()
    await world.fires(t.Ignored, wish=Wish(next_build=True))

    assert await world.crashes(payload=on_build(MERGE), believed=False) == 1
    assert await world.crashes(payload=on_build(HEAD)) == 1
    assert await world.crashes(payload=on_build(MERGE)) == 2


async def test_what_was_cancelled_opens_nothing_for_a_day(world: World):
    await world.crashes()
    await world.fires(t.Cancelled)

    await world.passes(hours=23)
    within = await world.crashes()
    await world.passes(hours=1)

    assert (within, await world.crashes()) == (1, 2)


async def test_what_was_cancelled_opens_in_a_new_build(world: World):
    await world.crashes()
    await world.fires(t.Cancelled)

    assert await world.crashes(payload=on_build(MERGE)) == 2


async def test_what_was_cancelled_opens_where_it_comes_ten_times_as_often(world: World):
    for _ in range(3):
        await world.crashes()
    await world.fires(t.Cancelled)

    numbers = [await world.crashes() for _ in range(30)]

    assert numbers == [1] * 29 + [2]
    assert (await world.store.history(1))[-1].says.endswith("It comes 30 times an hour; before it was 3 at most.")


async def test_an_older_incident_of_the_failure_keeps_it_quiet_after_the_newer_ended(world: World):
    await world.crashes()
    await world.fires(t.Cancelled)
    await world.fires(t.Unignored)
    await world.crashes()
    await world.fires(t.Ignored, incident=1)

    open_one = await world.crashes()
    await world.fires(t.Cancelled, incident=2)
    await world.fires(t.Unignored, incident=2)

    assert open_one == 2
    assert await world.crashes() == 1


async def test_another_failure_is_not_quiet(world: World):
    await world.crashes()
    await world.fires(t.Ignored)

    assert await world.crashes("v1:00000000000000bb") == 2


async def test_ignoring_is_told_twice_and_done_once(world: World):
    await world.crashes()
    await world.fires(t.Ignored, key="once")
    await world.crashes()
    again = await world.fires(t.Ignored, key="once")

    assert again.outcome == Outcome.DUPLICATE
    quiet = (await world.incident()).quiet
    assert quiet
    assert quiet.seen == 1


def test_a_fix_that_is_on_its_way_is_not_ignored():
    for state in (State.PR_OPENED, State.MERGED, State.DEPLOYED):
        with pytest.raises(Refusal, match=r"its fix is on its way by pull request #41\."):
            advance(an_incident(state), a_trigger(t.Ignored))


def test_what_is_healed_is_not_ignored_as_it_would_stay_so():
    with pytest.raises(Refusal):
        advance(an_incident(State.HEALED), a_trigger(t.Ignored))


def test_what_is_taken_up_again_is_no_longer_quiet():
    cancelled = advance(an_incident(State.PR_OPENED), a_trigger(t.Cancelled)).after

    merged = advance(cancelled, a_trigger(t.PullRequestMerged)).after

    assert cancelled.quiet
    assert merged.quiet is None


@pytest.mark.parametrize(
    ("for_", "until", "wish"),
    [
        ("", "", Wish()),
        ("90m", "", Wish(until=NOON + timedelta(minutes=90))),
        ("12 hours", "", Wish(until=NOON + timedelta(hours=12))),
        ("7D", "", Wish(until=NOON + timedelta(days=7))),
        ("2 weeks", "", Wish(until=NOON + timedelta(weeks=2))),
        ("100", "", Wish(more=100)),
        ("100 times", "", Wish(more=100)),
        ("", "1A2B3C4", Wish(build="1a2b3c4")),
        ("", "next", Wish(next_build=True)),
        ("", "2026-12-24", Wish(until=NOON.replace(month=12, day=24, hour=0))),
        ("7d", "1a2b3c4", Wish(until=NOON + timedelta(days=7), build="1a2b3c4")),
        ("7d", "2026-11-24", Wish(until=NOON.replace(day=24, hour=0))),
    ],
)
def test_for_how_long_is_read(for_: str, until: str, wish: Wish):
    assert wish_of(for_, until, NOON) == wish


@pytest.mark.parametrize(
    ("for_", "until"),
    [("soon", ""), ("0", ""), ("0d", ""), ("-1d", ""), ("999999w", ""), ("", "v1.4"), ("", "2020-01-01"), ("1h30", "")],
)
def test_what_cannot_be_read_says_what_can(for_: str, until: str):
    with pytest.raises(BadInput, match="Write a "):
        wish_of(for_, until, NOON)


def on_build(sha: str) -> Any:
    payload = a_payload()
    return payload.model_copy(update={"build": payload.build.model_copy(update={"sha": sha})})
