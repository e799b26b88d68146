"""The Pulls port on GitHub: people's own pull requests for an incident, and our commit status on them.

What is in one, a fork's too, comes into our object store by git's own protocol, is read as a diff, and runs nowhere but
in the box of the proof.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from kintsugi.integrations.git import Git
from kintsugi.integrations.github.api import GitHubApi, Transient
from kintsugi.integrations.github.host import GitHub, GitHubWishes, pull_request
from kintsugi.integrations.github.replies import Pull, Status, Statuses
from kintsugi.integrations.github.standing import TRUSTED
from kintsugi.repair.safe import safe_line
from kintsugi.workflow.by_hand import Judgement, Opened, incident_named
from kintsugi.workflow.errors import BadInput
from kintsugi.workflow.incident import PullRequest
from kintsugi.workflow.pull_requests import OUR_BRANCH

CONTEXT = "kintsugi"


class GitHubPulls:
    """`fetch_pull` brings what is in a pull request into `git`."""

    def __init__(
        self,
        host: GitHub,
        api: GitHubApi,
        git: Git,
        wishes: GitHubWishes,
        redact: Callable[[str], str],
        *,
        fetch_pull: Callable[[int], None],
    ) -> None:
        self._host, self._api, self._git = host, api, git
        self._wishes, self._redact, self._fetch_pull = wishes, redact, fetch_pull

    async def by_hand(self) -> Sequence[Opened]:
        return await self._host.patiently(self._by_hand)

    async def change(self, pull: PullRequest) -> tuple[str, str]:
        head = await self._host.head()
        return await self._host.patiently(lambda: self._change(head, pull))

    async def judge(self, incident: int, head: str, judgement: Judgement) -> None:
        await self._host.patiently(lambda: self._judge(incident, head, judgement))

    def _by_hand(self) -> list[Opened]:
        found = self._api.get_all("/pulls", Pull, base=self._wishes.branch, state="open")
        return [theirs for pull in found if (theirs := self._of_somebody(pull))]

    def _of_somebody(self, pull: Pull) -> Opened | None:
        ours = pull.head.repo and pull.head.repo.full_name.lower() == self._api.access.repository.lower()
        incident = incident_named(pull.title, pull.body or "")
        if incident is None or pull.author_association not in TRUSTED or (ours and OUR_BRANCH.match(pull.head.ref)):
            return None
        by = f"github:{pull.user.login if pull.user else 'somebody'}"
        return Opened(incident, replace(pull_request(pull), by=by), pull.title, pull.body or "")

    def _change(self, branch: str, pull: PullRequest) -> tuple[str, str]:
        if self._git.resolve(pull.head) is None:
            self._fetch_pull(pull.number)
        if self._git.resolve(pull.head) is None:
            raise Transient(f"GitHub does not hand {pull.head[:10]} of {pull.name} out yet.")
        base = self._git.merge_base(branch, pull.head)
        if base is None:
            raise BadInput(f"It has no commit in common with {self._wishes.branch}.")
        return base, self._git.diff(base, pull.head)

    def _judge(self, incident: int, head: str, judgement: Judgement) -> None:
        says = safe_line(self._redact(judgement.says))  # shorter than the 140 characters that GitHub takes
        said = self._api.get_each(f"/commits/{head}/status", Statuses, lambda page: page.statuses)
        wanted = Status(context=CONTEXT, state=judgement.light.value, description=says)
        if wanted not in said:
            where = {"target_url": self._wishes.incident_url.format(incident)} if self._wishes.incident_url else {}
            self._api.send("POST", f"/statuses/{head}", wanted.model_dump() | where)
