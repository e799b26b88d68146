# Why: a bare interpreter starts faster with os alone, which takes the paths of the spec as they are.
# ruff: noqa: PTH101, PTH112, PTH115, PTH116, PTH123, PTH208
"""What a box uses, counted from inside by its warden: processes, memory with what sockets and pipes hold, disk."""

from __future__ import annotations

import os
import stat

from kintsugi.repair.sandbox.bare import COPIED, MB, SMALLEST_FILE, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kintsugi.repair.sandbox.spec import Spec

_BLOCK = 512
_INODE = 2048
_DEEPEST = 500
# What sockets and pipes may hold at most, unread, where the kernel does not say how much they do.
_UNIX_SOCKET, _PIPE, _SMALL_PIPE, _FULL_PIPES = 425_984, 65_536, 8_192, 64 * MB
_LOOKED_INTO = stat.S_IRUSR | stat.S_IXUSR
_COUNTED_SOCKETS = ("unix", "netlink", "packet")
_TOLD_SOCKETS = ("tcp", "udp", "raw")
_FIRST_TO_DIE = 1000


def give_way(pid: int | str, nicer: int) -> None:
    """For a session: Linux may share the processor between sessions first, and between their processes then."""
    with suppress(OSError), open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as file:
        file.write(str(nicer))


def die_first(pid: int | str) -> None:
    with suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w", encoding="ascii") as file:
        file.write(str(_FIRST_TO_DIE))


def threads_of_ours() -> int:
    """How much of the limit on processes is used up already: the kernel counts all of one user's threads."""
    return sum(_field(pid, "Threads") for pid in _all_processes() if _owner(pid) == os.getuid())


