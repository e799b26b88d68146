"""What counts as a cure, by counting runs; and what does not."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from math import ceil, log

import pytest

from kintsugi.workflow.curable import curable
from kintsugi.workflow.cure import ASKED, SENT_AGAIN, Answer, Counted, Runs, all_runs_of, counted, judged, without_ours
from kintsugi.workflow.incident import Cure
from kintsugi.workflow.payload import Build, Payload, RequestContext
from kintsugi.workflow.ports import Reading
from kintsugi.workflow.replay import Request, request_of
from kintsugi.workflow.states import Effect, State
from tests.world.make import HEAD, MERGE, a_payload
from tests.world.world import World

INTENT = "/checkout"
NEWER = "f00d" * 10
UNWATCHED = Reading(Cure(0, 1, "Unproven: nothing watches the program."), "")


def ran(succeeded: int, failed: int = 0, build: str = MERGE) -> Runs:
    return Runs(INTENT, build, succeeded, failed)


@pytest.mark.parametrize(
    ("before", "needed"),
    [((19, 1), 380), ((0, 1), 19), ((0, 5), 5), ((1, 1), 38), ((97, 3), 172), ((970, 30), 106)],
    ids=["1 of 20", "once", "always", "every second time", "3 of 100", "30 of 1000"],
)
def test_so_many_clean_runs_are_needed_that_an_unfixed_failure_stays_away_once_in_twenty(
    before: tuple[int, int], needed: int
):
    cure = counted(INTENT, [ran(4)], [ran(*before, build=HEAD)])

    assert (cure.clean, cure.needed) == (4, needed)


@pytest.mark.parametrize("rate", [0.2, 0.05, 0.01])
@pytest.mark.parametrize("failures", [1, 2, 3, 5, 10, 30])
def test_an_unfixed_failure_is_rarely_called_healed(failures: int, rate: float):
    """Simulated: a program that fails at this rate, counted until it failed so often, then "fixed" in no way."""
    chance, trials = random.Random(f"{failures} at {rate}"), 4000

    healed = 0
    for _ in range(trials):
        runs = sum(_until_it_fails(chance, rate) for _ in range(failures))
        cure = counted(INTENT, [ran(_until_it_fails(chance, rate) - 1)], [ran(runs - failures, failures, HEAD)])
        healed += cure.shown

    assert healed <= 0.055 * trials


def _until_it_fails(chance: random.Random, rate: float) -> int:
    """How many runs it takes, the one that fails included."""
    return ceil(log(1 - chance.random()) / log(1 - rate)) or 1


def test_it_says_how_far_it_is():
    cure = counted(INTENT, [ran(4)], [ran(11, 1, HEAD)])

    assert cure.says == (
        "Unproven: 4 clean of the 228 needed. These are runs of /checkout; it failed in 1 of 12 before."
    )


def test_builds_from_before_the_fault_do_not_thin_out_the_rate():
    assert counted(INTENT, [ran(4)], [ran(11, 1, HEAD), ran(10_000, 0, "older")]).needed == 228


def test_any_failure_with_the_fix_speaks_against_the_count():
    cure = counted(INTENT, [ran(4000, 1)], [ran(11, 1, HEAD)])

    assert not cure.shown
    assert cure.says.startswith("Unproven: 1 of 4001 runs of /checkout with the fix failed")


def test_where_nobody_counted_before_no_number_of_runs_shows_it():
    cure = counted(INTENT, [ran(1_000_000)], [])

    assert not cure.shown
    assert "How often it failed before was not counted" in cure.says


def test_what_anybody_could_have_told_shows_no_cure_alone():
    told = replace(ran(1000), believed=False)

    cure = judged(INTENT, [told], [ran(11, 1, HEAD)])

    assert not cure.shown
    assert "not believed alone" in cure.says


def test_what_anybody_could_have_told_takes_nothing_from_what_is_believed():
    told = replace(ran(1000), believed=False)

    assert judged(INTENT, [told, ran(228)], [ran(11, 1, HEAD)]).shown


def test_a_failure_that_anybody_could_have_told_still_speaks_against_the_count():
    told = replace(ran(0, 1), believed=False)

    assert not judged(INTENT, [told, ran(228)], [ran(11, 1, HEAD)]).shown


def test_requests_of_our_own_make_no_run_that_would_help():
    ours = [Runs(ASKED, MERGE, 7, 0), Runs(SENT_AGAIN, MERGE, 3, 0), Runs(SENT_AGAIN, HEAD[:10], 2, 0)]

    assert without_ours([ran(40, 1)], ours, fixed=True) == [ran(30, 1)]
    assert without_ours([ran(40, 5, HEAD)], ours, fixed=False) == [ran(40, 3, HEAD)]
    assert without_ours([ran(4)], [*ours, Runs(ASKED, "", 9, 0)], fixed=True) == [ran(0)]


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
    await world.store.keep_runs("new", [ran(227)])  # told again, it takes the place of the 4
    await world.passes(minutes=1)
    still = await world.incident()
    await world.store.keep_runs("new", [ran(227)])
    await world.store.keep_runs("newer", [ran(1, build=NEWER)])
    world.host.holds[NEWER] = MERGE
    await world.passes(minutes=1)

    healed = await world.incident()
    assert unproven.state is still.state is State.DEPLOYED
    assert unproven.cure
    assert unproven.cure.says.startswith("Unproven: 4 clean of the 228 needed.")
    assert healed.state is State.HEALED
    assert healed.cure
    assert (healed.cure.clean, healed.cure.needed) == (228, 228)


async def test_failures_of_a_build_that_nobody_knows_are_not_those_before_the_fix(world: World):
    await world.store.keep_runs("old", [ran(11, 1, HEAD)])
    await deployed(world)
    world.host.unknown = ("0ddc0de0",)
    await world.store.keep_runs("replica", [ran(0, 50, "0ddc0de0")])
    await world.store.keep_runs("new", [ran(20)])
    await world.passes(minutes=1)

    found = await world.incident()
    assert found.state is State.DEPLOYED
    assert found.cure
    assert found.cure.says.startswith("Unproven: 20 clean of the 228 needed.")


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

    (owes,) = [owes for owes in await world.store.owed(1) if owes.kind is Effect.WATCH]
    found = await world.incident()
    assert found.cure
    assert found.cure.says == owes.error == f"{HEAD[:10]} answers, without the fix."


async def test_a_failure_on_the_fix_that_anybody_could_have_told_asks_a_human(world: World):
    await deployed(world)
    again = a_payload().model_copy(update={"build": Build(sha=MERGE)})
    await world.crashes(payload=again, believed=False)
    await world.passes(minutes=1)

    found = await world.incident()
    assert found.state is State.DEPLOYED
    assert found.cure
    assert "not believed alone" in found.cure.says
    assert MERGE[:10] in found.cure.says


async def test_a_new_incident_that_anybody_could_have_told_makes_no_healed_one_recur(world: World):
    await deployed(world, Reading(Cure(1, 1, "It is served again."), MERGE))
    again = a_payload().model_copy(update={"build": Build(sha=MERGE)})
    second = await world.crashes(payload=again, believed=False)
    await world.settles()

    assert second == 2
    assert await world.state(1) is State.HEALED
    assert await world.state(2) is State.AWAITING_CONFIRM


async def test_where_the_program_cannot_be_asked_the_deployers_word_is_named_as_that(world: World):
    world.deployer.vouches = "Railway"
    await deployed(world)

    assert await world.state() is State.DEPLOYED
    assert (await world.incident()).says == f"Railway says that {MERGE[:10]} runs; the program was not asked."


async def test_reports_of_a_build_are_a_better_word_than_the_deployers(world: World):
    world.deployer.vouches = "Railway"
    await world.store.add_runs("one", Counted("sentry:shop", believed=True, runs=(ran(1),)))
    await deployed(world)

    assert (await world.incident()).says == f"{MERGE[:10]} runs."


async def test_what_a_deployer_says_of_a_program_that_can_be_asked_is_not_enough(world: World):
    world.deployer.silent = True
    await deployed(world)
    await world.passes(minutes=10)

    assert await world.state() is State.STUCK


async def test_a_report_counts_once_however_often_it_is_delivered(world: World):
    for _ in range(3):
        await world.store.add_runs("one", Counted("sentry:shop", believed=True, runs=(ran(5, 1),)))
    await world.store.add_runs("two", Counted("sentry:shop", believed=True, runs=(ran(2),)))
    await world.store.add_runs("three", Counted("sentry:web", believed=False, runs=(ran(9),)))

    known = await world.store.runs(INTENT, world.clock.now() - timedelta(days=1))

    assert sorted(known, key=lambda each: each.believed) == [replace(ran(9), believed=False), ran(7, 1)]


async def test_a_whole_program_is_not_cured_by_what_it_was_asked_by_us(world: World):
    await deployed(world)
    everything = all_runs_of((await world.incident()).opened_by)
    sessions = (Runs(everything, HEAD, 1, 2), Runs(everything, MERGE, 11, 0))  # 3 * (sqrt(20) - 1) is 10.4
    await world.store.keep_runs("kintsugi:one", [Runs(SENT_AGAIN, MERGE, 1, 0)])
    await world.store.add_runs("one", Counted("sentry:shop", believed=True, runs=sessions))
    await world.passes(minutes=1)
    unproven = await world.incident()
    await world.store.add_runs("two", Counted("sentry:shop", believed=True, runs=(Runs(everything, MERGE, 1, 0),)))
    await world.passes(minutes=1)

    assert unproven.state is State.DEPLOYED
    assert unproven.cure
    assert unproven.cure.says.startswith("Unproven: 10 clean of the 11 needed.")
    assert await world.state() is State.HEALED


async def test_what_was_reported_long_ago_is_let_go_of_within_the_hour(world: World):
    told = Counted("sentry:shop", believed=True, runs=(ran(1),))
    assert await world.store.add_runs("one", told)
    await world.passes(minutes=60 * 24 * 8)
    assert await world.store.add_runs("two", told)

    assert await world.store.add_runs("one", told)  # nobody delivers it so late: it is not known any more
    assert not await world.store.add_runs("two", told)


async def test_an_operator_is_told_which_cures_can_be_shown(world: World):
    assert str(await curable(world.store, can_ask=True)).startswith("no incident yet")
    posted = RequestContext(intent="checkout", entities={"method": "POST", "url": "http://shop.example/pay"})
    await world.crashes()
    await world.crashes("v1:00000000000000bb", payload=payload_with(posted, "v1:00000000000000bb"))
    await world.crashes(
        "v1:00000000000000cc", payload=payload_with(RequestContext(intent="buy"), "v1:00000000000000cc")
    )
    await world.store.keep_runs("bot", [Runs("buy", HEAD, 3, 1)])

    assert str(await curable(world.store, can_ask=True)) == (
        "a cure can be shown for 2 of the newest 3: 1 by sending the request again, 1 by counting runs. "
        "Most others: it was a POST, and only GET and HEAD are sent again"
    )
    assert (await curable(world.store, can_ask=False)).replayed == 0


def payload_with(request: RequestContext, fingerprint: str) -> Payload:
    return a_payload(fingerprint).model_copy(update={"request": request})


async def test_what_a_request_is_answered_on_the_fix_itself_does_not_show_that_it_works(world: World):
    request = request_of(a_payload())
    assert isinstance(request, Request)
    told = (Answer(request.digest, HEAD, 302), Answer(request.digest, HEAD, 500), Answer(request.digest, MERGE, 404))
    await world.store.add_runs("one", Counted("sentry:shop", believed=True, answers=told))
    await deployed(world)

    assert world.monitor.worked == {302}
