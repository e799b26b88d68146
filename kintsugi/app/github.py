"""GitHub's parts, made from the settings."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kintsugi.app.settings import Settings, SettingsError
from kintsugi.integrations.git import Git
from kintsugi.integrations.github import GitHub, GitHubWishes
from kintsugi.integrations.github_api import GitHubAccess, GitHubApi
from kintsugi.integrations.github_mirror import Mirror
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Diagnosis, Patch
from kintsugi.workflow.patch import Evidence
from kintsugi.workflow.ports import Analyst, Case, Checker, CodeHost, Progress


class FreshAnalyst:
    """The Analyst port after a look at the code host, which brings our copy of the code up to date if it can."""

    def __init__(self, analyst: Analyst, code_host: CodeHost) -> None:
        self._analyst = analyst
        self._code_host = code_host

    async def diagnose(self, case: Case, progress: Progress) -> Diagnosis:
        with suppress(StepFailed):
            await self._code_host.head()
        return await self._analyst.diagnose(case, progress)


class FreshChecker:
    """The Checker port after the same look, which has to work: a patch is checked against the branch as it is."""

    def __init__(self, checker: Checker, code_host: CodeHost) -> None:
        self._checker = checker
        self._code_host = code_host

    async def check(self, case: Case, progress: Progress) -> tuple[Patch, Evidence]:
        await self._code_host.head()
        return await self._checker.check(case, progress)


def github_access(settings: Settings) -> GitHubAccess | None:
    """Who we are on GitHub, and where; None where that is not configured. Raises SettingsError."""
    if settings.github_repo is None:
        return None
    token, key = settings.github_token, settings.github_app_key
    if settings.github_app_id and key:
        who = {"app_id": settings.github_app_id, "app_key": _pem(key.get_secret_value())}
        return GitHubAccess(settings.github_repo, base_url=settings.github_base_url, **who)  # type: ignore[arg-type]
    if token is None:
        raise SettingsError("KINTSUGI_GITHUB_REPO needs KINTSUGI_GITHUB_TOKEN, or _APP_ID and _APP_KEY.")
    return GitHubAccess(settings.github_repo, token.get_secret_value(), base_url=settings.github_base_url)


@dataclass(frozen=True, slots=True)
class GitHubParts:
    """The code host, and our copy of its code."""

    host: GitHub
    git: Git


def github_parts(settings: Settings) -> GitHubParts | None:
    """None where GitHub is not configured. Raises SettingsError."""
    access = github_access(settings)
    if access is None:
        return None
    git, api = _our_copy(settings, access), GitHubApi(access)
    fetch = Mirror(git, settings.branch, access, api.token).fetch
    return GitHubParts(GitHub(api, git, wishes_of(settings), redact, fetch=fetch), git)


def wishes_of(settings: Settings) -> GitHubWishes:
    return GitHubWishes(
        branch=settings.branch,
        draft=settings.github_draft,
        labels=settings.github_labels,
        reviewers=settings.github_reviewers,
        incident_url=f"{settings.web_url.rstrip('/')}/incidents/{{}}" if settings.web_url else "",
        reruns=settings.github_reruns,
    )


def _our_copy(settings: Settings, access: GitHubAccess) -> Git:
    """The bare repository that follows GitHub's: the one of KINTSUGI_REPO, or one beside the database."""
    directory = settings.repo or Path(".kintsugi/repositories") / f"{access.repository.replace('/', '-')}.git"
    return Git(directory) if (directory / "HEAD").exists() else Git.init_bare(directory, settings.branch)


def _pem(key: str) -> str:
    """The private key: its text, also with \\n for line ends as it comes through some dashboards, or its file."""
    if "-----BEGIN" in key:
        return key.replace("\\n", "\n")
    try:
        return Path(key).read_text()
    except OSError as error:
        raise SettingsError("KINTSUGI_GITHUB_APP_KEY should be the private key's PEM, or its file.") from error
