"""Where the code is, made from the settings: GitHub with our copy of it, or a repository on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kintsugi.app.pem import pem_of
from kintsugi.app.settings import CodeSettings, GitHubSettings
from kintsugi.integrations.git import Git, GitError
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.by_hand import Pulls
from kintsugi.workflow.errors import SettingsError
from kintsugi.workflow.ports import CodeHost

if TYPE_CHECKING:  # a client is loaded where it is made
    from kintsugi.integrations.github.api import GitHubAccess
    from kintsugi.integrations.github.host import GitHubWishes


def github_access(settings: GitHubSettings) -> GitHubAccess | None:
    """Who we are on GitHub, and where; None where that is not configured. Raises SettingsError."""
    from kintsugi.integrations.github.api import GitHubAccess

    if settings.repo is None:
        return None
    token, key = settings.token, settings.app_key
    if settings.app_id and key:
        pem = pem_of("KINTSUGI_GITHUB_APP_KEY", key.get_secret_value())
        return GitHubAccess(settings.repo, base_url=settings.base_url, app_id=settings.app_id, app_key=pem)
    if token is None:
        raise SettingsError("KINTSUGI_GITHUB_REPO needs KINTSUGI_GITHUB_TOKEN, or _APP_ID and _APP_KEY.")
    return GitHubAccess(settings.repo, token.get_secret_value(), base_url=settings.base_url)


@dataclass(frozen=True, slots=True)
class CodeHostParts:
    """The code host, and the repository on this machine: our copy of its code, or the host itself."""

    host: CodeHost
    git: Git
    pulls: Pulls | None = None
    lacking: Callable[[], tuple[str, ...]] = tuple  # the host's permissions that we need and do not have; blocking


def github_parts(settings: GitHubSettings, code: CodeSettings, incident_url: str) -> CodeHostParts:
    """There must be a repository on GitHub. Raises SettingsError."""
    from kintsugi.integrations.github.api import GitHubApi
    from kintsugi.integrations.github.host import GitHub
    from kintsugi.integrations.github.mirror import Mirror
    from kintsugi.integrations.github.pulls import GitHubPulls

    access = github_access(settings)
    assert access
    git, api = _our_copy(code, access), GitHubApi(access)
    mirror, wishes = Mirror(git, code.branch, access, api.token), wishes_of(settings, code.branch, incident_url)
    host = GitHub(api, git, wishes, redact, fetch=mirror.fetch)
    return CodeHostParts(
        host, git, GitHubPulls(host, api, git, wishes, redact, fetch_pull=mirror.fetch_pull), api.lacking
    )


def local_parts(code: CodeSettings) -> CodeHostParts:
    """There must be a KINTSUGI_REPO."""
    from kintsugi.integrations.local_git import LocalGit

    assert code.repo
    git = Git(code.repo)
    return CodeHostParts(LocalGit(git, code.branch), git)


def check_repository(repo: Path) -> None:
    """Raises SettingsError where this is no git repository."""
    try:
        Git(repo).check()
    except GitError as error:
        says = f"KINTSUGI_REPO: {error} Set it to a bare git repository with the program's code."
        raise SettingsError(says) from None


def wishes_of(settings: GitHubSettings, branch: str, incident_url: str) -> GitHubWishes:
    """How pull requests to `branch` are to be."""
    from kintsugi.integrations.github.host import GitHubWishes

    return GitHubWishes(
        branch=branch,
        draft=settings.draft,
        labels=settings.labels,
        reviewers=settings.reviewers,
        incident_url=incident_url,
        reruns=settings.reruns,
    )


def _our_copy(code: CodeSettings, access: GitHubAccess) -> Git:
    """The bare repository that follows GitHub's: the one of KINTSUGI_REPO, or one beside the database."""
    directory = code.repo or Path(".kintsugi/repositories") / f"{access.repository.replace('/', '-')}.git"
    return Git(directory) if (directory / "HEAD").exists() else Git.init_bare(directory, code.branch)
