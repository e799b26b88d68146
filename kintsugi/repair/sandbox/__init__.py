"""The box that code we do not trust runs in: no network, no secrets, limits on everything, nothing left behind.

`run` is one run of one command on a tree that it finds as it was given. Which mechanism closes the box is found out by
`kintsugi.repair.sandbox.probe`; the launcher that closes it is `kintsugi.repair.sandbox.launch`, with `mounts` and
`counting`.
"""

from __future__ import annotations

import ast
import asyncio
import errno
import marshal
import os
import random
import signal
import socket
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import CodeType

from kintsugi.repair.sandbox import room as rooms
from kintsugi.repair.sandbox.bare import SHM_MB
from kintsugi.repair.sandbox.group import Group, a_group
from kintsugi.repair.sandbox.record import Record, Recording
from kintsugi.repair.sandbox.room import Interpreter, Places
from kintsugi.repair.sandbox.spec import Spec
from kintsugi.repair.scratch import scratch
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.patch import Run

_FIRST_UID, _LAST_UID = 61184, 65519  # the range set aside for users that exist only while a service runs
_SHM = "/dev/shm"  # noqa: S108 (shared memory of multiprocessing)
_FLOOD = 64  # a command that prints this many times what we keep is stopped
_STOP_SECONDS = 8.0
_FILES, _FILES_WITHOUT_MOUNTS = 2048, 256
_LAUNCHED = ("bare", "kernel", "counting", "mounts", "services", "launch")  # each after what it imports
# The launcher comes on standard input, compiled once: nothing of ours is named in its arguments or lies where a box can
# see it, and the interpreter that runs it is our own.
_START = (
    "import marshal, sys; "
    "program, modules, spec = marshal.loads(sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))); exec(program)"
)
_PROGRAM = """
import types
for name, code in modules:
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = []
    exec(code, module.__dict__)
    package, _, last = name.rpartition(".")
    if package:
        setattr(sys.modules[package], last, module)
module.main(spec)
"""


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
    maps_users: bool = False  # the kernel can show our files as the other user's
    got_through: tuple[str, ...] = ()  # the hostile actions that it did not contain
    rooms: Path | None = None  # where rooms are made; None: the system's temporary folder
    placed: tuple[tuple[Path, str], ...] = ()  # folders of the machine to be read at a path of the tree
    variables: Mapping[str, str] = field(default_factory=dict)  # of the environment, beside its own
    services: tuple[str, ...] = ()  # shell commands that are started beside each run of tests

    @property
    def has_its_network(self) -> bool:
        """Whether its loopback is its own, so that servers can run in it."""
        return self.mechanism in _WITH_MOUNTS

    def with_folders(self, folders: tuple[Path, ...], placed: tuple[tuple[Path, str], ...]) -> Box:
        """The same with more of the machine to be read: folders where they are, and folders at a path of the tree."""
        interpreter = replace(self.interpreter, folders=(*self.interpreter.folders, *folders))
        return replace(self, interpreter=interpreter, placed=placed)


@dataclass(frozen=True, slots=True)
class Ground:
    """A tree that runs are made on, one after the other, each on the tree as it was: copied once, if at all.

    `uid` is the user that its runs are; None: we ourselves. `kb` is what a copy takes in memory.
    """

    box: Box
    tree: Path
    uid: int | None
    kb: int


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: a command in the tree with `changes` made to it (None removes a file).

    `script` comes on the command's standard input, which is empty otherwise. With `recorded` its third handle is a
    socket that takes lines of a `Record`. `{tree}` in the environment becomes the path inside.
    """

    command: tuple[str, ...]
    changes: Mapping[str, bytes | None] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    script: str = ""
    recorded: bool = False
    served: bool = True  # whether the box's services are to run beside it


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `stopped` says why we ended it; `record` is what came of a recorded job."""

    run: Run
    stopped: str | None
    left_behind: int  # processes it left running; they are dead now
    record: Record | None = None


class BoxFailed(Exception):
    """The box could not be closed or the command not started: says nothing about the command."""


