"""A yes or a no at a terminal: `yes` is yes, Enter is yes, anything else is asked again, and one Ctrl-C ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.world.patience import PATIENCE

ROOT = Path(__file__).parents[2]
ASKS = """
import asyncio, sys
from rich.console import Console
from kintsugi.integrations.terminal import agreed
for _ in range(int(sys.argv[1])):
    print(asyncio.run(agreed(Console(), "Confirm this patch?")))
"""
MEANT = {"y": True, "yes": True, "": True, "YES": True, "n": False, "no": False}


def started(terminal: int, times: int = 1) -> subprocess.Popen[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-u", "-c", ASKS, str(times)],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )


def answers(typed: list[str], times: int) -> list[str]:
    """What one process takes these lines for, asking so often."""
    keyboard, terminal = os.openpty()
    try:
        process = started(terminal, times)
        os.write(keyboard, "".join(f"{line}\n" for line in typed).encode())
        said, _ = process.communicate(timeout=PATIENCE)
    finally:
        os.close(terminal)
        os.close(keyboard)
    return [line.removeprefix("Confirm this patch? ") for line in said.splitlines()]


def test_what_is_typed_is_what_is_meant():
    found = answers(list(MEANT), len(MEANT))

    assert found == [f"[Y/n] {meant}" for meant in MEANT.values()]


def test_anything_else_is_asked_again():
    found = answers(["maybe", "no"], 1)

    assert found == ["[Y/n] Type yes or no.", "[Y/n] False"]


def test_one_interrupt_ends_the_question():
    keyboard, terminal = os.openpty()
    try:
        process = started(terminal)
        assert process.stdout
        assert process.stdout.read(len("Confirm")) == "Confirm"  # it asks now
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    finally:
        os.close(terminal)
        os.close(keyboard)

    assert process.returncode == -signal.SIGINT
