"""The newest commit of the branch, and what runs: the same for Discord's /deploy and for `kintsugi deploy`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kintsugi.workflow.commits import hash_in, is_same
from kintsugi.workflow.errors import Refusal, StepFailed
from kintsugi.workflow.incident import PullRequest
from kintsugi.workflow.ports import CodeHost, Deployer, Progress, Rollout


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as people know it. `title` is its first line, `at` when it was committed."""

    sha: str
    title: str
    at: datetime


MOST_COMMITS = 300
"""So many are read of what comes or goes with a deployment."""


class Commits(Protocol):
    """The repository's commits, as far as it is at hand."""

    async def between(self, old: str, new: str) -> tuple[Commit, ...]:
        """The newest MOST_COMMITS that `new` has and `old` has not, newest first; none where one is unknown."""
        ...

    async def known(self, sha: str) -> Commit | None:
        """None where it is not at hand."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deployment of the newest commit would do now: `found` is how that commit stands, if it was deployed."""

    commit: str
    running: str
    changes: tuple[Commit, ...]
    found: Rollout | None
    newest: Commit | None = None  # the two commits, as far as they are at hand
    runs: Commit | None = None

    @property
    def runs_it(self) -> bool | None:
        """Whether the newest commit runs, by the program's own word; None where that tells nothing."""
        return is_same(self.running, self.commit) if self.running else None

    @property
    def says(self) -> str:
        """What the deployer says of it."""
        return self.found.says if self.found else "No deployment of it is known."

    @property
    def stands(self) -> Rollout | None:
        """How it stands, where there is nothing to ask for: it runs, or is under way."""
        return self.found if self.found and self.found.done is not False else None


@dataclass(frozen=True, slots=True)
class Swap:
    """What putting commit `then` in the place of what runs would do.

    `now` is what runs, as the program says where it was `asked` and answered; "" for unknown. `undone` are the commits
    that go, `brought` those that come, newest first.
    """

    now: str
    then: str
    asked: bool
    now_commit: Commit | None
    then_commit: Commit | None
    undone: tuple[Commit, ...]
    brought: tuple[Commit, ...]

    @property
    def known(self) -> bool:
        """Whether both are at hand, so that what comes and goes is all there is."""
        return self.now_commit is not None and self.then_commit is not None


class Production:
    """What is deployed by hand. Two who ask at once get one deployment, and the second is told about the first."""

    def __init__(self, code_host: CodeHost, deployer: Deployer, commits: Commits) -> None:
        self._code_host, self._deployer, self._commits = code_host, deployer, commits
        self._one_at_a_time = asyncio.Lock()

    async def plan(self) -> Plan:
        """Raises StepFailed."""
        commit, running = await self._code_host.head(), await self._running()
        changes = await self._commits.between(running, commit) if running and not is_same(running, commit) else ()
        runs = await self._commits.known(running) if running else None
        return Plan(commit, running, changes, await self.look(commit), await self._commits.known(commit), runs)

    async def swap(self, then: str, now: str) -> Swap:
        """What putting `then` into production would do; `now` is believed to run where the program does not say."""
        told, commits = await self._running(), self._commits
        now = told or now
        return Swap(
            now=now,
            then=then,
            asked=bool(told),
            now_commit=await commits.known(now) if now else None,
            then_commit=await commits.known(then),
            undone=await commits.between(then, now) if now else (),
            brought=await commits.between(now, then) if now else (),
        )

    async def fix(self, named: str) -> PullRequest:
        """A human's fix, by commit or pull request. Raises Refusal, StepFailed."""
        return await self._code_host.fix(named)

    async def known(self, sha: str) -> Commit | None:
        """None where it is not at hand."""
        return await self._commits.known(sha)

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
            found = await self.look(commit)
            if found and found.done is not False:
                return found, False
            return await self._seen(commit, await self._deployer.deploy(commit, progress)), True

    async def look(self, commit: str) -> Rollout | None:
        """How the deployment of this commit stands: done where the program itself runs it, or one that holds it."""
        found = await self._deployer.find(commit)
        return await self._seen(commit, found) if found else None

    async def _running(self) -> str:
        """The commit that the program says it runs; "" where it names none for good."""
        return hash_in(await self._deployer.running())

    async def _seen(self, commit: str, found: Rollout) -> Rollout:
        """As it is found; not done where the program does not run it, or nobody can say so."""
        if not found.done:
            return found
        try:
            if await self._code_host.contains(found.deployment.runs, commit):
                return found
            says = f"{found.says} But {found.deployment.without(commit)}."
        except StepFailed as failed:  # it was deployed, and may have been asked for just now: that is to be told
            says = f"{found.says} Whether {commit[:10]} runs could not be checked: {failed}"
        return Rollout(found.deployment, None, says, found.since, unseen=True)