def _owner(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def excess(spec: Spec, *, disk_too: bool) -> str | None:
    members = _members()
    for pid in members:  # the kernel lets them take it back
        die_first(pid)
    if len(members) > spec.processes:
        return f"it had more than {spec.processes} processes"
    used = sum(_field(pid, "RssAnon") + _field(pid, "RssShmem") for pid in members) * 1024 + _pipes(members)
    if spec.namespaced:
        used += _sockets() + _system_v() + _used("/dev/shm")  # noqa: S108
    if used > spec.memory_mb * MB:
        return f"it used more than {spec.memory_mb} MB of memory"
    return full_disk(spec) if disk_too else None


def full_disk(spec: Spec) -> str | None:
    """What it was stopped for where it used all its disk: the kernel may have told it before we looked."""
    return f"it wrote more than {spec.disk_mb} MB to disk" if _written(spec) > spec.disk_mb * MB else None


def _pipes(members: list[int]) -> int:
    """Bytes that pipes may hold unread, which the kernel counts for nobody."""
    pipes = len({link for pid in members for link in _open_files(pid) if link.startswith("pipe:")})
    return min(pipes * _PIPE, _FULL_PIPES + pipes * _SMALL_PIPE)


def _sockets() -> int:
    """The same of all sockets of this network, open or on their way in another."""
    most = sum(len(_table(f"/proc/net/{name}")) for name in _COUNTED_SOCKETS) * _UNIX_SOCKET
    rows = [row for name in ("icmp", *_in_use()) for row in _table(f"/proc/net/{name}")]
    return most + sum(int(part, 16) for row in rows for part in row.split()[4].split(b":"))


def _in_use() -> list[str]:
    """Those of the tables that hold something. For one of TCP or UDP the kernel walks all sockets of the machine, which
    costs milliseconds; how many this network has it knows at once."""
    told = _told("sockstat") + _told("sockstat6")
    return [name for each in _TOLD_SOCKETS for name in (each, f"{each}6") if f"{name.upper()}: inuse 0 " not in told]


def _told(name: str) -> str:
    """How many sockets of each protocol are in use; nothing where the kernel does not say it."""
    try:
        with open(f"/proc/net/{name}", encoding="ascii") as file:
            return file.read().replace("\n", " ")
    except OSError:
        return ""


def _table(path: str) -> list[bytes]:
    """The rows of one of the kernel's tables; none where it has none."""
    try:
        with open(path, "rb") as file:
            return file.read().splitlines()[1:]
    except OSError:
        return []


def _open_files(pid: int) -> list[str]:
    found = []
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return found


def _system_v() -> int:
    """Bytes of shared memory segments, attached to or not."""
    return sum(int(row.split()[14]) for row in _table("/proc/sysvipc/shm"))


def _written(spec: Spec) -> int:
    if spec.mechanism == "namespaces":
        return max(_used(spec.tmp) - _copied_bytes(spec), 0)
    if spec.mechanism == "bubblewrap":
        return max(sum(_used(path) for path in (spec.tree, spec.home, spec.tmp)) - spec.base_kb * 1024, 0)
    folders = sum(_size(os.open(path, os.O_RDONLY), _DEEPEST) for path in (spec.tree, spec.home, spec.tmp))
    return folders + _without_a_name(_members())


def _copied_bytes(spec: Spec) -> int:
    return spec.base_kb * 1024 if os.path.isdir(COPIED) else 0


def _used(path: str) -> int:
    """Bytes used of a file system of the box's own, whatever can be seen of it."""
    try:
        system = os.statvfs(path)
    except OSError:
        return 0
    return (system.f_blocks - system.f_bfree) * system.f_frsize + (system.f_files - system.f_ffree) * _INODE


def _members() -> list[int]:
    """Every living process of the box: all others in our process namespace, else all our descendants."""
    if os.getpid() == 1:
        return [pid for pid in _all_processes() if pid != 1]
    parents = {pid: int(_stat(pid)[1]) for pid in _all_processes()}
    members: set[int] = set()
    found = {os.getpid()}
    while found:
        found = {pid for pid, parent in parents.items() if parent in found} - members
        members |= found
    return sorted(members)


def _all_processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _field(pid: int, name: str) -> int:
    """A number out of /proc/<pid>/status (memory in KB); 0 where it is not told or the process is gone."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            for line in file:
                if line.startswith(name.encode() + b":"):
                    return int(line.split()[1])
    except OSError:
        return 0
    return 0


def _is_zombie(pid: int) -> bool:
    return _stat(pid)[0] in (b"Z", b"X")


def _stat(pid: int) -> list[bytes]:
    """The state and the parent out of /proc/<pid>/stat: read for each process of the machine, in half of the time that
    its status takes. Of one that is gone, those of a dead one without a parent.
    """
    try:
        handle = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return [b"X", b"0"]
    try:
        return os.read(handle, 1024).rpartition(b")")[2].split(None, 2)[:2]
    except OSError:
        return [b"X", b"0"]
    finally:
        os.close(handle)


def _size(folder: int, depth: int) -> int:
    """Bytes on disk of all below an open folder, which is closed; a file with many names counts once for each.

    By handles, as a path may be too long to name. What is too deep to look into counts as more than anybody may have.
    """
    if not depth:
        os.close(folder)
        return 1 << 60
    found = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                found += max(entry.stat(follow_symlinks=False).st_blocks * _BLOCK, SMALLEST_FILE)
                if entry.is_dir(follow_symlinks=False):
                    found += _size_below(entry.name, folder, depth - 1)
    os.close(folder)
    return found


def _size_below(name: str, folder: int, depth: int) -> int:
    """Of a folder in an open one. One that its owner closed, who may be us, is open while we look."""
    found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY, dir_fd=folder)
    path = f"/proc/self/fd/{found}"  # this very folder, whatever has its name by now
    mode = stat.S_IMODE(os.stat(path).st_mode)
    is_closed = os.getuid() and mode & _LOOKED_INTO != _LOOKED_INTO
    try:
        if is_closed:
            os.chmod(path, mode | _LOOKED_INTO)
        return _size(os.open(path, os.O_RDONLY | os.O_DIRECTORY), depth)
    finally:
        if is_closed:
            os.chmod(path, mode)
        os.close(found)


def _without_a_name(members: list[int]) -> int:
    """Bytes on disk of open files that are in no folder."""
    found: dict[tuple[int, int], int] = {}
    for pid in members:
        with suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with suppress(OSError):
                    about = os.stat(f"/proc/{pid}/fd/{name}")
                    if stat.S_ISREG(about.st_mode) and not about.st_nlink:
                        found[about.st_dev, about.st_ino] = about.st_blocks * _BLOCK
    return sum(found.values())


def living() -> list[int]:
    return [pid for pid in _members() if not _is_zombie(pid)]
