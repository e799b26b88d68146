"""What a whole run prints: the line that names what was skipped, and what forks of one process did."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
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


FAILS = """
import sys
import pytest

@pytest.fixture(scope="module")
def made():
    print("made for one file")
    return []

AT_FIRST = sys.stderr

def test_first(made):
    made.append(1)
    print("told where it was at first", file=AT_FIRST)
    print("told by one")
    assert not made

def test_second(made):
    assert made == [1]
"""


WAITS = """
import time
from pathlib import Path
import pytest

HERE = Path(__file__).parent

@pytest.fixture(scope="session")
def made():
    yield
    with (HERE / "let go").open("a") as told:
        print("once", file=told)

def test_waits(made):
    try:
        (HERE / f"{__name__} runs").touch()  # the signal may come from here on
        time.sleep(20)
    finally:
        time.sleep(0.2)  # a second Ctrl-C would end this
        (HERE / f"{__name__} is done").touch()
"""

GARBAGE = """
class Fails:
    def __del__(self):
        raise OSError("it fails as garbage")

def test_it():
    made = Fails()
    made.itself = made
"""


def command(folder: Path, *options: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:anyio",
        "-q",
        "-ra",
        *options,
        "--rootdir",
        str(folder),
        str(folder),
    ]


def run_of(tests: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(tests)
    return subprocess.run(command(folder, *options), cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("spread", ["-n0", "-ptests.forked --processes=2"])
def test_what_is_skipped_is_named_before_pytests_own_last_line(tmp_path: Path, spread: str):
    run = run_of(TESTS, tmp_path, "-ptests.conftest", *spread.split())

    named, last = run.stdout.splitlines()[-2:]
    assert named == "Skipped: 2 as there is no moon: wait for the night; 1 as there is no sea: go there"
    assert last.startswith("1 passed, 3 skipped in ")


def test_forks_keep_a_files_tests_together_and_each_its_output(tmp_path: Path):
    (tmp_path / "test_other.py").write_text(FAILS)
    run = run_of(FAILS, tmp_path, "-ptests.forked", "--processes=2")

    assert run.returncode == 1
    assert run.stdout.splitlines().count("told by one") == 2
    assert run.stdout.splitlines().count("told where it was at first") == 2
    assert run.stdout.splitlines().count("made for one file") == 2
    assert run.stdout.splitlines()[-1].startswith("2 failed, 2 passed in ")


def test_a_fork_that_dies_fails_the_run_and_its_test_is_named(tmp_path: Path):
    run = run_of("import os\ndef test_dies(): os._exit(0)", tmp_path, "-ptests.forked", "--processes=2")

    assert run.returncode == 2
    assert "a process ended in test_it.py::test_dies" in run.stdout


def test_ctrl_c_lets_each_fork_clean_up_and_each_has_a_file(tmp_path: Path):
    for name in ("it", "other"):
        (tmp_path / f"test_{name}.py").write_text(WAITS)
    asked = command(tmp_path, "-ptests.forked", "--processes=2")
    with subprocess.Popen(asked, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as run:
        while run.poll() is None and len(list(tmp_path.glob("* runs"))) < 2:
            time.sleep(0.05)
        ended_before = list(tmp_path.glob("* is done"))
        os.killpg(run.pid, signal.SIGINT)
        told, _ = run.communicate()

    assert not ended_before
    assert run.returncode == 2
    assert "KeyboardInterrupt" in told
    assert (tmp_path / "let go").read_text().split() == ["once", "once"]
    assert len(list(tmp_path.glob("* is done"))) == 2


def test_what_fails_as_garbage_after_the_last_test_fails_the_run(tmp_path: Path):
    run = run_of(
        GARBAGE, tmp_path, "-Werror::pytest.PytestUnraisableExceptionWarning", "-ptests.forked", "--processes=2"
    )

    assert run.returncode == 1
    assert "OSError: it fails as garbage" in run.stdout
    assert run.stdout.splitlines()[-1].startswith("1 passed, 1 error in ")


def test_what_cannot_be_collected_is_told_and_nothing_is_run(tmp_path: Path):
    (tmp_path / "test_other.py").write_text("import nothing_of_this_name")
    run = run_of(TESTS, tmp_path, "-ptests.forked", "--processes=2")

    assert run.returncode == 2
    assert "No module named 'nothing_of_this_name'" in run.stdout
    assert run.stdout.splitlines()[-1].startswith("1 error in ")
