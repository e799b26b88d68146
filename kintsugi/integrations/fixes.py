"""A human's own fix, as people name it: a commit of the target branch, or a pull request."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kintsugi.integrations.git import Git
from kintsugi.workflow.errors import BadInput, Refusal
from kintsugi.workflow.incident import PullRequest

_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_NUMBER = re.compile(r"#?(\d{1,9})|https?://\S+/pull/(\d{1,9})(?:[/?#]\S*)?")


@dataclass(frozen=True, slots=True)
class Named:
    """What was typed: a pull request by its number, a commit by its first digits, or with neither the newest commit."""

    number: int = 0
    commit: str = ""

    def __str__(self) -> str:
        return f"pull request #{self.number}" if self.number else f"commit {self.commit[:12]}"


def fix_named(typed: str) -> Named:
    """Raises BadInput. Seven digits or more are a commit, unless a # is before them."""
    typed = typed.strip()
    if _COMMIT.fullmatch(typed):
        return Named(commit=typed.lower())
    if found := _NUMBER.fullmatch(typed):
        return Named(number=int(found[1] or found[2]))
    if not typed:
        return Named()
    raise BadInput(
        f"{typed[:40]!r} is neither a commit nor a pull request. Give a commit's first 7 digits or more, or #12."
    )


def commit_on(git: Git, head: str, named: Named) -> PullRequest | None:
    """The named commit, where it is on the target branch, whose newest commit is `head`."""
    if named.number:
        return None
    commit = git.resolve(named.commit or head)
    if commit is None or not git.contains(head, commit):
        return None
    return PullRequest(0, "", "", commit, open=False, merged_as=commit)


def no_such_fix(named: Named, branch: str) -> Refusal:
    says = f"There is no {named} that is merged to {branch} or open for it."
    return Refusal(f"{says} Push it, or open its pull request, and try again.")
