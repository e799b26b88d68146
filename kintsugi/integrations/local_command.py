"""The Deployer port on a command of the user's: it checks a commit out and restarts the program.

The command finds the commit in KINTSUGI_COMMIT, the incident that it is deployed for in KINTSUGI_INCIDENT, and no
setting of ours. It may be run again for the same commit. What runs is asked of the program itself: its version URL
answers JSON with a `commit`. Many commands are over before the program listens, such as `systemctl restart`: so it is
asked for a while, until it tells something new.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from kintsugi.children import environment
from kintsugi.integrations.own_requests import OwnRequests
from kintsugi.integrations.program import commit_at
from kintsugi.workflow.commits import hash_in, is_same
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Deployment
from kintsugi.workflow.ports import Manners, Progress, Rollout

_PAUSE = 1.0  # seconds between two looks at what runs
_TAIL = 2000
_MOST_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class LocalCommandSettings:
    """The deploy command, where it runs, how long it may take, and where the program answers."""

    command: Sequence[str]
    folder: Path
    program_url: Callable[[], str]  # asked anew each time: the first deployment may choose the port
    timeout: float = 300.0
    settles: float = 120.0  # seconds after the command's end for the program to take over
    named: Sequence[str] = ()  # the variables of our environment that it gets too
    requests: OwnRequests | None = None  # counts that it was asked


class LocalCommand:
    """Deploys by running a command on this machine."""

    def __init__(self, settings: LocalCommandSettings, redact: Callable[[str], str]) -> None:
        self._settings = settings
        self._redact = redact

    async def find(self, commit: str) -> Rollout | None:
        """What runs, if it is that: whoever deployed it, and what ran before is not known here."""
        newest = await self.latest()
        return newest if newest and is_same(newest.deployment.commit, commit) else None

    async def latest(self) -> Rollout | None:
        running = await self.running()
        return Rollout(self._deployment(running, running, ""), True, f"{running[:10]} runs.") if running else None

    async def manners(self) -> Manners:
        return Manners(repeatable=True)

    async def deploy(self, commit: str, progress: Progress, *, incident: int | None = None) -> Rollout:
        previous = await self.running()
        progress(f"deploying {commit[:10]}")
        status, output = await self._run({"KINTSUGI_COMMIT": commit} | _named(incident))
        if status != 0:
            ended = "was stopped after its time" if status is None else f"ended with status {status}"
            says = f"The deploy command {ended}: {self._redact(output)[-_TAIL:]}"
            return Rollout(self._deployment(commit, await self.running(), previous), False, says)
        running = await self._taken_over(commit, previous, progress)
        deployment = self._deployment(commit, running, previous)
        if is_same(running, commit) or running not in ("", previous):
            return Rollout(deployment, True, f"The deploy command is done; {running[:10]} runs.")
        what = f"{running[:10]} runs still" if running else "the program tells of no commit that it runs"
        says = f"The deploy command is done, but {what}, after {self._settings.settles:g} seconds."
        return Rollout(deployment, False, says)

    async def roll_back(
        self, deployment: Deployment, since: datetime, progress: Progress, *, incident: int | None = None
    ) -> Rollout:
        found = await self.find(deployment.previous)
        return found or await self.deploy(deployment.previous, progress, incident=incident)

    async def _taken_over(self, commit: str, previous: str, progress: Progress) -> str:
        """What runs once it is that commit, or another than before; what runs after a while, where that does not come.

        Where it is not known what ran before, it may be that which answers still: then only the commit itself counts.
        """
        clock = asyncio.get_running_loop().time
        ends, told = clock() + self._settings.settles, False
        while True:
            running = await self.running()
            left, is_new = ends - clock(), bool(previous) and running not in ("", previous)
            if is_same(running, commit) or is_new or left <= 0:
                return running
            if not told:
                progress(f"the deploy command is done: waiting for the program to run {commit[:10]}")
            told = True
            await asyncio.sleep(min(_PAUSE, left))

    async def running(self) -> str:
        return await commit_at(self._settings.program_url(), self._settings.requests)

    async def _run(self, told: Mapping[str, str]) -> tuple[int | None, str]:
        """Exit status and the end of the output: kept in a file, as the program it started may hold on to it."""
        with TemporaryFile() as output:
            status = await self._ended(told, output)
            output.seek(max(0, output.seek(0, os.SEEK_END) - _MOST_BYTES))
            return status, output.read().decode(errors="replace")

    async def _ended(self, told: Mapping[str, str], output: IO[bytes]) -> int | None:
        """The exit status, or None where it was stopped after its time."""
        settings = self._settings
        try:
            process = await asyncio.create_subprocess_exec(
                *settings.command,
                cwd=settings.folder,
                env=environment(told, named=settings.named),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise StepFailed(f"The deploy command cannot be started: {error}.", final=True) from error
        try:
            return await asyncio.wait_for(process.wait(), settings.timeout)
        except (TimeoutError, asyncio.CancelledError) as stopped:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            if isinstance(stopped, asyncio.CancelledError):
                raise
            return None

    def _deployment(self, commit: str, running: str, previous: str) -> Deployment:
        url = self._settings.program_url()
        return Deployment(id=f"local:{commit}", commit=commit, url=url, running=running, previous=hash_in(previous))


def _named(incident: int | None) -> dict[str, str]:
    """The incident as the command finds it; nothing where a commit is deployed for none."""
    return {} if incident is None else {"KINTSUGI_INCIDENT": str(incident)}
