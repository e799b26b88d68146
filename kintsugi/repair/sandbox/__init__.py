"""The box that code we do not trust runs in: no network, no secrets, limits on everything, nothing left behind.

`run` is one run of one command on a tree that it finds as it was given. Which mechanism closes the box is found out by
`kintsugi.repair.sandbox.probe`; the launcher that closes it is `kintsugi.repair.sandbox.launch`, with `mounts` and
`counting`.
"""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from kintsugi.repair.sandbox import room as rooms
from kintsugi.repair.sandbox.bare import SHM_MB
from kintsugi.repair.sandbox.following import Followed, end, follow, read_report
from kintsugi.repair.sandbox.group import Group, a_group
from kintsugi.repair.sandbox.record import Recording
from kintsugi.repair.sandbox.room import Places
from kintsugi.repair.sandbox.spec import Spec
from kintsugi.repair.sandbox.starting import start
from kintsugi.repair.sandbox.users import SHM, a_user, sweep_processes, sweep_shared_memory
from kintsugi.repair.sandbox.values import (
    WITH_MOUNTS,
    Box,
    BoxFailed,
    Ground,
    Job,
    Limits,
    Mechanism,
    NoInterpreter,
    Outcome,
)
from kintsugi.repair.scratch import scratch
from kintsugi.telemetry.redact import redact_long
from kintsugi.workflow.patch import Run

__all__ = [
    "Box",
    "BoxFailed",
    "Ground",
    "Job",
    "Limits",
    "Mechanism",
    "NoInterpreter",
    "Outcome",
    "a_user",
    "building",
    "ground",
    "run",
    "run_once",
]

_FILES, _FILES_WITHOUT_MOUNTS = 2048, 256


@asynccontextmanager
async def ground(box: Box, tree: Path) -> AsyncIterator[Ground]:
    """What runs on `tree` stand on, which is only read. Raises BoxFailed where it cannot be made."""
    async with AsyncExitStack() as stack:
        try:
            uid = stack.enter_context(a_user()) if box.other_user else None
            if uid is not None and box.mechanism in WITH_MOUNTS and not box.maps_users:
                tree = await stack.enter_async_context(rooms.handed_over(box.rooms, tree, uid))
            kb = await asyncio.to_thread(rooms.kilobytes, tree)
        except OSError as error:
            raise BoxFailed(f"the box could not be set up: {error}") from error
        yield Ground(box, tree, uid, kb)


@asynccontextmanager
async def building(on: Ground, prepare: Callable[[Path], None]) -> AsyncIterator[Ground]:
    """The same ground with a folder for what one job builds and the others read, begun by `prepare`.

    Raises BoxFailed where it cannot be made.
    """
    async with AsyncExitStack() as stack:
        try:
            built = await stack.enter_async_context(rooms.a_build(on.box.rooms, on.uid, prepare))
        except OSError as error:
            raise BoxFailed(f"the box could not be set up: {error}") from error
        yield replace(on, box=replace(on.box, built=built))


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
                sweep_shared_memory(on.uid)
    except OSError as error:
        raise BoxFailed(f"the box could not be set up: {error}") from error


async def run_once(box: Box, job: Job, tree: Path, *, seconds: float | None = None) -> Outcome:
    """The same on a ground of its own."""
    async with ground(box, tree) as on:
        return await run(on, job, seconds=seconds)


async def _run_on(on: Ground, job: Job, group: Group, seconds: float) -> Outcome:
    box = on.box
    if box.mechanism in WITH_MOUNTS:
        rooms.check_inside(on.tree, job.changes)
        with scratch(box.rooms) as new_root:
            spec = _spec(on, job, rooms.INSIDE, group)._replace(base=str(on.tree), new_root=str(new_root))
            spec = spec._replace(changes=list(job.changes.items()), mounts=_mounts(box), links=rooms.system_links())
            built = [(str(box.built), rooms.BUILT)] if box.built else []
            spec = spec._replace(kept=built) if job.builds else spec._replace(mounts=[*spec.mounts, *built])
            return await _run_as(spec, on, job, group, seconds)
    async with rooms.a_room(box.rooms, on.tree, job.changes, on.uid, box.placed) as places:
        return await _run_as(_spec(on, job, places, group), on, job, group, seconds)


async def _run_as(spec: Spec, on: Ground, job: Job, group: Group, seconds: float) -> Outcome:
    recording = Recording() if job.recorded else None
    reading, writing = os.pipe()
    try:
        spec = spec._replace(report_fd=writing, record_fd=recording.inner.fileno() if recording else None)
        process = await start(spec)
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
) -> tuple[Followed, dict[str, object]]:
    """What was seen of the box from outside, and its launcher's report; every process is dead afterwards."""
    try:
        followed = await follow(process, seconds, on.box.limits.output_kb * 1024)
    finally:
        await asyncio.shield(end(process))
        report = read_report(reading)
        if not report:
            await asyncio.to_thread(sweep_processes, on.uid, spec.home)
    return followed, report


def _spec(on: Ground, job: Job, places: Places, group: Group) -> Spec:
    box = on.box
    given = {name: text.replace("{tree}", places.tree) for name, text in job.environment.items()}
    readable, writable = _seen(box, places, on.uid)
    return Spec(
        mechanism=box.mechanism.value,
        namespaced=box.mechanism in WITH_MOUNTS,
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
        kept=[],
        links=[],
        new_root="",
        readable=readable,
        writable=writable,
        memory_mb=box.limits.memory_mb,
        processes=box.limits.processes,
        disk_mb=box.limits.disk_mb,
        files=_FILES if box.mechanism in WITH_MOUNTS else _FILES_WITHOUT_MOUNTS,
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
    shared = [SHM] if uid is not None else []  # only another user's files there can be told from ours and removed
    own = [places.tree, places.home, places.tmp, *shared, *rooms.writable_devices()]
    folders = (*box.interpreter.folders, *(folder.resolve() for folder, _ in box.placed))
    return rooms.readable_without_mounts(folders), own


def _outcome(spec: Spec, report: dict[str, object], followed: Followed, group: Group) -> Outcome:
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
        in_time=followed.in_time,
    )


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _tidy(text: str, spec: Spec) -> str:
    """The output as a reader wants it: redacted, and with paths as in the repository."""
    return redact_long(text.replace(f"{spec.tree}/", ""))
