"""The process is killed at any of its Discord calls, or the gateway goes: nothing is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import URL

from persistence.migrations import upgrade
from tests.bot.stage import Stage, a_stage
from workflow.words import State


@pytest.fixture
async def stage(sqlite_url: URL) -> AsyncIterator[Stage]:
    upgrade(sqlite_url)
    async with a_stage(sqlite_url) as stage:
        await stage.starts()
        yield stage


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 11))
async def test_killed_at_any_call_there_is_one_card_one_thread_one_question_and_buttons_that_work(
    stage: Stage, call: int, moment: str
):
    logged_in = len(stage.discord.weather.calls)
    died = asyncio.Event()

    async def dies(number: int) -> None:
        if number == logged_in + call:
            died.set()
            await asyncio.Event().wait()

    setattr(stage.discord.weather, moment, dies)
    await stage.world.crashes()
    work = asyncio.create_task(stage.world.settles())
    await asyncio.wait({work, asyncio.ensure_future(died.wait())}, return_when=asyncio.FIRST_COMPLETED)
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    setattr(stage.discord.weather, moment, None)

    await stage.restarts()
    await stage.world.passes(minutes=5)
    preview = await stage.discord.tap(stage.card, "Confirm…")
    confirmed = await stage.discord.tap(preview, "Push this patch")
    await stage.world.settles()

    assert confirmed.says == "**INC-1** is confirmed."
    assert stage.card["embeds"][0]["title"] == "INC-1 · pr opened"
    assert len(stage.discord.channels.threads) == 1
    said = [message["content"].split("\n")[0] for message in stage.discord.channels.in_thread()]
    assert len([line for line in said if "push this patch?" in line]) == 1
    assert len([line for line in said if "Work on" in line]) <= 1


# --- the gateway ------------------------------------------------------------------------------------------------


async def test_a_command_that_came_while_the_socket_was_cut_is_done_once(stage: Stage):
    await stage.world.crashes()
    await stage.discord.drops()

    seen = await stage.discord.slash("/debug cancel", id="1")

    assert seen.says == "**INC-1** is cancelled."
    assert stage.discord.resumed == 1
    assert (await stage.world.passed()).count("cancelled") == 1


@pytest.mark.parametrize("code", [4000, 4009])
async def test_a_socket_that_discord_closes_is_resumed(stage: Stage, code: int):
    await stage.world.crashes()
    await stage.discord.drops(code)

    seen = await stage.discord.slash("/debug cancel", id="1")

    assert seen.says == "**INC-1** is cancelled."
    assert (stage.discord.resumed, stage.discord.identified) == (1, 1)


async def test_asked_to_reconnect_it_does(stage: Stage):
    await stage.world.crashes()
    await stage.discord.wishes(7)

    seen = await stage.discord.slash("/debug cancel", id="1")

    assert seen.says == "**INC-1** is cancelled."
    assert (await stage.world.passed()).count("cancelled") == 1


async def test_a_session_that_cannot_be_resumed_is_begun_anew(stage: Stage):
    await stage.discord.wishes(9, False)
    stage.discord.ready.clear()
    await asyncio.wait_for(stage.discord.ready.wait(), 15)  # discord.py waits for five seconds

    seen = await stage.discord.slash("/debug incidents")

    assert seen.says == "No incidents."
    assert stage.discord.identified == 2


async def test_a_socket_that_answers_no_heartbeat_is_given_up(stage: Stage):
    stage.discord.heartbeat = 0.1
    await stage.ends()
    await stage.starts(heartbeat_timeout=0.5)
    stage.discord.deaf = True
    await asyncio.sleep(0.2)
    async with asyncio.timeout(20):
        while not stage.discord.resumed:
            await asyncio.sleep(0.05)
    stage.discord.deaf = False

    assert (await stage.discord.slash("/debug incidents")).says == "No incidents."


async def test_a_command_that_is_told_twice_is_done_once(stage: Stage):
    await stage.world.crashes()
    seen = await stage.discord.slash("/debug cancel", id="1")

    again = await stage.discord.tells_again()

    assert seen.says == again.says == "**INC-1** is cancelled."
    assert (await stage.world.passed()).count("cancelled") == 1


async def test_an_interaction_that_discord_has_given_up_moves_nothing(stage: Stage):
    await stage.world.crashes()
    stage.discord.gives_up_on_the_next()

    with pytest.raises(TimeoutError):
        await stage.discord.slash("/debug cancel", id="1")

    assert await stage.world.state() is State.CAPTURED


async def test_a_defer_whose_answer_got_lost_is_a_command_all_the_same(stage: Stage):
    await stage.world.crashes()
    stage.discord.weather.comes("broken after", "callback")

    seen = await stage.discord.slash("/debug cancel", id="1")

    assert seen.says == "**INC-1** is cancelled."
    assert (await stage.world.passed()).count("cancelled") == 1
