"""The box that code we do not trust runs in: no network, no secrets, limits on everything, nothing left behind.

`run` is one run of one command in a fresh copy of a tree. Which mechanism closes the box is found out by
`kintsugi.repair.sandbox.probe`; the launcher that closes it is `kintsugi.repair.sandbox.launch`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from kintsugi.repair.sandbox import room as rooms
from kintsugi.repair.sandbox.launch import Spec
from kintsugi.repair.sandbox.room import Interpreter, Places, Room
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.patch import Run

_FIRST_UID, _LAST_UID = 61184, 65519  # the range set aside for users that exist only while a service runs
_SHM = "/dev/shm"  # noqa: S108 (shared memory of multiprocessing)
_FLOOD = 64  # a command that prints this many times what we keep is stopped
_STOP_SECONDS = 8.0
_RECORD = "tests.jsonl"
# Our packages' own __init__ are not run: it may import what a bare interpreter does not have.
_START = (
    "import sys, types\n"
    "for name in ('kintsugi', 'kintsugi.repair', 'kintsugi.repair.sandbox'):\n"
    "    package = sys.modules[name] = types.ModuleType(name)\n"
    "    package.__path__ = [sys.argv[1]]\n"
    "from kintsugi.repair.sandbox.launch import main\n"
    "main(sys.argv[2:])\n"
)


class Mechanism(StrEnum):
    """What closes the box, the strongest first."""

    BUBBLEWRAP = "bubblewrap"
    NAMESPACES = "namespaces"  # the same, made by our own launcher
    LANDLOCK = "landlock"  # with seccomp: no sockets
    LIMITS = "limits"


_WITH_MOUNTS = (Mechanism.BUBBLEWRAP, Mechanism.NAMESPACES)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. Memory, processes and disk are those of the whole box."""

    seconds: float = 300
    memory_mb: int = 1024
    processes: int = 128
    output_kb: int = 256  # kept of what it prints, from the end
    disk_mb: int = 512


@dataclass(frozen=True, slots=True)
class Box:
    """A kind of box that works on this machine. `says` is what it contained when it was probed."""

    mechanism: Mechanism
    interpreter: Interpreter
    other_user: bool  # run as a user of its own; needs root
    limits: Limits = field(default_factory=Limits)
    says: str = ""
    rooms: Path | None = None  # where rooms are made; None: the system's temporary folder


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: a command in a copy of `tree` with `overlay` on it (None removes a file).

    `lib` holds files of ours that the command can read; `{lib}`, `{tree}` and `{record}` in the command and the
    environment become the paths inside.
    """

    command: tuple[str, ...]
    tree: Path
    overlay: Mapping[str, bytes | None] = field(default_factory=dict)
    lib: Mapping[str, bytes] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `stopped` says why we ended it; `recorded` is what the command wrote to its record."""

    run: Run
    stopped: str | None
    left_behind: int  # processes it left running; they are dead now
    recorded: str


class BoxFailed(Exception):
    """The box could not be closed or the command not started: says nothing about the command."""


async def run(box: Box, job: Job, *, seconds: float | None = None) -> Outcome:
    """Run `job` in a new room of `box`, for at most `seconds` (else the box's limit).

    Whatever happens, also when cancelled, every process of the box is dead and the room is gone afterwards.
    Raises BoxFailed when the box itself fails, ValueError for an overlay that leads out of the tree.
    """
    uid = _free_uid() if box.other_user else None
    try:
        async with rooms.a_room(box.rooms, job.tree, job.overlay, job.lib, uid) as room:
            try:
                return await _run_in(box, job, room, uid, seconds or box.limits.seconds)
            finally:
                _sweep_shared_memory(uid)
    except OSError as error:
        raise BoxFailed(f"the box could not be set up: {error}") from error


def _free_uid() -> int:
    """A user that nobody is, so that its processes and files are the box's alone."""
    taken = {_owner(entry) for entry in _processes()}
    return random.choice([uid for uid in range(_FIRST_UID, _LAST_UID + 1) if uid not in taken])  # noqa: S311 (no secret)


