"""A patch that somebody hands in: the same way as the analyst's, one answer each, one confirmation at most."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kintsugi.repair.replies import read_reply
from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import Asker, Role, Rules
from kintsugi.workflow.doing import doing
from kintsugi.workflow.errors import BadInput, NotFound, Refusal, StepFailed
from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import Category, Diagnosis
from kintsugi.workflow.patch import Tier
from kintsugi.workflow.ports import Case, Progress
from kintsugi.workflow.proposals import MOST, HandedIn, Proposals, verdicts
from kintsugi.workflow.states import State
from tests.world.make import NOON, a_diagnosis, an_evidence
from tests.world.patience import PATIENCE
from tests.world.world import World

PATCH = "--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"


async def hands_in(world: World, patch: str = PATCH, **said: Any) -> HandedIn:
    proposals = Proposals(world.store, world.clock, world.engine.fire, read_reply)
    return await proposals.hand_in(1, patch, **{"by": "agent:bob", "title": "Count from two"} | said)


async def verdict(world: World) -> tuple[bool | None, str]:
    last = verdicts(await world.store.history(1))[-1]
    return last.proven, last.says


async def test_it_is_proven_asked_about_and_takes_the_place_of_what_the_analyst_would_have_said(world: World):
    await world.crashes()

    handed = await hands_in(world)
    assert (handed.incident.state, handed.verdict.proven) == (State.DIAGNOSED, None)
    await world.settles()

    assert not world.analyst.asked
    assert await world.state() is State.AWAITING_CONFIRM
    assert (await verdict(world))[0] is True
    shown = (await world.incident()).diagnosis
    assert shown and (shown.by, shown.patch, shown.title) == ("agent:bob", PATCH, "Count from two")
    await world.confirms()
    await world.settles()
    assert await world.state() is State.PR_OPENED


async def test_one_that_could_not_be_tried_is_not_called_proven(world: World):
    world.checker.evidence = an_evidence(tier=Tier.E0)
    await world.crashes()

    await hands_in(world)
    await world.settles()

    assert await world.state() is State.AWAITING_CONFIRM
    assert (await verdict(world))[0] is None
    (last,) = verdicts(await world.store.history(1))
    assert not last.is_open
    assert doing(await world.incident()).startswith("The patch applies, but could not be tried.")


async def test_what_a_second_check_finds_is_its_verdict(world: World):
    world.checker.evidence = an_evidence(tier=Tier.E0)
    await world.crashes()
    await hands_in(world)
    await world.settles()
    await world.fires(t.Rejected)
    world.checker.evidence = an_evidence(tier=Tier.E2)

    await world.fires(t.Reopened)
    await world.settles()

    assert (await verdict(world))[0] is True
    assert doing(await world.incident()).startswith("The patch is proven.")
    await world.fires(t.Cancelled)
    assert (await verdict(world))[0] is True


@pytest.mark.parametrize(("says", "proven"), [("E0: It applies.", None), (an_evidence().tier.spoken, True)])
def test_rows_of_old_tell_what_was_proven(says: str, proven: bool | None):
    step = Step(3, "PatchProven", "diagnosed", State.AWAITING_CONFIRM, "kintsugi", NOON, says)

    assert step.proven is proven


async def test_one_that_is_refused_leaves_the_analyst_at_work_with_nothing_it_has_not_written(world: World):
    world.checker.answers_first("It changes nothing.")
    await world.crashes()

    await hands_in(world)
    await world.settles()

    assert await verdict(world) == (False, "It changes nothing.")
    assert len(world.analyst.asked) == 1
    assert world.analyst.asked[0].incident.feedback == ""
    assert (await world.incident()).rounds == 1
    assert await world.state() is State.AWAITING_CONFIRM  # by the analyst's own


@pytest.mark.parametrize("refused", [True, False])
async def test_where_a_human_is_needed_it_is_tried_and_a_human_is_needed_again(world: World, refused: bool):
    world.analyst.answers_first(a_diagnosis(category=Category.CONFIGURATION, edits=()))
    await world.crashes()
    await world.settles()
    assert await world.state() is State.NEEDS_HUMAN

    if refused:
        world.checker.answers_first("It breaks the policy.")
    await hands_in(world)
    await world.settles()

    assert await world.state() is (State.NEEDS_HUMAN if refused else State.AWAITING_CONFIRM)
    assert len(world.analyst.asked) == 1


async def test_while_the_analysts_own_is_checked_or_asked_about_it_is_refused_with_why(world: World):
    await world.crashes()
    await world.fires(t.Diagnosed, diagnosis=a_diagnosis())
    with pytest.raises(Refusal, match="INC-1 is diagnosed"):
        await hands_in(world)
    await world.settles()
    with pytest.raises(Refusal, match="INC-1 "):
        await hands_in(world)

    assert len(world.channel.tokens) == 1
    assert verdicts(await world.store.history(1)) == []


async def test_the_same_one_twice_is_one_and_answers_what_became_of_it(world: World):
    world.checker.answers_first("It does not apply.")
    await world.crashes()

    first = await hands_in(world)
    again = await hands_in(world)
    await world.settles()
    later = await hands_in(world, title="Said in other words")

    assert first.verdict.id == again.verdict.id == later.verdict.id
    assert (later.verdict.proven, later.verdict.says) == (False, "It does not apply.")
    assert len(verdicts(await world.store.history(1))) == 1


async def test_what_the_analyst_says_too_late_is_paid_for(world: World):
    began, may_end, answers = asyncio.Event(), asyncio.Event(), world.analyst.diagnose

    async def slowly(case: Case, progress: Progress) -> Diagnosis:
        began.set()
        await may_end.wait()
        return await answers(case, progress)

    world.analyst.diagnose = slowly  # type: ignore[method-assign]
    await world.crashes()
    asked = asyncio.create_task(world.settles())
    await asyncio.wait_for(began.wait(), PATIENCE)
    await hands_in(world)
    may_end.set()
    await asyncio.wait_for(asked, PATIENCE)

    assert (await world.incident()).cost == a_diagnosis().cost
    assert (await verdict(world))[0] is True


async def test_one_whose_check_was_cut_off_can_be_handed_in_again(world: World):
    await world.crashes()
    await hands_in(world)
    await world.fires(t.Cancelled)
    assert (await hands_in(world)).verdict.says == "Cancelled by test:alice."
    await world.fires(t.Reopened)

    again = await hands_in(world)
    await world.settles()

    assert (again.incident.state, again.verdict.says) == (State.DIAGNOSED, "It is being checked.")
    assert (await verdict(world))[0] is True


async def test_what_the_analyst_writes_after_it_is_the_analysts(world: World):
    world.checker.answers_first(StepFailed("There is no sandbox.", final=True))
    await world.crashes()
    await hands_in(world)
    await world.settles()
    world.checker.answers_first("It changes nothing.")
    await world.fires(t.Retried, hint="Look at the coupon.")
    await world.settles()

    assert [each.incident.feedback for each in world.analyst.asked] == ["", "It changes nothing.\n\nthe end of the run"]
    assert await world.state() is State.AWAITING_CONFIRM


async def test_one_that_fits_no_longer_once_the_branch_has_moved_is_still_not_the_analysts(world: World):
    world.analyst.answers_first(a_diagnosis(category=Category.CONFIGURATION, edits=()))
    await world.crashes()
    await world.settles()
    await hands_in(world)
    await world.settles()
    world.checker.answers_first("It does not apply.")
    await world.fires(t.BaseMoved, base="ab" * 20)
    await world.settles()

    assert await world.state() is State.NEEDS_HUMAN
    assert len(world.analyst.asked) == 1


async def test_of_two_at_once_one_is_taken(world: World):
    await world.crashes()

    answers = await asyncio.gather(hands_in(world), hands_in(world, PATCH + "\n"), return_exceptions=True)
    await world.settles()

    assert [type(each) for each in answers if isinstance(each, Exception)] != []
    assert all(isinstance(each, Refusal) for each in answers if isinstance(each, Exception))
    assert len(verdicts(await world.store.history(1))) == 1
    assert len(world.channel.tokens) == 1


@pytest.mark.parametrize(
    ("patch", "says"), [("", "empty"), (" \n", "empty"), ("x" * (MOST + 1), "too long"), ("Rate it.", "no patch")]
)
async def test_what_is_no_patch_is_refused_at_the_door(world: World, patch: str, says: str):
    await world.crashes()

    with pytest.raises(BadInput, match=says):
        await hands_in(world, patch)


async def test_an_incident_that_is_not_there_is_said_so(world: World):
    with pytest.raises(NotFound):
        await hands_in(world)


async def test_one_who_hands_in_a_patch_does_not_confirm_it_where_two_have_to_agree(world: World):
    await world.crashes()
    await hands_in(world, by="discord:bob (4002)")
    await world.settles()
    incident, rules = await world.incident(), Rules(two_persons=True)
    bob, carol = (Asker(name, frozenset(Role)) for name in ("discord:bob (4002)", "discord:carol (4003)"))

    assert "somebody else" in str(rules.why_not("confirm", incident, bob, world.clock.now()))
    assert rules.why_not("confirm", incident, carol, world.clock.now()) is None
