"""A service that deploys when it is told to by a signed POST, as a team might write one: by the clock, once a key."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

SECRET = "between-us"
TAKES = timedelta(minutes=2)


@dataclass
class DeployWebhook:
    now: Callable[[], datetime]
    commit: str
    url: str = ""
    asked: list[str] = field(default_factory=list)
    keys: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    fails: str = ""  # with these words, from now on
    deaf: bool = False  # to the commit that it is asked about
    answers: int = 0  # this status, instead of what it would

    @property
    def runs(self) -> str:
        up = [(at, commit) for commit, at in self.keys.values() if at + TAKES <= self.now() and not self.fails]
        return max(up)[1] if up else self.commit

    async def post(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not self._signed(request, body):
            return web.Response(status=401, text="no")
        if self.answers:
            return web.Response(status=self.answers, text="not now")
        key, wish = request.headers["Idempotency-Key"], json.loads(body)
        if key not in self.keys:
            self.asked.append(wish["commit"])
            self.keys[key] = (wish["commit"], self.now())
        return web.json_response({}, status=202)

    async def get(self, request: web.Request) -> web.Response:
        if not self._signed(request, request.query_string.encode()):
            return web.Response(status=401)
        wanted = None if self.deaf else request.query.get("commit")
        known = sorted((at, commit) for commit, at in self.keys.values() if wanted in (None, commit))
        if known:
            return web.json_response(self._stands(*known[-1]))
        if wanted in (None, self.commit):
            return web.json_response({"id": "0", "commit": self.commit, "status": "succeeded"})
        return web.Response(status=404)

    async def version(self, request: web.Request) -> web.Response:
        return web.json_response({"commit": self.runs})

    def _stands(self, at: datetime, commit: str) -> dict[str, Any]:
        status = "pending" if at + TAKES > self.now() else "failed" if self.fails else "succeeded"
        return {"id": f"{commit}@{at}", "commit": commit, "status": status, "says": self.fails}

    def _signed(self, request: web.Request, signed: bytes) -> bool:
        ours = f"sha256={hmac.new(SECRET.encode(), signed, 'sha256').hexdigest()}"
        return hmac.compare_digest(ours, request.headers.get("X-Kintsugi-Signature-256", ""))


@asynccontextmanager
async def serving(now: Callable[[], datetime], commit: str) -> AsyncIterator[DeployWebhook]:
    there = DeployWebhook(now, commit)
    application = web.Application()
    application.router.add_post("/deploys", there.post)
    application.router.add_get("/deploys", there.get)
    application.router.add_get("/version", there.version)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield there
    finally:
        await runner.cleanup()
