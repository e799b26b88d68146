"""`kintsugi effects` as it is typed, beside an engine on the same database."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from kintsugi.commands import effects as command
from kintsugi.commands.outcome import UsageError
from kintsugi.persistence.database import Database
from kintsugi.persistence.leases import Leases
from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import GuardRefused, Refusal, StepFailed
from kintsugi.workflow.states import State
from kintsugi.workflow.times import roughly
from tests.world.migrated import migrate
from tests.world.world import World, a_world

THIS_PROCESS = f"{socket.gethostname()}:{os.getpid()}"


@pytest.fixture
async def world(sqlite_url: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """One incident is stuck, one waits for its next try, one is being worked on, one is over."""
    migrate(sqlite_url)
    monkeypatch.setenv("KINTSUGI_DATABASE_URL", sqlite_url.address)
    monkeypatch.setenv("COLUMNS", "80")
    async with a_world(sqlite_url) as world:
        await world.crashes("v1:00000000000000a1")
        world.analyst.answers_first(StepFailed("The key was refused.", final=True))
        await world.settles()
        world.clock.meets_the_machine()
        await world.crashes("v1:00000000000000a2")
        world.analyst.answers_first(StepFailed("The model is away.", retry_after=timedelta(days=3)))
        await world.settles()
        await world.crashes("v1:00000000000000a3")
        await world.store.transact(lambda ledger: ledger.claim("3:diagnose:1", timedelta(minutes=1)))
        await world.crashes("v1:00000000000000a4")
        await world.fires(t.Cancelled, 4)
        yield world


async def shown(capsys: pytest.CaptureFixture[str], kind: str = "", everything: bool = False) -> str:
    capsys.readouterr()
    await command.effects(kind, everything, 50, as_json=False)
    return capsys.readouterr().out


async def told(capsys: pytest.CaptureFixture[str], id: str) -> str:
    capsys.readouterr()
    await command.retry(id)
    return capsys.readouterr().out.strip()


async def test_what_is_owed_is_shown_with_when_and_why(world: World, capsys: pytest.CaptureFixture[str]):
    text = await shown(capsys)

    for said in (
        "INC-1  diagnose failed, tried once",
        "The key was refused.",
        "INC-2  diagnose pending, tried once",
        "due in 2 days, ",
        "The model is away.",
        "INC-3  diagnose running, try 1",
        f"performed by {THIS_PROCESS}, lease ends in ",
        "INC-4  announce pending",
        "5 to do, 1 running, the oldest due for ",
        "1 stuck.",
    ):
        assert said in text, text
    assert "4:diagnose:1" not in text


async def test_by_kind_and_with_those_that_are_over(world: World, capsys: pytest.CaptureFixture[str]):
    announcing, everything = await shown(capsys, "announce"), await shown(capsys, everything=True)

    assert "diagnose" not in announcing
    assert "4:diagnose:1" in everything
    assert "1:announce:1" in everything
    with pytest.raises(UsageError, match="'tea' is no effect's kind. The kinds are: diagnose,"):
        await shown(capsys, "tea")


@pytest.mark.parametrize("columns", [80, 40])
async def test_it_fits_the_screen_and_breaks_no_word(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
):
    monkeypatch.setenv("COLUMNS", "200")
    whole = (await shown(capsys)).split()
    monkeypatch.setenv("COLUMNS", str(columns))

    text = await shown(capsys)

    assert all(len(line.rstrip()) <= columns for line in text.splitlines())
    without_times = [word for word in whole if not word[0].isdigit()]
    assert [word for word in text.split() if not word[0].isdigit()] == without_times


async def test_for_programs_it_is_json(world: World, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    await command.effects("diagnose", everything=False, limit=50, as_json=True)
    found = json.loads(capsys.readouterr().out)

    assert (found["owed"], found["stuck"]) == (5, 1)
    assert [(each["id"], each["status"]) for each in found["effects"]] == [
        ("1:diagnose:1", "failed"),
        ("3:diagnose:1", "running"),
        ("2:diagnose:1", "pending"),
    ]
    assert [each["holder"] for each in found["effects"]] == ["", THIS_PROCESS, ""]


async def test_who_holds_what_only_one_may_hold_is_told_while_it_does(world: World, capsys: pytest.CaptureFixture[str]):
    leases = Leases(world.store)
    await leases.take("discord", "bot-1:42:abc", timedelta(minutes=1))
    while_held = await shown(capsys)
    await leases.give_up("discord", "bot-1:42:abc")

    assert "discord: bot-1:42:abc" in while_held
    assert "discord" not in await shown(capsys)


async def test_what_waits_is_made_due(world: World, capsys: pytest.CaptureFixture[str]):
    assert await told(capsys, "2:diagnose:1") == "2:diagnose:1 is due now."

    await world.passes(hours=1)
    assert await world.state(2) is State.AWAITING_CONFIRM


async def test_what_gave_up_is_taken_up_again_by_the_same_rules_as_retry(
    world: World, capsys: pytest.CaptureFixture[str]
):
    says = await told(capsys, "1:diagnose:1")

    assert says == "INC-1 is captured: diagnose is tried again."
    with pytest.raises(Refusal, match="1:diagnose:1 failed, and INC-1 is captured: it does not wait for it."):
        await told(capsys, "1:diagnose:1")


async def test_what_cannot_be_done_again_is_said_to_be_so(world: World, capsys: pytest.CaptureFixture[str]):
    for id, says in {
        "3:diagnose:1": "3:diagnose:1 is being performed. Should its worker die, it is tried again 20",
        "1:announce:1": "1:announce:1 is done.",
        "4:diagnose:1": "4:diagnose:1 was cancelled: INC-4 is cancelled now.",
        "1:deploy:7": "There is no effect 1:deploy:7. `kintsugi effects --all` shows those there are.",
        "99:deploy:7": "There is no effect 99:deploy:7.",
    }.items():
        with pytest.raises(Refusal) as refused:
            await told(capsys, id)

        assert str(refused.value).startswith(says)
        assert not isinstance(refused.value, GuardRefused)


@pytest.mark.parametrize("id", ["7", "7:tea:1", "x:deploy:1", "1:deploy:²", ""])
async def test_what_is_no_effect_is_a_matter_of_usage(id: str):
    with pytest.raises(UsageError, match="is no effect. Write its id as `kintsugi effects` shows it"):
        await command.retry(id)


async def test_nothing_owed_is_said_in_a_sentence(
    sqlite_url: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KINTSUGI_DATABASE_URL", sqlite_url.address)

    assert await shown(capsys) == f"Nothing is waiting, in {sqlite_url}.\n"


def test_times_are_told_as_people_say_them():
    spans = {
        "0 s": timedelta(),
        "119 s": timedelta(seconds=119),
        "2 min": timedelta(seconds=120),
        "3 h": timedelta(hours=3),
        "5 days": timedelta(days=5, hours=3),
    }

    assert {roughly(span): span for span in spans.values()} == spans
