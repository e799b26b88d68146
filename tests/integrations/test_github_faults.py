"""Every call of opening a pull request goes wrong in every way, and we are restarted: still one of each, and the right
tree. `pytest -s` prints the table."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from kintsugi.integrations.github.host import GitHub
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Incident, PullRequest
from kintsugi.workflow.names import State
from tests.world import github
from tests.world.github import Fault, GitHubStandIn
from tests.world.github_hosts import a_github_host, confirmed, objects_of

FAULTS = (
    Fault("502"),
    Fault("502", after=True),
    Fault("reset"),
    Fault("reset", after=True),
    Fault("timeout"),
    Fault("timeout", after=True),
    Fault("rate limit"),
    Fault("secondary limit"),
    Fault("429"),
    Fault("422"),
    Fault("422", after=True),
    Fault("409"),
    Fault("html"),
    Fault("html", after=True),
    Fault("404"),
    Fault("404", after=True),
)
REPEATED = 4
ATTEMPTS = 50  # on a busy machine a second may pass at any call where silence is waited for that long


@dataclass(frozen=True)
class Tried:
    """What was seen after one fault at one call of one round."""

    fault: str
    duplicates: int
    wrong_trees: int
    lost: int


@dataclass(frozen=True)
class Clean:
    """A repository before anything happened to it, and the calls that two rounds take where nothing goes wrong."""

    folder: Path
    calls: list[str]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    return asyncio.run(a_clean_run(tmp_path_factory.mktemp("clean")))


@pytest.fixture(scope="module")
def table() -> Iterator[list[Tried]]:
    tried: list[Tried] = []
    yield tried
    print(f"\n\n{'fault':28}{'tried':>8}{'duplicates':>12}{'wrong trees':>13}{'never opened':>14}")
    for fault, count in Counter(one.fault for one in tried).items():
        of_this = [one for one in tried if one.fault == fault]
        sums = (sum(getattr(one, name) for one in of_this) for name in ("duplicates", "wrong_trees", "lost"))
        print(f"{fault:28}{count:8}{next(sums):12}{next(sums):13}{next(sums):14}")
    print(f"{'all':28}{len(tried):8}{sum(one.duplicates for one in tried):12}")


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_whatever_goes_wrong_once_there_is_one_pull_request(
    fault: Fault, tmp_path: Path, clean: Clean, table: list[Tried]
):
    calls = [
        at for at, call in enumerate(clean.calls) if not (fault.after and call.startswith("GET"))
    ]  # a look does no work

    tried = await asyncio.gather(*[one(fault, at, tmp_path, clean.folder) for at in calls])

    table += tried
    assert [(again.duplicates, again.wrong_trees, again.lost) for again in tried] == [(0, 0, 0)] * len(calls)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_whatever_goes_wrong_twice_the_news_stand_at_its_end_once(fault: Fault, tmp_path: Path):
    async with github.serving(tmp_path) as people:
        first = people.commits({"shop.py": b"price = 1\n"})
        host, objects = a_github_host(people, tmp_path, access=access(fault), patience=0.01)
        incident = confirmed(objects, first, {"shop.py": b"price = 2\n"})
        opened = await host.open_pull_request(incident)
        merged = replace(opened, merged_as=people.merges(opened.number))
        healed = incident.but(state=State.HEALED, seq=8, says="9 of 9 clean.", pull_request=merged)

        at = len(people.calls)
        people.line |= {at: fault, at + 2: fault}  # the look, and a later edit
        for _ in range(REPEATED):
            await told(host, healed)

    (pull,) = people.pulls
    assert [pull.body.count(news) for news in ("INC-1 is **healed**. 9 of 9 clean.", "<!-- kintsugi")] == [1, 1]


def access(fault: Fault) -> dict[str, timedelta]:
    """Silence is waited for as long as we wait for any answer: briefly where it comes, else as long as it takes."""
    return {"timeout": timedelta(seconds=1 if fault.name == "timeout" else 60)}


async def told(host: GitHub, healed: Incident) -> None:
    for _ in range(ATTEMPTS):
        with suppress(StepFailed):
            return await host.tell(healed)
    raise AssertionError("It was never told.")


async def a_clean_run(folder: Path) -> Clean:
    before, ran = folder / "before", folder / "ran"
    before.mkdir()
    async with github.serving(before) as people:
        people.commits({"shop.py": b"price = 1\n"})
    shutil.copytree(before, ran)
    async with github.serving(ran) as people:
        await two_rounds(people, ran, {})
        return Clean(before, people.calls)


async def one(fault: Fault, at: int, folder: Path, template: Path) -> Tried:
    place = folder / f"{fault.name.replace(' ', '-')}-{fault.after}-{at}"
    shutil.copytree(template, place)
    async with github.serving(place) as people:
        people.line[at] = fault
        incident, opened = await two_rounds(people, place, access(fault))
        branches = people.git.refs("refs/heads/kintsugi")
        tree = people.git.tree_of(next(iter(branches.values()), people.head or ""))
        assert incident.patch
        wrong = int(tree != incident.patch.tree) + int(opened is None or opened.head not in branches.values())
        found = Tried(str(fault), len(people.pulls) + len(branches) - 2, wrong, int(opened is None))
    shutil.rmtree(place)
    return found


async def two_rounds(
    people: GitHubStandIn, place: Path, access: Mapping[str, timedelta]
) -> tuple[Incident, PullRequest | None]:
    """A pull request is opened, then a new patch goes to it."""
    first = people.head or ""
    objects = objects_of(people, place)
    incident = confirmed(objects, first, {"shop.py": b"price = 2\n"})
    opened = await until_it_works(people, place, incident, access)
    if opened is None:
        return incident, None
    again = confirmed(objects, first, {"shop.py": b"price = 3\n"}, pull_request=opened)
    return again, await until_it_works(people, place, again, access)


async def until_it_works(
    people: GitHubStandIn, place: Path, incident: Incident, access: Mapping[str, timedelta]
) -> PullRequest | None:
    """Each attempt is by an adapter that knows nothing of the one before, as after a restart or a human's retry."""
    for _ in range(ATTEMPTS):
        host, _ = a_github_host(people, place, access=access, patience=0.01)
        with suppress(StepFailed):
            return await host.open_pull_request(incident)
    return None
