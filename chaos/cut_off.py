"""Four hosts at work, of which the one that is about to deploy is cut off from the database for more than its lease."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.process import BaseProcess

from chaos.databases import PORT, Server
from chaos.driver import DEPLOYS, PROCESSES, Run, a_run
from chaos.failpoints import DELAY, names_in
from chaos.hosts import Hosts, reached_at, some_hosts
from chaos.worker import Life, live
from kintsugi.persistence.database import Database
from kintsugi.workflow.states import ENDED

CUT_FOR = 75.0  # seconds: a lease is 60
_LONGEST = 600.0


async def cut_off(seed: int, server: Server, sleeps: float) -> Run:
    """Four incidents, from capture to cure. Whoever asks for a deployment first sleeps before it does, being cut off.

    Its verdict is in the run. Raises TimeoutError where it does not come to an end.
    """
    with some_hosts(4) as hosts:
        server.listens_at(hosts.database)
        async with a_run(seed, server) as run, reached_at(hosts.services, run.life.settings.values()):
            lives = [_life(run, hosts, name, sleeps) for name in hosts.names]
            processes = [PROCESSES.Process(target=live, args=(life,)) for life in lives]
            for process in processes:
                process.start()
            await _story(run, hosts, lives, processes)
            run.verdict.lives, run.verdict.incidents = len(lives), 5
            await run.ends()
            return run


async def _story(run: Run, hosts: Hosts, lives: list[Life], processes: Sequence[BaseProcess]) -> None:
    ids = [await run.captures() for _ in range(4)]
    while not (asleep := [life.host for life in lives if DEPLOYS in names_in(life.folder / "done")]):
        await _people(run, ids)
    hosts.cut(asleep[0])
    mended_at = time.monotonic() + CUT_FOR
    while time.monotonic() < mended_at:
        await _people(run, ids)
    hosts.mend(asleep[0])
    async with asyncio.timeout(_LONGEST):
        while not all(each.state in ENDED for each in await run.stand(ids)):
            await _people(run, ids)
    await _goes_on_alone(run, processes, hosts.names.index(asleep[0]))


async def _goes_on_alone(run: Run, processes: Sequence[BaseProcess], who: int) -> None:
    """The one that was cut off works as before: it is left alone with one more incident."""
    others = [process for n, process in enumerate(processes) if n != who]
    await _told_to_end(others)
    last = [await run.captures()]
    async with asyncio.timeout(_LONGEST):
        while not all(each.state in ENDED for each in await run.stand(last)):
            await _people(run, last)
    await _told_to_end([processes[who]])
    statuses = [process.exitcode for process in processes]
    if any(statuses):
        run.verdict.faults.append(f"lost: the workers ended with {statuses}")


async def _told_to_end(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    async with asyncio.timeout(60):
        while any(process.exitcode is None for process in processes):
            await asyncio.sleep(0.05)


async def _people(run: Run, ids: list[int]) -> None:
    await run.people(ids)
    await asyncio.sleep(0.3)


def _life(run: Run, hosts: Hosts, name: str, sleeps: float) -> Life:
    folder = run.folder / name
    folder.mkdir()
    (folder / "clock").write_text("0")
    database = Database.parse(run.life.settings["KINTSUGI_DATABASE_URL"]).url.database
    given = {key: value.replace("127.0.0.1", hosts.services) for key, value in run.life.settings.items()}
    given["KINTSUGI_DATABASE_URL"] = f"postgresql://postgres@{hosts.database}:{PORT}/{database}"
    outside = run.life.outside.replace("127.0.0.1", hosts.services)
    points = {DEPLOYS: 1}
    life = replace(run.life, folder=folder, settings=given, outside=outside, points=points, action=DELAY)
    return replace(life, seconds=sleeps, host=name)
