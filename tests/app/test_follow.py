"""`kintsugi capture --follow -- CMD…` as it is typed: what passes through, and what becomes an incident."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.world import terminal
from tests.world.patience import PATIENCE

ROOT = Path(__file__).parents[2]

CRASHES = """
import sys, time
print("begun", flush=True)
sys.stdout.buffer.write(b"\\xff raw\\n"); sys.stdout.flush()
for number in range(2):
    try:
        {}["percent"]
    except KeyError:
        import traceback; traceback.print_exc()
    sys.stderr.flush(); time.sleep(1)
print("ended", flush=True)
raise SystemExit(7)
"""
NEVER_QUIET = """
import sys, time
began = time.monotonic()
try:
    [][3]
except IndexError:
    import traceback; traceback.print_exc()
while time.monotonic() - began < 4:
    print("still here", file=sys.stderr, flush=True); time.sleep(0.05)
import os; os.kill(os.getpid(), 9)
"""


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}


def follows(folder: Path, *command: str) -> subprocess.CompletedProcess[bytes]:
    typed = (sys.executable, "-m", "kintsugi", "capture", "--follow", "--", *command)
    return subprocess.run(typed, cwd=folder, env=environment(folder), capture_output=True, check=False)


def incidents(folder: Path) -> list[dict[str, Any]]:
    done = terminal.run(["incidents", "--json"], folder, environment(folder))
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_output_and_status_pass_through_and_each_crash_counts(tmp_path: Path):
    done = follows(tmp_path, sys.executable, "-c", CRASHES)

    (incident,) = incidents(tmp_path)
    assert done.returncode == 7
    assert done.stdout == b"begun\n\xff raw\nended\n"
    assert done.stderr.count(b"KeyError: 'percent'\n") == 3  # the program's two, and ours that names the incident
    assert b"kintsugi: INC-1: KeyError: 'percent'" in done.stderr
    assert (incident["summary"], incident["count"]) == ("KeyError: 'percent'", 2)


def test_a_crash_of_a_program_that_is_never_quiet_is_captured_while_it_runs(tmp_path: Path):
    done = follows(tmp_path, sys.executable, "-c", NEVER_QUIET)

    (incident,) = incidents(tmp_path)
    said = done.stderr.decode()
    assert done.returncode == 128 + signal.SIGKILL
    assert incident["summary"].startswith("IndexError")
    assert said.index("kintsugi: INC-1") < said.rindex("still here")


def test_an_end_by_a_signal_without_a_report_is_captured_with_its_last_words(tmp_path: Path):
    done = follows(tmp_path, "sh", "-c", "echo all is well; kill -SEGV $$")

    (incident,) = incidents(tmp_path)
    assert done.returncode == 128 + signal.SIGSEGV
    assert incident["summary"] == "sh ended by SIGSEGV"


@pytest.mark.parametrize(
    ("command", "status"), [(["sh", "-c", "exit 3"], 3), (["true"], 0), (["no-such-command"], 127)]
)
def test_what_is_no_crash_opens_nothing(tmp_path: Path, command: list[str], status: int):
    done = follows(tmp_path, *command)

    assert done.returncode == status
    assert incidents(tmp_path) == []


def test_a_signal_reaches_the_program_and_is_no_crash(tmp_path: Path):
    program = "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(5))\nprint('ready', flush=True)\ntime.sleep(60)"
    typed = (sys.executable, "-m", "kintsugi", "capture", "--follow", "--", sys.executable, "-c", program)
    process = subprocess.Popen(typed, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    process.stdout.close()

    assert process.wait(PATIENCE) == 5
    assert incidents(tmp_path) == []


def test_two_files_are_one_too_many(tmp_path: Path):
    typed = (sys.executable, "-m", "kintsugi", "capture", "one.log", "two.log")
    done = subprocess.run(typed, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "One FILE at a time: one.log two.log. To run it as a command, add --follow." in done.stderr
