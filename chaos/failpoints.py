"""Named failpoints at every durable boundary, put around the store, the executor and the ports. The product has none.

A name is what is done, for which effect, and on which side of it: `commit of fire, in deploy: before`.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from kintsugi.persistence.database import Database
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow.errors import StepFailed, StoreUnavailable
from kintsugi.workflow.ports import Clock, Executor, Ledger

T = TypeVar("T")

KILL, RAISE, DELAY, STOP = "kill", "raise", "delay", "stop"
_PERFORMING: ContextVar[str] = ContextVar("performing", default="nothing")


@dataclass
class Failpoints:
    """What is done at the first of `points` that is reached for the nth time; a delay is, at each of them.

    Files in `folder` get a line for each name that a process came to (`seen`), and for each that was acted at (`done`).
    """

    folder: Path
    points: Mapping[str, int] = field(default_factory=dict)
    action: str = KILL
    seconds: float = 0.2  # of a delay
    _reached: dict[str, int] = field(default_factory=dict)
    _over: bool = False

    def reach(self, name: str) -> float:
        """Seconds to wait, where that is the action. Raises StoreUnavailable where the action is to raise."""
        self._reached[name] = times = self._reached.get(name, 0) + 1
        if times == 1:
            _append(self.folder / "seen", name)
        if self._over or self.points.get(name) != times:
            return 0
        self._over = self.action != DELAY
        _append(self.folder / "done", name)
        return self._act(name)

    def _act(self, name: str) -> float:
        match self.action:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "raise":
                raise StoreUnavailable(f"{name}: so it was asked")
        return self.seconds if self.action == DELAY else 0


def names_in(file: Path) -> list[str]:
    """The points in a file of `Failpoints`, each once."""
    return sorted(set(file.read_text().splitlines())) if file.exists() else []


class WatchedStore(SqlStore):
    """The store, with a point before each commit, inside of its transaction, and one after it."""

    def __init__(self, url: Database, clock: Clock, points: Failpoints, *, own_time: bool) -> None:
        super().__init__(url, clock, own_time=own_time)
        self._points = points

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        name = f"commit of {_name_of(work)}, in {_PERFORMING.get()}"

        def watched(ledger: Ledger) -> T:
            ledger.after_commit(lambda: time.sleep(self._points.reach(f"{name}: after")))
            result = work(ledger)
            time.sleep(self._points.reach(f"{name}: before"))
            return result

        return await super().transact(watched)


class WatchedExecutor:
    """The executor; it tells the points which effect is being performed, and counts those that are."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.busy = 0

    @property
    def delivers(self) -> bool:
        return self._executor.delivers

    @property
    def turns(self) -> int:
        return self._executor.turns

    async def attended(self) -> bool:
        return await self._executor.attended()

    def enqueue(self, ledger: Ledger, effect: str, delay: timedelta) -> None:
        self._executor.enqueue(ledger, effect, delay)

    async def run(self, perform: Callable[[str], Awaitable[None]], *, until_idle: bool = False) -> None:
        async def performing(effect: str) -> None:
            _PERFORMING.set(effect.split(":")[1])
            self.busy += 1
            try:
                await perform(effect)
            finally:
                self.busy -= 1

        await self._executor.run(performing, until_idle=until_idle)


class Watched:
    """Any port, with a point before and after each call."""

    def __init__(self, role: str, port: Any, points: Failpoints) -> None:
        self._role, self._port, self._points = role, port, points

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._port, name)
        if not inspect.iscoroutinefunction(asked):
            return asked

        async def call(*given: Any, **more: Any) -> Any:
            await self._reach(f"{self._role}.{name}: before")
            try:
                return await asked(*given, **more)
            finally:
                await self._reach(f"{self._role}.{name}: after")

        return call

    async def _reach(self, name: str) -> None:
        try:
            await asyncio.sleep(self._points.reach(name))
        except StoreUnavailable as error:
            raise StepFailed(str(error)) from None


def _name_of(work: Callable[..., object]) -> str:
    """Whose transaction it is: the method that makes it."""
    return work.__qualname__.split(".")[1].strip("_")


def _append(file: Path, line: str) -> None:
    with file.open("a") as there:
        there.write(f"{line}\n")
