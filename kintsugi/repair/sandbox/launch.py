# Why: a bare interpreter starts faster with os alone, which takes the paths of the spec as they are.
# ruff: noqa: PTH102, PTH103, PTH106, PTH108, PTH112, PTH114, PTH115, PTH116, PTH118, PTH120, PTH123, PTH208, PTH211
"""The launcher: a small program of ours that closes the box around itself, then starts and watches the command.

It runs in a bare interpreter (no site packages) that gets it on its standard input, so that no file and no argument
names it. One process stays as the warden: it reaps orphans, keeps the limits that the kernel does not, kills what is
left behind, and reports. Its standard input is a lifeline: when the other end closes, on purpose or because Kintsugi
died, the box is cleared.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import resource
import select
import signal
import stat
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from kintsugi.repair.sandbox import kernel

_TICK_MS = 100
_TICKS_PER_DISK_CHECK = 3
_MB = 1 << 20
_BLOCK = 512
_SMALLEST_FILE = 4096  # an empty file costs an inode
_INODE = 2048
_DEEPEST = 500
_SHM_MB = 64
_GRACE_SECONDS = 0.5  # helpers of a finished test run end by themselves within this
_KILL_SECONDS = 5.0
_NOT_STARTED = 127
_RECORD_FD = 3  # where a command finds its record
_OUT_OF_THE_WAY = 64
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_BASE = "/srv/.base"  # where the tree lies that is copied, if it is
# What sockets and pipes may hold at most, unread, where the kernel does not say how much they do.
_UNIX_SOCKET, _PIPE, _SMALL_PIPE, _FULL_PIPES = 425_984, 65_536, 8_192, 64 * _MB
_COUNTED_SOCKETS = ("unix", "netlink", "packet")
_TOLD_SOCKETS = ("udp", "udp6", "raw", "raw6", "icmp")
_TCP_SOCKETS = {"tcp": "sockstat", "tcp6": "sockstat6"}  # and where the kernel counts them
_NICER = 10
_FIRST_TO_DIE = 1000
_TCP = {"tcp_rmem": "4096 65536 212992", "tcp_wmem": "4096 16384 212992"}


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything the launcher must know, as it is written to it. Paths are those inside the box but for `base`, the
    sources of `mounts` and `new_root`, which are outside.
    """

    mechanism: str
    command: list[str]
    environment: dict[str, str]
    script: str  # on the command's standard input
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
        return json.dumps(asdict(self))

    @property
    def namespaced(self) -> bool:
        return self.mechanism in ("bubblewrap", "namespaces")


def main(text: str) -> None:
    spec = Spec(**_out_of_the_way(json.loads(text)))
    try:
        if spec.mechanism == "namespaces":
            _supervise_in_namespaces(spec)
        else:
            _supervise(spec)
    except OSError as error:
        _report(spec, failed=str(error))


def _out_of_the_way(facts: dict[str, Any]) -> dict[str, Any]:
    """What we were handed, under numbers that are in nobody's way; closed when the command starts."""
    for name in ("report_fd", "record_fd", "group_fd"):
        if facts[name] is not None:
            handed = facts[name]
            facts[name] = fcntl.fcntl(handed, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
            os.close(handed)
    return facts


def _report(spec: Spec, **facts: object) -> None:
    os.write(spec.report_fd, json.dumps(facts).encode() + b"\n")


def _supervise_in_namespaces(spec: Spec) -> None:
    flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET
    flags |= kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
    uid, gid = os.getuid(), os.getgid()
    users = None
    if spec.base_owner is not None and spec.uid is not None:
        users = kernel.users_of(spec.base_owner, spec.uid)
    if spec.uid is None:
        kernel.unshare(flags | kernel.CLONE_NEWUSER)
        kernel.map_own_user(uid, gid)
    else:
        kernel.unshare(flags)
    first = os.fork()
    if first == 0:
        _be_first(spec, users)
    os.waitpid(first, 0)


def _be_first(spec: Spec, users: int | None) -> NoReturn:
    """Process 1 of the new namespaces: when it ends, the kernel kills all others."""
    try:
        kernel.raise_loopback()
        _build_root(spec, users)
        _supervise(spec)
    except OSError as error:
        _report(spec, failed=str(error))
    finally:
        os._exit(0)


def _build_root(spec: Spec, users: int | None) -> None:
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", spec.new_root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=16m,mode=755")
    _limit_tcp()
    _mount_own(spec, users)
    for source, target in spec.mounts:
        _bind(source, spec.new_root + target)
        kernel.make_readonly(spec.new_root + target, recursive=True)
    for points_to, path in spec.links:
        os.symlink(points_to, spec.new_root + path)
    _mount_devices(spec.new_root + "/dev")
    os.mkdir(spec.new_root + "/proc")
    no_programs = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", spec.new_root + "/proc", "proc", no_programs, "hidepid=2")
    kernel.enter_root(spec.new_root)
    kernel.make_readonly("/dev", recursive=False)
    kernel.make_readonly("/", recursive=False)


