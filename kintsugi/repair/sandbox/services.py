# Why: a bare interpreter starts faster with os alone.
# ruff: noqa: PTH123
"""What runs beside the tests in the box: each service is started before them, and waited for until it listens.

They are started by the command's own user, under its limits, and nobody's children; the warden ends them with the rest.
"""

from __future__ import annotations

import os
import time

from kintsugi.repair.sandbox.bare import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kintsugi.repair.sandbox.spec import Spec

_SECONDS = 60.0
_PAUSE = 0.05
_LISTENS = b"0A"  # as the kernel's tables of TCP write it
_ACCEPTS = b"00010000"  # … and the one of Unix sockets
_STATUS_FD = 9
_TOLD = 2000


def start(spec: Spec) -> None:
    """Raises OSError where one ends badly, or does not listen in time."""
    for command in spec.services:
        printed = os.open(spec.tmp, os.O_TMPFILE | os.O_RDWR)
        try:
            _start(command, spec.environment, printed)
        finally:
            os.close(printed)


def _start(command: str, environment: dict[str, str], printed: int) -> None:
    before, status = _listening(), os.pipe()
    child = os.fork()
    if child == 0:
        if os.fork() == 0:  # nobody's child: a test that waits for its own must not find it
            _become(command, environment, status[1], printed)
        os._exit(0)
    os.waitpid(child, 0)
    os.close(status[1])
    os.set_blocking(status[0], False)
    try:
        _wait(command, status[0], printed, before)
    finally:
        os.close(status[0])


def _become(command: str, environment: dict[str, str], status: int, printed: int) -> None:
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        os.dup2(status, _STATUS_FD)
        line = f"( {command}\n) {_STATUS_FD}>&-; echo $? >&{_STATUS_FD}"
        os.execve("/bin/sh", ["/bin/sh", "-c", line], environment)  # noqa: S606 (the operator's own command)
    finally:
        os._exit(127)


def _wait(command: str, status: int, printed: int, before: int) -> None:
    ends = time.monotonic() + _SECONDS
    while time.monotonic() < ends:
        with suppress(BlockingIOError):
            ended = os.read(status, 16).strip()
            if ended != b"0":
                raise OSError(f"the service `{command}` ended with status {ended.decode() or '?'}: {_end(printed)}")
            return
        if _listening() > before:
            return
        time.sleep(_PAUSE)
    raise OSError(f"the service `{command}` did not listen within {_SECONDS:.0f} s: {_end(printed)}")


def _end(printed: int) -> str:
    size = os.fstat(printed).st_size
    return os.pread(printed, _TOLD, max(size - _TOLD, 0)).decode(errors="replace").strip()


def _listening() -> int:
    """How many sockets of this network wait for connections."""
    tcp = sum(row.split()[3] == _LISTENS for name in ("tcp", "tcp6") for row in _rows(name))
    return tcp + sum(row.split()[3] == _ACCEPTS for row in _rows("unix"))


def _rows(name: str) -> list[bytes]:
    try:
        with open(f"/proc/net/{name}", "rb") as file:
            return file.read().splitlines()[1:]
    except OSError:
        return []
