"""GitHub's REST interface and its deliveries, as far as we use them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tests.world.wire import ABSENT, Moment, Operation, Read, Sent, Shapes

Sha = Annotated[str, Field(pattern="^[0-9a-f]{40}$", examples=["c0ffee" * 6 + "c0ff"])]

# --- what we send ---


class NewRef(Sent):
    ref: Annotated[str, Field(pattern="^refs/heads/.+$", examples=["refs/heads/main"])]
    sha: Sha


class MovedRef(Sent):
    sha: Sha
    force: bool


class NewBlob(Sent):
    content: str
    encoding: Literal["base64", "utf-8"]


class NewEntry(Sent):
    """One file of a tree; without a `sha` it goes away."""

    path: str
    mode: Literal["100644", "100755", "120000"]
    type: Literal["blob"]
    sha: Sha | None


class NewTree(Sent):
    base_tree: Sha
    tree: list[NewEntry]


class Signature(Sent):
    name: str
    email: str
    date: Moment


class NewCommit(Sent):
    message: str
    tree: Sha
    parents: list[Sha]
    author: Signature
    committer: Signature


class NewPull(Sent):
    title: str
    head: str
    base: str
    body: str
    draft: bool


class ChangedPull(Sent):
    body: str


class NewStatus(Sent):
    state: Literal["error", "failure", "pending", "success"]
    target_url: str = ABSENT
    description: str
    context: str


class Reviewers(Sent):
    reviewers: list[str]


class NewToken(Sent):
    permissions: dict[str, str] = ABSENT


class Nothing(Sent):
    """An empty object."""


# --- what we read ---


class Error(Read):
    message: str


class Made(Read):
    sha: Sha


class MadeAt(Made):
    url: str


class RefTarget(MadeAt):
    type: Literal["commit"]


class Ref(Read):
    ref: str
    url: str
    object: RefTarget


class Tree(MadeAt):
    truncated: bool


class Author(Read):
    name: str
    email: str
    date: Moment


class GitCommit(MadeAt):
    message: str
    author: Author
    committer: Author
    tree: Made
    parents: list[Made]


class Comparison(Read):
    status: Literal["ahead", "behind", "identical", "diverged"]


Association = Literal[
    "OWNER", "MEMBER", "COLLABORATOR", "CONTRIBUTOR", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN", "NONE"
]


class User(Read):
    login: str


class End(Read):
    ref: str
    sha: Sha


class PullRepository(Read):
    full_name: str


class PullEnd(End):
    repo: PullRepository


class Label(Read):
    name: str


class Pull(Read):
    """One pull request, as it is listed."""

    number: int
    url: str
    html_url: str
    state: Literal["open", "closed"]
    title: str
    body: str | None
    draft: bool = ABSENT
    head: PullEnd
    base: End
    user: User
    author_association: Association
    labels: list[Label]
    requested_reviewers: list[User] = ABSENT
    closed_at: Moment | None
    merged_at: Moment | None
    merge_commit_sha: Sha | None


class WholePull(Pull):
    merged: bool


class Review(Read):
    id: int
    user: User | None
    state: str
    body: str
    commit_id: Sha | None
    submitted_at: Moment = ABSENT
    author_association: Association


Status = Literal["queued", "in_progress", "completed"]
Conclusion = Literal["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"]


class CheckOutput(Read):
    title: str | None
    summary: str | None
    text: str | None


class CheckRun(Read):
    id: int
    head_sha: Sha
    name: str
    status: Status
    conclusion: Conclusion | None
    details_url: str | None
    output: CheckOutput


class CheckRuns(Read):
    total_count: int
    check_runs: list[CheckRun]


class MadeStatus(Read):
    context: str
    state: str
    description: str | None


class CombinedStatus(Read):
    state: str
    sha: Sha
    total_count: int
    statuses: list[Any]


class WorkflowRun(Read):
    id: int
    head_sha: Sha
    status: Status | None
    conclusion: Conclusion | None
    run_attempt: int = ABSENT


class Installation(Read):
    id: int
    access_tokens_url: str


class Token(Read):
    token: str
    expires_at: Moment


# --- what is delivered to our webhook ---


class ThisRepository(Read):
    full_name: str


class Delivery(Read):
    repository: ThisRepository
    sender: User


class DeliveredHead(Read):
    ref: str
    sha: Sha
    repo: ThisRepository


class DeliveredPull(Read):
    number: int
    closed_at: Moment | None
    head: DeliveredHead
    merge_commit_sha: Sha | None


class ChangedDeliveredPull(DeliveredPull):
    merged: bool


class PullRequestDelivery(Delivery):
    action: Annotated[str, Field(examples=["closed"])]
    pull_request: ChangedDeliveredPull


class DeliveredReview(Read):
    id: int
    state: str
    body: str | None
    commit_id: Sha
    user: User | None
    author_association: Association


class ReviewDelivery(Delivery):
    action: Annotated[str, Field(examples=["submitted"])]
    pull_request: DeliveredPull
    review: DeliveredReview


class Branch(Read):
    name: str


class StatusDelivery(Delivery):
    branches: list[Branch]


class PushDelivery(Delivery):
    ref: str


class OnBranch(Read):
    head_branch: str | None


class CheckSuiteDelivery(Delivery):
    check_suite: OnBranch


class InSuite(Read):
    check_suite: OnBranch


class CheckRunDelivery(Delivery):
    check_run: InSuite


class WorkflowRunDelivery(Delivery):
    workflow_run: OnBranch


class Deployment(Read):
    ref: str


class DeploymentStatusDelivery(Delivery):
    deployment: Deployment


_REPO = "/repos/{owner}/{repo}"
_PULL = f"{_REPO}/pulls/{{pull_number}}"

GITHUB = Shapes(
    "github",
    Error,
    [
        Operation("get", f"{_REPO}/git/ref/{{ref}}", tells={200: Ref}),
        Operation("post", f"{_REPO}/git/refs", NewRef, {201: Ref}),
        Operation("patch", f"{_REPO}/git/refs/{{ref}}", MovedRef, {200: Ref}),
        Operation("get", f"{_REPO}/git/commits/{{commit_sha}}", tells={200: GitCommit}),
        Operation("post", f"{_REPO}/git/blobs", NewBlob, {201: MadeAt}),
        Operation("post", f"{_REPO}/git/trees", NewTree, {201: Tree}),
        Operation("post", f"{_REPO}/git/commits", NewCommit, {201: GitCommit}),
        Operation("get", f"{_REPO}/compare/{{basehead}}", tells={200: Comparison}),
        Operation("get", f"{_REPO}/pulls", tells={200: list[Pull]}),
        Operation("post", f"{_REPO}/pulls", NewPull, {201: WholePull}),
        Operation("get", _PULL, tells={200: WholePull}),
        Operation("patch", _PULL, ChangedPull, {200: WholePull}),
        Operation("get", f"{_PULL}/reviews", tells={200: list[Review]}),
        Operation("post", f"{_PULL}/requested_reviewers", Reviewers, {201: Pull}),
        Operation("post", f"{_REPO}/issues/{{issue_number}}/labels", list[str], {200: list[Label]}),
        Operation("get", f"{_REPO}/commits/{{ref}}/check-runs", tells={200: CheckRuns}),
        Operation("get", f"{_REPO}/commits/{{ref}}/status", tells={200: CombinedStatus}),
        Operation("post", f"{_REPO}/statuses/{{sha}}", NewStatus, {201: MadeStatus}),
        Operation("get", f"{_REPO}/actions/runs/{{run_id}}", tells={200: WorkflowRun}),
        Operation("post", f"{_REPO}/actions/runs/{{run_id}}/rerun-failed-jobs", Nothing, {201: dict[str, Any]}),
        Operation("get", f"{_REPO}/actions/jobs/{{job_id}}/logs", tells={302: None}),
        Operation("get", f"{_REPO}/installation", tells={200: Installation}),
        Operation("post", "/app/installations/{installation_id}/access_tokens", NewToken, {201: Token}),
    ],
    frames={
        "pull_request": PullRequestDelivery,
        "pull_request_review": ReviewDelivery,
        "push": PushDelivery,
        "status": StatusDelivery,
        "check_run": CheckRunDelivery,
        "check_suite": CheckSuiteDelivery,
        "workflow_run": WorkflowRunDelivery,
        "deployment_status": DeploymentStatusDelivery,
    },
)
