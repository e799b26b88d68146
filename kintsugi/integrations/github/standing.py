"""How a pull request stands on GitHub: its checks, with a second chance for flaky ones, and what reviewers ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from kintsugi.integrations.github.api import GitHubApi
from kintsugi.integrations.github.replies import Check, Checks, Pull, Statuses, WorkflowRun
from kintsugi.integrations.github.replies import Review as GitHubReview
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.ports import Review

MOST_RERUNS = 3
TRUSTED = ("OWNER", "MEMBER", "COLLABORATOR")
"""Whose word counts, by the `author_association` that GitHub gives."""

_FAILED = ("failure", "timed_out", "startup_failure")
_RUN = re.compile(r"/actions/runs/(\d+)")
_LONGEST = 6_000


def failed_checks(api: GitHubApi, head: str, reruns: int, redact: Callable[[str], str]) -> str:
    """The end of the checks that failed at commit `head`, or "".

    A workflow of GitHub Actions is first run again, up to `reruns` times: GitHub itself counts its attempts.
    """
    checks = api.get_each(f"/commits/{head}/check-runs", Checks, lambda page: page.check_runs)
    failed = [check for check in checks if check.status == "completed" and check.conclusion in _FAILED]
    if failed and _run_again(api, failed, min(reruns, MOST_RERUNS)):
        return ""
    told = [_told(api, check) for check in failed]
    for status in api.get_each(f"/commits/{head}/status", Statuses, lambda page: page.statuses):
        if status.state in ("failure", "error"):
            told.append(f"{status.context}: {status.state}\n{status.description or ''}".strip())
    return redact("\n\n".join(told))


def requested_changes(api: GitHubApi, pull: Pull, redact: Callable[[str], str]) -> tuple[Review, ...]:
    """What reviewers who may push ask for, as far as their last word goes."""
    last: dict[str, GitHubReview] = {}
    for review in api.get_all(f"/pulls/{pull.number}/reviews", GitHubReview):
        if review.user and review.author_association in TRUSTED and review.state in ("APPROVED", "CHANGES_REQUESTED"):
            last[review.user.login] = review
    return tuple(
        Review(review.id, f"github:{login}", review.commit_id or "", redact(review.body))
        for login, review in last.items()
        if review.state == "CHANGES_REQUESTED"
    )


def _run_again(api: GitHubApi, failed: Iterable[Check], reruns: int) -> bool:
    """Whether any of these is on its way again, or was sent there now."""
    on_its_way = False
    for number in sorted({int(found[1]) for check in failed if (found := _RUN.search(check.details_url or ""))}):
        run = api.get(f"/actions/runs/{number}", WorkflowRun)
        if run.status == "completed" and run.run_attempt <= reruns:
            on_its_way |= _rerun(api, number)
        else:
            on_its_way |= run.status != "completed"
    return on_its_way


def _rerun(api: GitHubApi, run: int) -> bool:
    try:
        api.send("POST", f"/actions/runs/{run}/rerun-failed-jobs", {})
    except StepFailed as error:
        if error.final:  # not allowed, or too old to be run again: it counts as it is
            return False
        raise
    return True


def _told(api: GitHubApi, check: Check) -> str:
    said = "\n".join(text for text in (check.output.title, check.output.summary, check.output.text) if text)
    if not said and _RUN.search(check.details_url or ""):
        said = api.log(f"/actions/jobs/{check.id}/logs")
    return f"{check.name}: {check.conclusion}\n{said[-_LONGEST:]}".strip()
