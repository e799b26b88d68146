"""Every call of opening a pull request goes wrong in every way, and we are restarted: still one of each, and the right
tree. `pytest -s` prints the table."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path

import pytest

from kintsugi.integrations.github.host import GitHub
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Incident, PullRequest
from kintsugi.workflow.states import State
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
    """What was seen after one fault at one call of each round."""

    fault: str
    duplicates: int
    wrong_trees: int
    lost: int


@dataclass(frozen=True)
class Prepared:
    """A repository and our copy of it before anything happened, and what each of two rounds confirmed."""

    folder: Path
    confirmed: tuple[Incident, Incident]
    calls: tuple[list[str], list[str]]  # of each round, where nothing goes wrong


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return asyncio.run(prepare(tmp_path_factory.mktemp("prepared")))


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
async def test_whatever_goes_wrong_once_a_round_there_is_one_pull_request(
    fault: Fault, tmp_path: Path, prepared: Prepared, table: list[Tried]
):
    first, second = (
        [at for at, call in enumerate(calls) if does_work(call) or not fault.after] for calls in prepared.calls
    )
    calls = list(zip_longest(first, second))

    tried = await asyncio.gather(*[one(fault, at, tmp_path, prepared) for at in calls])

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


def does_work(call: str) -> bool:
    return not call.startswith("GET")


async def prepare(folder: Path) -> Prepared:
    before, ran = folder / "before", folder / "ran"
    before.mkdir()
    async with github.serving(before) as people:
        first = people.commits({"shop.py": b"price = 1\n"})
        objects = objects_of(people, before)
    rounds = [confirmed(objects, first, {"shop.py": b"price = %d\n" % price}) for price in (2, 3)]
    prepared = Prepared(before, (rounds[0], rounds[1]), ([], []))
    async with a_copy(prepared, ran) as people:
        opened = await until_it_works(people, ran, rounds[0], {})
        calls = len(people.calls)
        await until_it_works(people, ran, replace(rounds[1], pull_request=opened), {})
        return replace(prepared, calls=(people.calls[:calls], people.calls[calls:]))


@asynccontextmanager
async def a_copy(prepared: Prepared, place: Path) -> AsyncIterator[GitHubStandIn]:
    shutil.copytree(prepared.folder, place)
    ours = place / "objects.git" / "config"
    ours.write_text(ours.read_text().replace(str(prepared.folder), str(place)))
    async with github.serving(place) as people:
        yield people


async def one(fault: Fault, at: tuple[int | None, int | None], folder: Path, prepared: Prepared) -> Tried:
    """A pull request is opened, then a new patch goes to it. `at`: at which call of each round it goes wrong."""
    place = folder / f"{fault.name.replace(' ', '-')}-{fault.after}-{at[0]}-{at[1]}"
    opened: PullRequest | None = None
    async with a_copy(prepared, place) as people:
        for incident, wrong_at in zip(prepared.confirmed, at, strict=True):
            if wrong_at is not None:
                people.line[len(people.calls) + wrong_at] = fault
            opened = await until_it_works(people, place, replace(incident, pull_request=opened), access(fault))
            if opened is None:
                break
        branches = people.git.refs("refs/heads/kintsugi")
        tree = people.git.tree_of(next(iter(branches.values()), people.head or ""))
        patch = prepared.confirmed[1].patch
        assert patch
        wrong = int(tree != patch.tree) + int(opened is None or opened.head not in branches.values())
        found = Tried(str(fault), len(people.pulls) + len(branches) - 2, wrong, int(opened is None))
    shutil.rmtree(place)
    return found


async def until_it_works(
    people: GitHubStandIn, place: Path, incident: Incident, access: Mapping[str, timedelta]
) -> PullRequest | None:
    """Each attempt is by an adapter that knows nothing of the one before, as after a restart or a human's retry."""
    for _ in range(ATTEMPTS):
        host, _ = a_github_host(people, place, access=access, patience=0.01)
        with suppress(StepFailed):
            return await host.open_pull_request(incident)
    return None
