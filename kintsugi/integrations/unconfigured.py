"""The ports as they are where nothing is configured: each says what is missing and how to set it."""

from __future__ import annotations

from datetime import datetime

from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cure, Deployment, Incident, Patch, PullRequest
from kintsugi.workflow.patch import Evidence, Reproduction
from kintsugi.workflow.ports import Case, Manners, Progress, Reading, Rollout, Standing
from kintsugi.workflow.production import Commit
from kintsugi.workflow.states import Effect

_REPO = "No repository is configured. Set KINTSUGI_REPO to a bare git repository, then retry."
_DEPLOY = "No deployer is configured. Set KINTSUGI_RAILWAY_TOKEN, or KINTSUGI_DEPLOY_COMMAND, then retry."


class NoChecker:
    """The Checker port without a repository."""

    async def reproduce(
        self, case: Case, progress: Progress, commit: str | None = None, seconds: float | None = None
    ) -> Reproduction:
        raise StepFailed(_REPO, final=True)

    async def check(self, case: Case, progress: Progress) -> tuple[Patch, Evidence]:
        raise StepFailed(_REPO, final=True)


class NoCodeHost:
    """The CodeHost port without a repository."""

    name = "none"

    async def head(self) -> str:
        raise StepFailed(_REPO, final=True)

    async def open_pull_request(self, incident: Incident) -> PullRequest:
        raise StepFailed(_REPO, final=True)

    async def find_pull_request(self, incident: Incident) -> PullRequest | None:
        return None

    async def standing(self, incident: Incident) -> Standing | None:
        return None

    async def contains(self, commit: str, ancestor: str) -> bool:
        return False

    async def fix(self, named: str) -> PullRequest:
        raise StepFailed(_REPO, final=True)

    async def tell(self, incident: Incident) -> None:
        return None


class NoDeployer:
    """The Deployer port where nothing deploys."""

    async def running(self) -> str:
        return ""

    async def find(self, commit: str) -> Rollout | None:
        return None

    async def latest(self) -> Rollout | None:
        return None

    async def manners(self) -> Manners:
        return Manners(repeatable=True)

    async def deploy(self, commit: str, progress: Progress, *, incident: int | None = None) -> Rollout:
        raise StepFailed(_DEPLOY, final=True)

    async def roll_back(
        self, deployment: Deployment, since: datetime, progress: Progress, *, incident: int | None = None
    ) -> Rollout:
        raise StepFailed(_DEPLOY, final=True)


class NoMonitor:
    """The Monitor port where the program cannot be asked: nothing is claimed."""

    async def read(self, case: Case) -> Reading:
        return Reading(Cure(0, 1, "Unproven: nothing watches the program. Set KINTSUGI_PROGRAM_URL."), running="")


class Silence:
    """The Channel port where nothing is told: another process does that."""

    async def announce(self, incident: Incident) -> None:
        pass

    async def ask(self, incident: Incident, token: str) -> None:
        pass

    def progress(self, incident: Incident, step: Effect, words: str) -> None:
        pass


class NoCommits:
    """The Commits where no repository is at hand."""

    async def between(self, old: str, new: str) -> tuple[Commit, ...]:
        return ()

    async def known(self, sha: str) -> Commit | None:
        return None
