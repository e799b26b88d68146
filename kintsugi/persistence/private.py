"""Files that hold what was captured: for the user that Kintsugi runs as, whatever the umask says."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_OTHERS = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH


def private_folder(folder: Path) -> None:
    """Make it where it is missing, for its owner alone; one that is there stays as it is. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def private_file(file: Path) -> None:
    """Make it, empty and for its owner alone; take one that is there from everybody but its owner and its group.

    What SQLite puts beside a database gets the database's mode. Where it cannot be, opening the file will tell.
    """
    with suppress(OSError):
        if file.exists():
            _take_from_others(file)
        else:
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _take_from_others(file: Path) -> None:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & _OTHERS:
        file.chmod(mode & ~_OTHERS)