def _processes() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _owner(path: Path) -> int | None:
    try:
        return path.lstat().st_uid
    except OSError:  # gone meanwhile
        return None


@dataclass(frozen=True, slots=True)
class _Followed:
    """What was seen of a running box from outside: the end of its output, and why we stopped it if we did."""

    output: bytes
    stopped: str | None
    seconds: float


async def _run_in(box: Box, job: Job, room: Room, uid: int | None, seconds: float) -> Outcome:
    reading, writing = os.pipe()
    try:
        spec = _spec(box, job, room, uid, writing)
        process = await _start(box, spec, writing)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    try:
        followed = await _follow(process, seconds, box.limits.output_kb * 1024)
    finally:
        await asyncio.shield(_end(process))
        report = _read_report(reading)
        if not report:
            await asyncio.to_thread(_sweep_processes, uid, room)
    return await asyncio.to_thread(_outcome, spec, room, report, followed)


def _spec(box: Box, job: Job, room: Room, uid: int | None, report_fd: int) -> Spec:
    places = room.inside if box.mechanism in _WITH_MOUNTS else room.outside

    def fill(text: str) -> str:
        for name in ("tree", "lib", "record"):
            text = text.replace(f"{{{name}}}", getattr(places, name))
        return text

    given = {name: fill(value) for name, value in job.environment.items()}
    readable, writable = _seen(box, places, uid)
    return Spec(
        mechanism=box.mechanism.value,
        command=[fill(word) for word in job.command],
        cwd=places.tree,
        environment=_environment(box, places) | given,
        uid=uid,
        mounts=_mounts(box, room),
        links=rooms.system_links(),
        new_root=room.new_root,
        readable=readable,
        writable=writable,
        watched=[places.tree, places.home, places.tmp, places.record],
        memory_mb=box.limits.memory_mb,
        processes=box.limits.processes,
        disk_mb=box.limits.disk_mb,
        report_fd=report_fd,
    )


def _environment(box: Box, places: Places) -> dict[str, str]:
    """Built from nothing: not one variable of ours is handed on."""
    return {
        "PATH": f"{box.interpreter.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": places.home,
        "TMPDIR": places.tmp,
        "USER": "kintsugi",
        "LOGNAME": "kintsugi",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "KINTSUGI_RECORD": f"{places.record}/{_RECORD}",
    }


def _mounts(box: Box, room: Room) -> list[tuple[str, str, bool]]:
    outside, inside = room.outside, room.inside
    seen = [(path, path, False) for path in rooms.readable(box.interpreter.folders)]
    own = [(getattr(outside, name), getattr(inside, name), True) for name in ("tree", "home", "tmp", "record")]
    return [*own, (outside.lib, inside.lib, False), *seen]  # an interpreter may lie below /tmp


def _seen(box: Box, places: Places, uid: int | None) -> tuple[list[str], list[str]]:
    """What Landlock lets the command read and write."""
    own = [places.tree, places.home, places.tmp, places.record]
    shared = [_SHM] if uid is not None else []  # only another user's files there can be told from ours and removed
    readable = [*rooms.readable_without_mounts(box.interpreter.folders), places.lib]
    return readable, [*own, *shared, *rooms.writable_devices()]


async def _start(box: Box, spec: Spec, report_fd: int) -> Process:
    launch = [str(rooms.launcher()), "-I", "-S", "-c", _START, str(Path(__file__).parent), spec.written()]
    words = [*_bubblewrap(spec), *launch] if box.mechanism is Mechanism.BUBBLEWRAP else launch
    return await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,  # the launcher's lifeline
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        pass_fds=(report_fd,),
        env={},
        start_new_session=True,
    )


