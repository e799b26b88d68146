"""`kintsugi open-pr` as a workflow runs it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kintsugi.integrations.git import Git
from tests.world import github, terminal
from tests.world.github import TOKEN, GitHubStandIn

ROOT = Path(__file__).parents[2]
PATCH = "--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-price = 1\n+price = 2\n"
WORDS = ("--title", "Round up, @everyone", "--body", "Closes #1", "--branch", "fix/rounding")


@pytest.fixture
async def people(tmp_path: Path) -> AsyncIterator[GitHubStandIn]:
    async with github.serving(tmp_path) as people:
        people.commits({"shop.py": b"price = 1\n"})
        Git(tmp_path).run("clone", "--quiet", str(people.git.directory), "checkout-of-ci")
        yield people


async def opens(folder: Path, people: GitHubStandIn, *words: str, patch: str = PATCH) -> tuple[int, str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KINTSUGI_", "GITHUB_"))}
    of_actions = {"GITHUB_REPOSITORY": "shop/checkout", "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": people.url}
    env = {**kept, **of_actions, "PYTHONPATH": str(ROOT)}
    typed = ["open-pr", "--repo", "checkout-of-ci", "--patch", "-", *words]
    done = await asyncio.to_thread(terminal.run, typed, folder, env, patch.encode())
    return done.returncode, done.stdout.decode().strip(), done.stderr.decode()


async def test_a_patch_becomes_one_pull_request_however_often_it_is_run(people: GitHubStandIn, tmp_path: Path):
    first = await opens(tmp_path, people, *WORDS)
    people.commits({"readme": b"hello\n"})
    Git(tmp_path / "checkout-of-ci").run("pull", "--quiet")
    again = await opens(tmp_path, people, *WORDS)

    (pull,) = people.pulls
    assert first == again == (0, f"{people.url}/shop/checkout/pull/41", "")
    assert people.git.file(pull.head, "shop.py") == b"price = 2\n"
    assert (pull.branch, pull.title, pull.body) == ("fix/rounding", "Round up, @ everyone", "Closes no. 1")


async def test_a_patch_that_does_not_apply_or_breaks_the_policy_is_refused(people: GitHubStandIn, tmp_path: Path):
    elsewhere = await opens(tmp_path, people, *WORDS, patch=PATCH.replace("price = 1", "cost = 1"))
    forbidden = "--- /dev/null\n+++ b/.github/workflows/x.yml\n@@ -0,0 +1 @@\n+on: push\n"
    workflow = await opens(tmp_path, people, *WORDS, patch=forbidden)

    assert (elsewhere[0], workflow[0]) == (3, 3)
    assert "does not apply" in elsewhere[2]
    assert "breaks the policy" in workflow[2]
    assert people.calls == []


@pytest.mark.parametrize("branch", ["main", "-x", "a..b", "refs/heads/x", "a b", "HEAD"])
async def test_a_branch_that_others_rely_on_or_git_does_not_take_is_refused(
    people: GitHubStandIn, tmp_path: Path, branch: str
):
    status, _, said = await opens(tmp_path, people, "--title", "x", f"--branch={branch}")

    assert status == 2
    assert "give a name of letters" in said
    assert people.calls == []
