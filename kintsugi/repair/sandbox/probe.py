"""Which box works on this machine, and what it contains: found out by trying, not by reading version numbers."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from kintsugi.repair import sandbox
from kintsugi.repair.sandbox import Box, BoxFailed, Job, Limits, Mechanism, NoInterpreter, group
from kintsugi.repair.sandbox import room as rooms
from kintsugi.repair.sandbox.record import RecordBroken
from kintsugi.repair.scratch import scratch, sweep

# The strongest first; of the first two, the one that copies nothing. Another user needs root, and an interpreter that
# this user can reach.
_ORDER = (
    (Mechanism.NAMESPACES, True),
    (Mechanism.BUBBLEWRAP, True),
    (Mechanism.NAMESPACES, False),
    (Mechanism.BUBBLEWRAP, False),
    (Mechanism.LANDLOCK, True),
    (Mechanism.LANDLOCK, False),
    (Mechanism.LIMITS, True),
    (Mechanism.LIMITS, False),
)
_NAMES = {
    Mechanism.BUBBLEWRAP: "bubblewrap",
    Mechanism.NAMESPACES: "namespaces of our own",
    Mechanism.LANDLOCK: "Landlock and seccomp, without sockets",
    Mechanism.LIMITS: "limits only, no walls",
}
WALLS = (
    "reach_the_network",
    "read_a_private_file",
    "find_secrets_in_the_environment",
    "read_the_environment_of_others",
    "signal_a_process_outside",
    "trace_a_process_outside",
    "gain_privileges",
    "write_outside",
    "read_beside_the_interpreter",
)
_QUICK = (*WALLS, "find_out_that_it_is_judged", "come_before_others", "read_the_record")
_ALONE = (
    "fake_the_record",
    "kill_the_warden",
    "fork_without_end",
    "fill_memory",
    "fill_memory_by_sockets",
    "fill_memory_by_hidden_sockets",
    "fill_memory_by_pipes",
    "fill_memory_by_memfd",
    "fill_shared_memory",
    "fill_the_disk",
    "fill_the_disk_by_unlinked_files",
    "fill_the_disk_by_unnamed_files",
    "fill_the_disk_below_long_paths",
    "fill_the_disk_in_a_closed_folder",
    "fill_the_disk_with_empty_files",
    "sleep_for_ever",
    "leave_a_daemon",
)
ACTIONS = _QUICK + _ALONE
_WORDS = ("kintsugi", "sandbox", "recorder", "referee")
_AT_ONCE = 4
_SMALL = Limits(seconds=10, memory_mb=96, processes=48, output_kb=64, disk_mb=24)
_SLEEP_SECONDS = 1.0
_PATIENCE = 6  # times as long for what was not heard of in its time
_STALE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Battery:
    """What became of each hostile action: those that got through, of all of `ACTIONS`."""

    got_through: tuple[str, ...]

    @property
    def says(self) -> str:
        held = len(ACTIONS) - len(self.got_through)
        text = f"{held} of {len(ACTIONS)} hostile actions contained"
        if self.got_through:
            text += ", not: " + ", ".join(action.replace("_", " ") for action in self.got_through)
        return text


def no_walls(box: Box) -> str | None:
    """Why nothing of a stranger may be run in the box, if that is so."""
    if box.mechanism is Mechanism.LIMITS:
        return "no box with walls works on this machine"
    broken = [action for action in box.got_through if action in WALLS]
    return f"the box here does not hold: {in_words(broken)}" if broken else None


def in_words(actions: Sequence[str]) -> str:
    """Hostile actions, to be read."""
    return ", ".join(action.replace("_", " ") for action in actions)


FOUND: dict[Path, Box] = {}
"""What was found in this process, by the interpreter that is to be started."""


async def found(python: Path, limits: Limits) -> Box:
    """What `probe` finds, tried out once a process: the battery is the same whatever the limits. Raises BoxFailed."""
    if python not in FOUND:
        FOUND[python] = await probe(python, limits)
    return replace(FOUND[python], limits=limits)


async def probe(python: Path, limits: Limits, *, mechanisms: Sequence[Mechanism] = tuple(Mechanism)) -> Box:
    """The strongest box that starts `python` here, tried out with the battery. Takes about three seconds.

    Removes the folders that killed processes of ours have left. Raises BoxFailed when none of `mechanisms` works.
    """
    await asyncio.to_thread(sweep, older_than=_STALE_SECONDS)
    await asyncio.to_thread(group.sweep, older_than=_STALE_SECONDS)
    try:
        interpreter = await asyncio.to_thread(rooms.interpreter, python)
    except (OSError, ValueError) as error:
        raise NoInterpreter(f"no interpreter for the tests: {error}") from error
    reasons = []
    for mechanism, other_user in _ORDER:
        if mechanism not in mechanisms or not _may_be_tried(mechanism, other_user=other_user):
            continue
        for maps_users in (True, False) if mechanism is Mechanism.NAMESPACES and other_user else (False,):
            box = Box(mechanism, interpreter, other_user, limits, maps_users=maps_users)
            reason = await _why_not(box)
            if reason is None:
                seen = await battery(box)
                return replace(box, says=_sentence(box, seen), got_through=seen.got_through)
            reasons.append(f"{mechanism}: {reason}")
    raise BoxFailed("no box works here. " + "; ".join(dict.fromkeys(reasons)))


def _may_be_tried(mechanism: Mechanism, *, other_user: bool) -> bool:
    if other_user and os.getuid() != 0:
        return False
    if mechanism is Mechanism.BUBBLEWRAP and shutil.which("bwrap") is None:
        return False
    return sys.platform == "linux" or mechanism is Mechanism.LIMITS


async def _why_not(box: Box) -> str | None:
    """None when the box starts its interpreter and ends well."""
    with scratch(box.rooms) as tree:
        try:
            outcome = await sandbox.run_once(box, Job((str(box.interpreter.python), "-c", "pass")), tree, seconds=20)
        except BoxFailed as failure:
            return str(failure)
    return None if outcome.run.exit_status == 0 else f"a run of nothing failed: {outcome.run.output[-300:]}"


def _sentence(box: Box, seen: Battery) -> str:
    user = "another user" if box.other_user else "the same user"
    return f"{_NAMES[box.mechanism]}, as {user}: {seen.says}"


async def battery(box: Box) -> Battery:
    """Run every hostile action in a small box of this kind, and see from outside what came of it."""
    async with _bait(box) as bait:
        small = replace(
            box,
            limits=_SMALL,
            interpreter=replace(box.interpreter, folders=(*box.interpreter.folders, *bait.interpreter)),
        )
        gate = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            quick = tasks.create_task(_quick_ones(small, bait))
            alone = [tasks.create_task(_one_alone(small, bait, action, gate)) for action in _ALONE]
    through = quick.result().union(*(task.result() for task in alone))
    return Battery(tuple(action for action in ACTIONS if action in through))


@dataclass(frozen=True, slots=True)
class _Bait:
    """What is outside for hostile actions to find: a file, a folder, a server, a process that holds a secret."""

    folder: Path
    port: int
    secret: str
    victim: Process
    known: tuple[str, ...]  # paths of the interpreter, which may be called anything

    @property
    def interpreter(self) -> list[Path]:
        """What is shown of an environment made among a project's files."""
        return rooms.parts(self.folder / "project", "python3")

    def facts(self) -> str:
        return json.dumps(
            {
                "port": self.port,
                "secret": self.secret,
                "victim": self.victim.pid,
                "private": str(self.folder / "private" / "file"),
                "public": str(self.folder / "public"),
                "beside": str(self.folder / "project" / ".env"),
                "known": self.known,
                "words": _WORDS,
                "processes": _SMALL.processes,
                "memory_mb": _SMALL.memory_mb,
                "disk_mb": _SMALL.disk_mb,
            }
        )


