"""`kintsugi incident reproduce` and `bisect`: the failing call, made again at a commit or at many, or as a file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.desk import Desk
from kintsugi.commands.common import actor, incident_number
from kintsugi.commands.outcome import REFUSED, UsageError
from kintsugi.commands.voice import say, say_json
from kintsugi.integrations.git import Git
from kintsugi.integrations.unconfigured import Silence
from kintsugi.repair.bisect import Answer, brought_by
from kintsugi.repair.capsule import as_their_test
from kintsugi.workflow import triggers as t
from kintsugi.workflow.commits import is_commit
from kintsugi.workflow.cure import all_runs_of
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.patch import Change, Reproduction
from kintsugi.workflow.ports import Case, Checker, Progress

_INCIDENTS = 1_000  # whose builds are known to have been deployed
_COUNTED = timedelta(days=90)
_PULL_REQUEST = re.compile(r"\(#(\d+)\)\s*$|^Merge pull request #(\d+)\b")


async def reproduce(id: str, at: str, seconds: float | None, as_json: bool) -> int:
    """3 if the call does not fail in the same way."""
    async with _at_hand(id) as (_, checker, case):
        found = await checker.reproduce(case, _tell(as_json), at or None, seconds)
    if as_json:
        told = {"outcome": found.rerun.value, **asdict(found)}
        say_json({name: told[name] for name in ("outcome", "call", "commit", "seconds", "why", "in_part")})
    else:
        say(found.says)
    return 0 if found.is_reproduced else REFUSED


async def write(id: str, folder: Path) -> int:
    """The call as a file among the tests of `folder`, under a name that is free."""
    async with _at_hand(id) as (_, _, case):
        capsule = case.payload.capsule
    if capsule is None or not capsule.source:
        why = capsule.why_not if capsule else "it was not written down at the crash"
        raise StepFailed(f"There is no file of the failing call: {why}.")
    name = f"test_inc_{case.incident.id}_{capsule.function.rpartition('.')[2].strip('_').lower()}.py"
    file = await asyncio.to_thread(_put, folder, name, capsule.source)
    part = f" (in part: {capsule.in_part})" if capsule.in_part else ""
    say(f"{file} makes the failing call{part}. Assert in it what the call should give.")
    return 0


def _put(folder: Path, name: str, source: str) -> Path:
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder. Name the one that your tests lie in.")
    theirs = [each.read_text("utf-8", "replace") for each in sorted(folder.glob("test*.py"))]
    try:
        with (folder / name).open("x", encoding="utf-8") as out:
            out.write(as_their_test(source, theirs))
    except FileExistsError:
        raise StepFailed(f"{folder / name} is there already; nothing was written.") from None
    return folder / name


async def bisect(id: str, seconds: float | None, as_json: bool) -> int:
    """3 where no deployed commit can be named. `seconds`: of each call."""
    async with _at_hand(id) as (desk, checker, case):
        part = case.payload.capsule.in_part if case.payload.capsule else ""
        git = _git()
        failing = _commit(git, case.incident.build_sha or "")
        if failing is None:
            raise StepFailed("The build that failed is not known, or is not in the repository.")
        builds = await _deployed(desk, case)
        order, before = await asyncio.to_thread(_known, git, failing, builds)

        async def run(commit: str) -> Reproduction:
            found = await checker.reproduce(case, lambda _: None, commit, seconds)
            if not as_json:
                say(f"{commit[:10]}  {found.rerun.value}{': ' + found.why if found.why else ''}")
            return found

        brought = await brought_by(failing, before, order, run)
        number = _pull_request(git, brought.commit) if brought.answer is Answer.GUILTY else None
        if brought.answer is Answer.GUILTY:
            await _tell_of(desk, case, Change(brought.commit, number, part))
    if as_json:
        told = {"answer": brought.answer.value, "commit": brought.commit, "pull_request": number}
        told |= {"in_part": part, "says": brought.says, "runs": brought.runs}
        say_json({**told, "could_not_run": brought.could_not_run})
    else:
        came = f" It came with pull request #{number}." if number else ""
        say(f"{brought.says}{came}{f' The call is known in part: {part}.' if part else ''}")
    return 0 if brought.answer is Answer.GUILTY else REFUSED


async def _tell_of(desk: Desk, case: Case, change: Change) -> None:
    """The incident names the change from now on. Once, however often it is asked."""
    key, now = f"{case.incident.name}:brought-by:{change.commit}", desk.clock.now()
    await desk.engine.fire(t.ChangeFound(incident=case.incident.id, key=key, at=now, actor=actor(), change=change))


@asynccontextmanager
async def _at_hand(id: str) -> AsyncIterator[tuple[Desk, Checker, Case]]:
    number, bootstrap = incident_number(id), Bootstrap.read()
    async with bootstrap.desk() as desk:
        incident = await desk.store.incident(number)
        if incident.pruned_at:
            raise StepFailed(incident.pruned)
        case = Case(incident, await desk.store.payload(number))
        yield desk, bootstrap.ports(Silence()).checker, case


def _git() -> Git:
    hosted = Bootstrap.read().code_host
    if hosted.missing:
        raise StepFailed(f"{hosted.missing}")
    return hosted.make().git


async def _deployed(desk: Desk, case: Case) -> set[str]:
    """The builds that are known to have run: of incidents, of deployments, of runs that were counted."""
    found: set[str | None] = set()
    for each in await desk.store.incidents(limit=_INCIDENTS):
        found |= {each.build_sha, *each.builds}
        for deployment in filter(None, (each.deployment, each.way_back)):
            found |= {deployment.commit, deployment.previous, deployment.running}
    since = desk.clock.now() - _COUNTED
    for intent in (case.payload.request.intent, all_runs_of(case.incident.opened_by)):
        found |= {each.build for each in (await desk.store.runs(intent, since) if intent else ())}
    return {each for each in found if each}


def _known(git: Git, failing: str, builds: set[str]) -> tuple[list[str], dict[str, frozenset[str]]]:
    return git.ancestry(failing, {commit for build in builds if (commit := _commit(git, build))})


def _commit(git: Git, build: str) -> str | None:
    """The commit of a build; None where its name is a branch's, which has moved since."""
    return git.resolve(build) if is_commit(build) else None


def _pull_request(git: Git, commit: str) -> int | None:
    """By the title that GitHub gives a merge, of any kind."""
    found = _PULL_REQUEST.search(git.log(commit, 1)[0][2])
    return int(found[1] or found[2]) if found else None


def _tell(quiet: bool) -> Progress:
    return (lambda _: None) if quiet else say
