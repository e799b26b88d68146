"""What was captured is for the user that Kintsugi runs as, whatever the umask says."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from kintsugi.integrations.git import Git
from kintsugi.persistence.backup import backup
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.repair.scratch import scratch
from tests.world import terminal
from tests.world.service import a_service

TRACEBACK = b"""Traceback (most recent call last):
  File "shop.py", line 3, in <module>
    price["cup"]
KeyError: 'cup'
"""


@pytest.fixture(autouse=True)
def a_careless_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """Everything below, and the folder itself."""
    found = [folder, *folder.iterdir()]
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in found}


async def test_the_state_of_a_service_is_for_its_user_alone(tmp_path: Path):
    async with a_service(tmp_path) as service:
        await service.becomes("/readyz", 200)
        settings = {"PYTHONPATH": str(Path(__file__).parents[2])}
        await asyncio.to_thread(terminal.run, ["capture", "-"], tmp_path, settings, TRACEBACK)
        found = modes(tmp_path / ".kintsugi")
        arguments = Path(f"/proc/{service.process.pid}/cmdline").read_bytes()

    assert found.pop(".kintsugi") == 0o700
    assert {"kintsugi.db", "kintsugi.db-wal", "kintsugi.db-shm"} <= set(found)
    assert {name: oct(mode) for name, mode in found.items() if name.startswith("kintsugi.db") and mode & 0o77} == {}
    assert b"key" not in arguments


def test_a_database_of_before_is_taken_from_everybody_else(tmp_path: Path):
    database = Database.parse(f"sqlite:///{tmp_path}/kintsugi.db")
    (tmp_path / "kintsugi.db").touch(0o666)
    upgrade(database)
    seen = modes(tmp_path)["kintsugi.db"]

    assert oct(seen) == oct(0o660)


def test_copies_mirrors_and_work_trees_are_for_their_owner_alone(tmp_path: Path):
    upgrade(Database.parse(f"sqlite:///{tmp_path}/kintsugi.db"))
    backup(tmp_path / "kintsugi.db", tmp_path / "copy.db")
    Git.init_bare(tmp_path / "mirror.git", "main")
    with scratch(tmp_path) as work:
        found = modes(tmp_path) | {"work": stat.S_IMODE(work.stat().st_mode)}

    assert {name: oct(found[name]) for name in ("kintsugi.db", "copy.db", "mirror.git", "work")} == {
        "kintsugi.db": "0o600",
        "copy.db": "0o600",
        "mirror.git": "0o700",
        "work": "0o700",
    }
