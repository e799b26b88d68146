"""`kintsugi capture --follow -- CMD…` as it is typed: what passes through, and what becomes an incident."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
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
import os, sys, time
try:
    [][3]
except IndexError:
    import traceback; traceback.print_exc()
while not os.path.exists("seen"):
    print("still here", file=sys.stderr, flush=True); time.sleep(0.05)
os.kill(os.getpid(), 9)
"""
PRINTS = """
import sys, time, traceback
def fails(error):
    try:
        raise error
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
"""


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}


def follows(folder: Path, *command: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    return terminal.run(["capture", "--follow", "--", *command], folder, environment(folder) | settings)


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
    typed = (sys.executable, "-m", "kintsugi", "capture", "--follow", "--", sys.executable, "-c", NEVER_QUIET)
    process = subprocess.Popen(typed, cwd=tmp_path, env=environment(tmp_path), stderr=subprocess.PIPE)
    assert process.stderr
    said = next(line for line in process.stderr if b"kintsugi: INC-1" in line)
    (tmp_path / "seen").touch()
    process.stderr.read()
    process.stderr.close()

    assert b"IndexError" in said
    assert process.wait(PATIENCE) == 128 + signal.SIGKILL
    (incident,) = incidents(tmp_path)
    assert incident["summary"].startswith("IndexError")


def test_bytes_that_are_no_text_hurt_nobody(tmp_path: Path):
    done = follows(
        tmp_path, sys.executable, "-c", f"{PRINTS}\nsys.stdout.buffer.write(bytes(range(256)))\nfails(KeyError(1))"
    )

    assert done.stdout == bytes(range(256))
    assert [one["summary"] for one in incidents(tmp_path)] == ["KeyError: 1"]


def test_failures_at_once_are_each_seen_and_counted_as_often_as_they_came(tmp_path: Path):
    program = f"{PRINTS}\nfor _ in range(30): fails(KeyError('tea'))\nfails(ValueError('no cup'))"

    follows(tmp_path, sys.executable, "-c", program)

    assert {one["summary"]: one["count"] for one in incidents(tmp_path)} == {
        "KeyError: 'tea'": 30,
        "ValueError: no cup": 1,
    }


def test_a_report_with_a_pause_in_it_is_one(tmp_path: Path):
    report = 'Traceback (most recent call last):\\n  File "a.py", line 1, in f\\n'
    program = f"{PRINTS}\nsys.stderr.write('{report}'); sys.stderr.flush(); time.sleep(2)\nprint('KeyError: 1', file=sys.stderr)"

    follows(tmp_path, sys.executable, "-c", program)

    assert [(one["summary"], one["count"]) for one in incidents(tmp_path)] == [("KeyError: 1", 1)]


def test_what_the_program_leaves_running_holds_nobody_up(tmp_path: Path):
    began = time.monotonic()
    done = follows(tmp_path, "sh", "-c", "sleep 600 & echo $!; exit 4")
    took = time.monotonic() - began

    os.kill(int(done.stdout), signal.SIGKILL)
    assert done.returncode == 4
    assert took < 500


@pytest.mark.parametrize("url", ["postgresql+psycopg://u:p@127.0.0.1:1/x", "sqlite:////proc/no/k.db", "what is this"])
def test_the_program_runs_whether_the_database_opens_or_not(tmp_path: Path, url: str):
    done = follows(tmp_path, sys.executable, "-c", CRASHES, KINTSUGI_DATABASE_URL=url)

    assert (done.returncode, done.stdout) == (7, b"begun\n\xff raw\nended\n")
    assert b"kintsugi: not captured: " in done.stderr


def test_an_end_with_a_status_is_a_failure_where_that_is_asked_for(tmp_path: Path):
    typed = ["capture", "--follow", "--exit-status", "--", "sh", "-c", "echo no tea; exit 3"]
    done = terminal.run(typed, tmp_path, environment(tmp_path))

    assert done.returncode == 3
    assert [one["summary"] for one in incidents(tmp_path)] == ["sh ended with status 3"]


@pytest.mark.parametrize(("options", "is_terminal"), [((), b"True 33"), (("--no-pty",), b"False")])
def test_where_we_have_a_terminal_the_program_has_one_of_its_size(
    tmp_path: Path, options: tuple[str, ...], is_terminal: bytes
):
    program = "import os, sys; t = sys.stdout.isatty(); print(t, os.get_terminal_size(1).columns if t else '')"
    typed = (sys.executable, "-m", "kintsugi", "capture", "--follow", *options, "--", sys.executable, "-c", program)
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 9, 33, 0, 0))
    process = subprocess.Popen(typed, cwd=tmp_path, env=environment(tmp_path), stdout=theirs)
    os.close(theirs)

    said = b""
    while b"\n" not in said:
        said += os.read(ours, 4_096)
    assert said.startswith(is_terminal)
    assert process.wait(PATIENCE) == 0
    os.close(ours)


ALTERNATES = "import os\nfor i in range(500):\n    os.write(1, b'out %d\\n' % i); os.write(2, b'err %d\\n' % i)"


@pytest.mark.parametrize("at_a_terminal", [False, True])
def test_what_goes_to_one_place_stays_in_order(tmp_path: Path, at_a_terminal: bool):
    """As with `> bot.log 2>&1`, or in a window."""
    ours, theirs = os.openpty() if at_a_terminal else os.pipe()
    typed = (sys.executable, "-m", "kintsugi", "capture", "--follow", "--", sys.executable, "-c", ALTERNATES)
    process = subprocess.Popen(typed, cwd=tmp_path, env=environment(tmp_path), stdout=theirs, stderr=theirs)
    os.close(theirs)

    said: list[str] = []
    with os.fdopen(ours, "rb") as output, suppress(OSError):  # of a terminal without another side
        said.extend(line.decode().strip() for line in output)
    assert process.wait(PATIENCE) == 0
    assert said == [f"{stream} {number}" for number in range(500) for stream in ("out", "err")]


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
    done = terminal.run(["capture", "one.log", "two.log"], tmp_path, environment(tmp_path))

    assert done.returncode == 2
    assert b"One FILE at a time: one.log two.log. To run it as a command, add --follow." in done.stderr
