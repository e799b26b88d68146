# Why: a bare interpreter starts faster with os alone, which takes the paths of the spec as they are.
# ruff: noqa: PTH102, PTH103, PTH112, PTH116, PTH120, PTH123, PTH208, PTH211
"""The launcher: a small program of ours that closes the box around itself, then starts and watches the command.

It runs in a bare interpreter (no site packages), started by `kintsugi.repair.sandbox.run`. One process stays as the
warden: it reaps orphans, keeps the limits that the kernel does not, kills what is left behind, and reports. Its
standard input is a lifeline: when the other end closes, on purpose or because Kintsugi died, the box is cleared.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import NoReturn

from kintsugi.repair.sandbox import kernel

_TICK_MS = 100
_TICKS_PER_DISK_CHECK = 3
_MB = 1 << 20
_BLOCK = 512
_SMALLEST_FILE = 4096  # an empty file costs an inode
_SHM_MB = 64
_GRACE_SECONDS = 0.5  # helpers of a finished test run end by themselves within this
_KILL_SECONDS = 5.0
_NOT_STARTED = 127
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything the launcher must know, as it crosses the command line. Paths are those inside the box."""

    mechanism: str
    command: list[str]
    cwd: str
    environment: dict[str, str]
    uid: int | None  # None: stay who we are
    mounts: list[tuple[str, str, bool]]  # source outside, target inside, writable
    links: list[tuple[str, str]]  # where it points, path inside
    new_root: str
    readable: list[str]
    writable: list[str]
    watched: list[str]  # counted against the limit on disk
    memory_mb: int
    processes: int
    disk_mb: int
    report_fd: int

    def written(self) -> str:
        return json.dumps(asdict(self))

    @property
    def namespaced(self) -> bool:
        return self.mechanism in ("bubblewrap", "namespaces")


def main(arguments: list[str]) -> None:
    spec = Spec(**json.loads(arguments[0]))
    os.set_inheritable(spec.report_fd, False)
    try:
        if spec.mechanism == "namespaces":
            _supervise_in_namespaces(spec)
        else:
            _supervise(spec)
    except OSError as error:
        _report(spec, failed=str(error))


def _report(spec: Spec, **facts: object) -> None:
    os.write(spec.report_fd, json.dumps(facts).encode() + b"\n")


def _supervise_in_namespaces(spec: Spec) -> None:
    flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET
    flags |= kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
    uid, gid = os.getuid(), os.getgid()
    if spec.uid is None:
        kernel.unshare(flags | kernel.CLONE_NEWUSER)
        kernel.map_own_user(uid, gid)
    else:
        kernel.unshare(flags)
    first = os.fork()
    if first == 0:
        _be_first(spec)
    os.waitpid(first, 0)


def _be_first(spec: Spec) -> NoReturn:
    """Process 1 of the new namespaces: when it ends, the kernel kills all others."""
    try:
        kernel.raise_loopback()
        _build_root(spec)
        _supervise(spec)
    except OSError as error:
        _report(spec, failed=str(error))
    finally:
        os._exit(0)


def _build_root(spec: Spec) -> None:
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", spec.new_root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=16m,mode=755")
    for source, target, writable in spec.mounts:
        _bind(source, spec.new_root + target, writable=writable)
    for points_to, path in spec.links:
        os.symlink(points_to, spec.new_root + path)
    _mount_devices(spec.new_root + "/dev")
    os.mkdir(spec.new_root + "/proc")
    no_programs = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", spec.new_root + "/proc", "proc", no_programs)
    kernel.enter_root(spec.new_root)
    kernel.make_readonly("/dev", recursive=False)
    kernel.make_readonly("/", recursive=False)


def _bind(source: str, target: str, *, writable: bool) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _touch(target)
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)
    if not writable:
        kernel.make_readonly(target, recursive=True)


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
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _set_limits(spec)
        _give_up_rights(spec)
        os.chdir(spec.cwd)
        os.execvpe(spec.command[0], spec.command, spec.environment)  # noqa: S606 (no shell is the point)
    except OSError as error:
        _report(spec, failed=f"{spec.command[0]} could not be started: {error}")
    finally:
        os._exit(_NOT_STARTED)


def _set_limits(spec: Spec) -> None:
    own_count = spec.uid is not None or spec.namespaced
    kernel.limit(resource.RLIMIT_NPROC, spec.processes + (0 if own_count else _threads_of_ours()))
    kernel.limit(resource.RLIMIT_DATA, spec.memory_mb * _MB)
    kernel.limit(resource.RLIMIT_FSIZE, spec.disk_mb * _MB)
    kernel.limit(resource.RLIMIT_CORE, 0)
    kernel.limit(resource.RLIMIT_NOFILE, 4096)


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
            return ended, None
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
    if len(members) > spec.processes:
        return f"it had more than {spec.processes} processes"
    used = sum(_field(pid, "RssAnon") + _field(pid, "RssShmem") for pid in members)
    if used > spec.memory_mb * 1024:
        return f"it used more than {spec.memory_mb} MB of memory"
    if disk_too and _uses_more_than(spec, spec.disk_mb * _MB):
        return f"it wrote more than {spec.disk_mb} MB to disk"
    return None


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


def _uses_more_than(spec: Spec, limit: int) -> bool:
    used = 0
    for size in _sizes(spec.watched, {target for _, target, writable in spec.mounts if not writable}):
        used += size
        if used > limit:
            return True
    return False


def _sizes(folders: list[str], not_ours: set[str]) -> Iterator[int]:
    """Bytes on disk of each file below; a file with many names counts once for each.

    What is mounted there to be read, such as an interpreter that lies below /tmp, is not the command's.
    """
    waiting = list(folders)
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    yield max(entry.stat(follow_symlinks=False).st_blocks * _BLOCK, _SMALLEST_FILE)
                    if entry.is_dir(follow_symlinks=False) and entry.path not in not_ours:
                        waiting.append(entry.path)


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