def _limit_tcp() -> None:
    """What the connections of this network hold unread; ours are small, and no limit on memory counts them."""
    for name, sizes in _TCP.items():
        with suppress(OSError), open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as file:
            file.write(sizes)


def _mount_own(spec: Spec, users: int | None) -> None:
    """One file system of the box's own for all that it may write to; what was deleted there still counts."""
    assert spec.base is not None
    disk = f"{spec.new_root}/.disk"
    os.mkdir(disk)
    size = f"size={spec.disk_mb + 1}m,nr_inodes={_inodes(spec)}"
    kernel.mount("tmpfs", disk, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"{size},mode=755")
    for name, target in (("home", spec.home), ("tmp", spec.tmp)):
        _make(f"{disk}/{name}", spec.uid)
        _bind(f"{disk}/{name}", spec.new_root + target)
    os.makedirs(spec.new_root + spec.tree)
    try:
        _lay_over(spec, disk, users)
    except OSError:  # the kernel has no overlay, or not for us
        if users is not None:
            raise
        size = f"size={spec.disk_mb + 1 + spec.base_kb // 1024}m,nr_inodes={_inodes(spec) + spec.base_kb}"
        kernel.mount("tmpfs", disk, None, kernel.MS_REMOUNT | kernel.MS_NOSUID | kernel.MS_NODEV, size)
        _make(f"{disk}/tree", spec.uid)
        _bind(f"{disk}/tree", spec.new_root + spec.tree)
        _bind(spec.base, spec.new_root + _BASE)
        kernel.make_readonly(spec.new_root + _BASE, recursive=True)
    kernel.detach(disk)
    os.rmdir(disk)


def _inodes(spec: Spec) -> int:
    return max(spec.disk_mb * _MB // _SMALLEST_FILE, 16_384)


def _make(folder: str, uid: int | None) -> None:
    os.mkdir(folder, 0o755)
    if uid is not None:
        os.chown(folder, uid, uid)


def _lay_over(spec: Spec, disk: str, users: int | None) -> None:
    """The tree itself, with what is written to it kept apart. Relative names, as everybody can read them."""
    assert spec.base is not None
    _make(f"{disk}/new", spec.uid)
    os.mkdir(f"{disk}/work")
    lower = f"{spec.new_root}/.tree"
    if users is None:
        _bind(spec.base, lower)
    else:
        os.mkdir(lower)
        kernel.mount_as(spec.base, lower, users)
        os.close(users)
    os.chdir(spec.new_root)
    options = "lowerdir=.tree,upperdir=.disk/new,workdir=.disk/work"
    options += ",userxattr" if spec.uid is None else ""
    try:
        kernel.mount("overlay", spec.new_root + spec.tree, "overlay", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    finally:
        os.chdir("/")
        kernel.detach(lower)
        os.rmdir(lower)


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _touch(target)
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def _mount_devices(folder: str) -> None:
    os.mkdir(folder)
    kernel.mount("tmpfs", folder, "tmpfs", kernel.MS_NOSUID, "size=1m,mode=755")
    for name in _DEVICES:
        _touch(f"{folder}/{name}")
        kernel.mount(f"/dev/{name}", f"{folder}/{name}", None, kernel.MS_BIND)
    for name, points_to in _DEVICE_LINKS.items():
        os.symlink(points_to, f"{folder}/{name}")
    os.mkdir(f"{folder}/pts")
    options = "newinstance,ptmxmode=0666,mode=620"
    kernel.mount("devpts", f"{folder}/pts", "devpts", kernel.MS_NOSUID | kernel.MS_NOEXEC, options)
    os.mkdir(f"{folder}/shm")
    kernel.mount("tmpfs", f"{folder}/shm", "tmpfs", kernel.MS_NOSUID, f"size={_SHM_MB}m,mode=1777")


def _supervise(spec: Spec) -> None:
    """Start the command as a child, see that it keeps its limits, clear up behind it, report."""
    kernel.become_subreaper()
    kernel.hide_own_memory()
    wakes = _wake_on_child()
    child = os.fork()
    if child == 0:
        _become_the_command(spec)
    status, stopped = _watch(spec, child, wakes)
    left = _clear(child)
    _report(spec, status=status, stopped=stopped, left=left)


def _wake_on_child() -> int:
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing)
    return reading


def _become_the_command(spec: Spec) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        os.setsid()
        os.dup2(_script(spec), 0)
        if spec.record_fd is not None:
            os.dup2(spec.record_fd, _RECORD_FD)
        _be_nicer(spec)
        _set_limits(spec)
        _give_up_rights(spec)
        _furnish(spec)
        os.chdir(spec.tree)
        os.execvpe(spec.command[0], spec.command, spec.environment)  # noqa: S606 (no shell is the point)
    except OSError as error:
        _report(spec, failed=f"{spec.command[0]} could not be started: {error}")
    finally:
        os._exit(_NOT_STARTED)


def _script(spec: Spec) -> int:
    if not spec.script:
        return os.open(os.devnull, os.O_RDONLY)
    handle = os.memfd_create("stdin") if hasattr(os, "memfd_create") else os.open(spec.tmp, os.O_TMPFILE | os.O_RDWR)
    content = spec.script.encode()
    while content:
        content = content[os.write(handle, content) :]
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


def _be_nicer(spec: Spec) -> None:
    """Whoever runs us comes first, and is killed last where memory is short."""
    os.nice(_NICER)
    _die_first("self")
    if spec.group_fd is not None:
        os.write(spec.group_fd, b"0")


def _die_first(pid: int | str) -> None:
    with suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w", encoding="ascii") as file:
        file.write(str(_FIRST_TO_DIE))


def _furnish(spec: Spec) -> None:
    """The tree as the command is to find it, made by the command's own user."""
    os.umask(0o022)
    if os.path.isdir(_BASE) and spec.base is not None:
        _copy(_BASE, spec.tree)
    for path, content in spec.changes:
        _place(os.path.join(spec.tree, path), content)


def _copy(source: str, target: str) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            there = f"{target}/{entry.name}"
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), there)
            elif entry.is_dir():
                os.mkdir(there)
                _copy(entry.path, there)
            else:
                _copy_file(entry.path, there)


