"""The step of action.yml, as a runner starts it: a checkout of a pull request, and files for outputs and the summary."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.proof_false import SHOP, TREE

ROOT = Path(__file__).parents[2]
FIXED = SHOP.replace('order["discount"]', 'order.get("discount", 0)')
TEST = "import unittest\n\nimport shop\n\n\nclass Shows(unittest.TestCase):\n    def test_shows(self):\n"
TEST += '        self.assertEqual(shop.total({"price": 5}), 5)\n'


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def commit(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "all")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", ".")
    commit(folder, TREE)
    return folder


def step(checkout: Path) -> tuple[int, dict[str, str], str]:
    """Exit status, outputs and summary of the step."""
    runner = checkout.parent
    outputs, summary = runner / "outputs", runner / "summary"
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(runner),
        "RUNNER_TEMP": str(runner),
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_ACTION_PATH": str(ROOT),
        "KINTSUGI": str(Path(sys.executable).parent / "kintsugi"),
        "PROGRAM_PYTHON": sys.executable,
        "TEST_COMMAND": "python -m unittest",
        "BASE": "HEAD^1",
    }
    done = subprocess.run(["bash", str(ROOT / "tools" / "prove_in_ci.sh")], check=False, cwd=checkout, env=env)
    told = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
    return done.returncode, told, summary.read_text()


def test_a_pull_request_is_proven_in_the_programs_own_ci(checkout: Path) -> None:
    commit(checkout, {"shop.py": FIXED, "tests/test_shows.py": TEST})

    status, told, summary = step(checkout)

    assert status == 0
    assert told["tier"] == "E2"
    assert json.loads(Path(told["proof"]).read_text())["tier"] == "E2"
    assert told["patch-digest"] == f"sha256:{hashlib.sha256((checkout.parent / 'patch.diff').read_bytes()).hexdigest()}"
    assert summary.startswith("### Kintsugi: E2\n")


def test_a_pull_request_that_is_refused_fails_with_the_reason(checkout: Path) -> None:
    commit(checkout, {"shop.py": FIXED.replace(".title()", ""), "tests/test_shows.py": TEST})

    status, told, summary = step(checkout)

    assert status == 3
    assert told["tier"] == ""
    assert "### Kintsugi: refused" in summary
    assert "Passed without the patch and not with it" in summary
