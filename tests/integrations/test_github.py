"""GitHub alone: what its answers mean for a step, who we are there, checks and reviews, and what is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kintsugi.integrations.git import Git
from kintsugi.integrations.github.api import GitHubAccess, GitHubApi
from kintsugi.integrations.github.host import GitHub, GitHubWishes
from kintsugi.integrations.github.mirror import Mirror, clone_url
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Incident, PullRequest
from kintsugi.workflow.states import State
from tests.world import github
from tests.world.github import Fault, GitHubStandIn
from tests.world.github_hosts import a_github_host, confirmed
from tests.world.make import a_diagnosis, an_incident


class Stage:
    def __init__(self, people: GitHubStandIn, folder: Path) -> None:
        self.people, self.folder = people, folder
        self.first = people.commits({"shop.py": b"price = 1\n", "readme": b"hello\n"})
        self.host, self.objects = a_github_host(people, folder)

    def confirmed(self, content: bytes = b"price = 2\n", **changes: object) -> Incident:
        return confirmed(self.objects, self.first, {"shop.py": content}, **changes)

    def impatient(self, wishes: GitHubWishes | None = None, **access: object) -> GitHub:
        return a_github_host(self.people, self.folder, patience=0.01, wishes=wishes, access=access)[0]

    async def opened(self) -> tuple[Incident, PullRequest]:
        incident = self.confirmed()
        opened = await self.host.open_pull_request(incident)
        return incident.but(state=State.PR_OPENED, pull_request=opened), opened


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with github.serving(tmp_path) as people:
        yield Stage(people, tmp_path)


# --- what its answers mean --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "least", "most"), [("rate limit", 1700, 1800), ("secondary limit", 60, 60), ("429", 60, 60)]
)
async def test_a_rate_limit_is_waited_for_by_the_ledger_and_not_in_the_call(
    stage: Stage, fault: str, least: int, most: int
):
    stage.people.line[0] = Fault(fault)
    began = time.monotonic()

    with pytest.raises(StepFailed, match="asks us to wait") as failed:
        await stage.host.head()

    assert time.monotonic() - began < 5
    assert failed.value.retry_after
    assert timedelta(seconds=least) <= failed.value.retry_after <= timedelta(seconds=most)
    assert not failed.value.final
    assert len(stage.people.calls) == 1


@pytest.mark.parametrize("name", ["502", "reset", "409", "html"])
async def test_a_short_fault_is_met_by_going_the_way_again(stage: Stage, name: str):
    stage.people.line = {0: Fault(name), 1: Fault(name)}

    assert await stage.host.head() == stage.first
    assert len(stage.people.calls) == 3


async def test_a_page_of_html_is_no_pull_request(stage: Stage):
    stage.people.line = {at: Fault("html") for at in range(20)}

    with pytest.raises(StepFailed, match="no JSON") as failed:
        await stage.impatient().open_pull_request(stage.confirmed())

    assert not failed.value.final


async def test_a_token_that_is_not_accepted_is_final_and_names_the_setting(stage: Stage):
    with pytest.raises(StepFailed, match="Set KINTSUGI_GITHUB_TOKEN") as failed:
        await stage.impatient(token="wrong").head()

    assert failed.value.final


async def test_a_branch_that_is_not_there_is_said_not_to_be(stage: Stage):
    with pytest.raises(StepFailed, match="has no branch trunk"):
        await stage.impatient(GitHubWishes(branch="trunk")).head()


async def test_what_cannot_be_reached_is_tried_again_later(tmp_path: Path):
    access = GitHubAccess("shop/checkout", "token", base_url="http://127.0.0.1:9")
    host = GitHub(GitHubApi(access), Git(tmp_path), GitHubWishes(), str, patience=timedelta())

    with pytest.raises(StepFailed, match="cannot be reached") as failed:
        await host.head()

    assert not failed.value.final


# --- what is sent -----------------------------------------------------------------------------------------------


async def test_a_pull_request_says_what_it_should_and_pings_nobody(stage: Stage):
    wishes = GitHubWishes(draft=True, labels=("kintsugi", "bug"), reviewers=("rita",), incident_url="https://k/i/{}")
    said = a_diagnosis(title="Fix @everyone <b>", body="Closes #1, hunter2, ![x](http://evil)")
    incident = stage.confirmed(diagnosis=said, confirmed_by="discord:alice")

    await stage.impatient(wishes).open_pull_request(incident)

    (pull,) = stage.people.pulls
    assert (pull.draft, pull.labels, pull.reviewers) == (True, ["kintsugi", "bug"], ["rita"])
    assert "@everyone" not in pull.title
    assert not any(bad in pull.body for bad in ("#1", "hunter2", "![", "http://evil"))
    assert "[INC-1](https://k/i/1), confirmed by discord:alice." in pull.body


async def test_where_github_makes_another_tree_no_reference_moves(stage: Stage):
    incident = stage.confirmed()
    stage.people.line[3] = Fault("other tree")

    with pytest.raises(StepFailed, match="of the tree that was confirmed as") as failed:
        await stage.host.open_pull_request(incident)

    assert failed.value.final
    assert stage.people.calls[3].endswith("/git/trees")
    assert not stage.people.git.refs("refs/heads/kintsugi")


async def test_the_commit_is_the_same_however_often_it_is_made(stage: Stage, tmp_path: Path):
    opened = await stage.host.open_pull_request(stage.confirmed())
    (tmp_path / "again").mkdir()
    async with github.serving(tmp_path / "again") as others:
        other = Stage(others, tmp_path / "again")
        again = await other.host.open_pull_request(other.confirmed())

    assert opened.head == again.head


async def test_a_new_patch_stands_on_what_was_there_before(stage: Stage):
    _, first = await stage.opened()

    second = await stage.host.open_pull_request(stage.confirmed(b"price = 4\n", pull_request=first))

    assert stage.people.git.contains(second.head, first.head)


async def test_a_merged_pull_request_whose_branch_is_gone_is_not_opened_again(stage: Stage):
    incident, opened = await stage.opened()
    merge = stage.people.merges(opened.number)
    stage.people.deletes_branch(opened.branch)

    found = await stage.host.open_pull_request(incident.but(pull_request=None))

    assert found.merged_as == merge
    assert len(stage.people.pulls) == 1


# --- how it stands ----------------------------------------------------------------------------------------------


async def test_looking_again_at_what_has_not_changed_costs_no_quota(stage: Stage):
    incident, _ = await stage.opened()
    first = await stage.host.standing(incident)
    paid = stage.people.paid

    again = await stage.host.standing(incident)

    assert first == again
    assert stage.people.paid == paid


async def test_a_failed_check_is_run_again_before_it_counts(stage: Stage):
    incident, opened = await stage.opened()
    check = stage.people.checks_end(opened.head, "failure", "1 failed: hunter2")
    first = await stage.host.standing(incident)
    running = await stage.host.standing(incident)
    check.conclusion = "failure"
    after = await stage.host.standing(incident)

    assert first
    assert running
    assert after
    assert (first.failed, running.failed) == ("", "")
    assert after.failed == "tests: failure\n1 failed: [redacted]"
    assert stage.people.attempts[check.run] == 2


async def test_a_failure_on_a_later_page_is_one(stage: Stage):
    incident, opened = await stage.opened()
    for number in range(100):
        stage.people.checks_end(opened.head, "success", name=f"shard {number}")
    stage.people.checks_end(opened.head, "failure", "1 failed")
    states = {f"lint {number}": "success" for number in range(100)} | {"security": "failure"}
    stage.people.statuses[opened.head] = [{"context": name, "state": state} for name, state in states.items()]

    standing = await stage.impatient(GitHubWishes(reruns=0)).standing(incident)

    assert standing
    assert standing.failed == "tests: failure\n1 failed\n\nsecurity: failure"


async def test_a_check_without_words_brings_the_end_of_its_log(stage: Stage):
    incident, opened = await stage.opened()
    stage.people.checks_end(opened.head, "failure")
    stage.people.logs[1] = "x" * 50_000 + "AssertionError: 3 != 4"

    standing = await stage.impatient(GitHubWishes(reruns=0)).standing(incident)

    assert standing
    assert standing.failed.startswith("tests: failure\n")
    assert standing.failed.endswith("AssertionError: 3 != 4")
    assert len(standing.failed) < 10_000


@pytest.mark.parametrize("conclusion", ["success", "neutral", "skipped", "cancelled", None])
async def test_other_ends_of_a_check_are_no_failure(stage: Stage, conclusion: str | None):
    incident, opened = await stage.opened()
    stage.people.checks_end(opened.head, conclusion)

    standing = await stage.host.standing(incident)

    assert standing
    assert standing.failed == ""


async def test_a_reviewers_last_word_counts(stage: Stage):
    incident, opened = await stage.opened()
    stage.people.reviews_with(opened.number, "CHANGES_REQUESTED", "rename it", "rita")
    stage.people.reviews_with(opened.number, "CHANGES_REQUESTED", "not so", "bob")
    stage.people.reviews_with(opened.number, "COMMENTED", "hm", "bob")
    stage.people.reviews_with(opened.number, "APPROVED", "now it is", "bob")

    standing = await stage.host.standing(incident)

    assert standing
    assert [(review.by, review.text, review.head) for review in standing.reviews] == [
        ("github:rita", "rename it", opened.head)
    ]


async def test_a_closed_one_tells_when(stage: Stage):
    incident, opened = await stage.opened()
    stage.people.closes(opened.number)

    standing = await stage.host.standing(incident)

    assert standing
    assert not standing.pull_request.open
    assert standing.closed_at == "2026-11-23T13:00:00Z"


async def test_there_is_nothing_to_tell_where_nothing_was_opened(stage: Stage):
    assert await stage.host.standing(an_incident(State.CONFIRMED)) is None


# --- who we are, and where --------------------------------------------------------------------------------------


async def test_an_app_signs_in_as_its_installation(stage: Stage):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )

    host = stage.impatient(token="", app_id=7, app_key=pem.decode())

    assert await host.head() == stage.first
    assert stage.people.calls[:2] == [
        "GET /repos/shop/checkout/installation",
        "POST /app/installations/12/access_tokens",
    ]
    assert len(stage.people.tokens) == 2


async def test_a_permission_that_is_lacking_is_known_before_it_is_needed(stage: Stage):
    """An App's are listed, a token's are not: that is tried with a status that no commit can have."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    here = {"repository": f"{stage.people.owner}/{stage.people.name}", "base_url": stage.people.url}
    app = GitHubApi(GitHubAccess(**here, app_id=7, app_key=pem.decode()))
    token = GitHubApi(GitHubAccess(**here, token=github.TOKEN))

    before = await asyncio.to_thread(lambda: (app.lacking(), token.lacking()))
    stage.people.shapes.permissions.update(statuses="read", contents="read")
    after = await asyncio.to_thread(lambda: (app.lacking(), token.lacking()))
    stage.people.refuses_statuses = (404, "Not Found")  # to a classic token without the scope
    classic = await asyncio.to_thread(token.lacking)

    assert before == ((), ())
    statuses = "Commit statuses: read and write"
    assert after == (("Contents: read and write", statuses), (statuses,))
    assert classic == (statuses,)
    assert stage.people.statuses == {}


async def test_an_unreadable_key_is_said_to_be_one(stage: Stage):
    with pytest.raises(StepFailed, match="cannot be asked") as failed:
        await stage.impatient(token="", app_id=7, app_key="no key").head()

    assert failed.value.final


async def test_our_copy_follows_by_gits_own_protocol(stage: Stage, tmp_path: Path):
    copy = Git.init_bare(tmp_path / "copy.git", "main")
    access = GitHubAccess("shop/checkout", github.TOKEN, base_url=stage.people.url)
    mirror = Mirror(copy, "main", access, lambda: github.TOKEN)

    await asyncio.to_thread(mirror.fetch)

    assert copy.resolve("refs/heads/main") == stage.first


def test_git_fetches_from_where_the_api_is():
    assert clone_url(GitHubAccess("o/r")) == "https://github.com/o/r.git"
    assert clone_url(GitHubAccess("o/r", base_url="https://ghe.test/api/v3")) == "https://ghe.test/o/r.git"
