"""The world's side of the ports, scripted: what it is told to answer, and what it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cure, Deployment, Diagnosis, Incident, Patch, PullRequest
from kintsugi.workflow.patch import Evidence, Reproduction
from kintsugi.workflow.ports import Case, Manners, PatchUnproven, Progress, Reading, Review, Rollout, Standing
from kintsugi.workflow.production import Commit
from kintsugi.workflow.states import Effect
from tests.world.make import HEAD, MERGE, NOON, a_deployment, a_diagnosis, a_patch, a_pull_request, an_evidence

GOOD = "600d" * 10  # what ran before the failure


@dataclass
class Scripted:
    """Answers what `answers_first` put in line, in order, then the ordinary thing. An exception is raised."""

    first: list[object] = field(default_factory=list)

    def answers_first(self, *answers: object) -> None:
        self.first += answers

    def next(self, ordinary: object) -> object:
        answer = self.first.pop(0) if self.first else ordinary
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class ScriptedAnalyst(Scripted):
    asked: list[Case] = field(default_factory=list)

    async def diagnose(self, case: Case, progress: Progress) -> Diagnosis:
        self.asked.append(case)
        progress("thinking")
        answer = self.next(a_diagnosis())
        assert isinstance(answer, Diagnosis)
        return answer


@dataclass
class ScriptedChecker(Scripted):
    evidence: Evidence = field(default_factory=an_evidence)
    made_again: Reproduction | None = None

    async def reproduce(
        self, case: Case, progress: Progress, commit: str | None = None, seconds: float | None = None
    ) -> Reproduction:
        if self.made_again is None:
            raise StepFailed("there is no sandbox")
        return self.made_again

    async def check(self, case: Case, progress: Progress) -> tuple[Patch, Evidence]:
        answer = self.next(a_patch())
        if isinstance(answer, str):
            raise PatchUnproven(answer, output="the end of the run")
        assert isinstance(answer, Patch)
        return answer, self.evidence


@dataclass
class ScriptedHost(Scripted):
    """Keeps its pull requests by incident, as a code host would: the truth to compare with."""

    name: str = "test:shop"
    base: str = a_patch().base
    opened: dict[int, PullRequest] = field(default_factory=dict)
    calls: int = 0
    holds: dict[str, str] = field(default_factory=dict)  # a commit, and one in its history
    unknown: tuple[str, ...] = ()  # commits that it does not have
    failed: str = ""
    reviews: tuple[Review, ...] = ()
    told: list[str] = field(default_factory=list)

    async def head(self) -> str:
        return self.base

    async def open_pull_request(self, incident: Incident) -> PullRequest:
        self.calls += 1
        self.opened.setdefault(incident.id, a_pull_request(number=40 + incident.id))
        self.next(None)
        return self.opened[incident.id]

    async def find_pull_request(self, incident: Incident) -> PullRequest | None:
        return self.opened.get(incident.id)

    async def standing(self, incident: Incident) -> Standing | None:
        self.next(None)
        found = self.opened.get(incident.id)
        return Standing(found, "2026-11-23T13:00:00Z", self.failed, self.reviews) if found else None

    async def contains(self, commit: str, ancestor: str) -> bool:
        return commit not in self.unknown and (commit == ancestor or self.holds.get(commit) == ancestor)

    async def fix(self, named: str) -> PullRequest:
        """A commit is on the branch; a pull request by its number is open."""
        if named.startswith("#"):
            self.opened.setdefault(0, a_pull_request(number=int(named[1:]), branch="hotfix", head=MERGE))
            return self.opened[0]
        commit = named or self.base
        return PullRequest(0, "", "", commit, open=False, merged_as=commit)

    async def tell(self, incident: Incident) -> None:
        self.told.append(f"{incident.name} {incident.state}")

    def merges(self, incident: int, sha: str = MERGE) -> None:
        self.opened[incident] = replace(self.opened[incident], open=False, merged_as=sha)

    def closes(self, incident: int) -> None:
        self.opened[incident] = replace(self.opened[incident], open=False)

    def pushes(self, incident: int, head: str) -> None:
        self.opened[incident] = replace(self.opened[incident], head=head)

    def reopens(self, incident: int) -> None:
        self.opened[incident] = replace(self.opened[incident], open=True)


@dataclass
class ScriptedDeployer(Scripted):
    """Deploys at once. `runs` is what the program says it runs; an outcome that is not True leaves that as it is.

    `vouches`: whose word is all there is, as nobody can ask the program. `silent`: it can be asked, and says nothing.
    `tells`: what it says instead of what was deployed.
    """

    deployed: list[str] = field(default_factory=list)
    runs: str = a_patch().base
    vouches: str = ""
    silent: bool = False
    tells: str | None = None

    async def running(self) -> str:
        return "" if self.vouches or self.silent else self.runs if self.tells is None else self.tells

    async def find(self, commit: str) -> Rollout | None:
        return await self._stands(commit) if commit == self.runs else None

    async def _stands(self, commit: str, previous: str = "") -> Rollout:
        running = await self.running()
        deployment = a_deployment(commit=commit, running=running, previous=previous, vouched_by=self.vouches)
        return Rollout(deployment, True, "runs")

    async def latest(self) -> Rollout | None:
        return await self.find(self.runs)

    async def manners(self) -> Manners:
        return Manners()

    async def deploy(self, commit: str, progress: Progress, *, incident: int | None = None) -> Rollout:
        answer = self.next(True)
        if answer is not True:
            return Rollout(a_deployment(commit=commit, running=self.runs), answer is None and None, str(answer))
        self.deployed.append(commit)
        previous, self.runs = self.runs, commit
        return await self._stands(commit, previous)

    async def roll_back(
        self, deployment: Deployment, since: datetime, progress: Progress, *, incident: int | None = None
    ) -> Rollout:
        return await self.deploy(deployment.previous, progress)


@dataclass
class WithAPast(ScriptedDeployer):
    """It knows what ran before."""

    before: str = GOOD

    async def latest(self) -> Rollout | None:
        found = await super().latest()
        assert found
        return replace(found, deployment=replace(found.deployment, previous=self.before if self.runs == HEAD else ""))


class ScriptedCommits:
    """There are two commits between any two, and all are four days older than the world's noon."""

    _AT = NOON - timedelta(days=4)

    async def between(self, old: str, new: str) -> tuple[Commit, ...]:
        if old == new:
            return ()
        return (Commit(new, "Take fixed amounts off", self._AT), Commit("7ea7ca5e" * 5, "A tray for two", self._AT))

    async def known(self, sha: str) -> Commit | None:
        titles = {MERGE: "Take fixed amounts off", HEAD: "Round to whole cents"}
        return Commit(sha, titles.get(sha, f"The commit {sha[:4]}"), self._AT)


@dataclass
class ScriptedMonitor(Scripted):
    worked: frozenset[int] = frozenset()  # as it was told last

    async def read(self, case: Case) -> Reading:
        self.worked = case.worked
        answer = self.next(Reading(Cure(1, 1, "It is served again."), MERGE))
        assert isinstance(answer, Reading)
        return answer


@dataclass
class Heard(Scripted):
    """A channel that remembers."""

    announced: list[str] = field(default_factory=list)
    tokens: dict[int, str] = field(default_factory=dict)
    on_progress: Callable[[str], None] = print

    async def announce(self, incident: Incident) -> None:
        self.next(None)
        self.announced.append(f"{incident.name} {incident.state}")

    async def ask(self, incident: Incident, token: str) -> None:
        self.next(None)
        self.tokens[incident.id] = token

    def progress(self, incident: Incident, step: Effect, words: str) -> None:
        self.on_progress(words)
