"""GitHub's parts, made from the settings."""

from __future__ import annotations

from pathlib import Path

from app.settings import Settings, SettingsError
from integrations.git import Git
from integrations.github import GitHub, GitHubWishes
from integrations.github_api import GitHubAccess, GitHubApi
from integrations.github_mirror import Mirror
from telemetry.redact import redact
from workflow.incident import Patch
from workflow.patch import Evidence
from workflow.ports import Case, Checker, CodeHost, Progress


class FreshChecker:
    """The Checker port after a look at the code host, which brings our copy of the code up to date."""

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


def github_host(settings: Settings, access: GitHubAccess, git: Git) -> GitHub:
    """The code host, with `git` as our copy of its code."""
    api = GitHubApi(access)
    wishes = GitHubWishes(
        branch=settings.branch,
        draft=settings.github_draft,
        labels=settings.github_labels,
        reviewers=settings.github_reviewers,
        incident_url=f"{settings.web_url.rstrip('/')}/incidents/{{}}" if settings.web_url else "",
        reruns=settings.github_reruns,
    )
    return GitHub(api, git, wishes, redact, fetch=Mirror(git, settings.branch, access, api.token).fetch)


def our_copy(settings: Settings, access: GitHubAccess) -> Git:
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