def _copy_file(source: str, target: str) -> None:
    reading = os.open(source, os.O_RDONLY)
    about = os.fstat(reading)
    writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IMODE(about.st_mode) | stat.S_IWUSR)
    while os.sendfile(writing, reading, None, 1 << 20):
        pass
    os.close(reading)
    os.close(writing)


def _place(target: str, content: str | None) -> None:
    if content is None or os.path.islink(target):
        with suppress(FileNotFoundError):
            os.unlink(target)
    if content is not None:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(base64.b64decode(content))


def _set_limits(spec: Spec) -> None:
    own_count = spec.uid is not None or spec.namespaced
    kernel.limit(resource.RLIMIT_NPROC, spec.processes + (0 if own_count else _threads_of_ours()))
    kernel.limit(resource.RLIMIT_DATA, spec.memory_mb * _MB)
    kernel.limit(resource.RLIMIT_FSIZE, spec.disk_mb * _MB)
    kernel.limit(resource.RLIMIT_CORE, 0)
    kernel.limit(resource.RLIMIT_NOFILE, spec.files)
    kernel.limit(resource.RLIMIT_MSGQUEUE, _MB)


def _threads_of_ours() -> int:
    """How much of the limit on processes is used up already: the kernel counts all of one user's threads."""
    return sum(_field(pid, "Threads") for pid in _all_processes() if _owner(pid) == os.getuid())


