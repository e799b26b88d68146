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
    with opened(file) as stream:
        try:
            return stream.read()
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}.") from error


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The bytes to be read bit by bit. Raises UsageError where they cannot be read."""
    if file == "-":
        if sys.stdin is None:
            raise UsageError("Standard input is closed. Name a file, or pipe the text in.")
        yield sys.stdin.buffer
        return
    if not file:
        raise UsageError("The name of the file is empty.")
    try:
        stream = Path(file).open("rb")  # noqa: SIM115  # a file that cannot be opened is the caller's mistake
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    with stream:
        yield stream
