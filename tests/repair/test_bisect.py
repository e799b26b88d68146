"""Which deployed commit brought a failure: right or an honest "cannot", and never a wrong name."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kintsugi.integrations.git import NO_OBJECT, Git, RefChange
from kintsugi.repair.bisect import Answer, Brought, brought_by
from kintsugi.workflow.patch import Reproduction, Rerun

_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
History = Mapping[str, frozenset[str]]


def a_history(maker: random.Random, commits: int = 60) -> dict[str, frozenset[str]]:
    """Commits with all that each has in its history; every sixth merges two lines."""
    held: dict[str, frozenset[str]] = {}
    tips = ["c0"]
    held["c0"] = frozenset()
    for number in range(1, commits):
        name, parents = f"c{number}", [tips[-1]]
        if len(tips) > 1 and maker.random() < 0.4:
            parents = [tips.pop(), tips.pop()]
        elif maker.random() < 0.25:
            parents = [maker.choice(list(held))]
            tips.append(parents[0])
        held[name] = frozenset().union(*(held[one] | {one} for one in parents))
        tips = [*[tip for tip in tips if tip not in parents], name]
    return held


def a_run(fails: Callable[[str], bool], walls: frozenset[str]) -> Callable[[str], object]:
    async def run(commit: str) -> Reproduction:
        if commit in walls:
            return Reproduction(Rerun.NOT_REPRODUCIBLE, "shop.total", commit, 0.1, "wcwidth is not installed")
        if fails(commit):
            return Reproduction(Rerun.REPRODUCED, "shop.total", commit, 0.1)
        return Reproduction(Rerun.NOT_REPRODUCIBLE, "shop.total", commit, 0.1, "it ends well", ends_well=True)

    return run


async def asked(history: History, deployed: set[str], failing: str, guilty: str, walls: frozenset[str]) -> Brought:
    def fails(commit: str) -> bool:
        return commit == guilty or guilty in history[commit]

    held = history[failing] & deployed
    order = [commit for commit in history if commit in held or commit == failing]
    before = {commit: history[commit] & deployed for commit in order}
    return await brought_by(failing, before, order, a_run(fails, walls))  # type: ignore[arg-type]


async def test_over_a_hundred_histories_no_wrong_commit_is_named() -> None:
    answers = Counter[Answer]()
    for seed in range(100):
        maker = random.Random(seed)
        history = a_history(maker)
        names = list(history)
        failing = max(names, key=lambda name: len(history[name]))
        deployed = {name for name in names if maker.random() < 0.5} | {failing}
        guilty = maker.choice([*history[failing], failing])
        wall = maker.choice((0, 0, 5, 15, 30))
        walls = frozenset(name for name in names[:wall] if name != failing)

        found = await asked(history, deployed, failing, guilty, walls)

        answers[found.answer] += 1
        brought = {
            name for name in deployed & (history[failing] | {failing}) if name == guilty or guilty in history[name]
        }
        firsts = {name for name in brought if not history[name] & brought}
        if found.answer is Answer.GUILTY:
            assert found.commit in firsts
        elif found.answer is Answer.OLDER:
            assert not history[found.commit] & deployed
        else:
            assert found.answer is Answer.CANNOT
            assert walls & history[found.commit]
        assert found.commit not in walls
        assert found.runs <= len(deployed)
    assert answers[Answer.GUILTY] >= 50
    assert answers[Answer.CANNOT]


async def test_few_runs_are_enough_where_nothing_is_in_the_way() -> None:
    history = {f"c{number}": frozenset(f"c{before}" for before in range(number)) for number in range(64)}

    found = await asked(history, set(history), "c63", "c17", frozenset())

    assert (found.answer, found.commit) == (Answer.GUILTY, "c17")
    assert found.runs <= 8


async def test_a_wall_is_said_and_not_called_guilty() -> None:
    history = {f"c{number}": frozenset(f"c{before}" for before in range(number)) for number in range(6)}

    found = await asked(history, set(history), "c5", "c0", frozenset(("c0", "c1", "c2")))

    assert (found.answer, found.commit) == (Answer.CANNOT, "c3")
    assert found.says == (
        "It cannot be run before c3, where it fails: at c2, wcwidth is not installed. "
        f"At 3 of the {found.runs} commits that were tried it could not be run."
    )


async def test_what_does_not_fail_at_its_own_build_names_nothing() -> None:
    history = {"c0": frozenset[str](), "c1": frozenset(("c0",))}

    found = await asked(history, set(history), "c1", "elsewhere", frozenset())

    assert found.answer is Answer.NOT_REPRODUCED


@pytest.fixture
def git(tmp_path: Path) -> Git:
    return Git.init_bare(tmp_path / "origin.git", "main")


def test_the_ancestry_of_deployed_commits_goes_through_merges(git: Git) -> None:
    def commit(name: str, *parents: str) -> str:
        tree = git.write_tree(_EMPTY_TREE, {"name": name.encode()})
        return git.commit(tree, list(parents), name, datetime(2026, 3, 1, tzinfo=UTC), "Shop")

    first = commit("first")
    left, right = commit("left", first), commit("right", first)
    merged = commit("merged", left, right)
    last = commit("last", merged)
    beside = commit("beside", first)
    git.update_refs([RefChange("refs/heads/main", last, NO_OBJECT), RefChange("refs/heads/other", beside, NO_OBJECT)])

    order, before = git.ancestry(last, {first, right, merged, beside})

    assert order == [first, right, merged, last]
    assert before[last] == {first, right, merged}
    assert before[merged] == {first, right}
    assert before[right] == {first}
