"""`make chaos` in its shortest form: a few points, a control in which it must find something."""

from __future__ import annotations

from chaos.driver import a_run
from chaos.worker import NO_LOOK

POINTS = (
    "commit of fire, in deploy: after",
    "commit of after_success, in open_pull_request: before",
    "commit of run_effect, in diagnose: after",
    "code_host.open_pull_request: after",
    "deployer.deploy: before",
    "deployer.deploy: after",
    "checker.check: after",
    "channel.ask: before",
)


async def test_killed_at_the_boundaries_nothing_is_lost_and_nothing_doubled():
    async with a_run(seed=3) as run:
        left = await run.wave(2, POINTS)
        verdict = await run.ends()

    assert verdict.faults == []
    assert left == []
    assert verdict.kills == len(POINTS)


async def test_without_a_look_before_it_creates_the_same_driver_finds_doubles():
    async with a_run(seed=1, without=NO_LOOK) as run:
        await run.wave(1, most=9)
        verdict = await run.ends()

    assert verdict.doubled == 1
