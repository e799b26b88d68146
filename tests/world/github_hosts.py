"""Our GitHub adapter as tests make it, against the stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from kintsugi.integrations.git import Git
from kintsugi.integrations.github.api import GitHubAccess, GitHubApi
from kintsugi.integrations.github.host import GitHub, GitHubWishes
from kintsugi.integrations.github.pulls import GitHubPulls
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.states import State
from tests.world.github import TOKEN, GitHubStandIn
from tests.world.make import NOON, a_diagnosis, a_patch, an_incident
from tests.world.remembered import Remembered


def objects_of(people: GitHubStandIn, folder: Path) -> Git:
    """An object store of our own, as fetched."""
    objects = Remembered(folder / "objects.git")
    if not objects.directory.exists():
        Git(folder).run("clone", "--quiet", "--mirror", str(people.git.directory), str(objects.directory))
    return objects


def a_github_host(
    people: GitHubStandIn,
    folder: Path,
    *,
    access: Mapping[str, Any] | None = None,
    patience: float = 10,
    wishes: GitHubWishes | None = None,
) -> tuple[GitHub, Git]:
    objects = objects_of(people, folder)
    repository = f"{people.owner}/{people.name}"
    given = {"token": TOKEN, "timeout": timedelta(seconds=10)} | dict(access or {})
    api = GitHubApi(GitHubAccess(repository, base_url=people.url, **given))

    def fetch() -> None:
        objects.run("fetch", "--quiet", "origin")

    host = GitHub(
        api,
        objects,
        wishes or GitHubWishes(labels=("kintsugi",)),
        lambda text: text.replace("hunter2", "[redacted]"),
        fetch=fetch,
        patience=timedelta(seconds=patience),
    )
    return host, objects


def github_pulls(people: GitHubStandIn, objects: Git, host: GitHub, fetched: list[int]) -> GitHubPulls:
    """People's own pull requests; `fetched`: of which the content came."""

    def fetch(number: int) -> None:
        fetched.append(number)
        ref = f"refs/pull/{number}/head"
        objects.run("fetch", "--quiet", "--no-write-fetch-head", str(people.git.directory), ref)

    api = GitHubApi(GitHubAccess(f"{people.owner}/{people.name}", TOKEN, base_url=people.url))
    wishes = GitHubWishes(incident_url="https://kintsugi.example/incidents/{}")
    return GitHubPulls(host, api, objects, wishes, lambda text: text.replace("hunter2", "[redacted]"), fetch_pull=fetch)


def confirmed(objects: Git, base: str, files: Mapping[str, bytes | None], **changes: object) -> Incident:
    """An incident whose patch to `files` was confirmed."""
    tree = objects.write_tree(base, files)
    patch = a_patch(base=base, tree=tree, diff=objects.diff(base, tree))
    facts = {"patch": patch, "diagnosis": a_diagnosis(body="It was wrong."), "confirmed_at": NOON} | changes
    return an_incident(State.CONFIRMED, **facts)
