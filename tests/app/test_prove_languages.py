"""`kintsugi prove` for programs in Node and Go, as it is typed: what failed goes in as its runtime printed it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.repair import test_go as go
from tests.repair import test_node as node
from tests.repair.programs import a_box, a_program
from tests.world import terminal


@dataclass(frozen=True)
class Case:
    """A program, what a fix leaves of its files, the same fix that only swallows, and what its runtime printed."""

    tool: str
    program: dict[str, str]
    fix: dict[str, str]
    swallowed: dict[str, str]
    crash: str


CASES = {
    "node": Case(
        "node",
        node.PROGRAM,
        {"tides.js": node.FIXED, "test/empty.test.js": node.SHOWS},
        {"tides.js": node.swallowed("return 0;"), "test/empty.test.js": node.SHOWS},
        """\
TypeError: Cannot read properties of undefined (reading 'level')
    at Gauge.highest (/srv/app/tides.js:11:30)
    at report (/srv/app/tides.js:20:34)
    at Object.<anonymous> (/srv/app/main.js:3:13)
""",
    ),
    "go": Case(
        "go",
        go.PROGRAM,
        {"parcels.go": go.FIXED, "empty_test.go": go.SHOWS},
        {"parcels.go": go.SWALLOWED, "empty_test.go": go.SHOWS},
        """\
panic: runtime error: index out of range [0] with length 0

goroutine 1 [running]:
example.com/parcels.Heaviest({{0x1, 0x2}, {0x0, 0x0, 0x0}})
\t/srv/app/parcels.go:17 +0x1d
example.com/parcels.Describe({{0x1, 0x2}, {0x0, 0x0, 0x0}})
\t/srv/app/parcels.go:28 +0x5e
""",
    ),
}


@pytest.fixture(params=CASES)
async def case(request: pytest.FixtureRequest) -> Case:
    found = CASES[request.param]
    await a_box(found.tool)
    return found


async def test_a_true_fix_is_proven_and_one_that_swallows_is_refused(case: Case, tmp_path: Path) -> None:
    repository = a_program(tmp_path / "program", case.program)
    committed(repository)
    (tmp_path / "crash.log").write_text(case.crash)

    status, true = prove(repository, diff_of(repository, case.fix))
    assert (status, true["tier"], true["reproduced"]) == (0, "E2", True), true["says"]
    assert "failed before and passes now" in true["says"]

    status, swallowed = prove(repository, diff_of(repository, case.swallowed))
    assert (status, swallowed["tier"]) == (3, None), swallowed["says"]
    assert "catches" in swallowed["says"]
    assert "drops it" in swallowed["says"]


def prove(repository: Path, patch: str) -> tuple[int, dict[str, Any]]:
    (repository.parent / "fix.diff").write_text(patch)
    typed = ["prove", "--repo", ".", "--patch", "../fix.diff", "--json", "--failure", "../crash.log"]
    done = terminal.run(typed, repository, os.environ)
    return done.returncode, dict(json.loads(done.stdout or "{}")) or {"says": done.stderr.decode()}


def committed(repository: Path) -> None:
    git(repository, "init", "--quiet", ".")
    git(repository, "add", "--all")
    git(repository, "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "--quiet", "-m", "all")


def diff_of(repository: Path, files: dict[str, str]) -> str:
    """The patch that leaves the files so; the repository is as it was afterwards."""
    copy = repository.parent / "changed"
    shutil.copytree(repository, copy)
    a_program(copy, files)
    git(copy, "add", "--all")
    diff = git(copy, "diff", "--cached")
    shutil.rmtree(copy)
    return diff


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout
