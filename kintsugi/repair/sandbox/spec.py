"""What the launcher must know, as it is written to it."""

from __future__ import annotations

import json
from typing import NamedTuple

COPIED = "/srv/.base"
"""Where the tree lies inside that the command's user copies, where folders cannot be laid over each other."""

MB = 1 << 20
SHM_MB = 64
SMALLEST_FILE = 4096  # an empty file costs an inode


class Spec(NamedTuple):
    """Everything the launcher must know, as it is written to it. Paths are those inside the box but for `base`, the
    sources of `mounts` and `new_root`, which are outside. No dataclass: loading what makes them takes as long as
    starting the interpreter.
    """

    mechanism: str
    command: list[str]
    environment: dict[str, str]
    script: str  # on the command's standard input
    services: list[str]  # shell commands that are started beside it, and are to listen or to have ended well before
    uid: int | None  # None: stay who we are
    base: str | None  # the tree to show; None: it lies in `tree` already
    base_kb: int
    base_owner: int | None  # whose files are shown as the command's own; None: they are already
    changes: list[tuple[str, str | None]]  # path in the tree; content in base64, None removes
    tree: str
    home: str
    tmp: str
    mounts: list[tuple[str, str]]  # source outside, target inside, to be read
    links: list[tuple[str, str]]  # where it points, path inside
    new_root: str
    readable: list[str]
    writable: list[str]
    memory_mb: int
    processes: int
    disk_mb: int
    files: int  # open at once, of one process
    report_fd: int
    record_fd: int | None
    group_fd: int | None  # the control group's list of processes

    def written(self) -> str:
        return json.dumps(self._asdict())

    @property
    def namespaced(self) -> bool:
        return self.mechanism in ("bubblewrap", "namespaces")
