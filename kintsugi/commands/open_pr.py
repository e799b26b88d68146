"""`kintsugi open-pr`: a patch becomes a pull request, for CI. Run again, it finds the one that it opened."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.code_hosts import github_access, wishes_of
from kintsugi.app.settings import CodeSettings, GitHubSettings
from kintsugi.commands.files import read_bytes
from kintsugi.commands.outcome import UsageError
from kintsugi.commands.voice import say
from kintsugi.integrations.git import Git, GitError
from kintsugi.integrations.github.api import GitHubAccess, GitHubApi
from kintsugi.integrations.github.host import GitHub
from kintsugi.integrations.pull_request_text import Proposal
from kintsugi.repair.apply import Refused, apply
from kintsugi.repair.policy import check
from kintsugi.repair.replies import read_reply
from kintsugi.repair.safe import LONGEST_BRANCH, safe_line, safe_markdown
from kintsugi.repair.trees import RevisionTree
from kintsugi.telemetry.redact import redact, remember
from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.incident import PullRequest
from kintsugi.workflow.patch import ReplyFormat


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed."""

    repo: Path
    patch: str
    title: str
    body: str
    branch: str


async def open_pr(asked: Asked) -> None:
    """Print the pull request's address. Raises UsageError, Refusal or StepFailed."""
    bootstrap = Bootstrap.read()
    opened = await _opened(asked, bootstrap.settings.github, bootstrap.settings.code, bootstrap.incident_url)
    say(opened.url)


async def _opened(asked: Asked, settings: GitHubSettings, code: CodeSettings, incident_url: str) -> PullRequest:
    access = github_access(settings) or _of_the_workflow()
    if access is None:
        raise UsageError("No repository is configured. Set KINTSUGI_GITHUB_REPO and KINTSUGI_GITHUB_TOKEN.")
    remember((access.token,))
    git = Git(asked.repo)
    git.check()
    proposal = _proposal(asked, git, code.branch)
    return await GitHub(GitHubApi(access), git, wishes_of(settings, code.branch, incident_url), redact).open(proposal)


def _of_the_workflow() -> GitHubAccess | None:
    """What GitHub Actions tells its steps."""
    repository, token = os.environ.get("GITHUB_REPOSITORY"), os.environ.get("GITHUB_TOKEN")
    if not (repository and token):
        return None
    return GitHubAccess(repository, token, base_url=os.environ.get("GITHUB_API_URL") or "https://api.github.com")


def _proposal(asked: Asked, git: Git, target: str) -> Proposal:
    base = git.resolve("HEAD")
    if base is None:
        raise UsageError(f"{asked.repo} has no commit yet.")
    text, title = read_bytes(asked.patch), safe_line(redact(asked.title))
    mark = f"Patch: {sha256(text).hexdigest()[:16]}"
    return Proposal(
        branch=_branch(asked.branch, target, git),
        base=base,
        tree=_tree(text.decode(errors="replace"), git, base),
        at=datetime.fromisoformat(git.read("show", "-s", "--format=%cI", base)),
        message=f"{title}\n\n{mark}",
        title=title,
        body=safe_markdown(redact(asked.body)),
        exact=False,
    )


def _tree(text: str, git: Git, base: str) -> str:
    """The patched tree. Raises Refusal."""
    tree = RevisionTree(git.directory, base)
    try:
        applied = apply(read_reply(text, ReplyFormat.AUTO), tree)
    except Refused as refused:
        raise Refusal(f"The patch does not apply: {refused.reason}") from refused
    refusals = [f"{one.path}: {one.sentence}" for one in check(applied, tree) if one.refuses]
    if refusals:
        raise Refusal("The patch breaks the policy: " + " ".join(refusals))
    return git.write_tree(base, applied.files, applied.modes)


def _branch(name: str, target: str, git: Git) -> str:
    """The branch's name, if git takes it and it is none that others rely on."""
    plain = name.isascii() and len(name) <= LONGEST_BRANCH and re.fullmatch(r"[\w./+-]+", name)
    try:
        git.run("check-ref-format", "--branch", name)
    except GitError:
        plain = None
    if not plain or name in (target, "HEAD") or name.startswith(("-", "refs/")):
        raise UsageError(f"--branch {name}: give a name of letters, digits, - and /, such as fix/discount.")
    return name
