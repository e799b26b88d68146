"""What the launcher must know, as it is written to it."""

from __future__ import annotations

from typing import NamedTuple


class Spec(NamedTuple):
    """Everything the launcher must know, as it is written to it. Paths are those inside the box but for `base`, the
    sources of `mounts` and `new_root`, which are outside. The launcher reads them off a bare object with these names.
    """

    mechanism: str
    namespaced: bool  # whether that gives it processes, users and a network of its own
    command: list[str]
    environment: dict[str, str]
    script: str  # on the command's standard input
    services: list[str]  # shell commands that are started beside it, and are to listen or to have ended well before
    uid: int | None  # None: stay who we are
    base: str | None  # the tree to show; None: it lies in `tree` already
    base_kb: int
    base_owner: int | None  # whose files are shown as the command's own; None: they are already
    changes: list[tuple[str, bytes | None]]  # path in the tree and content; None removes
    tree: str
    home: str
    tmp: str
    mounts: list[tuple[str, str]]  # source outside, target inside, to be read
    kept: list[tuple[str, str]]  # the same, to be written to
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
