"""The git wrapper and the local code host on real repositories."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kintsugi.integrations.git import NO_OBJECT, Git, GitError, RefChange
from kintsugi.integrations.local_git import Conflicting, LocalGit
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.states import State
from tests.world.make import NOON, a_diagnosis, a_patch, an_incident

EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


class Shop:
    """A bare repository with one file, and patches to it."""

    def __init__(self, folder: Path) -> None:
        self.git = Git.init_bare(folder / "origin.git", "main")
        self.host = LocalGit(self.git, "main")
        self.first = self.commits({"shop.py": b"price = 1\n", "readme": b"hello\n"})

    def commits(self, files: dict[str, bytes | None]) -> str:
        """Somebody pushes to main."""
        head = self.git.resolve("refs/heads/main")
        tree = self.git.write_tree(head or EMPTY, files)
        commit = self.git.commit(tree, [head] if head else [], "a change", datetime(2026, 1, 1, tzinfo=UTC), "Somebody")
        assert self.git.update_refs([RefChange("refs/heads/main", commit, head or NO_OBJECT)])
        return commit

    def confirmed(self, content: bytes = b"price = 2\n", id: int = 1, **changes: object) -> Incident:
        """An incident whose patch of shop.py was confirmed."""
        tree = self.git.write_tree(self.first, {"shop.py": content})
        patch = a_patch(base=self.first, tree=tree, diff=self.git.diff(self.first, tree))
        facts = {"patch": patch, "diagnosis": a_diagnosis(), "confirmed_at": NOON} | changes
        return an_incident(State.CONFIRMED, id=id, **facts)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


async def test_what_is_pushed_is_the_confirmed_tree_and_nothing_else(shop: Shop):
    incident = shop.confirmed()

    opened = await shop.host.open_pull_request(incident)

    assert incident.patch
    assert shop.git.tree_of(opened.head) == incident.patch.tree
    assert shop.git.resolve(f"refs/heads/{opened.branch}") == opened.head
    assert shop.git.resolve("refs/heads/main") == shop.first


async def test_opening_again_finds_the_same_pull_request(shop: Shop):
    incident = shop.confirmed()

    opened = [await shop.host.open_pull_request(incident) for _ in range(3)]

    assert len({pull_request.number for pull_request in opened}) == 1
    assert len(shop.git.refs("refs/pull/*/record")) == 1


async def test_two_who_open_at_once_open_one(shop: Shop):
    incident = shop.confirmed()

    opened = await asyncio.gather(*[shop.host.open_pull_request(incident) for _ in range(6)])

    assert len({pull_request.number for pull_request in opened}) == 1
    assert len(shop.git.refs("refs/heads/kintsugi")) == 1


async def test_a_merge_makes_the_branch_the_confirmed_tree(shop: Shop):
    incident = shop.confirmed()
    opened = await shop.host.open_pull_request(incident)

    merge = await shop.host.merge(opened.number, NOON)
    again = await shop.host.merge(opened.number, NOON)

    found = await shop.host.find_pull_request(incident)
    assert incident.patch
    assert found
    assert merge == again == found.merged_as == await shop.host.head()
    assert shop.git.tree_of(merge) == incident.patch.tree
    assert await shop.host.contains(merge, opened.head)


async def test_a_merge_keeps_what_came_to_the_branch_since(shop: Shop):
    opened = await shop.host.open_pull_request(shop.confirmed())
    shop.commits({"readme": b"hello again\n"})

    merge = await shop.host.merge(opened.number, NOON)

    assert shop.git.file(merge, "readme") == b"hello again\n"
    assert shop.git.file(merge, "shop.py") == b"price = 2\n"


@pytest.mark.parametrize("how", ["--no-ff", "--ff-only"])
async def test_a_merge_by_plain_git_is_noticed(shop: Shop, tmp_path: Path, how: str):
    incident = shop.confirmed()
    opened = await shop.host.open_pull_request(incident)
    work = Git(tmp_path)
    work.run("clone", "--quiet", str(shop.git.directory), "work")
    clone = Git(tmp_path / "work")
    who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    clone.run("merge", "--quiet", how, f"origin/{opened.branch}", env=who)
    clone.run("commit", "--quiet", "--allow-empty", "-m", "and on it goes", env=who)
    clone.run("push", "--quiet", "origin", "main")

    found = await shop.host.find_pull_request(incident)

    assert found
    assert not found.open
    assert found.merged_as == (opened.head if how == "--ff-only" else clone.resolve("HEAD~1"))


async def test_a_conflict_is_no_merge(shop: Shop):
    opened = await shop.host.open_pull_request(shop.confirmed())
    moved = shop.commits({"shop.py": b"price = 3\n"})

    with pytest.raises(Conflicting, match="conflicts with main"):
        await shop.host.merge(opened.number, NOON)
    assert await shop.host.head() == moved


async def test_a_new_patch_goes_to_the_same_pull_request(shop: Shop):
    first = await shop.host.open_pull_request(shop.confirmed())

    second = await shop.host.open_pull_request(shop.confirmed(b"price = 4\n", pull_request=first))

    assert (second.number, second.branch) == (first.number, first.branch)
    assert shop.git.file(second.head, "shop.py") == b"price = 4\n"


async def test_a_humans_push_to_our_branch_is_never_overwritten(shop: Shop):
    first = await shop.host.open_pull_request(shop.confirmed())
    theirs = shop.git.commit(shop.git.tree_of(first.head), [first.head], "mine", NOON, "Somebody")
    shop.git.update_refs([RefChange(f"refs/heads/{first.branch}", theirs, first.head)])

    with pytest.raises(StepFailed, match="Somebody else pushed"):
        await shop.host.open_pull_request(shop.confirmed(b"price = 4\n", pull_request=first))
    assert shop.git.resolve(first.branch) == theirs


async def test_a_branch_of_an_earlier_database_is_not_taken_for_ours(shop: Shop):
    await shop.host.open_pull_request(shop.confirmed())
    namesake = shop.confirmed(b"price = 5\n")

    with pytest.raises(StepFailed, match="exists and is not of this incident"):
        await shop.host.open_pull_request(namesake)
    assert await shop.host.find_pull_request(namesake) is None


async def test_a_branch_that_is_not_there_is_said_not_to_be(shop: Shop):
    with pytest.raises(StepFailed, match="has no branch trunk"):
        await LocalGit(shop.git, "trunk").head()


def test_a_commit_of_any_time_can_be_made(shop: Shop):
    git, tree = shop.git, shop.git.tree_of("main")

    made = [
        git.commit(tree, [], "a change", datetime.fromtimestamp(at, UTC), "Somebody") for at in (0, 1, 1_700_000_000)
    ]

    assert [git.read("show", "-s", "--format=%ct", each) for each in made] == ["0", "1", "1700000000"]


async def test_an_unknown_commit_holds_nothing(shop: Shop):
    assert not await shop.host.contains("f" * 40, shop.first)
    assert not await shop.host.contains(shop.first, "nonsense")
    assert not await shop.host.contains("", "")


def test_modes_are_kept_and_new_files_are_plain(shop: Shop):
    work = shop.git
    blob = work.write_blob(b"#!/bin/sh\n")
    tree = work.run("mktree", stdin=f"100755 blob {blob}\trun.sh\n".encode()).decode().strip()

    changed = work.write_tree(tree, {"run.sh": b"#!/bin/sh\necho\n", "new/file.py": b"x\n"})

    modes = dict(
        line.split(" ", 1)[::-1]
        for line in work.read("ls-tree", "-r", "--format=%(objectmode) %(path)", changed).splitlines()
    )
    assert modes == {"run.sh": "100755", "new/file.py": "100644"}


def test_a_reference_changes_only_from_where_it_was_said_to_be(shop: Shop):
    assert not shop.git.update_refs([RefChange("refs/heads/main", shop.first, "1" * 40)])
    assert not shop.git.update_refs([RefChange("refs/heads/main", shop.first, NO_OBJECT)])


@pytest.mark.parametrize("kind", ["absent", "plain"])
def test_a_folder_that_is_no_repository_is_said_to_be_none(tmp_path: Path, kind: str):
    folder = tmp_path / kind
    if kind == "plain":
        folder.mkdir()

    with pytest.raises(GitError, match="does not exist" if kind == "absent" else "is no git repository"):
        Git(folder).check()
