"""Each human move and its undo, by Discord, by the pages and by the command line: one table, one outcome, one history."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from kintsugi.integrations.git import Git
from kintsugi.persistence.database import Database
from kintsugi.workflow.asking import NAMES
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Category, Incident
from kintsugi.workflow.rates import Rate
from kintsugi.workflow.severity import Severity
from kintsugi.workflow.states import State
from tests.bot.stage import a_stage
from tests.world import terminal
from tests.world.discord_shapes import BOB
from tests.world.make import NOON, a_diagnosis
from tests.world.migrated import migrate
from tests.world.viewer import a_viewer
from tests.world.world import World, a_world

ROOT = Path(__file__).parents[2]


class Door(Protocol):
    """Where somebody asks; `typed` is by the names that the table knows."""

    world: World
    actor: str

    async def does(self, name: str, **typed: str) -> None: ...


@dataclass
class InDiscord:
    stage: Any
    actor: str = "discord:alice (4001)"

    @property
    def world(self) -> World:
        return self.stage.world  # type: ignore[no-any-return]

    async def does(self, name: str, **typed: str) -> None:
        options: dict[str, Any] = {"commit" if key == "named" else key: value for key, value in typed.items()}
        if "to" in options:
            options = {"user": BOB}
        seen = await self.stage.discord.slash(f"/debug {name}", id="1", **options)
        if name == "fixed":
            await self.stage.discord.tap(seen, seen.components[0]["components"][0]["label"])


@dataclass
class OnThePages:
    world: World
    viewer: Any
    actor: str = "web:operator"

    async def does(self, name: str, **typed: str) -> None:
        page = await self.viewer.does(1, name, **typed)
        if name == "fixed":
            await self.viewer.sends(f"/incidents/1/{name}", **page.forms[f"/incidents/1/{name}"])


@dataclass
class AtATerminal:
    world: World
    folder: Path
    env: dict[str, str]
    actor: str = "cli:"

    async def does(self, name: str, **typed: str) -> None:
        options = {"hint": "--hint", "for": "--for", "why": "--why"}
        words = [
            word for key, value in typed.items() for word in ([options[key], value] if key in options else [value])
        ]
        done = await asyncio.to_thread(terminal.run, [name, "1", *words], self.folder, self.env)
        assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(params=["discord", "pages", "command line"])
async def door(request: pytest.FixtureRequest, sqlite_url: Database, tmp_path: Path) -> AsyncIterator[Door]:
    migrate(sqlite_url)
    async with _opened(request.param, sqlite_url, tmp_path) as door:
        yield door


@asynccontextmanager
async def _opened(which: str, database: Database, folder: Path) -> AsyncIterator[Door]:
    if which == "discord":
        async with a_stage(database) as stage:
            stage.rate = Rate(10_000, 20)
            await stage.starts()
            yield InDiscord(stage)
        return
    async with a_world(database) as world:
        if which == "pages":
            async with a_viewer(world) as viewer:
                yield OnThePages(world, viewer)
        else:
            yield AtATerminal(world, folder, _environment(folder, database))


def _environment(folder: Path, database: Database) -> dict[str, str]:
    git = Git.init_bare(folder / "origin.git", "main")
    first = git.commit(git.read("mktree"), [], "First", NOON, "Somebody")
    git.run("update-ref", "refs/heads/main", first)
    repository = {"KINTSUGI_REPO": str(git.directory), "KINTSUGI_DATABASE_URL": database.address}
    return os.environ | {"PYTHONPATH": str(ROOT)} | repository


async def captured(world: World) -> None:
    await world.crashes()
    await world.crashes("v1:00000000000000bb")


async def asked(world: World) -> None:
    await captured(world)
    await world.settles()


async def without_a_patch(world: World) -> None:
    world.analyst.answers_first(a_diagnosis(category=Category.DATA, edits=()))
    await captured(world)
    await world.settles()


async def stuck(world: World) -> None:
    world.analyst.answers_first(StepFailed("no such model", final=True))
    await captured(world)
    await world.settles()


async def expired(world: World) -> None:
    await asked(world)
    await world.passes(hours=25)


@dataclass(frozen=True)
class Case:
    """A move from where `before` leads to what `after` says; then `undo`, and what holds again."""

    name: str
    before: Callable[[World], Any]
    after: Callable[[Incident], bool]
    typed: tuple[tuple[str, str], ...] = ()
    undo: str = ""
    undo_typed: tuple[tuple[str, str], ...] = ()
    again: Callable[[Incident], bool] = lambda incident: True
    id: str = ""


CASES = [
    Case(
        "ack",
        captured,
        lambda it: bool(it.holder and it.acknowledged_at),
        undo="release",
        again=lambda it: not it.holder,
    ),
    Case(
        "assign", captured, lambda it: "bob" in it.holder, (("to", "bob"),), "release", again=lambda it: not it.holder
    ),
    Case("note", captured, lambda it: it.says == "Note: turned it off", (("text", "turned it off"),)),
    Case(
        "severity",
        captured,
        lambda it: it.rating.severity is Severity.HIGH,
        (("level", "high"),),
        "severity",
        (("level", "auto"),),
        lambda it: it.rating.severity is Severity.LOW,  # by the rule: it is in "test"
    ),
    Case("ignore", captured, lambda it: "for good" in it.ignored, undo="unignore", again=lambda it: not it.quiet),
    Case(
        "ignore",
        captured,
        lambda it: it.ended,
        undo="reopen",
        again=lambda it: it.state is State.CAPTURED,
        id="reopened",
    ),
    Case(
        "cancel",
        captured,
        lambda it: it.ended,
        undo="reopen",
        again=lambda it: it.state is State.CAPTURED and not it.quiet,
    ),
    Case(
        "duplicate",
        captured,
        lambda it: it.duplicate_of == 2,
        (("of", "INC-2"),),
        "reopen",
        again=lambda it: not it.quiet,
    ),
    Case(
        "reject",
        asked,
        lambda it: it.state is State.REJECTED,
        undo="reopen",
        again=lambda it: it.state is State.AWAITING_CONFIRM,
    ),
    Case(
        "fixed",
        captured,
        lambda it: it.state is State.MERGED,
        undo="reopen",
        again=lambda it: it.state is State.NEEDS_HUMAN,
    ),
    Case(
        "retry",
        without_a_patch,
        lambda it: it.hint == "it is a fixed amount" and it.state is State.CAPTURED,
        (("hint", "it is a fixed amount"),),
        id="from needs_human",
    ),
    Case(
        "retry",
        stuck,
        lambda it: it.hint == "use the other one" and it.state is State.CAPTURED,
        (("hint", "use the other one"),),
        id="from stuck",
    ),
    Case("retry", expired, lambda it: it.state is State.CAPTURED, id="from expired"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {case.id}".strip())
async def test_a_move_and_its_undo_are_the_same_at_each_door(door: Door, case: Case):
    await case.before(door.world)

    await door.does(case.name, **dict(case.typed))
    moved = await door.world.incident()
    if case.undo:
        await door.does(case.undo, **dict(case.undo_typed))

    assert case.after(moved), moved
    assert case.again(await door.world.incident())
    steps = (await door.world.store.history(1))[-2 if case.undo else -1 :]
    assert all(step.actor.startswith(door.actor) for step in steps)


def test_every_move_has_a_case_here_or_a_story_of_its_own():
    elsewhere = {"confirm", "send", "rollback"}  # tests/bot, tests/web and tests/app, from before there was this table

    assert {case.name for case in CASES} | {case.undo for case in CASES} - {""} == set(NAMES) - elsewhere
