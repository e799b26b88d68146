"""Where an SQLite file lies: on a disk whose locks hold, and still in its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")  # Linux; elsewhere nothing is known, and nothing refused
# Locks that hold between hosts, and memory that is shared between them, are what SQLite asks of a disk and these have
# not: https://www.sqlite.org/howtocorrupt.html#_filesystems_with_broken_or_missing_lock_implementations
_NETWORK = {
    *("nfs", "nfs4", "cifs", "smbfs", "smb3", "afs", "ceph", "glusterfs", "lustre", "gfs2", "ocfs2"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.ceph", "davfs", "ncpfs"),
}


def network_share(file: Path, mounts: Path = _MOUNTS) -> str:
    """The kind of network share that the file lies on, such as nfs4; "" where it lies on none."""
    try:
        table = mounts.read_text(errors="replace")
    except OSError:
        return ""
    place = file.absolute().resolve()
    on = [(where, kind) for where, kind in _mounted(table) if place.is_relative_to(where)]
    _, kind = max(on, key=lambda mount: len(mount[0].parts), default=(Path(), ""))  # the last one covers those before
    return kind if kind in _NETWORK else ""


def identity(file: Path) -> tuple[int, int] | None:
    """Which file it is, whatever it is called; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _mounted(table: str) -> Iterator[tuple[Path, str]]:
    for line in table.splitlines():
        words = line.split(" ")
        if len(words) > 2:  # device, place, kind
            yield Path(words[1].encode().decode("unicode_escape")), words[2]