class NoInterpreter(BoxFailed):
    """There is no such Python to run tests with: says nothing about the box either."""


@asynccontextmanager
async def ground(box: Box, tree: Path) -> AsyncIterator[Ground]:
    """What runs on `tree` stand on, which is only read. Raises BoxFailed where it cannot be made."""
    async with AsyncExitStack() as stack:
        try:
            uid = stack.enter_context(a_user()) if box.other_user else None
            if uid is not None and box.mechanism in _WITH_MOUNTS and not box.maps_users:
                tree = await stack.enter_async_context(rooms.handed_over(box.rooms, tree, uid))
            kb = await asyncio.to_thread(rooms.kilobytes, tree)
        except OSError as error:
            raise BoxFailed(f"the box could not be set up: {error}") from error
        yield Ground(box, tree, uid, kb)


async def run(on: Ground, job: Job, *, seconds: float | None = None) -> Outcome:
    """Run `job`, for at most `seconds` (else the box's limit). One run at a time on one ground.

    Whatever happens, also when cancelled, every process of the box is dead and its files are gone afterwards.
    Raises BoxFailed when the box itself fails, ValueError for a change that leads out of the tree.
    """
    limits = on.box.limits
    try:
        with a_group(limits.memory_mb + limits.disk_mb + SHM_MB, limits.processes) as group:
            try:
                return await _run_on(on, job, group, seconds or limits.seconds)
            finally:
                _sweep_shared_memory(on.uid)
    except OSError as error:
        raise BoxFailed(f"the box could not be set up: {error}") from error


async def run_once(box: Box, job: Job, tree: Path, *, seconds: float | None = None) -> Outcome:
    """The same on a ground of its own."""
    async with ground(box, tree) as on:
        return await run(on, job, seconds=seconds)


@contextmanager
def a_user() -> Iterator[int]:
    """A user that nobody is, so that its processes and files are this box's alone.

    Other boxes of this machine, also those of other processes, are kept from it by the name of a socket, which is free
    again when its process dies. Raises OSError where none is left.
    """
    taken = {_owner(entry) for entry in _processes()}
    free = [uid for uid in range(_FIRST_UID, _LAST_UID + 1) if uid not in taken]
    with socket.socket(socket.AF_UNIX) as held:
        found = next((uid for uid in random.sample(free, len(free)) if _is_held(held, uid)), None)
        if found is None:
            raise OSError(errno.EAGAIN, "every user for boxes is taken")
        yield found


def _is_held(held: socket.socket, uid: int) -> bool:
    """Whether the user is ours from now on."""
    try:
        held.bind(f"\0kintsugi-box-{uid}")
    except OSError as error:
        return error.errno != errno.EADDRINUSE  # a system without such names: two may meet
    return True


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


async def _run_on(on: Ground, job: Job, group: Group, seconds: float) -> Outcome:
    box = on.box
    if box.mechanism in _WITH_MOUNTS:
        rooms.check_inside(on.tree, job.changes)
        with scratch(box.rooms) as new_root:
            spec = _spec(on, job, rooms.INSIDE, group)._replace(base=str(on.tree), new_root=str(new_root))
            spec = spec._replace(changes=list(job.changes.items()), mounts=_mounts(box), links=rooms.system_links())
            return await _run_as(spec, on, job, group, seconds)
    async with rooms.a_room(box.rooms, on.tree, job.changes, on.uid, box.placed) as places:
        return await _run_as(_spec(on, job, places, group), on, job, group, seconds)


async def _run_as(spec: Spec, on: Ground, job: Job, group: Group, seconds: float) -> Outcome:
    recording = Recording() if job.recorded else None
    reading, writing = os.pipe()
    try:
        spec = spec._replace(report_fd=writing, record_fd=recording.inner.fileno() if recording else None)
        process = await _start(spec)
    except BaseException:
        os.close(reading)
        if recording:
            recording.close()
        raise
    finally:
        os.close(writing)
    try:
        if recording:
            recording.begin()
        followed, report = await _seen_through(process, spec, on, reading, seconds)
        outcome = await asyncio.to_thread(_outcome, spec, report, followed, group)
        return replace(outcome, record=await recording.end()) if recording else outcome
    finally:
        if recording:
            recording.close()


