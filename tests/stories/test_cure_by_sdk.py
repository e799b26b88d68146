"""Programs that report by nothing but the real Sentry SDK, from the crash to a verdict that is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from kintsugi.capture.program import Program
from kintsugi.integrations.http_replay import HttpReplay
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.repair.context import build_context
from kintsugi.workflow.incident import Cure, Incident
from kintsugi.workflow.ports import Reading
from kintsugi.workflow.states import State
from tests.world.make import HEAD, MERGE
from tests.world.reports import KEY, a_door, free_port
from tests.world.sdk_programs import FRAMEWORKS, SdkProgram, a_src_layout, an_sdk_program
from tests.world.world import a_world

NOBODY = Reading(Cure(0, 1, "Unproven: nothing watches the program."), "")


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_a_useless_fix_is_never_healed_and_a_right_one_is(framework: str, tmp_path: Path):
    async with an_sdk_program(framework, free_port()) as program:
        useless, went = await deployed(program, "useless", tmp_path)
        right, _ = await deployed(program, "fixed", tmp_path)

    assert useless.state is State.RECURRED
    assert "healed" not in went
    assert right.state is State.HEALED
    assert right.cure
    assert right.cure.says == f"GET /orders/7?currency=EUR, which failed, answers 200 on {MERGE[:10]}."


async def deployed(program: SdkProgram, mode: str, folder: Path) -> tuple[Incident, list[str]]:
    """It crashes, and such a fix is confirmed, merged and deployed: how its incident stands then, and where it was."""
    url = Database.at(folder / f"{mode}.db")
    upgrade(url)
    async with a_world(url) as world, a_door(world) as door:
        world.monitor = HttpReplay(lambda: program.url)  # type: ignore[assignment]  # the real one
        dsn = door.url.replace("http://", f"http://{KEY}@") + "/42"
        await program.becomes(HEAD, "broken", dsn)
        assert await program.get("/orders/7", currency="EUR") == 500
        await world.settles()
        await world.confirms()
        await world.settles()
        await program.becomes(MERGE, mode, dsn)
        await world.merges()
        await world.settles()
        await program.delivered()
        await world.settles()
        found = await world.incident()
        assert len(await world.store.incidents()) == 1  # what a replay crashed opened nothing
        assert found.count == 1
        return found, await world.passed()


async def test_a_program_in_a_src_layout_goes_from_its_crash_to_its_cure(tmp_path: Path):
    """It reports by the SDK alone: what it imports as `shop.orders` lies in `src/shop/orders.py`."""
    url, folder = Database.at(tmp_path / "k.db"), tmp_path / "code"
    build = a_src_layout(folder)
    upgrade(url)
    async with (
        a_world(url) as world,
        a_door(world, program=Program(source=folder)) as door,
        an_sdk_program("fastapi", free_port(), folder) as program,
    ):
        world.monitor = HttpReplay(lambda: program.url)  # type: ignore[assignment]  # the real one
        dsn = door.url.replace("http://", f"http://{KEY}@") + "/42"
        await program.becomes(build, "broken", dsn)
        assert await program.get("/orders/7", currency="EUR") == 500
        payload = await world.store.payload(1)
        await world.settles()
        await world.confirms()
        await world.settles()
        await program.becomes(MERGE, "fixed", dsn)
        await world.merges()
        await world.settles()
        (healed,) = await world.store.incidents()

    assert payload.exception
    place = payload.exception.innermost
    assert place
    assert (place.path, place.function) == ("src/shop/orders.py", "order")
    assert any("orders[number] * PRICES" in line.text for line in place.source)
    assert payload.build.sha == build
    assert "src/shop/orders.py" in {region.path for region in build_context(payload, folder).regions}
    assert healed.state is State.HEALED


async def test_a_program_with_nothing_but_the_sdk_is_shown_cured_by_its_runs(tmp_path: Path):
    """Its address is not known, so nothing can be sent again and nobody can be asked what runs."""
    url = Database.at(tmp_path / "counted.db")
    upgrade(url)
    async with a_world(url) as world, a_door(world) as door, an_sdk_program("flask", free_port()) as program:
        world.monitor.answers_first(*[NOBODY] * 99)
        world.deployer.vouches = "Railway"
        dsn = door.url.replace("http://", f"http://{KEY}@") + "/42"
        await program.becomes(HEAD, "broken", dsn)
        for number in ("7", "1", "7"):
            await program.get(f"/orders/{number}", currency="EUR")
        await world.settles()
        await world.confirms()
        await world.settles()
        await program.becomes(MERGE, "fixed", dsn)
        await world.merges()
        await world.settles()
        for _ in range(10):  # 2 of 3 failed: 3 * (sqrt(20) - 1) is 10.4
            await program.get("/orders/7", currency="EUR")
        await world.passes(minutes=1)
        unproven = await world.incident()
        await program.get("/orders/7", currency="EUR")
        await world.passes(minutes=1)
        healed = await world.incident()

    assert unproven.state is State.DEPLOYED
    assert unproven.cure
    assert unproven.cure.says.startswith("Unproven: 10 clean of the 11 needed.")
    assert healed.state is State.HEALED
