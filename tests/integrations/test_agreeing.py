"""A yes or a no at a terminal: `yes` is yes, Enter is yes, anything else is asked again, and one Ctrl-C ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world.patience import PATIENCE

ROOT = Path(__file__).parents[2]
ASKS = """
import asyncio
from rich.console import Console
from kintsugi.integrations.terminal import agreed
print(asyncio.run(agreed(Console(), "Confirm this patch?")))
"""


def started(terminal: int) -> subprocess.Popen[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-u", "-c", ASKS],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("y\n", "True"),
        ("yes\n", "True"),
        ("\n", "True"),
        ("YES\n", "True"),
        ("n\n", "False"),
        ("no\n", "False"),
        ("maybe\nno\n", "False"),
    ],
)
def test_what_is_typed_is_what_is_meant(typed: str, answer: str):
    keyboard, terminal = os.openpty()
    try:
        process = started(terminal)
        os.write(keyboard, typed.encode())
        said, _ = process.communicate(timeout=PATIENCE)
    finally:
        os.close(terminal)
        os.close(keyboard)

    assert said.splitlines()[-1].endswith(answer)
    assert ("Type yes or no." in said) is ("maybe" in typed)


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