def _owner(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def _give_up_rights(spec: Spec) -> None:
    kernel.never_gain_privileges()
    if spec.mechanism == "landlock":
        kernel.landlock(spec.readable, spec.writable)
    if spec.uid is None:
        kernel.drop_capability_bounds()
    else:
        kernel.become(spec.uid)
    if spec.mechanism != "limits":
        kernel.seccomp(namespaced=spec.namespaced)


def _watch(spec: Spec, child: int, wakes: int) -> tuple[int | None, str | None]:
    """Until the child ends: (its exit status, None), or what it was stopped for: (None, reason)."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(wakes, select.POLLIN)
    tick = 0
    while True:
        ready = {fd for fd, _ in poll.poll(_TICK_MS)}
        if wakes in ready:
            os.read(wakes, 4096)
        if 0 in ready:
            return None, "told to stop"
        ended = _reap(child)
        if ended is not None:
            full = _full_disk(spec) if ended else None
            return (None, full) if full else (ended, None)
        tick += 1
        reason = _excess(spec, disk_too=tick % _TICKS_PER_DISK_CHECK == 0)
        if reason is not None:
            return None, reason


def _reap(child: int) -> int | None:
    """Collect every process that has ended; the exit status of `child` if it is among them."""
    found = None
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == child:
                found = os.waitstatus_to_exitcode(status)
    return found


def _excess(spec: Spec, *, disk_too: bool) -> str | None:
    members = _members()
    for pid in members:  # the kernel lets them take it back
        _die_first(pid)
    if len(members) > spec.processes:
        return f"it had more than {spec.processes} processes"
    used = sum(_field(pid, "RssAnon") + _field(pid, "RssShmem") for pid in members) * 1024 + _pipes(members)
    if spec.namespaced:
        used += _sockets() + _system_v() + _used("/dev/shm")  # noqa: S108
    if used > spec.memory_mb * _MB:
        return f"it used more than {spec.memory_mb} MB of memory"
    return _full_disk(spec) if disk_too else None


def _full_disk(spec: Spec) -> str | None:
    """What it was stopped for where it used all its disk: the kernel may have told it before we looked."""
    return f"it wrote more than {spec.disk_mb} MB to disk" if _written(spec) > spec.disk_mb * _MB else None


def _pipes(members: list[int]) -> int:
    """Bytes that pipes may hold unread, which the kernel counts for nobody."""
    pipes = len({link for pid in members for link in _open_files(pid) if link.startswith("pipe:")})
    return min(pipes * _PIPE, _FULL_PIPES + pipes * _SMALL_PIPE)


def _sockets() -> int:
    """The same of all sockets of this network, open or on their way in another."""
    most = sum(len(_table(f"/proc/net/{name}")) for name in _COUNTED_SOCKETS) * _UNIX_SOCKET
    rows = [row for name in (*_TOLD_SOCKETS, *_tcp()) for row in _table(f"/proc/net/{name}")]
    return most + sum(int(part, 16) for row in rows for part in row.split()[4].split(b":"))


def _tcp() -> list[str]:
    """Those of TCP's tables that hold something. For one table the kernel walks all connections of the machine, which
    costs milliseconds; how many this network has it knows at once."""
    return [name for name, counted in _TCP_SOCKETS.items() if not _is_none(f"/proc/net/{counted}", name)]


def _is_none(path: str, protocol: str) -> bool:
    """Whether the kernel says that no socket of this protocol is in use."""
    try:
        with open(path, "rb") as file:
            return any(line.startswith(f"{protocol.upper()}: inuse 0".encode()) for line in file)
    except OSError:
        return False


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
        return max(_used(spec.tmp) - _copied(spec), 0)
    if spec.mechanism == "bubblewrap":
        return max(sum(_used(path) for path in (spec.tree, spec.home, spec.tmp)) - spec.base_kb * 1024, 0)
    folders = sum(_size(os.open(path, os.O_RDONLY), _DEEPEST) for path in (spec.tree, spec.home, spec.tmp))
    return folders + _without_a_name(_members())


def _copied(spec: Spec) -> int:
    return spec.base_kb * 1024 if os.path.isdir(_BASE) else 0


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
    parents = {pid: _field(pid, "PPid") for pid in _all_processes()}
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
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True


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
                found += max(entry.stat(follow_symlinks=False).st_blocks * _BLOCK, _SMALLEST_FILE)
                if entry.is_dir(follow_symlinks=False):
                    inner = os.open(entry.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY, dir_fd=folder)
                    found += _size(inner, depth - 1)
    os.close(folder)
    return found


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


def _clear(child: int) -> int:
    """Kill all that is left of the box; says how many the command had left behind."""
    _wait_until_none(_GRACE_SECONDS if not _is_alive(child) else 0.0)
    left = [pid for pid in _living() if pid != child]
    ends = time.monotonic() + _KILL_SECONDS
    while (members := _living()) and time.monotonic() < ends:
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _wait_until_none(0.05)
    return len(left)


def _is_alive(pid: int) -> bool:
    return pid in _living()


def _living() -> list[int]:
    return [pid for pid in _members() if not _is_zombie(pid)]


def _wait_until_none(seconds: float) -> None:
    ends = time.monotonic() + seconds
    _reap(0)
    while time.monotonic() < ends and _living():
        time.sleep(0.01)
        _reap(0)
