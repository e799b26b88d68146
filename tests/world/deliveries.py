"""GitHub's webhook deliveries as it would send them, and a way to send them: our real server over loopback."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web

from kintsugi.telemetry.counts import Tally
from kintsugi.web.ci_proof import ProofDoor
from kintsugi.web.railway import RailwayDoor
from kintsugi.web.server import Server, ServerNeeds
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.reconcile import look_at_deployments
from tests.world.wire.github import GITHUB
from tests.world.world import World

REPOSITORY = "shop/checkout"
RAILWAY_SECRET = secrets.token_urlsafe(24)
BRANCH = "kintsugi/inc-1-fix"


def a_pull_request_event(action: str, incident: int = 1, **changes: Any) -> dict[str, Any]:
    """The little of GitHub's payload that is read."""
    sender = changes.pop("sender", "rita")
    repository = changes.pop("repository", REPOSITORY)
    pull = {
        "number": 40 + incident,
        "merged": False,
        "merge_commit_sha": None,
        "closed_at": "2026-11-23T13:00:00Z",
        "head": {"ref": f"kintsugi/inc-{incident}-fix", "sha": "0" * 40, "repo": {"full_name": repository}},
    } | changes
    about = {"repository": {"full_name": repository}, "sender": {"login": sender}}
    event = {"action": action, "number": pull["number"], "pull_request": pull, **about}
    GITHUB.judge_frame("pull_request", event)
    return event


def a_merge(incident: int = 1, sha: str = "beefca5e" * 5, **changes: Any) -> dict[str, Any]:
    return a_pull_request_event("closed", incident, merged=True, merge_commit_sha=sha, **changes)


def a_review(**changes: Any) -> dict[str, Any]:
    """A review of our pull request, as it is delivered."""
    review = {
        "id": 5,
        "state": "changes_requested",
        "body": "please not",
        "commit_id": "c0ffee" * 6 + "c0ff",
        "user": {"login": "rita"},
        "author_association": "MEMBER",
    } | changes
    event = a_pull_request_event("submitted") | {"review": review}
    GITHUB.judge_frame("pull_request_review", event)
    return event


def on_a_branch(event: str, branch: str, repository: str = REPOSITORY) -> dict[str, Any]:
    """Something that happens to a branch, as it is delivered."""
    told: dict[str, Any] = {
        "push": {"ref": f"refs/heads/{branch}"},
        "status": {"branches": [{"name": "main"}, {"name": branch}]},
        "check_run": {"check_run": {"check_suite": {"head_branch": branch}}},
        "check_suite": {"check_suite": {"head_branch": branch}},
        "workflow_run": {"workflow_run": {"head_branch": branch}},
        "deployment_status": {"deployment": {"ref": branch}},
    }[event] | {"repository": {"full_name": repository}, "sender": {"login": "rita"}}
    GITHUB.judge_frame(event, told)
    return told


def signed(body: bytes, secret: str) -> str:
    return f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}"


@dataclass
class Door:
    """Sends deliveries to our server."""

    url: str
    session: aiohttp.ClientSession
    secrets: tuple[str, ...]
    deliveries: Tally
    ids: Any = field(default_factory=lambda: count(1))

    async def delivers(self, event: str, payload: object, **given: Any) -> tuple[int, str]:
        """What is answered: the status and the sentence."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        headers = {
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": str(next(self.ids)),
            "Content-Type": "application/json",
            "X-Hub-Signature-256": signed(body, given.pop("secret", self.secrets[0])),
        } | given
        kept = {name: value for name, value in headers.items() if value is not None}
        async with self.session.post(f"{self.url}/webhooks/github", data=BytesIO(body), headers=kept) as answer:
            return answer.status, (await answer.json())["says"]

    async def posts(self, path: str, payload: object, headers: dict[str, str] | None = None) -> tuple[int, str]:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        async with self.session.post(f"{self.url}{path}", data=BytesIO(body), headers=headers) as answer:
            return answer.status, (await answer.json())["says"]

    async def gets(self, path: str) -> int:
        async with self.session.get(f"{self.url}{path}") as answer:
            return answer.status


@asynccontextmanager
async def a_door(world: World, proofs: ProofDoor | None = None) -> AsyncIterator[Door]:
    """Our server in front of this world's engine, with two secrets made for it."""
    known = (secrets.token_hex(16), secrets.token_hex(16))

    async def ready() -> str | None:
        try:
            await world.store.next_due()
        except StoreUnavailable as error:
            return str(error)
        return None

    doors = ServerNeeds(
        clock=world.clock,
        fire=world.engine.fire,
        hint=world.store.hint,
        ready=ready,
        github_repository=REPOSITORY,
        github_secrets=known,
        proofs=proofs,
        railway=RailwayDoor(RAILWAY_SECRET, "<project id>", "<environment id>", "<service id>"),
        deploy_secrets=known,
        look_at_deployments=partial(look_at_deployments, world.store, world.engine.hasten),
    )
    runner = web.AppRunner(Server(doors).application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        yield Door(f"http://127.0.0.1:{runner.addresses[0][1]}", session, known, doors.deliveries)
    await runner.cleanup()
