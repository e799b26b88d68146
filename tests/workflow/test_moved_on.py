"""An incident that moved on while a step was under way, or that came back from an end."""

from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cure, Incident
from kintsugi.workflow.ports import Outcome, Reading
from kintsugi.workflow.states import State
from tests.world.make import MERGE, a_payload
from tests.world.ports import Heard
from tests.world.world import World


async def test_a_step_that_gives_up_after_the_incident_moved_on_holds_nothing_up(world: World):
    world.channel = _ConfirmedBeforeItFails(world)
    await world.crashes()
    await world.settles()

    assert await world.state() is State.PR_OPENED
    assert "stuck" not in await world.passed()


async def test_an_older_build_that_still_answers_neither_recurs_nor_ends_the_watch(world: World):
    world.monitor.answers_first(Reading(Cure(0, 1, "500 again"), "0ldc0de", recurred=True))
    await _merged(world)
    watched = await world.state()
    await world.passes(seconds=15)

    assert watched is State.DEPLOYED
    assert await world.state() is State.HEALED


async def test_a_clean_run_of_a_build_without_the_fix_shows_no_cure(world: World):
    world.monitor.answers_first(Reading(Cure(1, 1, "It is served again."), "0ldc0de"))
    await _merged(world)
    watched = await world.state()
    await world.passes(seconds=15)

    assert watched is State.DEPLOYED
    assert await world.state() is State.HEALED


async def test_the_same_failure_counts_on_an_incident_that_was_reopened(world: World):
    await _reviewed(world)
    await world.fires(t.PullRequestClosed, number=41)
    await world.fires(t.PullRequestReopened, number=41)
    again = await world.fires(t.Captured, incident=0, payload=a_payload())

    assert (again.outcome, again.incident.id) == (Outcome.COUNTED, 1)


async def test_an_incident_that_is_reopened_leaves_the_failure_to_the_one_opened_since(world: World):
    await _reviewed(world)
    await world.fires(t.PullRequestClosed, number=41)
    second = await world.crashes()
    await world.fires(t.PullRequestReopened, number=41)
    again = await world.fires(t.Captured, incident=0, payload=a_payload())

    assert second == 2
    assert await world.state() is State.PR_OPENED
    assert (again.outcome, again.incident.id) == (Outcome.COUNTED, second)


class _ConfirmedBeforeItFails(Heard):
    """Shows the request, and its answer is lost: a human confirms what the step takes for unasked."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def ask(self, incident: Incident, token: str) -> None:
        await super().ask(incident, token)
        await self._world.confirms()
        raise StepFailed("The channel's answer cannot be read.", final=True)


async def _reviewed(world: World) -> None:
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()


async def _merged(world: World) -> None:
    await _reviewed(world)
    await world.merges()
    await world.settles()
    assert world.deployer.deployed == [MERGE]
