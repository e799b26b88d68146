"""The CodeHost port on a bare git repository, for the demo and for teams without a hosting service.

A pull request is a branch and a record of it, made in one transaction of references, so that a crash leaves both or
neither: `refs/heads/<branch>` and `refs/pull/<n>/head` hold the commit, `refs/pull/<n>/record` a JSON blob. Whoever
reviews merges with `merge()` or with plain git (not by squashing, which leaves no trace); nothing here merges itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import TypeVar

from kintsugi.integrations.fixes import Named, commit_on, fix_named, no_such_fix
from kintsugi.integrations.git import NO_OBJECT, Git, GitError, RefChange
from kintsugi.integrations.pull_request_text import News, body, branch_of, commit_message, news, title
from kintsugi.workflow.commits import is_commit
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Incident, PullRequest
from kintsugi.workflow.ports import Standing
from kintsugi.workflow.production import MOST_COMMITS, Commit

T = TypeVar("T")

_AUTHOR = "Kintsugi"


class Conflicting(Exception):
    """The pull request cannot be merged as it is."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a pull request."""

    number: int
    branch: str
    head: str
    title: str
    body: str
    merged_as: str | None = None


class LocalGit:
    """Pull requests on the bare repository `git`, towards `branch`."""

    def __init__(self, git: Git, branch: str = "main") -> None:
        self._git = git
        self._branch = branch
        self._known: dict[str, Record] = {}  # by their blobs, as they were last read

    @property
    def name(self) -> str:
        return f"git:{self._git.directory.name}"

    async def head(self) -> str:
        return await self._in_thread(self._head)

    async def contains(self, commit: str, ancestor: str) -> bool:
        if not (is_commit(commit) and is_commit(ancestor)):
            return False
        return await self._in_thread(lambda: self._git.contains(commit, ancestor))

    async def find_pull_request(self, incident: Incident) -> PullRequest | None:
        def find() -> PullRequest | None:
            record = self._find_ours(incident)
            return self._pull_request(record) if record else None

        return await self._in_thread(find)

    async def standing(self, incident: Incident) -> Standing | None:
        found = await self.find_pull_request(incident)
        return Standing(found) if found else None

    async def open_pull_request(self, incident: Incident) -> PullRequest:
        return await self._in_thread(lambda: self._pull_request(self._open(incident)))

    async def fix(self, named: str) -> PullRequest:
        return await self._in_thread(lambda: self._fix(fix_named(named)))

    async def tell(self, incident: Incident) -> None:
        told = news(incident, incident.name)
        if told and incident.pull_request:
            await self._in_thread(lambda: self._tell(branch_of(incident), told))

    async def merge(self, number: int, at: datetime) -> str:
        """Merge a pull request as a reviewer would. Answers the merge commit. Raises Conflicting."""
        return await self._in_thread(lambda: self._merge(number, at))

    def _head(self) -> str:
        head = self._git.resolve(f"refs/heads/{self._branch}")
        if head is None:
            raise StepFailed(f"{self._git.directory} has no branch {self._branch}. Set KINTSUGI_BRANCH.", final=True)
        return head

    def _fix(self, named: Named) -> PullRequest:
        if found := commit_on(self._git, self._head(), named):
            return found
        for record in self._records():
            if record.number == named.number or (named.commit and record.head.startswith(named.commit)):
                return self._pull_request(record)
        raise no_such_fix(named, self._branch)

    def _open(self, incident: Incident) -> Record:
        commit = self._commit(incident)
        known = self._find_ours(incident)
        if known is None:
            return self._create(incident, commit)
        return known if known.head == commit else self._push_again(known, commit)

    def _find_ours(self, incident: Incident) -> Record | None:
        """The pull request on the incident's branch, if it is this incident's: an earlier database had an INC-7 too."""
        record = self._find(branch_of(incident))
        if record and (incident.pull_request or record.head == self._commit(incident)):
            return record
        return None

    def _commit(self, incident: Incident) -> str:
        """The commit of exactly what was confirmed; the same one however often it is made."""
        patch = incident.patch
        assert patch and incident.confirmed_at
        return self._git.commit(patch.tree, [patch.base], commit_message(incident), incident.confirmed_at, _AUTHOR)

    def _create(self, incident: Incident, commit: str) -> Record:
        branch = branch_of(incident)
        number = 1 + max((record.number for record in self._records()), default=0)
        record = Record(number, branch, commit, title(incident), body(incident))
        made = self._git.update_refs(
            [
                RefChange(f"refs/heads/{branch}", commit, NO_OBJECT),
                RefChange(f"refs/pull/{number}/head", commit, NO_OBJECT),
                RefChange(f"refs/pull/{number}/record", self._write(record), NO_OBJECT),
            ]
        )
        if made:
            return record
        found = self._find_ours(incident)
        if found is None:
            raise StepFailed(f"The branch {branch} exists and is not of this incident: nothing was pushed.", final=True)
        return found

    def _push_again(self, known: Record, commit: str) -> Record:
        """A new patch for the same pull request. A push of somebody else's is never overwritten."""
        record = replace(known, head=commit)
        moved = self._git.update_refs(
            [
                RefChange(f"refs/heads/{known.branch}", commit, known.head),
                RefChange(f"refs/pull/{known.number}/head", commit, known.head),
                RefChange(f"refs/pull/{known.number}/record", self._write(record), self._written(known.number)),
            ]
        )
        if not moved:
            raise StepFailed(f"Somebody else pushed to {known.branch}: nothing was overwritten.", final=True)
        return record

    def _tell(self, branch: str, told: News) -> None:
        record = self._find(branch)
        text = told.at_the_end_of(record.body) if record else None
        if record is None or text is None:
            return
        written = self._write(replace(record, body=text))
        change = RefChange(f"refs/pull/{record.number}/record", written, self._written(record.number))
        if not self._git.update_refs([change]):
            raise StepFailed(f"The record of pull request #{record.number} moved at the same moment.")

    def _merge(self, number: int, at: datetime) -> str:
        record = next((record for record in self._records() if record.number == number), None)
        if record is None:
            raise Conflicting(f"There is no pull request #{number}.")
        if record.merged_as:
            return record.merged_as
        head = self._head()
        tree = self._git.merged_tree(head, record.head)
        if tree is None:
            raise Conflicting(f"Pull request #{number} conflicts with {self._branch}.")
        message = f"Merge pull request #{number} from {record.branch}\n\n{record.title}\n"
        merge = self._git.commit(tree, [head, record.head], message, at, _AUTHOR)
        changes = [
            RefChange(f"refs/heads/{self._branch}", merge, head),
            RefChange(
                f"refs/pull/{number}/record", self._write(replace(record, merged_as=merge)), self._written(number)
            ),
        ]
        if not self._git.update_refs(changes):
            raise Conflicting(f"{self._branch} moved at the same moment: merge again.")
        return merge

    def _find(self, branch: str) -> Record | None:
        return next((record for record in self._records() if record.branch == branch), None)

    def _records(self) -> list[Record]:
        """All there ever were: only what is new of them is read."""
        blobs, known = self._git.refs("refs/pull/*/record").values(), self._known
        new = [blob for blob in blobs if blob not in known]
        read = dict(zip(new, map(_read, self._git.read_blobs(new)), strict=True))
        self._known = {blob: known.get(blob) or read[blob] for blob in blobs}
        return list(self._known.values())

    def _written(self, number: int) -> str:
        return self._git.refs(f"refs/pull/{number}/record")[f"refs/pull/{number}/record"]

    def _write(self, record: Record) -> str:
        return self._git.write_blob(json.dumps(asdict(record), indent=1).encode())

    def _pull_request(self, record: Record) -> PullRequest:
        """As it stands: whoever merged the branch with plain git has merged the pull request."""
        url = f"{self._git.directory}#refs/pull/{record.number}/head"
        merged_as = record.merged_as or self._git.merged_as(f"refs/heads/{self._branch}", record.head)
        return PullRequest(record.number, url, record.branch, record.head, not merged_as, merged_as)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(call)
        except GitError as error:
            raise StepFailed(f"git said: {error}") from error


def _read(blob: bytes) -> Record:
    """A record; earlier versions wrote one field more, which was never set."""
    found = json.loads(blob)
    return Record(**{each.name: found[each.name] for each in fields(Record) if each.name in found})


class CommitsOf:
    """The Commits of a repository."""

    def __init__(self, git: Git) -> None:
        self._git = git

    async def between(self, old: str, new: str) -> tuple[Commit, ...]:
        return await asyncio.to_thread(self._log, f"{old}..{new}", MOST_COMMITS)

    async def known(self, sha: str) -> Commit | None:
        return next(iter(await asyncio.to_thread(self._log, sha, 1)), None)

    def _log(self, revisions: str, most: int) -> tuple[Commit, ...]:
        try:
            return tuple(Commit(sha, title, at) for sha, at, title in self._git.log(revisions, most))
        except GitError:
            return ()
