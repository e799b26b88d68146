"""The process is killed at any of its Discord calls, or the gateway goes: nothing is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from kintsugi.persistence.database import Database
from kintsugi.workflow.states import State
from tests.bot.stage import Stage, a_stage
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE


@pytest.fixture
async def stage(sqlite_url: Database) -> AsyncIterator[Stage]:
    migrate(sqlite_url)
    async with a_stage(sqlite_url) as stage:
        await stage.starts()
        yield stage


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 11))
async def test_killed_at_any_call_there_is_one_card_one_thread_one_question_and_buttons_that_work(
    stage: Stage, call: int, moment: str
):
    await stage.world.crashes()

    await killed_at(stage, call, moment)
    await stage.restarts()
    await stage.world.passes(minutes=5)
    preview = await stage.discord.tap(stage.card, "Confirm…")
    confirmed = await stage.discord.tap(preview, "Push this patch")
    await stage.world.settles()

    assert confirmed.says == "**INC-1** is confirmed."
    assert stage.card["embeds"][0]["title"] == "INC-1 · in review"
    assert len(stage.discord.channels.threads) == 1
    said = [message["content"].split("\n")[0] for message in stage.discord.channels.in_thread()]
    assert len([line for line in said if "push this patch?" in line]) == 1
    assert len([line for line in said if "Work on" in line]) <= 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 6))
async def test_killed_after_the_confirmation_the_card_is_right_and_the_question_is_put_away(
    stage: Stage, call: int, moment: str
):
    await stage.world.crashes()
    await stage.world.settles()
    await stage.world.confirms()

    await killed_at(stage, call, moment)
    await stage.restarts()
    await stage.world.passes(minutes=5)
    await stage.world.channel.announce(await stage.world.incident())
    history = await stage.discord.tap(stage.card, "History")

    assert history.embeds[0]["title"] == stage.card["embeds"][0]["title"] == "INC-1 · in review"
    assert len(stage.discord.channels.threads) == 1
    assert [each for each in stage.discord.channels.in_thread() if each["components"]] == []


async def killed_at(stage: Stage, call: int, moment: str) -> None:
    """Work until this Discord call from now on, and no further; all of it where there are fewer."""
    so_far = len(stage.discord.weather.calls)
    died = asyncio.Event()

    async def dies(number: int) -> None:
        if number == so_far + call:
            died.set()
            await asyncio.Event().wait()

    setattr(stage.discord.weather, moment, dies)
    work = asyncio.create_task(stage.world.settles())
    death = asyncio.create_task(died.wait())
    await asyncio.wait({work, death}, return_when=asyncio.FIRST_COMPLETED)
    for task in (work, death):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    setattr(stage.discord.weather, moment, None)


# --- what happens to an answer on its way -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["limited", "broken before", "broken after", "dropped after"])
@pytest.mark.parametrize("call", ["callback", "@original"])
async def test_whatever_happens_to_an_answer_the_command_is_done_once_and_answered(stage: Stage, kind: str, call: str):
    await stage.world.crashes()
    stage.discord.weather.comes(kind, call)

    seen = await stage.discord.slash("/debug cancel", id="1")

    assert seen.says == "**INC-1** is cancelled."
    assert (await stage.world.passed()).count("cancelled") == 1


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


async def test_a_session_that_may_be_resumed_is(stage: Stage):
    await stage.world.crashes()
    await stage.discord.wishes(9, True)

    seen = await stage.discord.slash("/debug cancel", id="1")

    assert seen.says == "**INC-1** is cancelled."
    assert stage.discord.identified == 1


async def test_a_session_that_cannot_be_resumed_is_begun_anew(stage: Stage):
    await stage.discord.wishes(9, False)
    stage.discord.ready.clear()
    await asyncio.wait_for(stage.discord.ready.wait(), PATIENCE)  # discord.py waits for five seconds

    seen = await stage.discord.slash("/debug incidents")

    assert seen.says == "No incidents."
    assert stage.discord.identified == 2


async def test_a_socket_that_answers_no_heartbeat_is_given_up(stage: Stage):
    stage.discord.heartbeat = 0.1
    await stage.ends()
    await stage.starts(heartbeat_timeout=0.5)
    stage.discord.deaf = True
    await asyncio.sleep(0.2)
    async with asyncio.timeout(PATIENCE):
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

    seen = await stage.discord.slash("/debug cancel", id="1")

    assert seen.says == "The application did not respond"
    assert await stage.world.state() is State.CAPTURED
