"""The last line is there, however a process ends; one program forks fifty times for each of the ways."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world.patience import PATIENCE

ROOT = Path(__file__).parents[2]
LOADED = """
import kintsugi.telemetry.installation
from kintsugi.telemetry.redact import redact
redact("something")
"""
"""The first text that is looked at makes the redactor's scanner, which takes longer than all else that a child does."""

READY = f"{LOADED}\ntelemetry.install()"

HEAD = """
import logging, multiprocessing, os, signal, sys
from concurrent.futures import ProcessPoolExecutor
from kintsugi import telemetry
log = logging.getLogger("shop")
def say(number):
    log.info("before %s", number)
    log.critical("last %s", number)
def say_softly(number):
    log.warning("last %s", number)
"""
WAYS = {
    "SIGTERM": f"""{LOADED}
for number in range(50):
    child = os.fork()
    if not child:
        telemetry.install()
        say_softly(number)
        os.kill(os.getpid(), signal.SIGTERM)
        os.abort()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
""",
    "os._exit after a fork": f"""{READY}
for number in range(50):
    child = os.fork()
    if not child:
        say(number)
        os._exit(0)
    os.waitpid(child, 0)
""",
    "SIGKILL": f"""{READY}
for number in range(50):
    child = os.fork()
    if not child:
        say(number)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
""",
    "multiprocessing": f"""{READY}
for number in range(50):
    child = multiprocessing.get_context("fork").Process(target=say_softly, args=(number,))
    try: int("in the parent")
    except ValueError: child.start()
    child.join()
""",
    "a pool": f"""{READY}
with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
    list(pool.map(say_softly, range(50)))
""",
}


def lines_of(program: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HEAD + program],
        cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["msg"] for line in done.stderr.splitlines()]


@pytest.mark.parametrize("way", WAYS)
def test_the_last_word_is_there_fifty_times_of_fifty(way: str):
    said = lines_of(WAYS[way])

    assert sorted(line for line in said if line.startswith("last")) == sorted(f"last {number}" for number in range(50))
    assert not any("failed" in line for line in said)


def test_without_a_queue_each_line_is_there_before_its_call_returns():
    program = "telemetry.install()\nfor number in range(50): log.info('line %s', number)\nos._exit(0)"

    assert lines_of(program, KINTSUGI_LOG_DIRECT="true") == [f"line {number}" for number in range(50)]


def test_lines_may_go_to_standard_output():
    done = subprocess.run(
        [sys.executable, "-c", f"{HEAD}\ntelemetry.install()\nlog.warning('hello')"],
        cwd=ROOT, env={**os.environ, "KINTSUGI_LOG_STREAM": "stdout"}, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip

    assert json.loads(done.stdout)["msg"] == "hello"
    assert done.stderr == ""


def test_a_programs_own_handler_of_the_signal_stays_its_own():
    program = """
signal.signal(signal.SIGTERM, lambda *_: (log.warning("its own"), sys.exit(0)))
telemetry.install()
os.kill(os.getpid(), signal.SIGTERM)
"""

    assert lines_of(program) == ["its own"]


def test_a_last_word_that_cannot_be_said_ends_the_program_all_the_same():
    program = (
        "import os, signal\n"
        "from kintsugi.telemetry.last_words import LastWords\n"
        "LastWords(lambda: 1 / 0)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=PATIENCE, capture_output=True, check=False)

    assert done.returncode == -signal.SIGTERM
