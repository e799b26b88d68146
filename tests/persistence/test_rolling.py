"""Old and new code side by side: the code before the newest revision works on the tables after it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest

from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import NEWEST

ROOT = Path(__file__).parents[2]

_PROGRAM = """
import asyncio, sys
from kintsugi.persistence import database
from sqlalchemy import make_url
from tests.world.world import a_world

async def main():
    has_a_value = hasattr(database, "Database")
    url = database.Database.parse(sys.argv[1]) if has_a_value else make_url(sys.argv[1])
    async with a_world(url) as world:
        {story}

asyncio.run(main())
"""
_A_SHORT_LIFE = """
await world.crashes()
await world.settles()
await world.confirms()
await world.settles()
await world.merges()
await world.settles()
assert str(await world.state()) == "healed", await world.passed()
"""


def test_the_code_before_the_newest_revision_works_on_its_tables(database_url: Database, tmp_path: Path):
    runs_on(database_url, old_code(tmp_path), _A_SHORT_LIFE)


def old_code(folder: Path, revision: str = NEWEST) -> Path:
    """A folder with the code before this revision; skips where there is no history."""
    before = before_the(revision)
    archive = subprocess.run(["git", "archive", before], cwd=ROOT, capture_output=True, check=True).stdout
    old = folder / "old"
    old.mkdir()
    subprocess.run(["tar", "-x", "-C", str(old)], input=archive, check=True)
    return old


def runs_on(url: Database, code: Path, story: str) -> None:
    """What the code of another time does on this database; `story` is told by the verbs of its own world."""
    program = _PROGRAM.format(story=indent(story, " " * 8).strip())
    done = subprocess.run(
        [sys.executable, "-c", program, url.address],
        cwd=code.parent,
        env=os.environ | {"PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def before_the(revision: str) -> str:
    """The commit before the one that brought this revision; skips where there is no history."""
    (script,) = (ROOT / "alembic" / "versions").glob(f"{revision}_*.py")
    parents = _git("log", "-m", "--diff-filter=A", "--format=%P", "-1", "--", str(script.relative_to(ROOT))).split()
    for parent in parents:  # a merge may have brought it, and have the one before on either side
        if max(_git("ls-tree", "--name-only", parent, "alembic/versions/").split()) < str(script.relative_to(ROOT)):
            return parent
    pytest.skip("there is no history: clone the repository whole")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout
