"""An incident that moved on while a step was under way, or that came back from an end."""

from tests.world.ports import Heard
from tests.world.world import World
from workflow.errors import StepFailed
from workflow.incident import Incident
from workflow.words import State


async def test_a_step_that_gives_up_after_the_incident_moved_on_holds_nothing_up(world: World):
    world.channel = _ConfirmedBeforeItFails(world)
    await world.crashes()
    await world.settles()

    assert await world.state() is State.PR_OPENED
    assert "stuck" not in await world.passed()


class _ConfirmedBeforeItFails(Heard):
    """Shows the request, and its answer is lost: a human confirms what the step takes for unasked."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def ask(self, incident: Incident, token: str) -> None:
        await super().ask(incident, token)
        await self._world.confirms()
        raise StepFailed("The channel's answer cannot be read.", final=True)
