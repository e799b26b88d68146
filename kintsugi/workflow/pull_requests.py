"""The facts about pull requests, with keys that are the facts' own: a webhook, its redelivery and our own look at the
host make the same one. `host` is the code host's name, such as `github:owner/name`."""

from __future__ import annotations

import re
from datetime import datetime

from kintsugi.workflow.ports import Review
from kintsugi.workflow.triggers import (
    BranchPushed,
    ChangesRequested,
    ChecksFailed,
    PullRequestClosed,
    PullRequestMerged,
)

OUR_BRANCH = re.compile(r"(?:refs/heads/)?kintsugi/inc-(\d{1,18})(?:-|$)")
"""The branch of a pull request that we opened, and its incident's number."""

_LONGEST = 20_000


def merged(
    incident: int, host: str, number: int, sha: str, at: datetime, *, actor: str = "kintsugi"
) -> PullRequestMerged:
    key = f"{host}:merged#{number}:{sha}"
    return PullRequestMerged(incident=incident, key=key, at=at, actor=actor, number=number, sha=sha)


def closed(
    incident: int, host: str, number: int, closed_at: str, at: datetime, *, actor: str = "kintsugi"
) -> PullRequestClosed:
    """`closed_at` is the host's own moment: the same pull request may be closed more than once."""
    key = f"{host}:closed#{number}:{closed_at}"
    return PullRequestClosed(incident=incident, key=key, at=at, actor=actor, number=number)


def changes_requested(incident: int, host: str, number: int, *, review: Review, at: datetime) -> ChangesRequested:
    key, text = f"{host}:review#{number}:{review.id}", review.text[:_LONGEST]
    return ChangesRequested(incident=incident, key=key, at=at, actor=review.by, head=review.head, review=text)


def checks_failed(incident: int, host: str, number: int, *, head: str, log: str, at: datetime) -> ChecksFailed:
    key = f"{host}:checks#{number}:{head}"
    return ChecksFailed(incident=incident, key=key, at=at, head=head, log=log[-_LONGEST:])


def pushed(incident: int, host: str, number: int, head: str, at: datetime) -> BranchPushed:
    key = f"{host}:pushed#{number}:{head}"
    return BranchPushed(incident=incident, key=key, at=at, number=number, head=head)
