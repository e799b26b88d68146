"""The Deployer port on Railway.

A deployment is known by the commit in its `meta`: redeploying without a commit runs the old one again, and a merge
usually is deployed by Railway itself. So it is looked for first, and asked for by its commit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from kintsugi.integrations.railway_api import RailwayApi
from kintsugi.workflow.commits import is_same
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Deployment
from kintsugi.workflow.ports import Manners, OutcomeUnknown, Progress, Rollout

_LOOKS_BACK = 50  # deployments
_LOG_LINES, _LOG_TAIL = 40, 1500
_BY_ITSELF = timedelta(minutes=3)  # Railway hears of a push within seconds; of checks that pass, it waits as WAITING
_RUNS = frozenset({"SUCCESS", "SLEEPING"})
_ENDED_BADLY = {
    "FAILED": "Railway could not build or start {0}. Read the end of its log, mend it, then retry.",
    "CRASHED": "{0} crashed after its start on Railway. Read the end of its log, then retry or roll back.",
    "SKIPPED": "Railway skipped {0}: its checks failed, or no watched file changed. Deploy it by hand, or retry.",
    "REMOVED": "The deployment of {0} was removed: another took its place, or somebody stopped it.",
    "REMOVING": "The deployment of {0} is being removed: another takes its place, or somebody stops it.",
    "NEEDS_APPROVAL": "The deployment of {0} needs an approval in Railway. Approve it there, then retry.",
}
_UNDER_WAY = {"WAITING": "Railway waits for the checks of {0}.", "QUEUED": "{0} waits in Railway's queue."}


@dataclass(frozen=True, slots=True)
class RailwayTarget:
    """Which service, where, deployed from which branch, and how the program is asked what it runs."""

    project: str
    environment: str
    service: str
    branch: str
    running: Callable[[], Awaitable[str]]
    can_ask: bool = True  # false: the program has no address, so Railway's word is all there is


@dataclass(frozen=True, slots=True)
class _Known:
    """One deployment, as Railway lists it."""

    id: str
    status: str
    commit: str
    created_at: datetime
    since: datetime
    can_roll_back: bool
    url: str

    @property
    def done(self) -> bool | None:
        """None while it is under way. A status that nobody told us of is taken for that."""
        return True if self.status in _RUNS else False if self.status in _ENDED_BADLY else None

    @property
    def says(self) -> str:
        commit = self.commit[:10] or "an unknown commit"
        told = _ENDED_BADLY.get(self.status) or _UNDER_WAY.get(self.status)
        return told.format(commit) if told else f"Railway says {self.status} of {commit}."


class Railway:
    """Deploys one service by Railway."""

    def __init__(self, api: RailwayApi, settings: RailwayTarget, redact: Callable[[str], str]) -> None:
        self._api = api
        self._settings = settings
        self._redact = redact
        self._rolled_back: dict[datetime, frozenset[str]] = {}  # by when it was asked for: what was there before

    async def running(self) -> str:
        return await self._settings.running()

    async def find(self, commit: str) -> Rollout | None:
        listed = await self._listed()
        same = [each for each in listed if each.commit == commit]
        best = next((each for done in (True, None, False) for each in same if each.done is done), None)
        return await self._rollout(best, _before(best, listed)) if best else None

    async def latest(self) -> Rollout | None:
        listed = await self._listed()
        newest = next((each for each in listed if each.done is not False), None)
        return await self._rollout(newest, _before(newest, listed)) if newest else None

    async def manners(self) -> Manners:
        settings = self._settings
        data = await self._api.ask(
            "triggers",
            projectId=settings.project,
            environmentId=settings.environment,
            serviceId=settings.service,
        )
        branches = [node.get("branch") for node in _nodes(data, "deploymentTriggers")]
        return Manners(by_itself=_BY_ITSELF if settings.branch in branches else timedelta())

    async def deploy(self, commit: str, progress: Progress, *, incident: int | None = None) -> Rollout:
        progress(f"asking Railway for {commit[:10]}")
        settings = self._settings
        data = await self._api.ask(
            "deploy", serviceId=settings.service, environmentId=settings.environment, commitSha=commit
        )
        id = _text(data, "serviceInstanceDeployV2")
        if not id:
            raise OutcomeUnknown(f"Railway was asked for {commit[:10]}, and names no deployment that it began.")
        return Rollout(Deployment(id, commit), None, f"Railway was asked for {commit[:10]}.")

    async def roll_back(
        self, deployment: Deployment, since: datetime, progress: Progress, *, incident: int | None = None
    ) -> Rollout:
        """Railway answers only that it will: the new deployment is found by being newer, and of the right commit."""
        target = deployment.previous
        listed = await self._listed()
        newest = next((each for each in listed if each.status != "SKIPPED"), None)
        if newest and self._is_rollback(newest, target, since):
            return await self._rollout(newest, "")
        if since not in self._rolled_back:
            good = next((each for each in listed if is_same(target, each.commit) and each.can_roll_back), None)
            if good is None:
                why = f"None of Railway's newest {_LOOKS_BACK} deployments is one of {target[:10]} to go back to."
                raise StepFailed(f"{why} Deploy that commit there by hand.", final=True)
            progress(f"asking Railway to go back to {target[:10]}")
            if (await self._api.ask("rollback", id=good.id)).get("deploymentRollback") is not True:
                raise StepFailed(f"Railway was asked to go back to {target[:10]}, and does not say that it will.")
            self._rolled_back = {since: frozenset(each.id for each in listed)}
        return Rollout(Deployment("", target), None, f"Railway was asked to go back to {target[:10]}.")

    def _is_rollback(self, newest: _Known, target: str, since: datetime) -> bool:
        """Whether this is what a rollback asked for at `since` leads to."""
        is_new = newest.created_at >= since or newest.id not in self._rolled_back.get(since, {newest.id})
        return is_same(target, newest.commit) and (is_new or newest.done is not False)

    async def _rollout(self, known: _Known, previous: str) -> Rollout:
        running = await self._settings.running()
        says = known.says
        if known.done is False:
            says += f" {running[:10]} runs." if running else ""
            says += await self._log_of(known)
        vouched_by = "" if self._settings.can_ask or not known.done else "Railway"
        deployment = Deployment(known.id, known.commit, known.url, running, previous, self._page(known), vouched_by)
        return Rollout(deployment, known.done, says, known.since)

    def _page(self, known: _Known) -> str:
        """Where Railway shows this deployment, with its logs.

        As its CLI links a service (`?environmentId=`) and its API the logs of an upload (`?id=`).
        """
        there = self._settings
        query = urlencode({"environmentId": there.environment, "id": known.id})
        return f"https://railway.com/project/{there.project}/service/{there.service}?{query}"

    async def _log_of(self, known: _Known) -> str:
        """The end of the log of what failed, without secrets; nothing where it cannot be had."""
        query = {"FAILED": "build_logs", "CRASHED": "deployment_logs"}.get(known.status)
        lines: list[str] = []
        with suppress(StepFailed):
            found = await self._api.ask(query, deploymentId=known.id, limit=_LOG_LINES) if query else {}
            lines = [_text(line, "message") for line in found.get("logs") or []]
        return "\n\n" + self._redact("\n".join(lines))[-_LOG_TAIL:] if any(lines) else ""

    async def _listed(self) -> Sequence[_Known]:
        """The service's deployments, newest first."""
        settings = self._settings
        where = {
            "projectId": settings.project,
            "environmentId": settings.environment,
            "serviceId": settings.service,
        }
        data = await self._api.ask("deployments", input=where, first=_LOOKS_BACK)
        return sorted(map(_known, _nodes(data, "deployments")), key=lambda each: each.created_at, reverse=True)


