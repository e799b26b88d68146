"""The command line asks before it changes production, where somebody can answer; and knows the two-person rule."""

from __future__ import annotations

import asyncio
import getpass
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kintsugi.persistence.database import Database
from kintsugi.workflow.states import State
from tests.world import terminal
from tests.world.make import a_payload
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE
from tests.world.world import World, a_world

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        world.clock.meets_the_machine()
        yield world


@pytest.fixture
def env(sqlite_url: Database) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "KINTSUGI_DATABASE_URL": sqlite_url.address}


async def asked(world: World, opened_by: str = "sentry:42") -> str:
    """An incident that waits for its confirmation. Answers the token."""
    payload = a_payload()
    told = payload.incident.model_copy(update={"opened_by": opened_by})
    await world.crashes(payload=payload.model_copy(update={"incident": told}))
    await world.settles()
    return world.channel.tokens[1]


async def test_on_a_terminal_the_patch_is_shown_and_asked_about(world: World, env: dict[str, str], tmp_path: Path):
    token = await asked(world)

    no = await asyncio.to_thread(terminal.run_at_a_keyboard, ["confirm", token], tmp_path, env, "n\n")
    still = await world.state()
    yes = await asyncio.to_thread(terminal.run_at_a_keyboard, ["confirm", token], tmp_path, env, "y\n")

    assert (no.returncode, no.stderr) == (3, b"Nothing was done.\n")
    assert no.stdout.decode().startswith("INC-1: push this patch and open its pull request?\n  Fixes: ")
    assert "  --- a\n  +++ b\n" in no.stdout.decode()
    assert still is State.AWAITING_CONFIRM
    assert (yes.returncode, yes.stdout.decode().endswith("INC-1 is confirmed.\n")) == (0, True), yes.stderr


@pytest.mark.parametrize("at_a_keyboard", [True, False])
async def test_a_script_is_not_asked_nor_who_says_yes_in_advance(
    world: World, env: dict[str, str], tmp_path: Path, at_a_keyboard: bool
):
    words = ["confirm", await asked(world)]
    if at_a_keyboard:
        done = await asyncio.to_thread(terminal.run_at_a_keyboard, [*words, "--yes"], tmp_path, env, "")
    else:
        done = await asyncio.to_thread(terminal.run, words, tmp_path, env)

    assert (done.returncode, done.stdout) == (0, b"INC-1 is confirmed.\n"), done.stderr


@pytest.mark.parametrize(
    ("opened_by", "says"),
    [
        (f"cli:{getpass.getuser()}", "You opened INC-1: somebody else has to confirm it."),
        ("discord:alice (4001)", "Somebody opened INC-1 in Discord, and may have this account as well."),
    ],
)
async def test_the_command_line_keeps_the_two_person_rule(
    world: World, env: dict[str, str], tmp_path: Path, opened_by: str, says: str
):
    words = ["confirm", await asked(world, opened_by)]
    rule = {"KINTSUGI_DISCORD_TWO_PERSONS": "true"}

    done = await asyncio.to_thread(terminal.run, words, tmp_path, env | rule)

    assert (done.returncode, done.stderr.decode().startswith(says)) == (3, True), done.stderr
    assert await world.state() is State.AWAITING_CONFIRM


@pytest.mark.parametrize("typed", ["\n", "\x04", "nonsense\n"])
async def test_only_a_yes_is_a_yes(world: World, env: dict[str, str], tmp_path: Path, typed: str):
    words = ["confirm", await asked(world)]

    done = await asyncio.to_thread(terminal.run_at_a_keyboard, words, tmp_path, env, typed)

    assert (done.returncode, done.stderr) == (3, b"Nothing was done.\n")
    assert await world.state() is State.AWAITING_CONFIRM


async def test_whoever_interrupts_the_question_is_let_go_at_once(world: World, env: dict[str, str], tmp_path: Path):
    token = await asked(world)
    keyboard, process = terminal.start_at_a_keyboard(["confirm", token], tmp_path, env)
    shown = b""
    while b"[y/N]" not in shown:
        shown += await asyncio.to_thread(os.read, keyboard, 4096)
    os.write(keyboard, b"\x03")
    status = await asyncio.to_thread(process.wait, PATIENCE)
    os.close(keyboard)

    assert status == 130
    assert await world.state() is State.AWAITING_CONFIRM


async def test_with_its_input_closed_nobody_is_asked(world: World, env: dict[str, str], tmp_path: Path):
    line = f"exec {sys.executable} -m kintsugi confirm {await asked(world)} <&-"

    done = await asyncio.to_thread(subprocess.run, ["sh", "-c", line], cwd=tmp_path, env=env, capture_output=True)

    assert (done.returncode, done.stdout) == (0, b"INC-1 is confirmed.\n"), done.stderr
