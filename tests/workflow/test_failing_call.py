"""The failing call in the lifecycle: made again once, before the analyst is asked, and never in the way."""

from __future__ import annotations

from kintsugi.bot.card import card
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.patch import Reproduction, Rerun
from kintsugi.workflow.payload import Capsule, Payload
from kintsugi.workflow.states import State
from tests.world.make import HEAD, a_payload
from tests.world.world import World

AGAIN = Reproduction(Rerun.REPRODUCED, "shop.pricing.discount", HEAD, 0.8)


def with_a_call() -> Payload:
    call = Capsule(module="shop.pricing", function="discount", source="def test_discount():\n    discount({})\n")
    return a_payload().model_copy(update={"capsule": call})


async def test_it_is_made_again_before_the_analyst_is_asked_and_the_history_says_so(world: World):
    world.checker.made_again = AGAIN

    await world.crashes(payload=with_a_call())
    await world.settles()

    history = await world.store.history(1)
    assert [step.trigger for step in history][:3] == ["Captured", "CallMadeAgain", "Diagnosed"]
    assert history[1].says == (
        f"Reproduced before any model was asked: shop.pricing.discount fails in the same way at {HEAD[:10]}, in 0.8 s."
    )
    assert world.analyst.asked[0].incident.reproduction == AGAIN


async def test_the_card_tells_how_long_it_took(world: World):
    world.checker.made_again = AGAIN

    await world.crashes(payload=with_a_call())
    await world.settles()

    fields = dict(card(await world.incident()).card.fields)  # type: ignore[union-attr]
    assert fields["The failing call"].endswith("reproduced in 0.8 s before any model was asked.")


async def test_without_a_sandbox_the_diagnosis_goes_on(world: World):
    await world.crashes(payload=with_a_call())
    await world.settles()

    assert await world.state() is State.AWAITING_CONFIRM
    assert (await world.incident()).reproduction is None


async def test_what_an_unbelieved_source_told_is_never_run(world: World):
    world.checker.made_again = AGAIN

    await world.crashes(payload=with_a_call(), believed=False)
    await world.settles()

    assert (await world.incident()).reproduction is None


async def test_it_is_made_once_however_often_the_analyst_is_asked(world: World):
    world.checker.made_again = AGAIN
    world.analyst.answers_first(StepFailed("The model cannot be reached."))

    await world.crashes(payload=with_a_call())
    await world.settles()
    await world.passes(minutes=5)

    steps = [step.trigger for step in await world.store.history(1)]
    assert steps.count("CallMadeAgain") == 1
    assert await world.state() is State.AWAITING_CONFIRM