def _known(node: dict[str, Any]) -> _Known:
    """What Railway lists, read with care: `meta` is free JSON, and a status may be a new one."""
    created = _time(_text(node, "createdAt")) or datetime.min.replace(tzinfo=UTC)
    status = _text(node, "status") or "nothing"
    stopped = node.get("deploymentStopped") is True and status in _RUNS
    meta = node.get("meta")
    return _Known(
        id=_text(node, "id"),
        status="REMOVED" if stopped else status,
        commit=_text(meta, "commitHash"),
        created_at=created,
        since=_time(_text(node, "statusUpdatedAt")) or created,
        can_roll_back=node.get("canRollback") is True,
        url=_url(_text(node, "staticUrl")),
    )


def _before(known: _Known, listed: Iterable[_Known]) -> str:
    """The commit that ran before it: of the newest older deployment that can be gone back to."""
    older = (each for each in listed if each.created_at < known.created_at and each.commit not in ("", known.commit))
    return next((each.commit for each in older if each.can_roll_back or each.done), "")


def _nodes(data: Any, name: str) -> list[dict[str, Any]]:
    match data.get(name):
        case {"edges": list(edges)}:
            nodes = [edge.get("node") for edge in edges if isinstance(edge, dict)]
            return [node for node in nodes if isinstance(node, dict)]
    raise StepFailed(f"Railway's answer cannot be read: it has no {name}.")


def _text(node: Any, name: str) -> str:
    found = node.get(name) if isinstance(node, dict) else None
    return found if isinstance(found, str) else ""


def _time(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _url(host: str) -> str:
    return f"https://{host}" if host and "://" not in host else host
