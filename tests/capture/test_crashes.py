"""What a crash of the program that this runs in comes to."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from kintsugi.app.desk import Desk, opened
from kintsugi.capture.crashes import Crashes
from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.persistence.database import Database
from kintsugi.telemetry import install
from kintsugi.telemetry.unhandled import leaves
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.ports import Receipt
from kintsugi.workflow.triggers import Captured
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE


class AwayAtFirst:
    """A database that does not answer the first time that a failure is to be counted."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self.asked = desk, 0

    async def count(self, captured: Captured) -> Receipt | None:
        self.asked += 1
        if self.asked == 1:
            raise StoreUnavailable("it is being restarted")
        return await self._desk.engine.count(captured)


@asynccontextmanager
async def hearing(folder: Path) -> AsyncIterator[tuple[Desk, AwayAtFirst]]:
    database = Database.at(folder / "kintsugi.db")
    migrate(database)
    logs = install(stream=io.StringIO(), mode="ring")
    async with opened(database) as desk:
        away = AwayAtFirst(desk)
        intake = Intake(fire=desk.engine.fire, clock=desk.clock, program=Program(), count=away.count)
        crashes = Crashes(intake, desk.store, desk.clock, logs, logged=False)
        try:
            yield desk, away
        finally:
            await crashes.finish()
            logs.close()


def crash(fail: Callable[[], object]) -> None:
    try:
        fail()
    except Exception as error:
        leaves(error, "listener")
        logging.getLogger("shop").exception("failed")


async def until_counted(desk: Desk, times: int) -> str:
    async with asyncio.timeout(PATIENCE):
        while not (found := await desk.store.incidents()) or found[0].count < times:
            await asyncio.sleep(0.02)
    return found[0].summary


async def test_one_more_is_counted_when_the_database_is_back(tmp_path: Path):
    async with hearing(tmp_path) as (desk, away):
        for times in (1, 2):
            crash(lambda: {}["price"])
            await until_counted(desk, times)

    assert away.asked == 2


async def test_what_print_raises_is_the_programs_own_failure(tmp_path: Path):
    async with hearing(tmp_path) as (desk, _):
        crash(lambda: print("café", file=io.TextIOWrapper(io.BytesIO(), "ascii")))
        assert (await until_counted(desk, 1)).startswith("UnicodeEncodeError")
