"""What people do themselves: they fix it by hand, take it, rate it, mark duplicates, help the analyst, take things back."""

from __future__ import annotations

import pytest

from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import Asker, Requests, Role, Rules
from kintsugi.workflow.errors import GuardRefused, NotFound, Refusal, StepFailed
from kintsugi.workflow.incident import Category, PullRequest
from kintsugi.workflow.patch import Tier
from kintsugi.workflow.production import Production
from kintsugi.workflow.questions import Question, Questions
from kintsugi.workflow.severity import Severity, rated
from kintsugi.workflow.states import State
from tests.world.make import HEAD, MERGE, a_diagnosis, a_payload, a_pull_request, an_evidence
from tests.world.ports import ScriptedCommits
from tests.world.world import World

ON_THE_BRANCH = PullRequest(0, "", "", MERGE, open=False, merged_as=MERGE)
DEBUGS = Asker("discord:alice (4001)", frozenset({Role.DEBUG}))
DEPLOYS = Asker("discord:bob (4002)", frozenset(Role))


def requests(world: World) -> Requests:
    production = Production(world.host, world.deployer, ScriptedCommits())
    questions = Questions(world.store, world.clock, lambda: production, "test")
    return Requests(world.store, world.clock, world.engine.fire, Rules(), questions)


def fixed(world: World, named: str = MERGE) -> t.Fixed:
    return t.Fixed(incident=1, key=f"test:fixed:{named}", at=world.clock.now(), actor="test:alice", named=named)


async def test_a_commit_of_a_human_is_followed_to_its_deployment_and_cure(world: World):
    await world.crashes()

    await world.fires(t.Fixed, named=MERGE, fix=ON_THE_BRANCH)
    await world.settles()

    assert await world.passed() == ["captured", "merged", "merged", "deployed", "healed"]
    assert world.deployer.deployed == [MERGE]
    assert not world.analyst.asked
    assert not world.host.told  # nothing is written to what is not our own


async def test_a_pull_request_of_a_human_is_followed_to_its_merge_and_never_touched(world: World):
    await world.crashes()
    theirs = await world.host.fix("#77")
    world.host.opened[1] = theirs
    await world.fires(t.Fixed, named="#77", fix=theirs)

    world.host.pushes(1, "ab" * 20)
    world.host.failed = "their checks fail"
    await world.reconciler.once()
    assert await world.state() is State.PR_OPENED

    world.host.merges(1)
    await world.reconciler.once()
    await world.settles()

    assert await world.state() is State.HEALED
    assert not (world.analyst.asked or world.host.calls or world.host.told)


async def test_checks_that_fail_on_a_humans_pull_request_are_theirs_to_mend(world: World):
    await world.crashes()
    await world.fires(t.Fixed, named="#77", fix=a_pull_request(number=77))

    with pytest.raises(GuardRefused, match="pull request #77 is a human's"):
        await world.fires(t.ChecksFailed, head=HEAD, log="boom")


@pytest.mark.parametrize(("asker", "deployed"), [(DEBUGS, []), (DEPLOYS, [MERGE])], ids=["debugs", "deploys"])
async def test_who_may_not_deploy_deploys_nothing_by_saying_that_it_is_fixed(
    world: World, asker: Asker, deployed: list[str]
):
    await world.crashes()

    question = await requests(world).ask(asker, fixed(world))
    assert isinstance(question, Question)
    assert await world.state() is State.CAPTURED
    await requests(world).ask(asker, fixed(world, question.given), question.answer)
    await world.settles()

    assert world.deployer.deployed == deployed
    assert dict(question.facts)["Then"].startswith("Kintsugi asks" if deployed else "Kintsugi only waits")

    world.deployer.runs = MERGE  # somebody deployed it
    await world.passes(minutes=11)
    assert await world.state() is State.HEALED


