"""Drives incidents from capture to cure while their workers are killed, and compares the records in the end."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path

from chaos.databases import Server
from chaos.failpoints import KILL, STOP, names_in
from chaos.worker import Life, SharedClock, live
from chaos.world import World, a_world, settings_of
from kintsugi.app.desk import _executor
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow import triggers as t
from kintsugi.workflow.engine import Engine
from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.pull_requests import merged
from kintsugi.workflow.states import ENDED, State
from tests.world.make import a_payload

DEPLOYS = "deployer.deploy: before"
_LONGEST_LIFE = 60  # seconds
_WORKERS = 3  # where the database is a server
_BREAKS_OFF = 0.1  # how often its server does, while several work
_MOST_LIVES = 400  # of one wave: more, and it will never end
_BETWEEN_LIVES = 70.0  # seconds that pass: a lease is over
_WHILE_LATE = 20.0  # the same where deployments show late: the next one to ask comes before they do
_REST = (_BETWEEN_LIVES, 150.0, 900.0, 7200.0)  # and sometimes the longer waits
PROCESSES = multiprocessing.get_context("forkserver")


@dataclass
class Verdict:
    """What a run came to."""

    incidents: int = 0
    lives: int = 0
    kills: int = 0
    restarts: int = 0  # of the database's server, under load
    at: Counter[str] = field(default_factory=Counter)  # kills by point
    seen: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0

    @property
    def doubled(self) -> int:
        return sum(fault.startswith("doubled") for fault in self.faults)

    @property
    def lost(self) -> int:
        return sum(fault.startswith("lost") for fault in self.faults)


class Run:
    """One database and one world, and waves of incidents through them."""

    def __init__(self, world: World, folder: Path, database: str, *, server: Server | None, without: str = "") -> None:
        self.world, self.folder, self.dice = world, folder, world.dice
        self.clock = SharedClock(folder / "clock")
        url = Database.parse(database)
        self.store = SqlStore(url, self.clock, own_time=True)
        self.engine = Engine(self.store, _executor(self.store, url, at_once=4), self.clock, redact=str)
        self.life = Life(folder, settings_of(world, folder, database), world.url, without=without)
        self.no_more_after = math.inf  # by time.monotonic(): from then on nobody is killed
        self.server, self.workers = server, _WORKERS if server else 1
        self.verdict, self.keys = Verdict(), count(1)

    async def wave(
        self, size: int, aims: Sequence[str] = (), action: str = KILL, *, random: bool = False, most: int = _MOST_LIVES
    ) -> list[str]:
        """So many incidents to their end. In each life something is done at the first aim that is reached.

        Answers the aims that are left. With `random`, each life has some of them, for the nth time, or is killed at
        any moment.
        """
        ids, done = [await self.captures() for _ in range(size)], self.folder / "done"
        done.write_text("")
        wanted = aims
        for _ in range(most):
            if all(each.state in ENDED for each in await self.stand(ids)):
                break
            self.world.weather()
            aims = aims if random else [aim for aim in aims if aim not in names_in(done)]
            if time.monotonic() > self.no_more_after:
                aims, random = (), False
            await self._lives(aims, action, random)
            await self.people(ids)
            self.clock.passes(_WHILE_LATE if self.world.always_late else self.dice.choice(_REST))
        self.verdict.incidents += size
        return [aim for aim in wanted if aim not in names_in(done)]

    async def wakes_in_a_deployment(self) -> bool:
        """A worker is stopped right before it asks for a deployment, others go on, the first one wakes up.

        Answers whether the others asked for one.
        """
        ids = [await self.captures()]
        while (process := await self._stopped()) is None:
            await self.people(ids)
            self.clock.passes(_BETWEEN_LIVES)
        assert process.pid
        for _ in range(4):
            self.clock.passes(_BETWEEN_LIVES)
            await self._live(self.life)
        asked = bool(self.world.railway.asked)
        os.kill(process.pid, signal.SIGCONT)
        await _until(lambda: process.exitcode is not None)
        return asked

    async def _stopped(self) -> BaseProcess | None:
        """A worker that stopped where a deployment is asked for; None where it did not come to that."""
        process = PROCESSES.Process(target=live, args=(replace(self.life, points={DEPLOYS: 1}, action=STOP),))
        process.start()
        await _until(lambda: process.exitcode is not None or _is_stopped(process.pid))
        return process if process.exitcode is None else None

    async def ends(self) -> Verdict:
        """Once more without kills, so that what is owed is done; then the records are read."""
        self.world.clears_up()
        for _ in range(3):
            self.clock.passes(1800)
            await self._live(self.life)
        self.verdict.seen = names_in(self.folder / "seen")
        incidents = await self.store.incidents(limit=100_000)
        self.verdict.faults = self.world.faults(incidents)
        if owed := await self.store.next_due():
            self.verdict.faults.append(f"lost: something is owed still, due in {owed}")
        await self.store.close()
        return self.verdict

    # --- the processes ------------------------------------------------------------------------------------------

    async def _lives(self, aims: Sequence[str], action: str, random: bool) -> None:
        lives = [self._aimed(aims, action, random) for _ in range(self.workers)]
        breaks = random and self.server and self.dice.random() < _BREAKS_OFF
        await asyncio.gather(
            *(self._live(life, at_random=random and not life.points) for life in lives),
            *((self._breaks_off(),) if breaks else ()),
        )

    async def _breaks_off(self) -> None:
        assert self.server
        await asyncio.sleep(self.dice.uniform(0.3, 1.5))
        await self.server.breaks_off()
        self.verdict.restarts += 1

    def _aimed(self, aims: Sequence[str], action: str, random: bool) -> Life:
        if random:
            some = self.dice.sample(list(aims), min(len(aims), self.dice.choice((0, 3, 6))))
            return replace(self.life, points={aim: self.dice.choice((1, 1, 2, 3)) for aim in some}, action=action)
        return replace(self.life, points=dict.fromkeys(aims, 1), action=action)

    async def _live(self, life: Life, *, at_random: bool = False) -> int | None:
        process = PROCESSES.Process(target=live, args=(life,))
        process.start()
        self.verdict.lives += 1
        begun, ends = time.monotonic(), self.dice.uniform(0.05, 1.5) if at_random else _LONGEST_LIFE
        while process.exitcode is None and time.monotonic() < begun + ends:
            await asyncio.sleep(0.005)
        if process.exitcode is None:
            assert process.pid
            os.kill(process.pid, signal.SIGKILL)
            while process.exitcode is None:
                await asyncio.sleep(0.002)
            if not at_random:
                self.verdict.faults.append(f"lost: a life did not end within {_LONGEST_LIFE} s")
        self._count(life, process.exitcode)
        process.join()
        return process.exitcode

    def _count(self, life: Life, status: int | None) -> None:
        if status == -signal.SIGKILL:
            self.verdict.kills += 1
            self.verdict.at["a point" if life.points else "any moment"] += 1

    # --- the people ---------------------------------------------------------------------------------------------

    async def captures(self) -> int:
        number = next(self.keys)
        payload = a_payload(f"v1:{number:016x}")
        trigger = t.Captured(incident=0, key=f"chaos:{number}", at=self.clock.now(), actor="chaos", payload=payload)
        await self.engine.fire(trigger)
        return (await self.engine.fire(trigger)).incident.id

    async def stand(self, ids: list[int]) -> list[Incident]:
        return [await self.store.incident(id) for id in ids]

    async def people(self, ids: list[int]) -> None:
        """Confirm what is asked, retry what is stuck, and merge once every pull request of the wave is open."""
        incidents = await self.stand(ids)
        for each in incidents:
            if each.state is State.AWAITING_CONFIRM and (token := self.world.token(each.id)):
                await self._moves(t.Confirmed, each, token=token)
            if each.state is State.STUCK:
                await self._moves(t.Retried, each)
        before = (State.CAPTURED, State.DIAGNOSED, State.AWAITING_CONFIRM, State.CONFIRMED)
        if any(each.state in before or (each.state is State.STUCK and not each.merge_sha) for each in incidents):
            return
        for each in incidents:
            if each.state is State.PR_OPENED:
                await self._merges(each)

    async def _moves(self, kind: type[t.Trigger], incident: Incident, **data: str) -> None:
        key = f"chaos:{next(self.keys)}:{kind.__name__}"
        with suppress(Refusal):
            await self.engine.fire(kind(incident=incident.id, key=key, at=self.clock.now(), actor="chaos", **data))

    async def _merges(self, incident: Incident) -> None:
        """A reviewer merges; a webhook tells it twice, once, or not at all."""
        pull = next(each for each in self.world.github.pulls if each.number == incident.pull_request.number)  # type: ignore[union-attr]
        sha = pull.merged_as or await asyncio.to_thread(self.world.github.merges, pull.number)
        host = f"github:{self.world.github.owner}/{self.world.github.name}"
        for _ in range(self.dice.choice((0, 1, 2))):
            await self.engine.fire(merged(incident.id, host, pull.number, sha or "", self.clock.now()))


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_LONGEST_LIFE):
        while not condition():
            await asyncio.sleep(0.01)


def _is_stopped(process: int | None) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].startswith("T")
    return False


@asynccontextmanager
async def a_run(seed: int, server: Server | None = None, *, without: str = "") -> AsyncIterator[Run]:
    """A fresh world and a fresh database: of this server, shared by several workers, else a file of SQLite's."""
    PROCESSES.set_forkserver_preload(["chaos.preloaded"])
    with tempfile.TemporaryDirectory(prefix="kintsugi-chaos-") as name:
        folder = Path(name)
        (folder / "clock").write_text("0")
        url = server.database() if server else f"sqlite:///{folder / 'kintsugi.db'}"
        upgrade(Database.parse(url))
        async with a_world(folder, SharedClock(folder / "clock"), random.Random(seed)) as world:
            yield Run(world, folder, url, server=server, without=without)
