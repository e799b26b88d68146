"""An incident in its channel: one card, one thread, edited as it moves, and buttons that move it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import discord
import pytest

from kintsugi.bot import DiscordChannel
from kintsugi.bot.card import question_mark
from kintsugi.persistence.database import Database
from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.states import Effect, State
from tests.bot.stage import Stage, a_stage
from tests.world.discord import TOKEN
from tests.world.discord_messages import buttons_of
from tests.world.discord_shapes import BOB, CHANNEL, MALLORY
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE


@pytest.fixture
async def stage(sqlite_url: Database) -> AsyncIterator[Stage]:
    migrate(sqlite_url)
    async with a_stage(sqlite_url) as stage:
        await stage.starts()
        yield stage


async def awaiting_confirm(stage: Stage) -> None:
    await stage.world.crashes()
    await stage.world.settles()
    assert await stage.world.state() is State.AWAITING_CONFIRM


async def test_an_incident_has_one_card_from_its_crash_to_its_cure(stage: Stage):
    await awaiting_confirm(stage)
    await stage.world.confirms()
    await stage.world.settles()
    await stage.world.merges()
    await stage.world.settles()

    assert await stage.world.state() is State.HEALED
    assert stage.card["embeds"][0]["title"] == "INC-1 · healed"
    assert list(stage.discord.channels.threads.values()) == ["INC-1 KeyError: 'percent'"]


async def test_the_card_shows_the_cause_how_sure_it_is_and_the_evidence(stage: Stage):
    await awaiting_confirm(stage)

    fields = {field["name"]: field["value"] for field in stage.card["embeds"][0]["fields"]}

    assert fields["Cause"].startswith("discount() reads percent from every coupon.\n90% sure · **E2**")
    assert "●\u00a0awaiting\u00a0confirm" in fields["Path"]
    assert "○\u00a0confirmed" in fields["Path"]


async def test_saying_the_same_twice_calls_discord_once(stage: Stage):
    await awaiting_confirm(stage)
    assert stage.channel
    await stage.channel.announce(await stage.world.incident())
    calls = len(stage.discord.weather.calls)

    await stage.channel.announce(await stage.world.incident())

    assert len(stage.discord.weather.calls) == calls


async def test_what_is_older_is_not_shown_over_what_is_newer(stage: Stage):
    await stage.world.crashes()
    old = await stage.world.incident()
    await stage.world.settles()
    assert stage.channel

    await stage.channel.announce(old)

    assert stage.card["embeds"][0]["title"] == "INC-1 · awaiting confirmation"


async def test_the_question_shows_the_patch_and_its_token_and_goes_when_it_is_answered(stage: Stage):
    await awaiting_confirm(stage)
    (question,) = [each for each in stage.discord.channels.in_thread() if "push this patch?" in each["content"]]
    assert stage.heard.tokens[1] in question["content"]
    assert question["files"][0]["text"] == "--- a\n+++ b\n"

    await stage.world.confirms()
    await stage.world.settles()

    assert stage.heard.tokens[1] not in question["content"]
    assert question["components"] == []
    assert question["files"] == []


async def test_a_confirmation_is_two_taps_and_shows_first_what_is_pushed(stage: Stage):
    await awaiting_confirm(stage)

    preview = await stage.discord.tap(stage.card, "Confirm…", BOB)
    done = await stage.discord.tap(preview, "Push this patch", BOB)

    assert "exactly this will be pushed" in preview.text
    assert preview.files == {"INC-1.diff": "--- a\n+++ b\n"}
    assert (preview.ephemeral, done.ephemeral) == (True, True)
    assert done.says == "**INC-1** is confirmed."
    assert (await stage.world.incident()).confirmed_by == "discord:bob (4002)"
    assert stage.heard.tokens[1] not in "\n".join(stage.logs.recent(2000))


async def test_without_the_token_at_hand_a_form_asks_for_it(stage: Stage):
    await awaiting_confirm(stage)
    question = stage.discord.channels.in_thread()[-1]
    stage.discord.channels.delete(int(stage.card["id"]), int(question["id"]))
    await stage.restarts()

    preview = await stage.discord.tap(stage.card, "Confirm…")
    form = await stage.discord.tap(preview, "Enter the token")
    done = await stage.discord.submits(form, stage.heard.tokens[1])

    assert done.says == "**INC-1** is confirmed."
    assert stage.heard.tokens[1] not in "\n".join(stage.logs.recent(2000))


async def test_a_token_mistyped_into_the_form_is_in_no_log_line(stage: Stage):
    await awaiting_confirm(stage)
    question = stage.discord.channels.in_thread()[-1]
    stage.discord.channels.delete(int(stage.card["id"]), int(question["id"]))
    await stage.restarts()
    preview = await stage.discord.tap(stage.card, "Confirm…")
    form = await stage.discord.tap(preview, "Enter the token")

    refused = await stage.discord.submits(form, stage.heard.tokens[1] + "f")

    assert "this token is not one that was issued for it" in refused.says
    lines = [json.loads(line) for line in stage.logs.recent(2000, contains="this token is not")]
    assert {json.dumps(line["entities"]) for line in lines} == {'{"token": "***"}'}
    assert stage.heard.tokens[1] not in "\n".join(stage.logs.recent(2000))


async def test_a_rejection_asks_why(stage: Stage):
    await awaiting_confirm(stage)

    form = await stage.discord.tap(stage.card, "Reject…")
    done = await stage.discord.submits(form, "wrong rounding")

    assert done.says == "**INC-1** is rejected."
    assert (await stage.world.store.history(1))[-1].says == "Rejected by discord:alice (4001): wrong rounding"


async def test_diff_proof_and_history_are_one_tap_away(stage: Stage):
    await awaiting_confirm(stage)

    diff = await stage.discord.tap(stage.card, "Show diff")
    proof = await stage.discord.tap(stage.card, "Show proof")
    history = await stage.discord.tap(stage.card, "History")

    assert diff.files == {"INC-1.diff": "--- a\n+++ b\n"}
    assert "FAILED" in proof.files["INC-1-proof.txt"]
    assert history.embeds[0]["title"] == "INC-1 · awaiting confirmation"


async def test_a_stuck_incident_has_a_button_to_try_again(stage: Stage):
    stage.world.analyst.answers_first(StepFailed("no such model", final=True))
    await stage.world.crashes()
    await stage.world.settles()
    assert list(buttons_of(stage.card)) == ["I have it", "Retry", "History"]

    done = await stage.discord.tap(stage.card, "Retry")

    assert done.says == "**INC-1** is captured."


@pytest.mark.parametrize("label", ["Confirm…", "Reject…", "Show diff", "Show proof", "History"])
async def test_a_stranger_taps_in_vain(stage: Stage, label: str):
    await awaiting_confirm(stage)

    seen = await stage.discord.tap(stage.card, label, MALLORY)

    assert seen.says.startswith("You may not do this here.")
    assert (seen.modal, seen.files, seen.embeds) == ({}, {}, [])
    assert await stage.world.state() is State.AWAITING_CONFIRM


async def test_a_button_of_a_move_that_no_longer_fits_says_so(stage: Stage):
    await awaiting_confirm(stage)
    old = dict(stage.card)
    await stage.world.confirms()
    await stage.world.settles()

    assert (await stage.discord.tap(old, "Confirm…")).says.startswith("INC-1 is pr_opened: not 'confirmed' now.")


async def test_with_the_two_person_rule_the_opener_does_not_approve(stage: Stage):
    stage.two_persons = True
    await stage.restarts()
    await stage.world.crashes(actor="discord:alice (4001)", payload=opened_by_alice())
    await stage.world.settles()
    token = stage.heard.tokens[1]

    shown = await stage.discord.tap(stage.card, "Confirm…")
    typed = await stage.discord.slash("/debug confirm-fix", token=token)
    offered = [await stage.discord.completes("/debug confirm-fix", "token", "")]
    offered.append(await stage.discord.completes("/debug confirm-fix", "token", "", BOB))
    by_bob = await stage.discord.slash("/debug confirm-fix", BOB, token=token)

    assert shown.says.startswith("You opened INC-1: somebody else has to confirm it.")
    assert typed.says.startswith("You opened INC-1: somebody else has to confirm it.")
    assert offered == [[], ["INC-1: KeyError: 'percent'"]]
    assert by_bob.says == "**INC-1** is confirmed."


def opened_by_alice() -> object:
    from tests.world.make import a_payload

    payload = a_payload()
    about = payload.incident.model_copy(update={"opened_by": "discord:alice (4001)"})
    return payload.model_copy(update={"incident": about})


async def test_long_work_is_told_in_one_message_of_the_thread(stage: Stage):
    await stage.world.crashes()
    incident = await stage.world.incident()
    assert stage.channel
    await stage.channel.announce(incident)
    store = stage.world.store
    (diagnose,) = [effect for effect in await store.due(10) if Effect.DIAGNOSE in effect]
    claim = await store.transact(lambda ledger: ledger.claim(diagnose, timedelta(minutes=1)))
    assert claim

    for words in ("reading", "thinking", "writing @everyone"):
        stage.channel.progress(incident, Effect.DIAGNOSE, words)
        await until(lambda words=words: words[:7] in str(stage.discord.channels.in_thread()))
    (message,) = stage.discord.channels.in_thread()
    text = message["content"]
    await store.transact(lambda ledger: ledger.hand_back(claim))
    await stage.world.settles()

    assert text.startswith("**Work on INC-1**\n⏳ diagnose · <t:")
    assert "@everyone" not in text
    assert message["content"] == "**Work on INC-1**\nNothing is under way: awaiting confirmation."


async def until(holds) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


# --- faults -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["limited", "broken before", "broken after", "dropped after"])
@pytest.mark.parametrize("call", ["POST .*/messages$", "POST .*/threads$", "PATCH .*/messages/"])
async def test_whatever_happens_to_a_call_there_is_one_card_and_one_thread(stage: Stage, kind: str, call: str):
    stage.discord.weather.comes(kind, call)

    await stage.world.crashes()
    await stage.world.settles()
    for _ in range(6):
        await stage.world.passes(minutes=30)
    await stage.world.fires(t.Cancelled)
    await stage.world.settles()

    assert len(stage.discord.channels.cards) == 1
    assert len(stage.discord.channels.threads) == 1
    assert stage.card["embeds"][0]["title"] == "INC-1 · cancelled"


async def test_a_card_that_somebody_deleted_is_written_anew(stage: Stage):
    await awaiting_confirm(stage)
    stage.discord.channels.delete(3001, int(stage.card["id"]))

    await stage.world.confirms()
    await stage.world.settles()

    assert stage.card["embeds"][0]["title"] == "INC-1 · in review"


async def test_after_a_restart_the_card_the_thread_and_the_question_are_found(stage: Stage):
    await awaiting_confirm(stage)
    stage.discord.channels.create(3001, {"content": "people talk"}, {})

    await stage.restarts()

    await stage.world.channel.announce(await stage.world.incident())
    preview = await stage.discord.tap(stage.discord.channels.cards[0], "Confirm…")
    done = await stage.discord.tap(preview, "Push this patch")
    await stage.world.settles()

    assert done.says == "**INC-1** is confirmed."
    assert len(stage.discord.channels.cards) == 2
    assert len(stage.discord.channels.threads) == 1
    assert len([each for each in stage.discord.channels.in_thread() if "push this patch?" in each["content"]]) == 1


async def test_what_another_process_asked_is_put_away_by_the_one_that_tells(stage: Stage):
    assert stage.channel
    stage.channel.online()
    other = DiscordChannel(stage.client, CHANNEL, alone=False)
    other.online()
    await stage.world.crashes()
    await other.announce(await stage.world.incident())
    await stage.world.settles()
    asked = [each for each in stage.discord.channels.in_thread() if stage.heard.tokens[1] in each["content"]]
    await stage.world.confirms()

    await other.announce(await stage.world.incident())

    assert len(asked) == 1
    assert stage.heard.tokens[1] not in asked[0]["content"]


async def test_what_another_process_asked_stays_while_an_older_state_is_told(stage: Stage):
    assert stage.channel
    stage.channel.online()
    other = DiscordChannel(stage.client, CHANNEL, alone=False)
    other.online()
    await stage.world.crashes()
    old = await stage.world.incident()
    await stage.world.settles()

    await other.announce(old)

    asked = [each for each in stage.discord.channels.in_thread() if stage.heard.tokens[1] in each["content"]]
    assert len(asked) == 1


async def test_a_question_that_two_processes_ask_at_once_stands_once(stage: Stage):
    await awaiting_confirm(stage)
    incident, chat = await stage.world.incident(), stage.discord.channels
    for message in questions(stage):
        chat.delete(int(chat.cards[0]["id"]), int(message["id"]))
    both_send, thread = asyncio.Barrier(2), rf"POST .*/channels/{chat.cards[0]['id']}/messages"

    async def meet(call: int) -> None:
        if stage.discord.weather.is_a(call, thread):
            await both_send.wait()

    stage.discord.weather.before = meet

    async with a_process(stage) as first, a_process(stage) as second:
        await asyncio.gather(first.ask(incident, "first"), second.ask(incident, "second"))

    assert len(questions(stage)) == 1


@asynccontextmanager
async def a_process(stage: Stage) -> AsyncIterator[DiscordChannel]:
    """One more that tells, with a client of its own."""
    async with discord.Client(intents=discord.Intents.none(), max_messages=None) as client:
        await client.login(TOKEN)
        channel = DiscordChannel(client, CHANNEL, alone=False)
        channel.online()
        yield channel


def questions(stage: Stage) -> list[dict[str, Any]]:
    return [each for each in stage.discord.channels.in_thread() if each["content"].startswith(question_mark(1))]
