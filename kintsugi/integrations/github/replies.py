"""What is read of GitHub's replies. Everything else in them is ignored; what is missing here is no answer."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Made(_Reply):
    """A git object, or something that points at one."""

    sha: str


class Ref(_Reply):
    object: Made


class Signed(_Reply):
    date: datetime


class GitCommit(_Reply):
    sha: str
    tree: Made
    parents: tuple[Made, ...]
    author: Signed
    message: str


class Named(_Reply):
    name: str


class User(_Reply):
    login: str


class Repository(_Reply):
    full_name: str


class End(_Reply):
    """One end of a pull request."""

    ref: str
    sha: str
    repo: Repository | None = None  # none where a fork was deleted


class Pull(_Reply):
    number: int
    html_url: str
    state: str
    head: End
    base: End
    merged_at: datetime | None
    closed_at: datetime | None
    merge_commit_sha: str | None
    title: str = ""
    body: str | None = None
    user: User | None = None
    author_association: str = "NONE"
    labels: tuple[Named, ...] = ()
    requested_reviewers: tuple[User, ...] = ()


class Comparison(_Reply):
    status: str


class Output(_Reply):
    title: str | None = None
    summary: str | None = None
    text: str | None = None


class Check(_Reply):
    id: int
    name: str
    status: str
    conclusion: str | None
    details_url: str | None = None
    output: Output = Output()


class Checks(_Reply):
    check_runs: tuple[Check, ...]


class Status(_Reply):
    context: str
    state: str
    description: str | None = None


class Statuses(_Reply):
    statuses: tuple[Status, ...]


class WorkflowRun(_Reply):
    id: int
    status: str | None
    conclusion: str | None
    run_attempt: int = 1


class Review(_Reply):
    id: int
    state: str
    body: str = ""
    commit_id: str | None
    user: User | None
    author_association: str = "NONE"