async def _seen_through(
    process: Process, spec: Spec, on: Ground, reading: int, seconds: float
) -> tuple[_Followed, dict[str, object]]:
    """What was seen of the box from outside, and its launcher's report; every process is dead afterwards."""
    try:
        followed = await _follow(process, seconds, on.box.limits.output_kb * 1024)
    finally:
        await asyncio.shield(_end(process))
        report = _read_report(reading)
        if not report:
            await asyncio.to_thread(_sweep_processes, on.uid, spec.home)
    return followed, report


def _spec(on: Ground, job: Job, places: Places, group: Group) -> Spec:
    box = on.box
    given = {name: text.replace("{tree}", places.tree) for name, text in job.environment.items()}
    readable, writable = _seen(box, places, on.uid)
    return Spec(
        mechanism=box.mechanism.value,
        namespaced=box.mechanism in _WITH_MOUNTS,
        command=list(job.command),
        environment=_environment(box, places) | dict(box.variables) | given,
        script=job.script,
        services=list(box.services) if job.served else [],
        uid=on.uid,
        base=None,
        base_kb=on.kb,
        base_owner=os.getuid() if box.maps_users else None,
        changes=[],
        tree=places.tree,
        home=places.home,
        tmp=places.tmp,
        mounts=[],
        links=[],
        new_root="",
        readable=readable,
        writable=writable,
        memory_mb=box.limits.memory_mb,
        processes=box.limits.processes,
        disk_mb=box.limits.disk_mb,
        files=_FILES if box.mechanism in _WITH_MOUNTS else _FILES_WITHOUT_MOUNTS,
        report_fd=-1,
        record_fd=None,
        group_fd=group.processes_fd,
    )


def _environment(box: Box, places: Places) -> dict[str, str]:
    """Built from nothing: not one variable of ours is handed on."""
    return {
        "PATH": f"{box.interpreter.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": places.home,
        "TMPDIR": places.tmp,
        "USER": "user",
        "LOGNAME": "user",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }


def _mounts(box: Box) -> list[tuple[str, str]]:
    own = [(str(folder), f"{rooms.INSIDE.tree}/{path}") for folder, path in box.placed]
    return [(path, path) for path in rooms.readable(box.interpreter.folders)] + own


def _seen(box: Box, places: Places, uid: int | None) -> tuple[list[str], list[str]]:
    """What Landlock lets the command read and write."""
    shared = [_SHM] if uid is not None else []  # only another user's files there can be told from ours and removed
    own = [places.tree, places.home, places.tmp, *shared, *rooms.writable_devices()]
    folders = (*box.interpreter.folders, *(folder.resolve() for folder, _ in box.placed))
    return rooms.readable_without_mounts(folders), own


async def _start(spec: Spec) -> Process:
    launch = [str(rooms.launcher()), "-I", "-S", "-c", _START]
    words = [*_bubblewrap(spec), *launch] if spec.mechanism == Mechanism.BUBBLEWRAP else launch
    handed = (spec.report_fd, spec.record_fd, spec.group_fd)
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,  # the launcher, then its lifeline
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        pass_fds=tuple(fd for fd in handed if fd is not None),
        env={},
        start_new_session=True,
    )
    assert process.stdin
    program = _program(spec)
    process.stdin.write(b"%d\n" % len(program) + program)
    with suppress(ConnectionError):  # it ended: its report, or the lack of one, says why
        await process.stdin.drain()
    return process


def _program(spec: Spec) -> bytes:
    return marshal.dumps((*_compiled(), spec._asdict()))


