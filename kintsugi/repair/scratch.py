"""Folders for the time of one piece of work. Who holds one has it locked; what a killed process left is swept."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kintsugi.children import environment

PREFIX = "work-k7f3a1-"  # nobody else's, and it does not say to who runs in one what it is for


@contextmanager
def scratch(parent: Path | None = None) -> Iterator[Path]:
    """A new empty folder below `parent` (else the system's temporary one), gone afterwards. Raises OSError."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        _remove(folder)
        os.close(lock)


def sweep(parent: Path | None = None, *, older_than: float) -> None:
    """Remove the folders of processes that were killed: those nobody holds, made more than so many seconds ago."""
    for folder in Path(parent or tempfile.gettempdir()).glob(f"{PREFIX}*"):
        _remove_if_left(folder, older_than)


def _remove_if_left(folder: Path, older_than: float) -> None:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    except OSError:  # somebody else's
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_uid == os.getuid() and time.time() - os.fstat(lock).st_mtime >= older_than:
            _remove(folder)
    except BlockingIOError:
        return
    finally:
        os.close(lock)


def _remove(folder: Path) -> None:
    """Whatever was made of it: in a box, folders without rights, or nested thousands deep."""
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        subprocess.run(["chmod", "-R", "u+rwX", "--", str(folder)], check=False, capture_output=True, env=environment())
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, capture_output=True, env=environment())
