"""The line that names what was skipped, as a whole run prints it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = """
import pytest

@pytest.mark.skip(reason="there is no moon: wait for the night")
@pytest.mark.parametrize("n", [1, 2])
def test_moon(n): ...

def test_tide():
    pytest.skip("there is no sea: go there")

def test_land(): ...
"""


@pytest.mark.parametrize("workers", ["0", "1"])
def test_what_is_skipped_is_named_before_pytests_own_last_line(tmp_path: Path, workers: str):
    (tmp_path / "test_it.py").write_text(TESTS)

    asked = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:anyio", "-n", workers, "-q", "-ra"]
    run = subprocess.run([*asked, "--rootdir", tmp_path, tmp_path], cwd=ROOT, capture_output=True, text=True)

    named, last = run.stdout.splitlines()[-2:]
    assert named == "Skipped: 2 as there is no moon: wait for the night; 1 as there is no sea: go there"
    assert last.startswith("1 passed, 3 skipped in ")
