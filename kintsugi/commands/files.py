"""Reading what a command was given: a file, or standard input for `-`."""

from __future__ import annotations

import sys
from pathlib import Path

from kintsugi.commands.outcome import UsageError


def read_bytes(file: str) -> bytes:
    """Raises UsageError where it cannot be read."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
