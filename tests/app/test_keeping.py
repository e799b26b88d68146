"""`kintsugi db backup` and `db prune` as they are typed; and what is shown of an incident that was pruned."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from kintsugi.app.desk import opened
from kintsugi.app.settings import KeepSettings
from kintsugi.bot import replies
from kintsugi.bot.card import card
from kintsugi.commands import database as command
from kintsugi.commands.outcome import UsageError
from kintsugi.commands.show import show
from kintsugi.integrations.model.offline import OfflineAnalyst
from kintsugi.persistence.backup import backup
from kintsugi.persistence.database import Database, DatabaseError
from kintsugi.persistence.keep import Keep
from kintsugi.persistence.retention import Pruner, keep_pruning
from kintsugi.persistence.tables import IncidentRow
from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.ports import Case
from kintsugi.workflow.states import State
from tests.world.make import a_payload, an_incident
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE
from tests.world.viewer import a_viewer
from tests.world.world import World, a_world


@pytest.fixture
async def world(sqlite_url: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    migrate(sqlite_url)
    monkeypatch.setenv("KINTSUGI_DATABASE_URL", sqlite_url.address)
    monkeypatch.chdir(tmp_path)
    async with a_world(sqlite_url) as world:
        yield world


Told = Callable[[], str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.setenv("COLUMNS", "400")
    return lambda: capsys.readouterr().out.strip()


# --- backing up ---


async def test_a_copy_is_put_in_place_and_work_goes_on_from_it(world: World, sqlite_url: Database, told: Told):
    await world.crashes()
    await world.settles()
    command.backup(Path("copy.db"), force=False)
    token = world.channel.tokens[1]

    assert f"rows of {len(IncidentRow.metadata.tables)} tables, whole by SQLite's own check." in told()
    assert stat.S_IMODE(Path("copy.db").stat().st_mode) == 0o600
    assert sorted(each.name for each in Path().iterdir() if "copy" in each.name) == ["copy.db"]
    async with a_world(Database.at(Path("copy.db"))) as restored:
        restored.host = world.host
        await restored.fires(t.Confirmed, 1, key="after the restore", token=token)
        await restored.settles()
        await restored.merges()
        await restored.settles()
        assert await restored.state() in (State.DEPLOYED, State.HEALED)
    assert await world.state() is State.AWAITING_CONFIRM


async def test_it_is_of_one_moment_while_others_write(world: World, sqlite_url: Database, tmp_path: Path):
    copied = asyncio.create_task(asyncio.to_thread(_again_and_again, Path(str(sqlite_url.file)), tmp_path / "c.db"))
    number = 0
    while not copied.done():
        number += 1
        await world.crashes(f"v1:{number:016x}")

    for rows in await copied:
        assert rows["incident"] == rows["payload"] == rows["transition"] == rows["inbox"]
    assert number > 1


def _again_and_again(source: Path, target: Path) -> list[dict[str, int]]:
    return [dict(backup(source, target).rows) for _ in range(10)]


async def test_nothing_is_overwritten_unasked(world: World, told: Told):
    Path("copy.db").write_text("something else")

    with pytest.raises(Refusal, match=r"copy\.db is there already\. Name another file, or overwrite it with --force\."):
        command.backup(Path("copy.db"), force=False)

    assert Path("copy.db").read_text() == "something else"
    command.backup(Path("copy.db"), force=True)
    assert "whole by SQLite's own check" in told()


async def test_a_copy_never_takes_the_place_of_a_database_in_use(world: World, sqlite_url: Database):
    await world.crashes()
    with pytest.raises(UsageError, match="is the database itself"):
        command.backup(Path(str(sqlite_url.file)), force=True)
    Path("other.db-wal").write_text("")
    with pytest.raises(Refusal, match=r"other\.db-wal is there: a database of that name is in use"):
        command.backup(Path("other.db"), force=True)


async def test_a_damaged_database_makes_no_copy(world: World, sqlite_url: Database, tmp_path: Path):
    for number in range(20):
        await world.crashes(f"v1:{number:016x}")
    await world.store.close()
    source = Path(str(sqlite_url.file))
    raw = bytearray(source.read_bytes())
    middle = len(raw) // 2 // 4096 * 4096
    raw[middle : middle + 4096] = b"\x55" * 4096
    source.write_bytes(raw)

    with pytest.raises(DatabaseError, match=r"could not be copied: .*copy\.db is as it was"):
        command.backup(tmp_path / "copy.db", force=False)

    assert not [each for each in tmp_path.iterdir() if "copy" in each.name]


def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    password = "pass" + "word-77"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatabaseError, match="There is no database at"):
        command.backup(Path("copy.db"), force=False)
    monkeypatch.setenv("KINTSUGI_DATABASE_URL", f"postgresql://ann:{password}@db.example:5433/kintsugi")
    with pytest.raises(Refusal) as refused:
        command.backup(Path("my copy"), force=False)

    assert str(refused.value) == (
        "PostgreSQL is backed up with its own tools. Run: pg_dump --format=custom '--file=my copy' "
        "postgresql://ann@db.example:5433/kintsugi"
    )


# --- pruning ---


async def test_pruning_is_told_counted_and_done(world: World, told: Told, monkeypatch: pytest.MonkeyPatch):
    world.clock.meets_the_machine()
    await world.crashes()
    await world.fires(t.Cancelled)
    with pytest.raises(UsageError, match="Everything is kept. Set KINTSUGI_KEEP_PAYLOADS_DAYS"):
        await command.prune(dry_run=False)
    monkeypatch.setenv("KINTSUGI_KEEP_PAYLOADS_DAYS", "1")
    world.clock.meets_the_machine(days=60)
    await world.crashes("v1:00000000000000bb")
    await world.fires(t.Cancelled, 2)

    await command.prune(dry_run=True)
    counted = told()
    await command.prune(dry_run=False)
    pruned = told()

    assert counted == "What was captured of 1 ended incident would be pruned: 0.0 MB."
    assert pruned.startswith("What was captured of 1 ended incident was pruned: 0.0 MB. The file keeps its size")
    assert (await world.incident(2)).pruned
    assert not (await world.incident(1)).pruned


async def test_the_service_prunes_in_the_background(
    world: World, sqlite_url: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KINTSUGI_KEEP_PAYLOADS_DAYS", "1")
    world.clock.meets_the_machine(days=60)
    await world.crashes()
    await world.fires(t.Cancelled)
    async with opened(sqlite_url) as desk, asyncio.TaskGroup() as group, asyncio.timeout(PATIENCE):
        work = group.create_task(keep_pruning(desk.store, desk.clock, KeepSettings().keep, timedelta(seconds=0.1)))
        while not (await world.incident()).pruned:
            await asyncio.sleep(0.05)
        work.cancel()


async def test_what_was_pruned_says_so_wherever_it_is_shown(world: World):
    await world.crashes()
    await world.settles()
    await world.fires(t.Rejected)
    await world.settles()
    world.clock.passes(days=2)
    await Pruner(world.store, Keep(timedelta(days=1)), world.clock.now()).run()
    found, history, owed = await world.incident(), await world.store.history(1), await world.store.owed(1)
    console = Console(width=100, record=True)

    show(console, found, history, owed)
    async with a_viewer(world) as viewer:
        page = await viewer.opens("/incidents/1")
    shown, posted = replies.incident(found, history, owed), card(found)
    told = (await OfflineAnalyst(None).diagnose(Case(an_incident(), a_payload(), (found,)), lambda _: None)).explanation

    assert page.status == 200
    assert shown.card
    assert shown.attachment
    assert posted.card
    texts = [
        " ".join(console.export_text().split()),
        page.text,
        shown.card.description,
        shown.attachment.text,
        posted.card.description,
        told,
    ]
    for text in texts:
        assert found.pruned in text, text
    assert f"(pruned on {world.clock.now():%Y-%m-%d})" in page.text
