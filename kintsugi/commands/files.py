"""Reading what a command was given: a file, or standard input for `-`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kintsugi.commands.outcome import UsageError


def read_bytes(file: str) -> bytes:
    """Raises UsageError where it cannot be read."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The bytes to be read bit by bit. Raises UsageError where they cannot be read."""
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115  # a file that cannot be opened is the caller's mistake
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    with stream:
        yield stream
