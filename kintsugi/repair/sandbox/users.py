"""The user that a box is, by which what it left behind is found and removed."""

from __future__ import annotations

import errno
import os
import random
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kintsugi.repair.sandbox.room import INSIDE

_FIRST_UID, _LAST_UID = 61184, 65519  # the range set aside for users that exist only while a service runs
SHM = "/dev/shm"  # noqa: S108 (shared memory of multiprocessing)


@contextmanager
def a_user() -> Iterator[int]:
    """A user that nobody is, so that its processes and files are this box's alone.

    Other boxes of this machine, also those of other processes, are kept from it by the name of a socket, which is free
    again when its process dies. Raises OSError where none is left.
    """
    taken = {_owner(entry) for entry in _processes()}
    free = [uid for uid in range(_FIRST_UID, _LAST_UID + 1) if uid not in taken]
    with socket.socket(socket.AF_UNIX) as held:
        found = next((uid for uid in random.sample(free, len(free)) if _is_held(held, uid)), None)
        if found is None:
            raise OSError(errno.EAGAIN, "every user for boxes is taken")
        yield found


def _is_held(held: socket.socket, uid: int) -> bool:
    """Whether the user is ours from now on."""
    try:
        held.bind(f"\0kintsugi-box-{uid}")
    except OSError as error:
        return error.errno != errno.EADDRINUSE  # a system without such names: two may meet
    return True


def _processes() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _owner(path: Path) -> int | None:
    try:
        return path.lstat().st_uid
    except OSError:  # gone meanwhile
        return None


def sweep_processes(uid: int | None, home: str) -> None:
    """Kill what a box whose launcher died has left: all of its user, else all whose environment names its home.

    Where there are namespaces nothing outlives the launcher.
    """
    for _ in range(20):
        left = [entry for entry in _processes() if _belongs(entry, uid, home)]
        for entry in left:
            with suppress(OSError):
                os.kill(int(entry.name), signal.SIGKILL)
        if not left:
            return
        time.sleep(0.05)


def _belongs(process: Path, uid: int | None, home: str) -> bool:
    if uid is not None:
        return _owner(process) == uid
    if home == INSIDE.home:
        return False
    with suppress(OSError):
        return home.encode() in (process / "environ").read_bytes()
    return False


def sweep_shared_memory(uid: int | None) -> None:
    if uid is None:
        return
    for entry in Path(SHM).iterdir() if Path(SHM).is_dir() else ():
        with suppress(OSError):
            if _owner(entry) == uid:
                entry.unlink()
