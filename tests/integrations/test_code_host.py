"""What every code host keeps to: the same tests on a bare repository and on GitHub's stand-in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kintsugi.integrations.git import Git
from kintsugi.integrations.local_git import LocalGit
from kintsugi.workflow.errors import BadInput, Refusal, StepFailed
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.ports import CodeHost
from kintsugi.workflow.states import State
from tests.world import github
from tests.world.github_hosts import a_github_host, confirmed
from tests.world.make import NOON


@dataclass
class Stage:
    """A host, the repository behind it as its owner sees it, and our object store."""

    host: CodeHost
    truth: Git
    objects: Git
    people: github.GitHubStandIn
    first: str = ""

    def confirmed(self, content: bytes = b"price = 2\n", **changes: object) -> Incident:
        return confirmed(self.objects, self.first, {"shop.py": content}, **changes)

    async def merges(self, number: int) -> str:
        if isinstance(self.host, LocalGit):
            return await self.host.merge(number, NOON)
        return self.people.merges(number)

    def body(self, number: int) -> str:
        if not isinstance(self.host, LocalGit):
            return self.people.pull(number).body
        record = self.truth.refs(f"refs/pull/{number}/record")[f"refs/pull/{number}/record"]
        return str(json.loads(self.truth.read_blob(record))["body"])

    def branches(self) -> list[str]:
        return list(self.truth.refs("refs/heads/kintsugi"))


@pytest.fixture(params=["local git", "github"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    async with github.serving(tmp_path) as people:
        first = people.commits({"shop.py": b"price = 1\n", "readme": b"hello\n"})
        if request.param == "local git":
            yield Stage(LocalGit(people.git, "main"), people.git, people.git, people, first)
            return
        host, objects = a_github_host(people, tmp_path)
        yield Stage(host, people.git, objects, people, first)


async def test_what_is_pushed_is_the_confirmed_tree_and_nothing_else(stage: Stage):
    incident = stage.confirmed()

    opened = await stage.host.open_pull_request(incident)

    assert incident.patch
    assert stage.truth.tree_of(opened.head) == incident.patch.tree
    assert stage.truth.resolve(f"refs/heads/{opened.branch}") == opened.head
    assert await stage.host.head() == stage.first


async def test_files_are_added_removed_and_run_as_they_were_confirmed(stage: Stage):
    files = {"new/é.py": "ü\n".encode(), "readme": None, "raw": bytes(range(256))}
    incident = confirmed(stage.objects, stage.first, files)

    opened = await stage.host.open_pull_request(incident)

    assert incident.patch
    assert stage.truth.tree_of(opened.head) == incident.patch.tree
    assert stage.truth.file(opened.head, "readme") is None


async def test_opening_again_finds_the_same_pull_request_and_commit(stage: Stage):
    incident = stage.confirmed()

    opened = [await stage.host.open_pull_request(incident) for _ in range(3)]

    assert opened[0] == opened[1] == opened[2]
    assert len(stage.branches()) == 1


async def test_two_who_open_at_once_open_one(stage: Stage):
    incident = stage.confirmed()

    opened = await asyncio.gather(*[stage.host.open_pull_request(incident) for _ in range(4)])

    assert len({pull_request.number for pull_request in opened}) == 1
    assert len(stage.branches()) == 1


async def test_a_merge_is_found_with_its_commit(stage: Stage):
    incident = stage.confirmed()
    opened = await stage.host.open_pull_request(incident)

    merge = await stage.merges(opened.number)

    found = await stage.host.find_pull_request(incident.but(pull_request=opened))
    assert found == replace(opened, open=False, merged_as=merge)
    assert await stage.host.head() == merge
    assert await stage.host.contains(merge, opened.head)
    assert not await stage.host.contains(opened.head, merge)


async def test_nothing_is_found_where_nothing_was_opened(stage: Stage):
    assert await stage.host.find_pull_request(stage.confirmed()) is None


async def test_a_new_patch_goes_to_the_same_pull_request(stage: Stage):
    first = await stage.host.open_pull_request(stage.confirmed())
    incident = stage.confirmed(b"price = 4\n", pull_request=first)

    second = [await stage.host.open_pull_request(incident) for _ in range(2)]

    assert incident.patch
    assert second[0] == second[1]
    assert (second[0].number, second[0].branch) == (first.number, first.branch)
    assert stage.truth.tree_of(f"refs/heads/{first.branch}") == incident.patch.tree


async def test_a_humans_push_to_our_branch_is_never_overwritten(stage: Stage):
    first = await stage.host.open_pull_request(stage.confirmed())
    theirs = stage.people.commits({"shop.py": b"mine\n"}, first.branch)

    with pytest.raises(StepFailed, match="Somebody else pushed"):
        await stage.host.open_pull_request(stage.confirmed(b"price = 4\n", pull_request=first))

    assert stage.truth.resolve(f"refs/heads/{first.branch}") == theirs


async def test_a_branch_of_an_earlier_database_is_not_taken_for_ours(stage: Stage):
    await stage.host.open_pull_request(stage.confirmed())
    namesake = stage.confirmed(b"price = 5\n")

    with pytest.raises(StepFailed, match="exists and is not of this incident"):
        await stage.host.open_pull_request(namesake)

    assert await stage.host.find_pull_request(namesake) is None


async def test_a_pull_request_tells_at_its_end_what_became_of_its_fix(stage: Stage):
    incident = stage.confirmed()
    opened = await stage.host.open_pull_request(incident)
    merged = incident.but(pull_request=replace(opened, merged_as=await stage.merges(opened.number)))

    await stage.host.tell(incident.but(pull_request=opened, state=State.STUCK, seq=4, says="not merged"))
    await stage.host.tell(merged.but(state=State.HEALED, seq=8, says="9 of 9 @everyone"))
    await stage.host.tell(merged.but(state=State.DEPLOYED, seq=7, says="late"))
    await stage.host.tell(merged.but(state=State.RECURRED, seq=9, says="again"))

    body = stage.body(opened.number)
    assert body.startswith("It was wrong.")
    assert body.endswith("<!-- kintsugi 9 -->\nINC-1 is **recurred**. again\n")
    assert body.count("kintsugi") == 1


async def test_an_unknown_commit_holds_nothing(stage: Stage):
    assert await stage.host.contains(stage.first, stage.first)
    assert not await stage.host.contains("f" * 40, stage.first)
    assert not await stage.host.contains(stage.first, "f" * 40)
    assert not await stage.host.contains("", "")


@pytest.mark.parametrize("name", ["main", "HEAD", "refs/heads/main", "main~0", "unknown"])
async def test_what_is_the_newest_commit_whatever_runs_holds_nothing(stage: Stage, name: str):
    fix = stage.people.commits({"shop.py": b"price = 2\n"})
    await stage.host.head()

    assert await stage.host.contains(fix, fix)
    assert not await stage.host.contains(name, fix)


async def test_a_record_as_earlier_versions_wrote_it_is_read(tmp_path: Path):
    async with github.serving(tmp_path) as people:
        first = people.commits({"shop.py": b"price = 1\n"})
        host, incident = LocalGit(people.git, "main"), confirmed(people.git, first, {"shop.py": b"price = 2\n"})
        opened = await host.open_pull_request(incident)
        ref = f"refs/pull/{opened.number}/record"
        kept = json.loads(people.git.read_blob(people.git.refs(ref)[ref]))
        people.git.run("update-ref", ref, people.git.write_blob(json.dumps(kept | {"closed": False}).encode()))

        assert await host.find_pull_request(incident) == opened


async def test_looking_costs_the_same_however_many_pull_requests_there_were(tmp_path: Path):
    class Counted(Git):
        runs = 0

        def run(self, *arguments: str, **given: Any) -> bytes:
            self.runs += 1
            return super().run(*arguments, **given)

    async with github.serving(tmp_path) as people:
        first = people.commits({"shop.py": b"price = 1\n"})
        git = Counted(people.git.directory)
        host, costs = LocalGit(git, "main"), []
        incidents = [confirmed(git, first, {"shop.py": b"price = %d\n" % id}, id=id) for id in range(2, 6)]
        for incident in incidents:
            await host.open_pull_request(incident)
            before = git.runs
            assert await host.standing(incidents[0])
            costs.append(git.runs - before)

    assert len(set(costs)) == 1


async def test_a_humans_commit_on_the_branch_is_found_by_its_first_digits_or_as_the_newest(stage: Stage):
    for named in (stage.first, stage.first[:8], ""):
        found = await stage.host.fix(named)
        assert (found.number, found.merged_as, found.open) == (0, stage.first, False)


async def test_a_humans_pull_request_is_found_by_number_address_or_head_until_its_merge(stage: Stage):
    opened = await stage.host.open_pull_request(stage.confirmed())

    for named in (
        f"#{opened.number}",
        str(opened.number),
        f"https://git.example/a/b/pull/{opened.number}",
        opened.head,
    ):
        assert (await stage.host.fix(named)).number == opened.number

    merge = await stage.merges(opened.number)
    assert (await stage.host.fix(f"#{opened.number}")).merged_as == merge
    assert (await stage.host.fix(opened.head)).merged_as == opened.head


@pytest.mark.parametrize(
    ("named", "says"), [("#99", "no pull request #99 that is merged"), ("ab" * 20, "no commit abab")]
)
async def test_a_fix_that_is_nowhere_is_refused_with_what_to_do(stage: Stage, named: str, says: str):
    with pytest.raises(Refusal, match=f"There is {says}.* Push it, or open its pull request"):
        await stage.host.fix(named)


async def test_what_is_no_name_of_a_fix_says_what_is(stage: Stage):
    with pytest.raises(BadInput, match="neither a commit nor a pull request. Give a commit's first 7 digits"):
        await stage.host.fix("the one of last night")
