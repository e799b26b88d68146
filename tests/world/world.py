"""A whole engine on a real database, with a clock that is told to move and a world that does as it is told.

A story test uses its verbs: `settles()` performs what is due until nothing is, `passes()` moves the clock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any

from kintsugi.persistence.database import Database
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow import triggers as t
from kintsugi.workflow.effects import EffectNeeds, performers
from kintsugi.workflow.engine import Engine
from kintsugi.workflow.incident import Budget, Incident
from kintsugi.workflow.ports import Ledger, Receipt
from kintsugi.workflow.reconcile import Reconciler
from kintsugi.workflow.states import State
from tests.world.clock import ManualClock
from tests.world.make import MERGE, a_payload
from tests.world.ports import (
    Heard,
    ScriptedAnalyst,
    ScriptedChecker,
    ScriptedDeployer,
    ScriptedHost,
    ScriptedMonitor,
)


class Deliveries:
    """The Executor port for tests: nothing is delivered until the test says so."""

    def __init__(self) -> None:
        self.enqueued: list[str] = []

    def enqueue(self, ledger: Ledger, effect: str, delay: timedelta) -> None:
        ledger.after_commit(lambda: self.enqueued.append(effect))

    async def run(self, perform: Any, *, until_idle: bool = False) -> None:
        raise NotImplementedError


class World:
    def __init__(self, store: SqlStore, clock: ManualClock) -> None:
        self.store, self.clock = store, clock
        self.analyst, self.checker, self.host = ScriptedAnalyst(), ScriptedChecker(), ScriptedHost()
        self.deployer, self.monitor, self.channel = ScriptedDeployer(), ScriptedMonitor(), Heard()
        self.deliveries = Deliveries()
        self._keys = count(1)
        self.engine = Engine(store, self.deliveries, clock, redact=lambda text: text.replace("hunter2", "[redacted]"))
        self.reconciler = Reconciler(store, self.host, clock, self.engine.fire)
        self.budget = Budget()

    async def crashes(self, fingerprint: str = "v1:00000000000000aa", **changes: Any) -> int:
        """A failure is captured. Answers the number of its incident."""
        given = {"incident": 0, "payload": a_payload(fingerprint)} | changes
        return (await self.fires(t.Captured, **given)).incident.id

    async def fires(self, kind: type[t.Trigger], incident: int = 1, **data: Any) -> Receipt:
        given = {"key": f"test:{next(self._keys)}", "at": self.clock.now(), "actor": "test:alice"} | data
        return await self.engine.fire(kind(incident=incident, **given))

    async def confirms(self, incident: int = 1) -> Receipt:
        return await self.fires(t.Confirmed, incident, token=self.channel.tokens[incident])

    async def merges(self, incident: int = 1, sha: str = MERGE) -> Receipt:
        """A reviewer merges, and a webhook tells."""
        self.host.merges(incident, sha)
        pull_request = self.host.opened[incident]
        assert pull_request.merged_as
        key = f"{self.host.name}:merged#{pull_request.number}:{pull_request.merged_as}"
        data = {"number": pull_request.number, "sha": pull_request.merged_as}
        return await self.fires(t.PullRequestMerged, incident, key=key, **data)

    def tools(self) -> EffectNeeds:
        """What the effects touch in this world."""
        return EffectNeeds(
            store=self.store,
            clock=self.clock,
            fire=self.engine.fire,
            check=self.engine.check,
            analyst=self.analyst,
            checker=self.checker,
            code_host=self.host,
            deployer=self.deployer,
            monitor=self.monitor,
            channel=self.channel,
            budget=self.budget,
        )

    async def settles(self) -> None:
        """Perform what is due until nothing is."""
        tools = self.tools()
        while due := await self.store.due(10):
            for effect in due:
                await self.engine.run_effect(effect, performers(tools))

    async def passes(self, **time: float) -> None:
        """Time passes, and what falls due in it is performed."""
        self.clock.passes(**time)
        await self.settles()

    async def incident(self, number: int = 1) -> Incident:
        return await self.store.incident(number)

    async def state(self, number: int = 1) -> State:
        return (await self.store.incident(number)).state

    async def passed(self, number: int = 1) -> list[str]:
        """The states an incident went through."""
        return [step.dest.value for step in await self.store.history(number)]


@asynccontextmanager
async def a_world(url: Database) -> AsyncIterator[World]:
    clock = ManualClock()
    store = SqlStore(url, clock, own_time=True)
    try:
        yield World(store, clock)
    finally:
        await store.close()
