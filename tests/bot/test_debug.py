"""Each command through the real client: the happy path, refused permission, unknown id, wrong state."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from pathlib import Path

import pytest

from kintsugi.bot import replies
from kintsugi.bot.text import length
from kintsugi.workflow.errors import Conflict, StepFailed, StoreUnavailable
from kintsugi.workflow.states import State
from tests.bot.conftest import Room
from tests.world.discord_shapes import MALLORY, Seen
from tests.world.ports import Heard

EVERY_COMMAND = {
    "/debug logs": {},
    "/debug status": {},
    "/debug open-issue": {"summary": "Checkout answers 500"},
    "/debug confirm-fix": {"token": "1-" + "0f" * 16},
    "/debug incident": {"id": "1"},
    "/debug incidents": {},
    "/debug reject": {"id": "1"},
    "/debug retry": {"id": "1"},
    "/debug cancel": {"id": "1"},
    "/debug send": {"id": "1"},
    "/debug ignore": {"id": "1"},
    "/debug unignore": {"id": "1"},
}


async def awaiting_confirm(room: Room) -> str:
    """An incident whose patch waits for a human. Answers its token."""
    incident = await room.world.crashes()
    await room.world.settles()
    heard: Heard = room.world.channel
    return heard.tokens[incident]


def error_id(seen: Seen) -> str:
    found = re.search(r"ERR-[0-9a-f]{8}", seen.text)
    assert found, seen.text
    return found[0]


# --- the happy paths --------------------------------------------------------------------------------------------


async def test_logs_are_read_on_a_phone_and_come_as_a_file(room: Room):
    try:
        {}["percent"]
    except KeyError:
        logging.getLogger("shop").exception("the till is stuck ``` @everyone", extra={"till": 3})
    logging.getLogger("shop").info("all is well")

    seen = await room.slash("/debug logs", lines=10, level="warning", contains="TILL")

    head, _, block = seen.says.partition("\n")
    assert head == "One line, the newest last."
    block = re.sub(r"\d\d:\d\d:\d\d", "20:00:04", block)
    assert block == (
        "```ansi\n\x1b[30m20:00:04\x1b[0m \x1b[31mERROR\x1b[0m shop  the till is stuck ''' @everyone\n"
        "  \x1b[31mKeyError: 'percent'\x1b[0m\n```"
    )
    assert re.fullmatch(
        r"--- \d{4}-\d\d-\d\d, UTC\n\d\d:\d\d:\d\d ERROR shop  the till is stuck ``` @everyone  "
        r"\(error_id=ERR-\w{8} till=3\)\n    Traceback \(most recent call last\):\n(?s:.*)\n    KeyError: 'percent'\n",
        seen.files["kintsugi-logs.txt"],
    )


async def test_logs_come_as_json_for_programs(room: Room):
    logging.getLogger("shop").warning("the till is stuck")

    seen = await room.slash("/debug logs", contains="TILL", format="json")

    assert json.loads(seen.files["kintsugi-logs.jsonl"])["msg"] == "the till is stuck"


def test_a_file_says_how_many_lines_are_in_it():
    lines = [json.dumps({"number": number, "text": "x" * 16_000}) for number in range(700)]

    reply = replies.logs(lines, as_json=True)

    assert reply.attachment
    kept = reply.attachment.text.splitlines()
    assert kept == lines[-len(kept) :]
    assert 400 < len(kept) < 600
    assert reply.text.startswith(
        f"{len(kept)} lines, the newest last. The {700 - len(kept)} before them are too much for"
    )
    assert length(reply.text) <= 2_000


async def test_logs_say_where_nothing_fits(room: Room):
    seen = await room.slash("/debug logs", contains="no such words")

    assert seen.says == "No log line matches, of the newest that this process keeps."


async def test_a_failure_is_ignored_for_a_while_and_taken_back(room: Room):
    await room.world.crashes()

    ignored = await room.slash("/debug ignore", id="1", **{"for": "100", "until": "next"})
    listed = await room.slash("/debug incidents")
    again = await room.slash("/debug unignore", id="1")

    assert ignored.says.startswith("**INC-1** is cancelled.\nignored by discord:alice (4001) for 100 more or until the")
    assert listed.says.startswith("**INC-1** cancelled, ignored · ")
    assert again.says == "**INC-1** is cancelled. No longer ignored: discord:alice (4001) took it back."
    assert [(step.trigger, step.actor) for step in (await room.world.store.history(1))[1:]] == [
        ("Ignored", "discord:alice (4001)"),
        ("Unignored", "discord:alice (4001)"),
    ]


async def test_status_tells_what_answers_what_is_down_and_what_is_not_configured(room: Room):
    room.probes |= {"database": answers, "model": hangs, "GitHub": is_down, "sheet": is_not_configured}

    seen = await room.slash("/debug status")

    assert "✅ **database** it answers" in seen.everything
    assert "❌ **model** no answer within 0.2 s" in seen.everything
    assert "❌ **GitHub** the token is wrong" in seen.everything
    assert "⚪ **sheet** not configured" in seen.everything
    assert "build `c0ffee0`" in seen.everything


async def test_status_tells_how_long_ago_the_world_was_looked_at(room: Room):
    never = await room.slash("/debug status")
    room.looked = room.world.clock.now()
    room.world.clock.passes(minutes=2, seconds=5)

    seen = await room.slash("/debug status")

    assert "no look at the world yet, or not here" in never.everything
    assert "last look at the world: 0:02:05 ago" in seen.everything
    assert "up 0:02:05" in seen.everything


async def answers() -> str:
    return "it answers"


async def hangs() -> str:
    await asyncio.sleep(60)
    return "never"


async def is_down() -> str:
    raise StepFailed("the token is wrong")


async def is_not_configured() -> None:
    return None


def something_crashes() -> None:
    try:
        {}["discount"]
    except KeyError:
        logging.getLogger("shop").exception("checkout failed")


async def test_a_report_in_words_is_an_incident_of_its_own(room: Room, tmp_path: Path):
    something_crashes()
    room.code = tmp_path
    (tmp_path / "chart.py").write_text("def month_chart():\n    return last_month()\n")

    seen = await room.slash("/debug open-issue", summary="The chart shows last month")

    assert seen.says.startswith("**INC-1** is captured: The chart shows last month")
    assert "No crash is behind it" in seen.says
    assert "`chart.py:month_chart`" in seen.text
    assert "one failure: if it is about one, report it with `about:`" in seen.says
    payload = await room.world.store.payload(1)
    assert payload.exception is None
    assert any("checkout failed" in line for line in payload.log)
    assert (await room.world.incident()).opened_by == "discord:alice (4001)"


async def test_recent_failures_are_offered_and_the_chosen_one_is_what_it_is_about(room: Room):
    something_crashes()

    (offer,) = await room.discord.offers("/debug open-issue", "about", "key")
    seen = await room.slash("/debug open-issue", summary="Checkout answers 500", about=offer["value"])

    assert offer["name"] == "KeyError: 'discount'"
    assert "No crash is behind it" not in seen.says
    payload = await room.world.store.payload(1)
    assert payload.exception and payload.exception.final.type == "KeyError"
    assert payload.incident.summary == "Checkout answers 500"


async def test_likely_places_are_offered_for_the_words_typed_so_far(room: Room, tmp_path: Path):
    room.code = tmp_path
    (tmp_path / "chart.py").write_text(
        "def month_chart():\n    return last_month()\n\n\ndef year_chart():\n    return 0\n"
    )
    words = "the chart shows the wrong year"

    offers = await room.discord.offers("/debug open-issue", "place", "", summary=words)
    await room.slash("/debug open-issue", summary=words, place=offers[0]["value"])

    assert [each["name"] for each in offers] == ["chart.py:year_chart", "chart.py:month_chart"]
    assert (await room.world.store.payload(1)).pointed == "chart.py:year_chart"


async def test_a_stranger_is_offered_nothing(room: Room, tmp_path: Path):
    something_crashes()
    room.code = tmp_path
    (tmp_path / "chart.py").write_text("def month_chart():\n    return last_month()\n")

    assert await room.discord.offers("/debug open-issue", "about", "", person=MALLORY) == []
    assert await room.discord.offers("/debug open-issue", "place", "", person=MALLORY, summary="chart") == []


async def test_a_dry_run_stages_and_send_sends_it_on(room: Room):
    staged = await room.slash("/debug open-issue", summary="Checkout answers 500", dry_run=True)
    assert "is staged" in staged.says
    assert await room.world.state() is State.STAGED

    sent = await room.slash("/debug send", id="INC-1")

    assert sent.says == "**INC-1** is captured."


async def test_the_right_token_confirms(room: Room):
    token = await awaiting_confirm(room)

    seen = await room.slash("/debug confirm-fix", token=token)

    assert seen.says == "**INC-1** is confirmed."
    assert (await room.world.incident()).confirmed_by == "discord:alice (4001)"


async def test_an_incident_shows_its_path_its_history_and_its_patch(room: Room):
    await awaiting_confirm(room)

    seen = await room.slash("/debug incident", id="#1")

    assert seen.embeds[0]["title"] == "INC-1 · awaiting confirmation"
    assert "●\u00a0awaiting\u00a0confirmation ○\u00a0confirmed" in seen.everything
    assert "diagnosed -> awaiting confirmation" in seen.files["INC-1.txt"]
    assert "+++ b" in seen.files["INC-1.txt"]


async def test_incidents_are_listed_by_state_and_paged(room: Room):
    for number in range(22):
        await room.world.crashes(f"v1:{number:016x}")

    page = await room.slash("/debug incidents", state="captured")
    rest = await room.slash("/debug incidents", before=3)
    none = await room.slash("/debug incidents", state="healed")

    assert page.says.startswith("**INC-22** captured")
    assert page.says.endswith("Older ones: `before:3`")
    assert rest.says.count("INC-") == 2
    assert none.says == "No incident is healed."


async def test_reject_keeps_the_reason(room: Room):
    await awaiting_confirm(room)

    seen = await room.slash("/debug reject", id="1", why="wrong rounding")

    assert seen.says == "**INC-1** is rejected."
    assert (await room.world.store.history(1))[-1].says == "Rejected by discord:alice (4001): wrong rounding"


async def test_a_step_that_gave_up_is_tried_again(room: Room):
    room.world.analyst.answers_first(StepFailed("no such model", final=True))
    await room.world.crashes()
    await room.world.settles()
    assert await room.world.state() is State.STUCK

    seen = await room.slash("/debug retry", id="1")

    assert seen.says == "**INC-1** is captured."


async def test_cancel_ends_an_incident(room: Room):
    await room.world.crashes()

    seen = await room.slash("/debug cancel", id="1", why="mended by hand")

    assert seen.says == "**INC-1** is cancelled."


async def test_open_incidents_are_offered_while_an_id_is_typed(room: Room):
    await room.world.crashes("v1:00000000000000aa")
    await room.world.crashes("v1:00000000000000bb")
    await room.slash("/debug cancel", id="1")

    offered = await room.discord.completes("/debug incident", "id", "inc")
    narrowed = await room.discord.completes("/debug reject", "id", "nothing like it")
    to_a_stranger = await room.discord.completes("/debug incident", "id", "", MALLORY)

    assert offered == ["INC-2 captured: KeyError: 'percent'"]
    assert narrowed == to_a_stranger == []


# --- for every command ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", EVERY_COMMAND)
async def test_a_stranger_is_shown_nothing_and_the_refusal_is_logged(room: Room, command: str):
    await room.world.crashes()

    seen = await room.slash(command, MALLORY, **EVERY_COMMAND[command])

    assert seen.says.startswith("You may not do this here.")
    assert seen.embeds == []
    assert seen.files == {}
    line = json.loads(room.logs.recent(contains=error_id(seen))[-1])
    assert (line["user"], line["extra"]["why"]) == (str(MALLORY.id), "on no allowlist")
    assert await room.world.state() is State.CAPTURED


@pytest.mark.parametrize("command", EVERY_COMMAND)
async def test_every_answer_is_deferred_for_the_asker_alone_and_mentions_nobody(room: Room, command: str):
    await room.world.crashes()

    seen = await room.slash(command, **EVERY_COMMAND[command])

    assert (seen.deferred, seen.ephemeral, seen.mentions) == (True, True, {"parse": []})


@pytest.mark.parametrize("command", ["incident", "reject", "retry", "cancel", "send"])
async def test_an_unknown_incident_is_said_to_be_unknown(room: Room, command: str):
    seen = await room.slash(f"/debug {command}", id="99")

    assert seen.says.startswith("There is no INC-99.")
    assert json.loads(room.logs.recent(contains=error_id(seen))[-1])["incident_id"] == 99


async def test_a_token_of_an_unknown_incident_confirms_nothing(room: Room):
    assert (await room.slash("/debug confirm-fix", token="99-abc")).says.startswith("There is no INC-99.")


@pytest.mark.parametrize("command", ["incident", "reject", "retry", "cancel", "send"])
async def test_what_is_no_number_is_no_incident(room: Room, command: str):
    seen = await room.slash(f"/debug {command}", id="@everyone")

    assert "is not an incident. Give its number, such as 7 or INC-7." in seen.says
    assert "@everyone" not in seen.text


@pytest.mark.parametrize("command", ["reject", "retry", "send"])
async def test_a_move_that_does_not_fit_says_what_is_and_what_can_come(room: Room, command: str):
    await room.world.crashes()

    seen = await room.slash(f"/debug {command}", id="1")

    assert seen.says.startswith("INC-1 is captured: not ")
    assert "What can come next:" in seen.says
    error_id(seen)


async def test_what_has_ended_is_not_cancelled_again(room: Room):
    await room.world.crashes()
    await room.slash("/debug cancel", id="1")

    assert (await room.slash("/debug cancel", id="1")).says.startswith("INC-1 is cancelled: not ")


async def test_a_token_confirms_once(room: Room):
    token = await awaiting_confirm(room)
    await room.slash("/debug confirm-fix", token=token)

    assert (await room.slash("/debug confirm-fix", token=token)).says.startswith("INC-1 is confirmed: not ")


# --- when it goes wrong -----------------------------------------------------------------------------------------


async def test_wrong_tokens_are_counted_and_locked_out(room: Room):
    token = await awaiting_confirm(room)
    for _ in range(5):
        wrong = await room.slash("/debug confirm-fix", token="1-0000")
        assert "this token is not one that was issued for it" in wrong.says

    locked = await room.slash("/debug confirm-fix", token=token)
    room.seconds[0] += 601
    later = await room.slash("/debug confirm-fix", token=token)

    assert locked.says.startswith("Too many wrong tokens: come back in 600 s.")
    assert later.says == "**INC-1** is confirmed."


async def test_who_is_too_fast_is_told_when_to_come_back(room: Room):
    for _ in range(8):
        await room.slash("/debug incidents")
    room.seconds[0] += 7.5

    seen = await room.slash("/debug incidents")
    room.seconds[0] += 12.5
    later = await room.slash("/debug incidents")

    assert seen.says.startswith("Too fast: come back in 13 s.")
    assert later.says == "No incidents."


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StoreUnavailable("database is locked"), "The database cannot be used just now; nothing was changed."),
        (Conflict("seq"), "Somebody else was faster."),
        (RuntimeError("what /home/shop says is nobody's business"), "Something went wrong on our side. ("),
    ],
)
async def test_any_exception_becomes_one_sentence_with_an_id_that_finds_its_line(
    room: Room, error: Exception, sentence: str
):
    await room.world.crashes()
    room.breaks.append(error)

    seen = await room.slash("/debug cancel", id="1")

    assert seen.says.startswith(sentence)
    assert str(error) not in seen.everything
    line = json.loads(room.logs.recent(contains=error_id(seen))[-1])
    assert str(error) in line["exception"]
    assert (line["intent"], line["incident_id"]) == ("debug cancel", 1)


async def test_a_token_that_was_typed_is_in_no_log_line(room: Room):
    token = await awaiting_confirm(room)

    await room.slash("/debug confirm-fix", token=token + "f")
    await room.slash("/debug confirm-fix", token=token)

    assert token not in "\n".join(room.logs.recent(2000))


async def test_a_hostile_summary_is_shown_as_text(room: Room):
    hostile = "@everyone **bold** [pay](https://evil.example) <@4001> ghp_" + "a1B2" * 9

    seen = await room.slash("/debug open-issue", summary=hostile)
    shown = await room.slash("/debug incident", id="1")
    listed = await room.slash("/debug incidents")

    for each in (seen, shown, listed):
        assert "a1B2a1B2" not in each.everything
    for text in (seen.text, shown.embeds[0]["description"], listed.text):
        assert "@everyone" not in text
        assert "<@4001>" not in text.replace("\\<", "")
        assert "https://" not in text
        assert "[pay](" not in text
