"""The engine on real databases: taking in triggers, keeping them, performing what is owed."""

import asyncio
from datetime import timedelta

import pytest

from kintsugi.workflow import triggers as t
from kintsugi.workflow.engine import Engine
from kintsugi.workflow.errors import GuardRefused, NotAllowedNow, NotFound, Refusal, StepFailed
from kintsugi.workflow.incident import Budget, Category, Cost, Cure
from kintsugi.workflow.ports import Claim, Outcome, Reading
from kintsugi.workflow.reconcile import Reconciler
from kintsugi.workflow.states import Effect, State
from tests.world.make import MERGE, a_diagnosis, a_patch, a_payload
from tests.world.world import World

MAIN_LINE = ["captured", "diagnosed", "awaiting_confirm", "awaiting_confirm", "confirmed", "pr_opened"]


async def test_an_incident_travels_from_crash_to_cure(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()

    assert await world.passed() == [*MAIN_LINE, "merged", "merged", "deployed", "healed"]
    assert world.deployer.deployed == [MERGE]
    assert "INC-1 healed" in world.channel.announced
    assert "INC-1 healed" in world.host.told


async def test_a_dry_run_stages_the_payload_and_stops_until_it_is_sent(world: World):
    await world.crashes(dry_run=True)
    await world.settles()
    asked_before = len(world.analyst.asked)
    await world.fires(t.Sent)
    await world.settles()

    assert asked_before == 0
    assert (await world.passed())[:3] == ["staged", "captured", "diagnosed"]


async def test_the_same_failure_counts_on_its_open_incident(world: World):
    first = await world.crashes()
    again = await world.fires(t.Captured, incident=0, payload=a_payload())
    other = await world.crashes("v1:00000000000000bb")

    assert (again.outcome, again.incident.id, again.incident.count) == (Outcome.COUNTED, first, 2)
    assert other != first
    assert (await world.incident(first)).count == 2


async def test_a_failure_known_by_an_older_fingerprint_keeps_it(world: World):
    """Its incident is counted on while it is open, and the next one is known to be the same failure."""
    old, new = "v1:00000000000000aa", "v2:00000000000000bb"
    about = a_payload(new).incident.model_copy(update={"earlier": (old,)})
    payload = a_payload(new).model_copy(update={"incident": about})
    first = await world.crashes(old)

    counted = await world.crashes(payload=payload)
    await world.fires(t.Cancelled)
    await world.passes(hours=24)  # for which a cancelled failure opens nothing
    second = await world.crashes(payload=payload)

    assert (counted, (await world.incident(first)).count) == (first, 2)
    assert second != first
    assert [each.id for each in await world.store.similar(await world.incident(second))] == [first]
    assert await world.store.newest_of(new, old) == await world.incident(second)


async def test_the_same_failure_after_the_end_opens_a_new_incident(world: World):
    first = await world.crashes()
    await world.fires(t.Cancelled, first)
    await world.passes(hours=24)
    second = await world.crashes()

    assert second != first
    assert [earlier.id for earlier in await world.store.similar(await world.incident(second))] == [first]


async def test_a_repeated_key_changes_nothing(world: World):
    await world.crashes(key="same")
    repeated = await world.fires(t.Captured, incident=0, key="same", payload=a_payload())
    await world.fires(t.Cancelled, key="cancel")
    cancelled_again = await world.fires(t.Cancelled, key="cancel")

    assert (repeated.outcome, cancelled_again.outcome) == (Outcome.DUPLICATE, Outcome.DUPLICATE)
    assert await world.passed() == ["captured", "cancelled"]
    assert (await world.incident()).count == 1


async def test_a_refused_command_is_refused_again_only_by_a_new_key(world: World):
    await world.crashes()
    with pytest.raises(NotAllowedNow, match="not 'rejected' now"):
        await world.fires(t.Rejected, key="too soon")
    repeated = await world.fires(t.Rejected, key="too soon")

    assert repeated.outcome == Outcome.DUPLICATE
    assert "not 'rejected' now" in repeated.says


async def test_an_unknown_incident_is_said_to_be_unknown(world: World):
    with pytest.raises(NotFound, match=r"There is no INC-99\."):
        await world.fires(t.Cancelled, 99)


async def test_a_merge_told_before_our_own_commit_waits_and_is_applied(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    early = await world.fires(t.PullRequestMerged, number=41, sha=MERGE)
    await world.settles()

    assert early.outcome == Outcome.WAITING
    assert await world.state() is State.HEALED
    assert world.deployer.deployed == [MERGE]


async def test_a_merge_nobody_told_us_about_is_found(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    world.host.merges(1)
    await world.reconciler.once()
    told_late = await world.merges()
    await world.settles()

    assert told_late.outcome == Outcome.DUPLICATE
    assert await world.state() is State.HEALED


async def test_a_closed_pull_request_is_found_and_abandons_the_incident(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    world.host.closes(1)
    await world.reconciler.once()

    assert await world.state() is State.ABANDONED


async def test_a_pull_request_that_was_merged_before_we_wrote_down_its_opening_is_followed(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    world.host.answers_first(ConnectionError("the answer was lost on its way"))
    await world.settles()
    world.host.merges(1)
    await world.passes(minutes=1)
    opened = await world.state()
    await world.reconciler.once()
    await world.settles()

    assert opened is State.PR_OPENED
    assert await world.state() is State.HEALED
    assert world.deployer.deployed == [MERGE]


async def test_a_merge_that_was_told_before_we_found_the_pull_request_is_applied(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    world.host.answers_first(ConnectionError("the answer was lost on its way"))
    await world.settles()
    early = await world.merges()
    await world.passes(minutes=1)

    assert early.outcome == Outcome.WAITING
    assert await world.state() is State.HEALED


async def test_a_pull_request_reopened_and_merged_while_nobody_looked_is_merged(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    world.host.closes(1)
    await world.reconciler.once()
    world.host.merges(1)
    await world.reconciler.once()
    await world.settles()

    assert (await world.passed())[-6:] == ["abandoned", "pr_opened", "merged", "merged", "deployed", "healed"]


async def test_the_analyst_may_be_down_for_a_while(world: World):
    world.analyst.answers_first(*[StepFailed("The model cannot be reached.")] * 3)
    await world.crashes()
    await world.settles()
    before = await world.state()
    await world.passes(seconds=5)
    await world.passes(seconds=30)
    await world.passes(minutes=2)

    assert before is State.CAPTURED
    assert await world.state() is State.AWAITING_CONFIRM


async def test_a_provider_that_asks_us_to_wait_is_left_alone_that_long(world: World):
    world.analyst.answers_first(StepFailed("Slow down.", retry_after=timedelta(minutes=10)))
    await world.crashes()
    await world.settles()
    await world.passes(minutes=9)
    asked_early = len(world.analyst.asked)
    await world.passes(minutes=1)

    assert asked_early == 1
    assert len(world.analyst.asked) == 2


async def test_a_step_that_never_works_gives_up_after_hours_and_can_be_retried(world: World):
    world.analyst.answers_first(*[RuntimeError("password hunter2")] * 8)
    await world.crashes()
    for _ in range(9):
        await world.passes(hours=2)
    stuck = await world.incident()
    await world.fires(t.Retried)
    await world.settles()

    assert stuck.state is State.STUCK
    assert stuck.says == "Gave up on diagnose: RuntimeError: password [redacted]"
    assert await world.state() is State.AWAITING_CONFIRM


async def test_what_waiting_cannot_mend_is_not_tried_for_hours(world: World):
    world.analyst.answers_first(StepFailed("The key is not accepted.", final=True))
    await world.crashes()
    await world.settles()

    assert await world.state() is State.STUCK
    assert len(world.analyst.asked) == 1


async def test_an_announcement_that_fails_stops_nothing(world: World):
    world.channel.answers_first(*[StepFailed("The channel is away.", final=True)] * 2)
    await world.crashes()
    await world.settles()

    assert await world.state() is State.AWAITING_CONFIRM


async def test_a_refused_patch_is_asked_for_again_with_the_reason_until_the_rounds_are_used_up(world: World):
    world.checker.answers_first("It does not apply.", "It swallows the exception.", "It breaks a test.")
    await world.crashes()
    await world.settles()

    assert [case.feedback.split("\n")[0] for case in world.analyst.asked] == [
        "",
        "It does not apply.",
        "It swallows the exception.",
    ]
    assert await world.state() is State.NEEDS_HUMAN
    assert (await world.incident()).says == "It breaks a test."


async def test_no_fault_of_the_code_needs_a_human_and_says_why(world: World):
    world.analyst.answers_first(a_diagnosis(category=Category.OUTAGE, cause="The bank is down.", edits=()))
    await world.crashes()
    await world.settles()

    assert await world.state() is State.NEEDS_HUMAN
    assert (await world.incident()).says.startswith("The bank is down. This is no fault of the code (outage)")


async def test_a_used_up_budget_rests_the_incident_without_a_call(world: World):
    world.checker.answers_first("It does not apply.")
    world.budget = Budget(usd_per_incident=0.01)
    await world.crashes()
    await world.settles()

    assert len(world.analyst.asked) == 1
    assert await world.state() is State.NEEDS_HUMAN
    assert (await world.incident()).says == "The budget of $0.01 for one incident is used up; it rests here."


async def test_the_budget_of_the_day_counts_all_incidents_and_ends_with_the_day(world: World):
    world.budget = Budget(usd_per_incident=1, usd_per_day=0.01)
    await world.crashes()
    await world.settles()
    second = await world.crashes("v1:00000000000000bb")
    await world.settles()
    third = await tomorrow(world)

    assert await world.state(second) is State.NEEDS_HUMAN
    assert await world.state(third) is State.AWAITING_CONFIRM


async def test_a_reply_that_was_paid_for_and_unreadable_is_counted(world: World):
    world.analyst.answers_first(StepFailed("The reply was cut off.", spent=Cost(1, 100, 8000, 0.5)))
    await world.crashes()
    await world.settles()

    assert (await world.incident()).cost == Cost(1, 100, 8000, 0.5)
    assert (await world.store.spent_on(world.clock.now().date())).usd == 0.5


async def test_an_answer_that_cannot_be_written_down_is_a_failed_try_that_was_paid_for(world: World):
    world.analyst.answers_first(a_diagnosis(cause="half a letter: \ud83d"))
    await world.crashes()
    await world.settles()
    tried = await world.incident()
    await world.passes(minutes=1)

    assert (tried.state, tried.cost.calls) == (State.CAPTURED, 1)
    assert await world.state() is State.AWAITING_CONFIRM


@pytest.mark.parametrize("letter", ["\0", "\udcff"])
async def test_words_that_no_database_takes_are_kept_without_the_odd_letter(world: World, letter: str):
    await world.crashes()
    await world.fires(t.Cancelled, why=f"mended {letter}by hand")

    assert (await world.store.history(1))[-1].says == "Cancelled by test:alice: mended ?by hand"


async def test_a_confirmation_that_nobody_gives_expires(world: World):
    await world.crashes()
    await world.settles()
    await world.passes(hours=23)
    before = await world.state()
    await world.passes(hours=1)

    assert before is State.AWAITING_CONFIRM
    assert await world.state() is State.EXPIRED


async def test_asking_again_makes_the_old_token_void(world: World):
    await world.crashes()
    await world.settles()
    old = world.channel.tokens[1]
    await world.engine.hasten(1, Effect.ASK_CONFIRMATION)
    await world.settles()
    with pytest.raises(Refusal, match="a newer token was issued for the same patch"):
        await world.fires(t.Confirmed, token=old)
    await world.confirms()

    assert await world.state() is State.CONFIRMED


async def test_asking_again_for_what_is_not_waiting_is_refused(world: World):
    await world.crashes()

    with pytest.raises(Refusal, match="INC-1 is captured: it does not wait to ask confirmation"):
        await world.engine.hasten(1, Effect.ASK_CONFIRMATION)


async def test_a_base_that_moved_is_checked_and_asked_for_again(world: World):
    await world.crashes()
    await world.settles()
    old = world.channel.tokens[1]
    await world.confirms()
    world.host.base = MERGE
    world.checker.answers_first(a_patch(base=MERGE))
    await world.settles()

    assert await world.state() is State.AWAITING_CONFIRM
    assert world.host.opened == {}
    assert world.channel.tokens[1] != old


async def test_a_pull_request_that_is_merged_after_all_is_deployed_though_its_incident_was_cancelled(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.fires(t.Cancelled)

    await world.merges()
    await world.settles()

    assert list(dict.fromkeys(await world.passed()))[-4:] == ["cancelled", "merged", "deployed", "healed"]


async def test_a_cancelled_incident_owes_no_more_work(world: World):
    await world.crashes()
    await world.fires(t.Cancelled, why="by hand")
    await world.settles()

    assert world.analyst.asked == []
    assert await world.passed() == ["captured", "cancelled"]
    assert {owes.status for owes in await world.store.owed(1)} == {"done", "cancelled"}


async def test_a_deployment_that_runs_something_else_is_not_called_deployed(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    world.deployer.answers_first("does not start")
    await world.merges()
    await world.settles()
    stuck = await world.incident()
    await world.fires(t.Retried)
    await world.settles()

    assert stuck.state is State.STUCK
    assert await world.state() is State.HEALED


async def test_a_cure_not_yet_shown_is_watched_for(world: World):
    world.monitor.answers_first(Reading(Cure(4, 37, "unproven: 4 clean of the 37 needed"), MERGE))
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()
    watched = await world.state()
    await world.passes(seconds=15)

    assert watched is State.DEPLOYED
    assert await world.state() is State.HEALED


async def test_the_same_failure_on_a_commit_with_the_fix_is_a_recurrence(world: World):
    world.monitor.answers_first(Reading(Cure(0, 1, "500 again"), MERGE, recurred=True))
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()
    await world.fires(t.RollbackRequested)
    await world.settles()

    assert (await world.passed())[-3:] == ["recurred", "recurred", "rolled_back"]
    assert world.deployer.runs == a_patch().base


async def test_a_rollback_is_carried_out_though_the_cure_is_shown_meanwhile(world: World):
    world.monitor.answers_first(Reading(Cure(4, 37, "unproven: 4 clean of the 37 needed"), MERGE))
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()
    await world.fires(t.RollbackRequested)
    world.deployer.answers_first("the machine is away", "the machine is away")
    await world.settles()
    await world.passes(seconds=15)
    await world.passes(seconds=60)

    assert (await world.passed())[-1] == "rolled_back"
    assert world.deployer.runs == a_patch().base


async def test_two_who_ask_for_a_rollback_get_one(world: World):
    world.monitor.answers_first(Reading(Cure(4, 37, "unproven: 4 clean of the 37 needed"), MERGE))
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()
    await world.fires(t.RollbackRequested)
    with pytest.raises(GuardRefused, match="a rollback is under way"):
        await world.fires(t.RollbackRequested, actor="test:bob")
    await world.settles()

    assert world.deployer.deployed == [MERGE, a_patch().base]


async def test_what_is_under_way_when_we_are_told_to_end_is_due_at_once_and_counts_as_no_try(world: World):
    begun = asyncio.Event()

    async def endless(claim: Claim) -> None:
        begun.set()
        await asyncio.Event().wait()

    await world.crashes()
    work = asyncio.create_task(world.engine.run_effect("1:diagnose:1", {Effect.DIAGNOSE: endless}))
    await begun.wait()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    (owes,) = [owes for owes in await world.store.owed(1) if owes.kind is Effect.DIAGNOSE]
    assert (owes.status, owes.attempts) == ("pending", 0)
    assert "1:diagnose:1" in await world.store.due(10)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_an_incident_no_longer_needs_is_stopped_and_its_cost_is_kept(world: World):
    engine = Engine(world.store, world.deliveries, world.clock, redact=str, lease=timedelta(seconds=1.5))

    async def cancelled_meanwhile(claim: Claim) -> None:
        await world.fires(t.Cancelled)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as stopped:
            raise StepFailed("stopped", spent=Cost(2, 1200, 300, 0.01)) from stopped

    await world.crashes()
    await engine.run_effect("1:diagnose:1", {Effect.DIAGNOSE: cancelled_meanwhile})  # type: ignore[dict-item]

    (owes,) = [owes for owes in await world.store.owed(1) if owes.kind is Effect.DIAGNOSE]
    assert (owes.status, owes.error) == ("cancelled", "INC-1 is cancelled now.")
    assert (await world.incident()).cost == Cost(2, 1200, 300, 0.01)
    assert (await world.store.spent_on(world.clock.now().date())).usd == 0.01


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_touches_the_world_is_not_stopped_in_its_middle(world: World):
    engine = Engine(world.store, world.deliveries, world.clock, redact=str, lease=timedelta(seconds=1.5))
    ended = []

    async def opens_slowly(claim: Claim) -> None:
        await world.fires(t.Cancelled)
        await asyncio.sleep(0.8)  # a renewal takes place
        ended.append(claim.id)

    await world.crashes()
    await world.settles()
    await world.confirms()
    (effect,) = [each for each in await world.store.due(10) if "open_pull_request" in each]
    await engine.run_effect(effect, {Effect.OPEN_PULL_REQUEST: opens_slowly})  # type: ignore[dict-item]

    assert ended == [effect]


async def test_what_was_paid_and_found_until_we_are_told_to_end_is_kept(world: World):
    begun = asyncio.Event()
    found = a_diagnosis(unfinished=True, edits=())

    async def interrupted(claim: Claim) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as stopped:
            raise StepFailed("interrupted", spent=Cost(2, 1200, 300, 0.01)).having_found(found) from stopped

    await world.crashes()
    work = asyncio.create_task(world.engine.run_effect("1:diagnose:1", {Effect.DIAGNOSE: interrupted}))
    await begun.wait()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    incident = await world.store.incident(1)
    assert incident.cost == Cost(2, 1200, 300, 0.01)
    assert incident.diagnosis == found
    assert (await world.store.spent_on(world.clock.now().date())).usd == 0.01
    assert "1:diagnose:1" in await world.store.due(10)


async def test_a_cause_that_was_found_by_a_failed_try_is_what_the_next_one_goes_on_from(world: World):
    found = a_diagnosis(unfinished=True, edits=())
    world.analyst.answers_first(StepFailed("no fix", spent=Cost(1, 10, 5, 0.01)).having_found(found))

    await world.crashes()
    await world.settles()
    await world.passes(seconds=10)

    before, after = world.analyst.asked
    assert before.incident.diagnosis is None
    assert after.incident.diagnosis == found
    assert (await world.store.incident(1)).state is State.AWAITING_CONFIRM


async def test_what_costs_money_each_time_is_tried_as_often_as_it_says_and_then_is_stuck(world: World):
    unreadable = [StepFailed("no JSON", spent=Cost(2, 10, 5, 0.01), most_tries=3) for _ in range(4)]
    world.analyst.answers_first(*unreadable)

    await world.crashes()
    await world.settles()
    for _ in range(4):
        await world.passes(minutes=10)

    incident = await world.store.incident(1)
    assert (incident.state, incident.cost.calls) == (State.STUCK, 6)
    assert len(world.analyst.asked) == 3


async def test_what_every_worker_dies_of_ends_stuck_with_a_sentence(world: World):
    await world.crashes()
    for _ in range(25):  # each began it, and was never heard of again
        await world.store.transact(lambda ledger: ledger.claim("1:diagnose:1", timedelta(seconds=60)))
        world.clock.passes(seconds=61)

    await world.settles()

    incident = await world.store.incident(1)
    assert incident.state is State.STUCK
    assert incident.stuck
    assert "It was begun 25 times and came to no end" in incident.stuck.why


async def test_a_merge_on_this_machine_is_seen_at_once_however_old_its_pull_request_is(world: World):
    nearby = Reconciler(world.store, world.host, world.clock, world.engine.fire, nearby=True)
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.passes(hours=48)
    await nearby.round(timedelta(seconds=5))
    soon, soon_of_many = (nearby.pause(timedelta(seconds=5), timedelta(seconds=took)) for took in (0.1, 1))
    assert (soon.seconds, soon_of_many.seconds) == (5, 20)

    world.host.merges(1)
    world.clock.passes(seconds=5)
    await nearby.round(timedelta(seconds=5))

    assert await world.state() is State.MERGED


async def test_a_repository_on_this_machine_that_cannot_be_read_is_not_asked_every_five_seconds(world: World):
    nearby = Reconciler(world.store, world.host, world.clock, world.engine.fire, nearby=True)
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    pauses, read_at = [], []
    for answer in (StepFailed("git said: it is away"), None, StepFailed("git said: it is away")):
        world.clock.passes(seconds=60)
        world.host.answers_first(answer)
        await nearby.round(timedelta(seconds=5))
        pauses.append(nearby.pause(timedelta(seconds=5), timedelta()).seconds)
        read_at.append(nearby.last)

    assert pauses == [180, 5, 180]
    assert read_at == [None, world.clock.now() - timedelta(seconds=60), read_at[1]]  # when it was read, not asked for


async def test_a_worker_whose_lease_was_taken_records_nothing(world: World):
    await world.crashes()
    slow = await world.store.transact(lambda ledger: ledger.claim("1:diagnose:1", timedelta(seconds=60)))
    world.clock.passes(seconds=61)
    await world.settles()
    late = await world.store.transact(lambda ledger: ledger.settle(slow, "done"))

    assert late is False
    assert await world.state() is State.AWAITING_CONFIRM


async def test_an_effect_is_claimed_by_one_worker_only(world: World):
    await world.crashes()

    claims = await asyncio.gather(
        *[world.store.transact(lambda ledger: ledger.claim("1:diagnose:1", timedelta(seconds=60))) for _ in range(8)]
    )

    assert len([claim for claim in claims if claim]) == 1


async def test_the_same_failure_at_the_same_moment_opens_one_incident(world: World):
    await asyncio.gather(*[world.crashes() for _ in range(8)])

    assert [(incident.id, incident.count) for incident in await world.store.incidents()][0][1] == 8
    assert len(await world.store.incidents()) == 1


async def test_the_same_report_at_the_same_moment_counts_once(world: World):
    await world.crashes()
    await asyncio.gather(*[world.crashes(key="sentry:e1") for _ in range(8)])

    assert (await world.incident()).count == 2


async def test_two_who_confirm_at_once_move_it_once(world: World):
    await world.crashes()
    await world.settles()

    outcomes = await asyncio.gather(*[world.confirms() for _ in range(5)], return_exceptions=True)

    assert len([outcome for outcome in outcomes if not isinstance(outcome, Exception)]) == 1
    assert all(isinstance(outcome, NotAllowedNow) for outcome in outcomes if isinstance(outcome, Exception))


async def tomorrow(world: World) -> int:
    world.clock.passes(hours=24)
    third = await world.crashes("v1:00000000000000cc")
    await world.settles()
    return third


async def test_a_reason_that_holds_a_secret_is_kept_without_it(world: World):
    await world.crashes()
    await world.fires(t.Cancelled, why="the password was hunter2")

    assert (await world.store.history(1))[-1].says == "Cancelled by test:alice: the password was [redacted]"
    assert "hunter2" not in repr(await world.incident())


async def test_what_an_incident_opened_with_is_kept_without_secrets(world: World):
    receipt = await world.fires(t.Captured, 0, payload=a_payload(summary="the password was hunter2"))

    assert receipt.says == "the password was [redacted]"
    assert (await world.incident()).says == "the password was [redacted]"
    assert (await world.store.history(1))[0].says == "the password was [redacted]"