@cache
def _compiled() -> tuple[CodeType, list[tuple[str, CodeType]]]:
    """What loads the launcher, and its modules by their names."""
    folder = Path(__file__).parent
    texts = [(name, "") for name in ("kintsugi", "kintsugi.repair", "kintsugi.repair.sandbox")]
    texts += [(f"kintsugi.repair.sandbox.{name}", (folder / f"{name}.py").read_text()) for name in _LAUNCHED]
    return compile(_PROGRAM, "launcher", "exec"), [(name, compile(text, name, "exec")) for name, text in texts]


def _bubblewrap(spec: Spec) -> list[str]:
    """The command line of bubblewrap that builds the same box as our launcher's own namespaces."""
    words = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    words += ["--die-with-parent", "--as-pid-1"]
    if spec.uid is None:
        words += ["--unshare-user"]
    else:
        # What the launcher needs to become the other user, to watch it and to kill it; the command gets none.
        needed = ("SETUID", "SETGID", "SETPCAP", "KILL", "DAC_READ_SEARCH", "DAC_OVERRIDE", "SYS_PTRACE")
        words += ["--cap-drop", "ALL", *(word for name in needed for word in ("--cap-add", f"CAP_{name}"))]
    for target, more_kb in ((spec.tree, spec.base_kb), (spec.home, 0), (spec.tmp, 0)):
        size = (spec.disk_mb + 1 << 20) + more_kb * 1024
        words += [*_folders_above(target), "--size", str(size), "--perms", "1777", "--tmpfs", target]
    for source, target in ((spec.base or "", f"{Path(spec.tree).parent}/.base"), *spec.mounts):
        words += [*_folders_above(target), "--ro-bind", source, target]
    for points_to, path in spec.links:
        words += ["--symlink", points_to, path]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(SHM_MB << 20), "--perms", "1777", "--tmpfs", _SHM]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"]


def _folders_above(target: str) -> list[str]:
    """Made so that the other user can pass through."""
    folders = [str(parent) for parent in reversed(Path(target).parents)][1:]
    return [word for folder in folders for word in ("--perms", "0755", "--dir", folder)]


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
    reports: list[dict[str, object]] = [ast.literal_eval(line.decode()) for line in text.splitlines()]
    failures = [report for report in reports if "failed" in report]
    return (failures or reports or [{}])[0]


def _outcome(spec: Spec, report: dict[str, object], followed: _Followed, group: Group) -> Outcome:
    if "failed" in report:
        raise BoxFailed(str(report["failed"]))
    printed = _tidy(followed.output.decode("utf-8", "replace"), spec)
    if not report and followed.stopped is None:
        raise BoxFailed(f"the {spec.mechanism} box ended without a report: {printed[-500:]}")
    stopped = followed.stopped or _text_or_none(report.get("stopped"))
    if stopped is None and group.ran_out_of_memory:
        stopped = f"it used more than {spec.memory_mb} MB of memory"
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
    )


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _tidy(text: str, spec: Spec) -> str:
    """The output as a reader wants it: redacted, and with paths as in the repository."""
    return redact(text.replace(f"{spec.tree}/", ""))


def _sweep_processes(uid: int | None, home: str) -> None:
    """Kill what a box whose launcher died has left: all of its user, else all whose environment names its home.

    Where there are namespaces nothing outlives the launcher.
    """
    for _ in range(20):
        left = [entry for entry in _processes() if _belongs(entry, uid, home)]
        for entry in left:
            with suppress(OSError):
                os.kill(int(entry.name), signal.SIGKILL)
        if not left:
            return
        time.sleep(0.05)


def _belongs(process: Path, uid: int | None, home: str) -> bool:
    if uid is not None:
        return _owner(process) == uid
    if home == rooms.INSIDE.home:
        return False
    with suppress(OSError):
        return home.encode() in (process / "environ").read_bytes()
    return False


def _sweep_shared_memory(uid: int | None) -> None:
    if uid is None:
        return
    for entry in Path(_SHM).iterdir() if Path(_SHM).is_dir() else ():
        with suppress(OSError):
            if _owner(entry) == uid:
                entry.unlink()