@asynccontextmanager
async def _bait(box: Box) -> AsyncIterator[_Bait]:
    secret = secrets.token_hex(12)
    known = (str(box.interpreter.python.parent), *map(str, box.interpreter.folders))
    with (
        scratch() as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        _lay_out(folder, secret)
        victim = await _start_victim(secret)
        try:
            yield _Bait(folder, server.getsockname()[1], secret, victim, known)
        finally:
            with suppress(ProcessLookupError):
                victim.kill()
            await victim.wait()


def _lay_out(folder: Path, secret: str) -> None:
    folder.chmod(0o755)
    (folder / "tree").mkdir()
    (folder / "public").mkdir()
    (folder / "public").chmod(0o777)
    (folder / "private").mkdir(mode=0o700)
    (folder / "private" / "file").write_text(secret)
    (folder / "private" / "file").chmod(0o600)
    (folder / "project" / "bin").mkdir(parents=True)
    (folder / "project" / "pyvenv.cfg").write_text("")
    (folder / "project" / ".env").write_text(secret)


async def _start_victim(secret: str) -> Process:
    """A process of ours, outside the box. Its standard input is a lifeline: it ends with us, even if we are killed."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        "-c",
        "import sys; sys.stdin.read()",
        secret,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={"KINTSUGI_BAIT": secret},
    )


async def _quick_ones(box: Box, bait: _Bait) -> set[str]:
    """Those that got through, and those of which nothing was heard: they were not contained by the box."""
    told = await _tried(box, bait, _QUICK, lambda outcome: _told(outcome).keys() >= {*_QUICK})
    through = {action for action in _QUICK if _told(told).get(action, True)}
    if bait.victim.returncode is not None:
        through.add("signal_a_process_outside")
    return through


async def _tried(
    box: Box,
    bait: _Bait,
    actions: Sequence[str],
    is_heard: Callable[[sandbox.Outcome], bool],
    seconds: float = _SMALL.seconds,
) -> sandbox.Outcome:
    """A run of the actions; on a busy machine, where nothing was heard in its time, a second one with more."""
    outcome = await _hostile(box, bait, actions, seconds)
    if not is_heard(outcome) and not outcome.in_time:
        outcome = await _hostile(box, bait, actions, _PATIENCE * seconds)
    return outcome


async def _hostile(box: Box, bait: _Bait, actions: Sequence[str], seconds: float) -> sandbox.Outcome:
    script = (Path(__file__).parent / "hostile.py").read_text()
    job = Job((str(box.interpreter.python), "-B", "-", bait.facts(), *actions), script=script, recorded=True)
    return await sandbox.run_once(box, job, bait.folder / "tree", seconds=seconds)


def _told(outcome: sandbox.Outcome) -> dict[str, bool]:
    """Of each action that came to its end: whether it got through."""
    found = {}
    for line in outcome.run.output.splitlines():
        with suppress(ValueError):
            report = json.loads(line)
            if isinstance(report, dict) and "action" in report:
                found[str(report["action"])] = bool(report.get("done"))
    return found


async def _one_alone(box: Box, bait: _Bait, action: str, gate: asyncio.Semaphore) -> set[str]:
    """The action if it got through: by its word, the warden died of it, something outlived it, or it never began."""
    marked = replace(bait, secret=secrets.token_hex(12))
    seconds = _SLEEP_SECONDS if action == "sleep_for_ever" else _SMALL.seconds
    try:
        async with gate:
            outcome = await _tried(box, marked, (action,), lambda outcome: _began(outcome, marked.secret), seconds)
    except BoxFailed:
        return {action}
    outlived = await asyncio.to_thread(_still_running, marked.secret)
    through = outlived or not _began(outcome, marked.secret) or _told(outcome).get(action) or _is_forged(outcome)
    return {action} if through else set()


def _began(outcome: sandbox.Outcome, secret: str) -> bool:
    """Whether the record begins with the line that is written before the action."""
    assert outcome.record
    try:
        return next(outcome.record.lines(), {}) == {"own": secret}
    except RecordBroken:
        return False


def _is_forged(outcome: sandbox.Outcome) -> bool:
    """Whether a forged line of the record passes."""
    assert outcome.record
    try:
        return any(line.get("forged") for line in outcome.record.lines())
    except RecordBroken:
        return False


def _still_running(marker: str) -> bool:
    """Whether any process on this machine was started with the marker in its arguments."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and marker.encode() in (entry / "cmdline").read_bytes():
                return True
    return False
