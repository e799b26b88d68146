"""One deployment at a time, whoever asks: a worker, Discord, the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Deployment
from kintsugi.workflow.ports import Deployer, Manners, Progress, Rollout

Alone = Callable[[], AbstractAsyncContextManager[bool]]
"""Enters a lock, and tells whether it was had; it is let go of at the end, or when its process dies."""


class OneDeployer:
    """A deployer behind a lock: where another process is asking, the second is told, and asks for nothing."""

    def __init__(self, deployer: Deployer, alone: Alone) -> None:
        self._deployer = deployer
        self._alone = alone

    async def running(self) -> str:
        return await self._deployer.running()

    async def find(self, commit: str) -> Rollout | None:
        return await self._deployer.find(commit)

    async def latest(self) -> Rollout | None:
        return await self._deployer.latest()

    async def manners(self) -> Manners:
        return await self._deployer.manners()

    async def deploy(self, commit: str, progress: Progress, *, incident: int | None = None) -> Rollout:
        """Once it is our turn, look again: it may have been asked for meanwhile."""
        async with self._turn():
            found = await self._deployer.find(commit)
            if found and found.done is not False:
                return found
            return await self._deployer.deploy(commit, progress, incident=incident)

    async def roll_back(
        self, deployment: Deployment, since: datetime, progress: Progress, *, incident: int | None = None
    ) -> Rollout:
        async with self._turn():
            return await self._deployer.roll_back(deployment, since, progress, incident=incident)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with self._alone() as ours:
            if not ours:
                raise StepFailed("Another process is deploying at this moment. See `kintsugi deploy status`.")
            yield