def _bubblewrap(spec: Spec) -> list[str]:
    """The command line of bubblewrap that builds the same box as our launcher's own namespaces."""
    words = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    words += ["--die-with-parent", "--as-pid-1"]
    if spec.uid is None:
        words += ["--unshare-user"]
    else:
        # What the launcher needs to become the other user, to watch it and to kill it; the command gets none.
        needed = ("SETUID", "SETGID", "SETPCAP", "KILL", "DAC_READ_SEARCH")
        words += ["--cap-drop", "ALL", *(word for name in needed for word in ("--cap-add", f"CAP_{name}"))]
    for source, target, writable in spec.mounts:
        for folder in [str(parent) for parent in reversed(Path(target).parents)][1:]:
            words += ["--perms", "0755", "--dir", folder]  # else the other user could not pass through
        words += ["--bind" if writable else "--ro-bind", source, target]
    for points_to, path in spec.links:
        words += ["--symlink", points_to, path]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(64 << 20), "--perms", "1777", "--tmpfs", _SHM]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"]


async def _follow(process: Process, seconds: float, keep: int) -> _Followed:
    assert process.stdout is not None
    started = time.monotonic()
    tail = bytearray()
    printed = 0
    stopped = None
    try:
        async with asyncio.timeout(seconds):
            while stopped is None and (chunk := await process.stdout.read(65536)):
                printed += len(chunk)
                tail = (tail + chunk)[-keep:]
                if printed > keep * _FLOOD:
                    stopped = f"it printed more than {keep * _FLOOD >> 20} MB"
            if stopped is None:
                await process.wait()
    except TimeoutError:
        stopped = f"it did not end within {seconds:.0f} s"
    return _Followed(bytes(tail), stopped, time.monotonic() - started)


async def _end(process: Process) -> None:
    """Let go of the lifeline; the launcher clears the box. If it does not, it is killed itself."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await asyncio.gather(process.wait(), _drained(process))
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _drained(process: Process) -> None:
    """A launcher that writes into a full pipe would never end."""
    assert process.stdout is not None
    while await process.stdout.read(65536):
        pass


def _read_report(fd: int) -> dict[str, object]:
    """The launcher's facts; the first line that tells of a failure wins."""
    os.set_blocking(fd, False)
    text = b""
    with suppress(BlockingIOError):
        while chunk := os.read(fd, 65536):
            text += chunk
    os.close(fd)
    reports: list[dict[str, object]] = [json.loads(line) for line in text.splitlines()]
    failures = [report for report in reports if "failed" in report]
    return (failures or reports or [{}])[0]


def _outcome(spec: Spec, room: Room, report: dict[str, object], followed: _Followed) -> Outcome:
    if "failed" in report:
        raise BoxFailed(str(report["failed"]))
    printed = _tidy(followed.output.decode("utf-8", "replace"), spec)
    if not report and followed.stopped is None:
        raise BoxFailed(f"the {spec.mechanism} box ended without a report: {printed[-500:]}")
    stopped = followed.stopped or _text_or_none(report.get("stopped"))
    status, left = report.get("status"), report.get("left")
    return Outcome(
        run=Run(
            command=tuple(spec.command),
            exit_status=status if isinstance(status, int) and stopped is None else None,
            seconds=followed.seconds,
            output=printed,
        ),
        stopped=stopped,
        left_behind=left if isinstance(left, int) and stopped is None else 0,
        recorded=room.recorded(_RECORD),
    )


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _tidy(text: str, spec: Spec) -> str:
    """The output as a reader wants it: redacted, and with paths as in the repository."""
    return redact(text.replace(f"{spec.cwd}/", ""))


def _sweep_processes(uid: int | None, room: Room) -> None:
    """Kill what a box whose launcher died has left: all of its user, else all whose environment names the room."""
    for _ in range(20):
        left = [entry for entry in _processes() if _belongs(entry, uid, room)]
        for entry in left:
            with suppress(OSError):
                os.kill(int(entry.name), signal.SIGKILL)
        if not left:
            return
        time.sleep(0.05)


def _belongs(process: Path, uid: int | None, room: Room) -> bool:
    if uid is not None:
        return _owner(process) == uid
    with suppress(OSError):
        return str(room.root).encode() in (process / "environ").read_bytes()
    return False


def _sweep_shared_memory(uid: int | None) -> None:
    if uid is None:
        return
    for entry in Path(_SHM).iterdir() if Path(_SHM).is_dir() else ():
        with suppress(OSError):
            if _owner(entry) == uid:
                entry.unlink()


def default_python() -> Path:
    """The interpreter that runs us."""
    return Path(sys.executable)
