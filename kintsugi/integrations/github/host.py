"""The CodeHost port on GitHub: a branch, a commit by git data, a pull request; each looked for before it is made.

What was confirmed is a git tree in our own object store (`git`). It is sent object by object, and GitHub's hash of the
tree must be ours before a reference moves to it. The whole way is safe to go again from the start, which is how short
faults are met: within `patience`, waiting without a thread. Longer ones are the ledger's to wait for.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from kintsugi.integrations.fixes import Named, commit_on, fix_named, no_such_fix
from kintsugi.integrations.git import Git, GitError
from kintsugi.integrations.github.api import GitHubApi, Missing, Transient, Unacceptable
from kintsugi.integrations.github.replies import Comparison, GitCommit, Made, Pull, Ref
from kintsugi.integrations.github.standing import failed_checks, requested_changes
from kintsugi.integrations.pull_request_text import News, Proposal, body, branch_of, commit_message, news, title
from kintsugi.repair.safe import safe_line
from kintsugi.workflow.commits import is_commit
from kintsugi.workflow.errors import Refusal, StepFailed
from kintsugi.workflow.incident import Incident, PullRequest
from kintsugi.workflow.ports import Standing

T = TypeVar("T")

log = logging.getLogger("kintsugi.github")

_AUTHOR = {"name": "Kintsugi", "email": "kintsugi@localhost"}
_SHORT_FAULTS = (Transient, Missing)


@dataclass(frozen=True, slots=True)
class GitHubWishes:
    """How pull requests are made. `incident_url` has a place for the number: https://…/incidents/{}."""

    branch: str = "main"
    draft: bool = False
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    incident_url: str = ""
    reruns: int = 1  # how often a failed workflow is run again before it counts, at most 3


