"""One deployment at a time on this machine, whoever asks: the worker, Discord, the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from executors.lock import AlreadyRunning, only_one
from workflow.errors import StepFailed
from workflow.incident import Deployment
from workflow.ports import Deployer, Manners, Progress, Rollout


class OneDeployer:
    """A deployer behind a lock in `file`: where another process is asking, the second is told, and asks for nothing."""

    def __init__(self, deployer: Deployer, file: Path) -> None:
        self._deployer = deployer
        self._file = file

    async def running(self) -> str:
        return await self._deployer.running()

    async def find(self, commit: str) -> Rollout | None:
        return await self._deployer.find(commit)

    async def latest(self) -> Rollout | None:
        return await self._deployer.latest()

    async def manners(self) -> Manners:
        return await self._deployer.manners()

    async def deploy(self, commit: str, progress: Progress) -> Rollout:
        """Once it is our turn, look again: it may have been asked for meanwhile."""
        with self._turn():
            found = await self._deployer.find(commit)
            if found and found.done is not False:
                return found
            return await self._deployer.deploy(commit, progress)

    async def roll_back(self, deployment: Deployment, since: datetime, progress: Progress) -> Rollout:
        with self._turn():
            return await self._deployer.roll_back(deployment, since, progress)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with only_one(self._file):
                yield
        except AlreadyRunning:
            raise StepFailed("Another process is deploying at this moment. See `kintsugi deploy status`.") from None
