"""The Deployer port on any service that takes a signed POST and tells by GET how a deployment stands.

`POST url` with `{"commit": …, "replaces": …, "at": …}` asks for a deployment; `Idempotency-Key` is the same for the
same wish. `GET url?commit=…` answers how that commit stands, `GET url` the newest that runs or is under way, as
`{"id": …, "commit": …, "status": "pending" | "succeeded" | "failed", "says": …, "url": …}`, or 404.
`X-Kintsugi-Signature-256: sha256=<hex>` is the HMAC of the raw body, for a GET of the raw query string.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx

from kintsugi.integrations.authorities import context
from kintsugi.workflow.commits import is_same
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Deployment
from kintsugi.workflow.ports import Clock, Manners, OutcomeUnknown, Progress, Rollout

SIGNATURE = "X-Kintsugi-Signature-256"
_DONE = {"succeeded": True, "failed": False}


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where, signed with what, and how the program is asked what it runs."""

    url: str
    secret: str
    running: Callable[[], Awaitable[str]]
    can_ask: bool = True  # false: the program has no address, so the service's word is all there is
    timeout: float = 20.0  # seconds


class WebhookDeploy:
    """Deploys by asking somebody else's service to."""

    def __init__(self, settings: WebhookSettings, clock: Clock, redact: Callable[[str], str]) -> None:
        self._settings = settings
        self._clock = clock
        self._redact = redact

    async def running(self) -> str:
        return await self._settings.running()

    async def find(self, commit: str) -> Rollout | None:
        """None too where it tells of another: it may answer whatever it is asked with the newest."""
        found = await self._told({"commit": commit})
        return found if found and is_same(found.deployment.commit, commit) else None

    async def latest(self) -> Rollout | None:
        return await self._told({})

    async def manners(self) -> Manners:
        return Manners()

    async def deploy(self, commit: str, progress: Progress, *, incident: int | None = None) -> Rollout:
        progress(f"asking for {commit[:10]}")
        return await self._ask(commit, "", f"deploy:{commit}")

    async def roll_back(
        self, deployment: Deployment, since: datetime, progress: Progress, *, incident: int | None = None
    ) -> Rollout:
        """The key is the same for the same wish, so that asking again while nothing shows does the work once."""
        target, newest = deployment.previous, await self.latest()
        if newest and is_same(target, newest.deployment.commit):
            return newest
        progress(f"asking to go back to {target[:10]}")
        return await self._ask(target, deployment.commit, f"roll-back:{target}:{since.isoformat()}")

    async def _ask(self, commit: str, replaces: str, key: str) -> Rollout:
        wish = {"commit": commit, "replaces": replaces, "at": self._clock.now().isoformat()}
        body = json.dumps(wish).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        answer = await self._send("POST", body, headers)
        if answer.status_code >= 500:
            raise OutcomeUnknown(f"The deploy webhook answers {answer.status_code}.")
        if answer.status_code >= 300:
            says = self._redact(answer.text[:300])
            raise StepFailed(f"The deploy webhook says no ({answer.status_code}): {says}", final=True)
        return Rollout(Deployment("", commit), None, f"The deploy webhook was asked for {commit[:10]}.")

    async def _told(self, query: Mapping[str, str]) -> Rollout | None:
        answer = await self._send("GET", urlencode(query).encode(), {})
        if answer.status_code == 404:
            return None
        if answer.status_code in (401, 403):
            raise StepFailed(
                "The deploy webhook refuses our signature. Check KINTSUGI_DEPLOY_WEBHOOK_SECRET.", final=True
            )
        try:
            told = answer.json() if answer.status_code == 200 else None
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise StepFailed(f"The deploy webhook does not tell how it stands ({answer.status_code}).")
        return await self._rollout(told)

    async def _rollout(self, told: Mapping[str, Any]) -> Rollout:
        id, commit, url, page, status, says = (
            str(told.get(name) or "") for name in ("id", "commit", "url", "page", "status", "says")
        )
        if not commit:
            raise StepFailed("The deploy webhook does not say which commit it tells of. See docs/deploy.md.")
        vouched_by = "The deploy webhook" if _DONE.get(status) and not self._settings.can_ask else ""
        running = await self._settings.running()
        deployment = Deployment(id[:200], commit, url, running, page=page, vouched_by=vouched_by)
        words = self._redact(says)[:2000] or f"The deploy webhook says {status[:40] or 'nothing'} of {commit[:10]}."
        return Rollout(deployment, _DONE.get(status), words)

    async def _send(self, method: str, signed: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """`signed` is the body, or of a GET the query string."""
        settings, asks = self._settings, method == "GET"
        signature = f"sha256={hmac.new(settings.secret.encode(), signed, 'sha256').hexdigest()}"
        url = f"{settings.url}?{signed.decode()}" if asks and signed else settings.url
        try:
            async with httpx.AsyncClient(timeout=settings.timeout, verify=context(), trust_env=False) as client:
                content = None if asks else signed
                return await client.request(method, url, content=content, headers={**headers, SIGNATURE: signature})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL) as error:
            raise StepFailed(f"The deploy webhook cannot be reached ({type(error).__name__}).") from error
        except httpx.HTTPError as error:
            says = f"The deploy webhook does not answer ({type(error).__name__})."
            raise (StepFailed(says) if asks else OutcomeUnknown(says)) from error
