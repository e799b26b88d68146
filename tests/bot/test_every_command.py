"""Every command in every trouble: too fast, the model away, the database locked, a token that is too old."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator

import pytest

from kintsugi.persistence.database import Database
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.states import State
from tests.bot.stage import Stage, a_stage
from tests.bot.test_debug import EVERY_COMMAND as DEBUG
from tests.bot.test_deploy import EVERY_COMMAND as DEPLOY
from tests.world.discord_shapes import ALICE, BOB
from tests.world.migrated import migrate

EVERY_COMMAND = DEBUG | DEPLOY
_READS = ("/debug logs", "/debug status", "/debug incident", "/debug incidents", "/deploy status")


@pytest.fixture
async def stage(sqlite_url: Database) -> AsyncIterator[Stage]:
    migrate(sqlite_url)
    async with a_stage(sqlite_url) as stage:
        await stage.starts()
        yield stage


async def test_too_fast_every_command_says_when_to_come_back_and_does_nothing(stage: Stage):
    await stage.world.crashes()
    for command in ("/debug incidents", "/deploy status"):
        await asyncio.gather(*(stage.discord.slash(command) for _ in range(8)))

    seen = [await stage.discord.slash(command, **options) for command, options in EVERY_COMMAND.items()]

    assert all(re.match(r"Too fast: come back in \d+ s\. \(`ERR-", each.says) for each in seen), seen
    assert await stage.world.state() is State.CAPTURED
    assert stage.world.deployer.deployed == []


async def test_while_the_model_is_away_every_command_answers_and_the_incident_waits(stage: Stage):
    stage.world.analyst.answers_first(*[StepFailed("the model is away")] * 3)
    await stage.world.crashes()
    await stage.world.settles()
    shown = stage.card["embeds"][0]["title"]
    commands = [each for each in EVERY_COMMAND.items() if not each[0].endswith(("cancel", "ignore"))]

    seen = [
        await stage.discord.slash(command, (ALICE, BOB)[number % 2], **options)
        for number, (command, options) in enumerate(commands)
    ]
    for _ in range(8):
        await stage.world.passes(minutes=30)

    assert shown == "INC-1 · captured"
    assert not any("Something went wrong" in each.says for each in seen), seen
    assert await stage.world.state(2) is State.AWAITING_CONFIRM
    assert await stage.world.state() is State.AWAITING_CONFIRM


async def test_while_the_database_is_locked_what_reads_answers_and_what_writes_says_so(
    stage: Stage, sqlite_url: Database
):
    await stage.world.crashes()
    assert sqlite_url.file
    other = sqlite3.connect(sqlite_url.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    writes = asyncio.create_task(stage.discord.slash("/debug cancel", BOB, id="1"))
    reads = [await stage.discord.slash(command, **EVERY_COMMAND[command]) for command in _READS]
    refused = await writes
    other.execute("ROLLBACK")
    other.close()
    done = await stage.discord.slash("/debug cancel", BOB, id="1")

    assert not any("ERR-" in each.says for each in reads)
    assert refused.says.startswith(
        "The database cannot be used just now; nothing was changed. Try again in a moment. ("
    )
    assert done.says == "**INC-1** is cancelled."


async def test_a_token_that_is_too_old_confirms_nothing_by_command_button_or_form(stage: Stage):
    await stage.world.crashes()
    await stage.world.settles()
    old = dict(stage.card)
    preview = await stage.discord.tap(old, "Confirm…")
    await stage.world.passes(hours=25)
    assert await stage.world.state() is State.EXPIRED

    typed = await stage.discord.slash("/debug confirm-fix", token=stage.heard.tokens[1])
    pushed = await stage.discord.tap(preview, "Push this patch")
    tapped = await stage.discord.tap(old, "Confirm…")

    assert typed.says.startswith("INC-1 is expired: not 'confirmed' now")
    assert pushed.says.startswith("INC-1 is expired: not 'confirmed' now")
    assert tapped.says.startswith("INC-1 is expired: not 'confirmed' now")
    assert await stage.world.state() is State.EXPIRED


async def test_an_answer_that_comes_after_the_interaction_is_over_is_on_the_card(stage: Stage):
    await stage.world.crashes()
    await stage.world.settles()
    stage.discord.forgets_the_next()

    await stage.discord.slash("/debug confirm-fix", token=stage.heard.tokens[1])
    await stage.world.settles()

    assert stage.card["embeds"][0]["title"] == "INC-1 · in review"
    assert stage.logs.recent(contains="reply_failed")
