"""A stand-in for what GitHub Actions gives a job: identity tokens, signed with a key that its issuer publishes."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

WORKFLOW = "shop/checkout/.github/workflows/prove.yml@refs/pull/41/merge"


def a_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def its_key() -> RSAPrivateKey:
    """One for all tests of a process: to make it takes up to a quarter of a second."""
    return a_key()


@dataclass
class Actions:
    """The claims are those of a job for pull request 41 of shop/checkout; the issuer is at `url`."""

    now: float
    key: RSAPrivateKey = field(default_factory=its_key)
    claims: dict[str, Any] = field(default_factory=dict)
    word: str = field(default_factory=lambda: secrets.token_hex(16))  # by which the job asks for its token
    url: str = ""
    asked_for_keys: int = 0

    def token(self, audience: str, key: RSAPrivateKey | None = None, kid: str = "one", **changes: Any) -> str:
        claims = {
            "iss": self.url,
            "aud": audience,
            "jti": secrets.token_hex(8),
            "iat": self.now,
            "nbf": self.now - 300,
            "exp": self.now + 300,
            "repository": "shop/checkout",
            "event_name": "pull_request",
            "ref": "refs/pull/41/merge",
            "head_ref": "kintsugi/inc-1-fix",
            "base_ref": "main",
            "sha": "feed" * 10,
            "workflow_ref": WORKFLOW,
            "job_workflow_ref": WORKFLOW,
            "run_id": "7001",
            "run_attempt": "1",
            "runner_environment": "github-hosted",
        }
        return jwt.encode(claims | self.claims | changes, key or self.key, algorithm="RS256", headers={"kid": kid})

    def environment(self) -> dict[str, str]:
        """What a job with `id-token: write` finds."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.word,
        }

    async def _about(self, request: web.Request) -> web.Response:
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def _keys(self, request: web.Request) -> web.Response:
        self.asked_for_keys += 1
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return web.json_response({"keys": [{**public, "kid": "one", "alg": "RS256", "use": "sig"}]})

    async def _token(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"bearer {self.word}":
            raise web.HTTPUnauthorized
        return web.Response(text=json.dumps({"value": self.token(request.query["audience"])}))


@asynccontextmanager
async def github_actions(now: float) -> AsyncIterator[Actions]:
    actions = Actions(now)
    application = web.Application()
    application.router.add_get("/.well-known/openid-configuration", actions._about)
    application.router.add_get("/keys", actions._keys)
    application.router.add_get("/token", actions._token)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    actions.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield actions
    await runner.cleanup()
