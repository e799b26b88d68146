"""The newest commit of the branch, and what runs: the same for Discord's /deploy and for `kintsugi deploy`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.ports import CodeHost, Deployer, Progress, Rollout

Changes = Callable[[str, str], Awaitable[tuple[str, ...]]]
"""The titles of the commits that the second commit has and the first has not, newest first; none where unknown."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deployment of the newest commit would do now: `found` is how that commit stands, if it was deployed."""

    commit: str
    running: str
    changes: tuple[str, ...]
    found: Rollout | None

    @property
    def stands(self) -> Rollout | None:
        """How it stands, where there is nothing to ask for: it runs, or is under way."""
        return self.found if self.found and self.found.done is not False else None


class Production:
    """What is deployed by hand. Two who ask at once get one deployment, and the second is told about the first."""

    def __init__(self, code_host: CodeHost, deployer: Deployer, changes: Changes) -> None:
        self._code_host, self._deployer, self._changes = code_host, deployer, changes
        self._one_at_a_time = asyncio.Lock()

    async def plan(self) -> Plan:
        """Raises StepFailed."""
        commit, running = await self._code_host.head(), await self._deployer.running()
        changes = await self._changes(running, commit) if running and running != commit else ()
        return Plan(commit, running, changes, await self._deployer.find(commit))

    async def deploy(self, commit: str, progress: Progress) -> tuple[Rollout, bool]:
        """Look, then ask for the newest commit, which has to be this one still. Answers whether it was asked for now.

        Raises Refusal where the branch moved on, StepFailed.
        """
        async with self._one_at_a_time:
            head = await self._code_host.head()
            if head != commit:
                raise Refusal(
                    f"The branch moved from {commit[:10]} to {head[:10]}. Ask again to see what would go out."
                )
            found = await self._deployer.find(commit)
            if found and found.done is not False:
                return found, False
            return await self._deployer.deploy(commit, progress), True

    async def look(self, commit: str) -> Rollout | None:
        """How the deployment of this commit stands: done where the program itself runs it, or one that holds it."""
        found = await self._deployer.find(commit)
        if found is None or not found.done:
            return found
        runs = found.deployment.runs
        if await self._code_host.contains(runs, commit):
            return found
        says = f"{found.says} But {runs[:10] or 'nothing known'} runs, without {commit[:10]}."
        return Rollout(found.deployment, None, says, found.since)