async def test_a_fix_that_is_on_its_way_comes_first(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()

    with pytest.raises(Refusal, match="INC-1 is pr_opened"):
        await world.fires(t.Fixed, named=MERGE, fix=ON_THE_BRANCH)


async def test_what_is_not_the_fix_after_all_is_followed_no_longer(world: World):
    await world.crashes()
    await world.settles()
    await world.fires(t.Fixed, named="#77", fix=a_pull_request(number=77))

    await world.fires(t.Reopened)

    incident = await world.incident()
    assert (incident.state, incident.pull_request) == (State.NEEDS_HUMAN, None)


async def test_our_own_pull_request_is_not_taken_back_like_that(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()

    with pytest.raises(GuardRefused, match="nothing ended it"):
        await world.fires(t.Reopened)


# --- the analyst, once more -------------------------------------------------------------------------------------


async def test_a_hint_reaches_the_analyst_and_gives_one_more_round(world: World):
    world.analyst.answers_first(a_diagnosis(category=Category.DATA, edits=()))
    await world.crashes(rounds_allowed=1)
    await world.settles()
    assert await world.state() is State.NEEDS_HUMAN

    await world.fires(t.Retried, hint="fixed amounts have no percent")
    await world.settles()

    assert await world.state() is State.AWAITING_CONFIRM
    assert world.analyst.asked[-1].feedback == "A person who knows the program says: fixed amounts have no percent"


async def test_the_reason_of_a_rejection_is_told_to_the_analyst(world: World):
    await world.crashes()
    await world.settles()
    await world.fires(t.Rejected, why="it hides the error")

    await world.fires(t.Retried)
    await world.settles()

    assert world.analyst.asked[-1].feedback == "A human rejected the patch: it hides the error"
    assert await world.state() is State.AWAITING_CONFIRM


async def test_a_hint_for_a_deployment_is_refused(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    world.deployer.answers_first("it does not start")
    world.deployer.answers_first(StepFailed("no", final=True))
    await world.merges()
    await world.settles()
    assert await world.state() is State.STUCK

    with pytest.raises(GuardRefused, match="a hint is for the analyst, and this is stuck at deploy"):
        await world.fires(t.Retried, hint="try harder")


# --- taken back -------------------------------------------------------------------------------------------------


async def test_a_rejected_patch_is_asked_for_again_with_a_new_token(world: World):
    await world.crashes()
    await world.settles()
    first = world.channel.tokens[1]
    await world.fires(t.Rejected)

    await world.fires(t.Reopened)
    await world.settles()

    assert await world.state() is State.AWAITING_CONFIRM
    assert world.channel.tokens[1] != first
    assert (await world.confirms()).incident.state is State.CONFIRMED


async def test_a_patch_that_could_not_be_tried_is_tried_again_when_it_is_reopened(world: World):
    world.checker.evidence = an_evidence(tier=Tier.E0)
    await world.crashes()
    await world.settles()
    assert [step.words for step in await world.store.history(1)][-2] == "patch not proven"
    await world.fires(t.Rejected)
    world.checker.evidence = an_evidence(tier=Tier.E2)

    await world.fires(t.Reopened)
    await world.settles()

    assert await world.state() is State.AWAITING_CONFIRM
    assert len(world.analyst.asked) == 1
    evidence = (await world.incident()).evidence
    assert evidence and evidence.tier is Tier.E2


async def test_a_merged_fix_that_was_cancelled_is_not_deployed_by_reopening(world: World):
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.fires(t.Cancelled)

    await world.fires(t.Reopened)
    await world.settles()

    assert await world.state() is State.STUCK  # deploying is a retry, for those who may deploy
    assert world.deployer.deployed == []
    await world.fires(t.Retried)
    await world.settles()
    assert await world.state() is State.HEALED


async def test_of_one_failure_one_incident_is_open(world: World):
    await world.crashes()
    await world.settles()
    await world.fires(t.Rejected)
    assert await world.crashes() == 2

    with pytest.raises(GuardRefused, match="INC-2 is open for the same failure. Go on there."):
        await world.fires(t.Reopened)
    with pytest.raises(GuardRefused, match="INC-2 is open"):
        await world.fires(t.Retried)


# --- two that are one -------------------------------------------------------------------------------------------


async def test_a_duplicate_counts_on_the_other_while_that_is_open(world: World):
    await world.crashes("v1:00000000000000aa")
    await world.crashes("v1:00000000000000bb")
    await world.fires(t.Duplicated, 2, of=1)

    assert await world.crashes("v1:00000000000000bb") == 1
    assert (await world.incident(1)).count == 2

    await world.fires(t.Cancelled)
    assert await world.crashes("v1:00000000000000bb") == 3


async def test_a_duplicate_of_nothing_of_itself_or_of_a_duplicate_is_refused(world: World):
    await world.crashes("v1:00000000000000aa")
    await world.crashes("v1:00000000000000bb")
    await world.crashes("v1:00000000000000cc")
    await world.fires(t.Duplicated, 2, of=1)
    common = {"key": "test:d", "at": world.clock.now(), "actor": "test:alice"}

    with pytest.raises(NotFound):
        await requests(world).ask(DEBUGS, t.Duplicated(incident=3, of=99, **common))
    with pytest.raises(Refusal, match="INC-2 is itself a duplicate of INC-1. Name that one."):
        await requests(world).ask(DEBUGS, t.Duplicated(incident=3, of=2, **common))
    with pytest.raises(GuardRefused, match="cannot be a duplicate of itself"):
        await world.fires(t.Duplicated, 3, of=3)


# --- how bad it is, and who has it ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "people", "environment", "severity", "why"),
    [
        (1, 1, "production", Severity.MEDIUM, "fewer than 10"),
        (10, 1, "production", Severity.HIGH, "it came 10 times in an hour"),
        (1, 12, "production", Severity.HIGH, "it hit 12 people"),
        (9, 100, "eu-live", Severity.CRITICAL, "it hit 100 or more people"),
        (400, 0, "", Severity.CRITICAL, "it came 400 times in an hour"),
        (400, 100, "staging-2", Severity.LOW, "the environment is staging-2"),
        (400, 100, "development", Severity.LOW, "the environment is development"),
        (400, 0, "latest", Severity.CRITICAL, "it came 400 times"),  # "test" is in it, and it is not its name
    ],
)
def test_the_rule(times: int, people: int, environment: str, severity: Severity, why: str):
    found = rated(times, people, environment)

    assert found.severity is severity
    assert found.why.startswith(why)


async def test_people_make_it_worse_and_one_who_comes_back_is_one(world: World):
    payload = a_payload()
    payload = payload.model_copy(update={"build": payload.build.model_copy(update={"environment": "production"})})
    for number in range(24):
        await world.crashes(payload=payload, who=f"person {number % 12}")
        world.clock.passes(hours=1)  # not often, but many

    incident = await world.incident()

    assert (incident.people, incident.rating.severity) == (12, Severity.HIGH)


async def test_who_has_it_is_told_once_and_another_may_take_it_over(world: World):
    await world.crashes()
    await world.fires(t.Acknowledged)

    with pytest.raises(GuardRefused, match="test:alice has it already"):
        await world.fires(t.Acknowledged)
    await world.fires(t.Acknowledged, actor="test:bob")

    assert (await world.incident()).holder == "test:bob"
    await world.fires(t.Released)
    with pytest.raises(GuardRefused, match="nobody has it"):
        await world.fires(t.Released)