class GitHub:
    """Pull requests on GitHub. `fetch` brings the object store up to date when the target branch has moved."""

    def __init__(
        self,
        api: GitHubApi,
        git: Git,
        wishes: GitHubWishes,
        redact: Callable[[str], str],
        *,
        fetch: Callable[[], None] = lambda: None,
        patience: timedelta = timedelta(seconds=20),
    ) -> None:
        self._api = api
        self._git = git
        self._wishes = wishes
        self._redact = redact
        self._fetch = fetch
        self._patience = patience

    @property
    def name(self) -> str:
        return f"github:{self._api.access.repository}"

    async def head(self) -> str:
        return await self.patiently(self._head)

    async def contains(self, commit: str, ancestor: str) -> bool:
        return await self.patiently(lambda: self._contains(commit, ancestor))

    async def find_pull_request(self, incident: Incident) -> PullRequest | None:
        def find() -> PullRequest | None:
            pull = self._find_of(incident)
            return pull_request(pull) if pull else None

        return await self.patiently(find)

    async def standing(self, incident: Incident) -> Standing | None:
        return await self.patiently(lambda: self._standing(incident))

    async def open_pull_request(self, incident: Incident) -> PullRequest:
        return await self.open(self._proposal(incident))

    async def open(self, proposal: Proposal) -> PullRequest:
        """Opens the pull request of a proposal, or finds it. Raises StepFailed."""
        return await self.patiently(lambda: pull_request(self._open(proposal)))

    async def fix(self, named: str) -> PullRequest:
        return await self.patiently(lambda: self._fix(fix_named(named)))

    async def tell(self, incident: Incident) -> None:
        told = news(incident, _link(incident, self._wishes), self._redact)
        if told and incident.pull_request:
            number = incident.pull_request.number
            await self.patiently(lambda: self._tell(number, told))

    # --- reading ------------------------------------------------------------------------------------------------

    def _head(self) -> str:
        try:
            head = self._api.get(f"/git/ref/heads/{self._wishes.branch}", Ref).object.sha
        except Missing as error:
            says = f"{self.name} has no branch {self._wishes.branch}, or does not show it to us. Check KINTSUGI_BRANCH."
            raise StepFailed(says, final=True) from error
        if self._git.resolve(f"refs/heads/{self._wishes.branch}") != head:
            self._fetch()
        return head

    def _contains(self, commit: str, ancestor: str) -> bool:
        if not (is_commit(commit) and is_commit(ancestor)):
            return False
        try:
            status = self._api.get(f"/compare/{ancestor}...{commit}", Comparison, per_page=1).status
        except (Missing, Unacceptable):
            return False
        return status in ("ahead", "identical")

    def _find_of(self, incident: Incident) -> Pull | None:
        if incident.pull_request:
            return self._api.get(f"/pulls/{incident.pull_request.number}", Pull)
        return self._find(self._proposal(incident)) if incident.patch and incident.confirmed_at else None

    def _find(self, proposal: Proposal) -> Pull | None:
        if proposal.known:
            return self._api.get(f"/pulls/{proposal.known.number}", Pull)
        head = f"{self._api.access.owner}:{proposal.branch}"
        for pull in self._api.get_all("/pulls", Pull, head=head, base=self._wishes.branch, state="all"):
            if self._is_proposed(pull.head.sha, proposal):
                return pull
        return None

    def _fix(self, named: Named) -> PullRequest:
        if found := commit_on(self._git, self._head(), named):
            return found
        try:
            if named.number:
                return self._fixing(self._api.get(f"/pulls/{named.number}", Pull), named)
        except Missing as error:
            raise no_such_fix(named, self._wishes.branch) from error
        for pull in self._api.get_all("/pulls", Pull, base=self._wishes.branch, state="open"):
            if pull.head.sha.startswith(named.commit):
                return pull_request(pull)
        raise no_such_fix(named, self._wishes.branch)

    def _fixing(self, pull: Pull, named: Named) -> PullRequest:
        if pull.base.ref != self._wishes.branch:
            raise Refusal(f"Pull request #{pull.number} goes to {pull.base.ref}, not to {self._wishes.branch}.")
        if pull.state != "open" and not pull.merged_at:
            raise no_such_fix(named, self._wishes.branch)
        return pull_request(pull)

    def _standing(self, incident: Incident) -> Standing | None:
        pull = self._find_of(incident)
        if pull is None:
            return None
        found = pull_request(pull)
        if not found.open:
            return Standing(found, f"{pull.closed_at:%Y-%m-%dT%H:%M:%SZ}" if pull.closed_at else "")
        ours = incident.pull_request and incident.pull_request.head == found.head
        failed = failed_checks(self._api, found.head, self._wishes.reruns, self._redact) if ours else ""
        return Standing(found, "", failed, requested_changes(self._api, pull, self._redact))

    def _ref(self, branch: str) -> str | None:
        try:
            return self._api.get(f"/git/ref/heads/{branch}", Ref).object.sha
        except Missing:
            return None

    def _is_proposed(self, sha: str, proposal: Proposal) -> bool:
        """Whether this commit is the proposal's."""
        try:
            commit = self._api.get(f"/git/commits/{sha}", GitCommit)
        except Missing:
            return False
        marked = commit.message.rstrip().endswith(f"\n{proposal.mark}")
        same_tree = commit.tree.sha == proposal.tree and proposal.base in [parent.sha for parent in commit.parents]
        same_time = int(commit.author.date.timestamp()) == int(proposal.at.timestamp())
        return marked and (not proposal.exact or (same_tree and same_time))

    # --- writing ------------------------------------------------------------------------------------------------

    def _open(self, proposal: Proposal) -> Pull:
        pull = self._find(proposal)
        if pull is None:
            self._push(proposal, self._ref(proposal.branch))
            pull = self._create(proposal)
        elif not self._is_proposed(pull.head.sha, proposal):
            pull = self._push_again(proposal, pull)
        self._dress(pull)
        return pull

    def _push_again(self, proposal: Proposal, pull: Pull) -> Pull:
        """A new patch for the same pull request, on top of what is there: a push of somebody else's stays."""
        if pull.state != "open":
            raise StepFailed(f"Pull request #{pull.number} is closed: nothing was pushed to it.", final=True)
        at = self._ref(pull.head.ref)
        if at is None:
            raise StepFailed(f"The branch {pull.head.ref} was deleted: nothing was pushed.", final=True)
        pushed = self._push(proposal, at)
        return pull.model_copy(update={"head": pull.head.model_copy(update={"sha": pushed})})

    def _push(self, proposal: Proposal, at: str | None) -> str:
        """See that the branch, which is at `at` now, is at the proposal's commit."""
        branch, known = proposal.branch, proposal.known
        if at and self._is_proposed(at, proposal):
            return at
        if at and known is None:
            raise StepFailed(f"The branch {branch} exists and is not of this incident: nothing was pushed.", final=True)
        if at and known and at != known.head:
            raise StepFailed(f"Somebody else pushed to {branch}: nothing was overwritten.", final=True)
        commit = self._commit(proposal, [at, proposal.base] if at else [proposal.base])
        self._move(branch, at, commit)
        return commit

    def _move(self, branch: str, at: str | None, commit: str) -> None:
        """Point the branch at the commit. GitHub itself refuses to overwrite: a new one, or a fast-forward."""
        try:
            if at is None:
                self._api.send("POST", "/git/refs", {"ref": f"refs/heads/{branch}", "sha": commit})
            else:
                self._api.send("PATCH", f"/git/refs/heads/{branch}", {"sha": commit, "force": False})
        except Unacceptable as error:
            if self._ref(branch) != commit:  # look again from the start: somebody was faster, or it comes late
                raise Transient(f"GitHub did not move {branch}: {error.what}") from error

    def _commit(self, proposal: Proposal, parents: list[str]) -> str:
        """The commit on GitHub of exactly the proposed tree; the same one however often it is made."""
        self._send_tree(proposal.base, proposal.tree)
        who = _AUTHOR | {"date": proposal.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        asked = {"message": proposal.message.rstrip(), "tree": proposal.tree, "parents": parents}
        commit = self._api.send("POST", "/git/commits", {**asked, "author": who, "committer": who}, GitCommit)
        _must_be(commit.tree.sha, proposal.tree, "commit's tree")
        return commit.sha

    def _send_tree(self, base: str, tree: str) -> None:
        entries: list[dict[str, str | None]] = []
        for change in self._git.changes(base, tree):
            if change.blob:
                content = base64.b64encode(self._git.read_blob(change.blob)).decode()
                blob = self._api.send("POST", "/git/blobs", {"content": content, "encoding": "base64"}, Made)
                _must_be(blob.sha, change.blob, change.path)
            entries.append({"path": change.path, "mode": change.mode, "type": "blob", "sha": change.blob})
        asked = {"base_tree": self._git.tree_of(base), "tree": entries}
        _must_be(self._api.send("POST", "/git/trees", asked, Made).sha, tree, "tree")

    def _create(self, proposal: Proposal) -> Pull:
        wishes = self._wishes
        asked = {
            "title": proposal.title,
            "head": proposal.branch,
            "base": wishes.branch,
            "body": proposal.body,
            "draft": wishes.draft,
        }
        try:
            return self._api.send("POST", "/pulls", asked, Pull)
        except Unacceptable as error:
            if found := self._find(proposal):
                return found
            if "already exists" in error.what:
                raise Transient(f"GitHub does not list the pull request yet: {error.what}") from error
            if wishes.draft and "draft" in error.what.lower():
                return self._api.send("POST", "/pulls", asked | {"draft": False}, Pull)
            raise

    def _dress(self, pull: Pull) -> None:
        """Labels and reviewers, which can be added twice without harm, and are not worth a failure."""
        wishes = self._wishes
        number, labels = pull.number, {label.name for label in pull.labels}
        try:
            if pull.state == "open" and not labels.issuperset(wishes.labels):
                self._api.send("POST", f"/issues/{number}/labels", list(wishes.labels))
            if pull.state == "open" and not {user.login for user in pull.requested_reviewers}.issuperset(
                wishes.reviewers
            ):
                asked = {"reviewers": list(wishes.reviewers)}
                self._api.send("POST", f"/pulls/{number}/requested_reviewers", asked)
        except Unacceptable as error:
            log.warning("pull_request_labels_failed", extra={"number": number, "why": error.what})

    def _tell(self, number: int, told: News) -> None:
        """The body is edited, as an edit cannot be made twice and disturbs nobody. It is not worth a failure."""
        try:
            body = told.at_the_end_of(self._api.get(f"/pulls/{number}", Pull).body or "")
            if body is not None:
                self._api.send("PATCH", f"/pulls/{number}", {"body": body})
        except StepFailed as failed:
            if not failed.final:
                raise
            log.warning("pull_request_update_failed", extra={"number": number, "why": str(failed)})

    def _proposal(self, incident: Incident) -> Proposal:
        patch = incident.patch
        assert patch and incident.confirmed_at
        return Proposal(
            branch=branch_of(incident),
            base=patch.base,
            tree=patch.tree,
            at=incident.confirmed_at,
            message=commit_message(incident, self._redact),
            title=title(incident, self._redact),
            body=f"{body(incident, self._redact)}\n\n---\n{_origin(incident, self._wishes)}",
            known=incident.pull_request,
        )

    # --- patience -----------------------------------------------------------------------------------------------

    async def patiently(self, call: Callable[[], T]) -> T:
        """Make the call on a thread; after a short fault make it again, with jitter, as long as patience lasts."""
        tries = AsyncRetrying(
            retry=retry_if_exception_type(_SHORT_FAULTS),
            stop=stop_after_delay(self._patience.total_seconds()),
            wait=wait_random_exponential(0.2, max=5),
            reraise=True,
        )
        try:
            return await tries(asyncio.to_thread, call)
        except GitError as error:
            raise StepFailed(f"git said: {error}") from error


def pull_request(pull: Pull) -> PullRequest:
    merged_as = pull.merge_commit_sha if pull.merged_at else None
    return PullRequest(
        pull.number, pull.html_url, pull.head.ref, pull.head.sha, pull.state == "open", merged_as=merged_as
    )


def _origin(incident: Incident, wishes: GitHubWishes) -> str:
    """Where it comes from and who said yes."""
    return f"{_link(incident, wishes)}, confirmed by {safe_line(incident.confirmed_by or 'a human')}."


def _link(incident: Incident, wishes: GitHubWishes) -> str:
    name = incident.name
    return f"[{name}]({wishes.incident_url.format(incident.id)})" if wishes.incident_url else name


def _must_be(theirs: str, ours: str, what: str) -> None:
    if theirs != ours:
        says = f"GitHub made {theirs[:10]} of the {what} that was confirmed as {ours[:10]}: nothing was pushed."
        raise StepFailed(says, final=True)
