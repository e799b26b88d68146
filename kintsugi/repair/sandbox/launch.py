# Why: a bare interpreter starts faster with os alone, which takes the paths of the spec as they are.
"""The launcher: a small program of ours that closes the box around itself, then starts and watches the command.

It runs in a bare interpreter (no site packages) that gets it on its standard input, so that no file and no argument
names it. One process stays as the warden: it reaps orphans, keeps the limits that the kernel does not, kills what is
left behind, and reports. Its standard input is a lifeline: when the other end closes, on purpose or because Kintsugi
died, the box is cleared.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # without the enums around it
import fcntl
import os
import resource
import select
import time
from types import SimpleNamespace

from kintsugi.repair.sandbox import counting, kernel, mounts, services
from kintsugi.repair.sandbox.bare import MB, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from kintsugi.repair.sandbox.spec import Spec

_TICK_MS = 100
_TICKS_PER_DISK_CHECK = 3
_GRACE_SECONDS = 0.5  # helpers of a finished test run end by themselves within this
_KILL_SECONDS = 5.0
_NOT_STARTED = 127
_RECORD_FD = 3  # where a command finds its record
_OUT_OF_THE_WAY = 64
_NICER = 10


def main(facts: dict[str, Any]) -> None:
    spec: Any = SimpleNamespace(**_out_of_the_way(facts))
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
    os.write(spec.report_fd, ascii(facts).encode() + b"\n")


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
        mounts.build_root(spec, users)
        _supervise(spec)
    except OSError as error:
        _report(spec, failed=str(error))
    finally:
        os._exit(0)


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
        script = _script(spec)
        _be_nicer(spec)
        _set_limits(spec)
        _give_up_rights(spec)
        mounts.furnish(spec)
        os.chdir(spec.tree)
        services.start(spec)
        os.dup2(script, 0)
        if spec.record_fd is not None:
            os.dup2(spec.record_fd, _RECORD_FD)
        os.execvpe(spec.command[0], spec.command, spec.environment)  # noqa: S606 (no shell is the point)
    except OSError as error:
        _report(spec, failed=f"{spec.command[0]} was not started: {error}")
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
    """The service that runs us comes first, and is killed last where memory is short."""
    os.nice(_NICER - min(0, os.nice(0)))  # where we ourselves come before others, it does not
    counting.give_way("self", _NICER)
    counting.die_first("self")
    if spec.group_fd is not None:
        os.write(spec.group_fd, b"0")


def _set_limits(spec: Spec) -> None:
    own_count = spec.uid is not None or spec.namespaced
    kernel.limit(resource.RLIMIT_NPROC, spec.processes + (0 if own_count else counting.threads_of_ours()))
    kernel.limit(resource.RLIMIT_DATA, spec.memory_mb * MB)
    kernel.limit(resource.RLIMIT_FSIZE, spec.disk_mb * MB)
    kernel.limit(resource.RLIMIT_CORE, 0)
    kernel.limit(resource.RLIMIT_NOFILE, spec.files)
    kernel.limit(resource.RLIMIT_MSGQUEUE, MB)


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
            full = counting.full_disk(spec) if ended else None
            return (None, full) if full else (ended, None)
        tick += 1
        reason = counting.excess(spec, disk_too=tick % _TICKS_PER_DISK_CHECK == 0)
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


def _clear(child: int) -> int:
    """Kill all that is left of the box; says how many the command had left behind."""
    _wait_until_none(_GRACE_SECONDS if not _is_alive(child) else 0.0)
    left = [pid for pid in counting.living() if pid != child]
    ends = time.monotonic() + _KILL_SECONDS
    while (members := counting.living()) and time.monotonic() < ends:
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _wait_until_none(0.05)
    return len(left)


def _is_alive(pid: int) -> bool:
    return pid in counting.living()


def _wait_until_none(seconds: float) -> None:
    ends = time.monotonic() + seconds
    _reap(0)
    while time.monotonic() < ends and counting.living():
        time.sleep(0.01)
        _reap(0)
