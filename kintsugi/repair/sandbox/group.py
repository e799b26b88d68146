"""A control group for one run, where this machine gives us one: the kernel itself then holds memory and processes."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kintsugi.repair.scratch import PREFIX

_ROOT = Path("/sys/fs/cgroup")
_MB = 1 << 20
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Group:
    """`processes_fd`: who writes 0 to it joins. None where there is no group."""

    folder: Path | None = None
    processes_fd: int | None = None

    @property
    def ran_out_of_memory(self) -> bool:
        """Whether the kernel has killed one of its processes for its memory."""
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                told = (self.folder / name).read_text() if self.folder else ""
                return any(
                    line.split() > ["oom_kill", "0"] for line in told.splitlines() if line.startswith("oom_kill ")
                )
        return False


@contextmanager
def a_group(memory_mb: int, processes: int) -> Iterator[Group]:
    """A new group with these limits; none where the machine has no control groups that we may use."""
    folder = _made(memory_mb, processes)
    if folder is None:
        yield Group()
        return
    handle = os.open(folder / "cgroup.procs", os.O_WRONLY)
    try:
        yield Group(folder, handle)
    finally:
        os.close(handle)
        _remove(folder)


def _made(memory_mb: int, processes: int) -> Path | None:
    newer = {"memory.max": memory_mb * _MB, "memory.swap.max": 0, "pids.max": processes}
    for parent, limits in (
        (_our_own("0::"), newer),
        (_our_own(":memory:"), {"memory.limit_in_bytes": memory_mb * _MB}),
    ):
        if parent is None:
            continue
        folder = parent / f"{PREFIX}{secrets.token_hex(8)}"
        try:
            folder.mkdir()
            for name, limit in limits.items():
                if name != "memory.swap.max" or (folder / name).exists():
                    (folder / name).write_text(str(limit))
        except OSError:
            _remove(folder)
            continue
        return folder
    return None


def sweep(*, older_than: float) -> None:
    """Remove the groups of processes that were killed: those nobody is in, made more than so many seconds ago."""
    for parent in (_our_own("0::"), _our_own(":memory:")):
        for folder in parent.glob(f"{PREFIX}*") if parent else ():
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime >= older_than:
                    folder.rmdir()  # the kernel refuses while it has a process


def _our_own(kind: str) -> Path | None:
    """Where a group can be made: in our own of the first version; beside it in the second, where only leaves hold
    processes.
    """
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, found, path = line.partition(kind)
            if found and kind == "0::":
                return (_ROOT / path.strip("/")).parent if path.strip("/") else None
            if found:
                return _ROOT / "memory" / path.strip("/")
    return None


def _remove(folder: Path) -> None:
    """Its last processes may be on their way out."""
    for _ in range(_TRIES):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.01)
        else:
            return
