"""The public keys that GitHub signs identity tokens of Actions with, as OpenID Connect tells where they are."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx

from kintsugi.integrations.authorities import context
from kintsugi.workflow.errors import StepFailed

PUBLIC = "https://token.actions.githubusercontent.com"
_SECONDS = 10
_AGAIN_AFTER = 60.0  # seconds: an unknown key may be new, and may be somebody's invention
_KEPT = 3600.0


def issuer_of(base_url: str) -> str:
    """Who issues the tokens of the GitHub whose API is at `base_url`: an Enterprise server does so itself."""
    url = httpx.URL(base_url)
    if url.host in ("api.github.com", "github.com"):
        return PUBLIC
    return f"{url.scheme}://{url.netloc.decode()}/_services/token"


class IssuerKeys:
    """The keys of one issuer, by their ids; asked for when they are needed, and kept for an hour."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._keys: dict[str, Mapping[str, Any]] = {}
        self._asked: float | None = None

    async def __call__(self, id: str) -> Mapping[str, Any] | None:
        """The key, as a JWK. Raises StepFailed where the issuer cannot be asked."""
        age = time.monotonic() - self._asked if self._asked is not None else _KEPT
        if age >= _KEPT or (id not in self._keys and age >= _AGAIN_AFTER):
            self._keys = await self._ask()
            self._asked = time.monotonic()
        return self._keys.get(id)

    async def _ask(self) -> dict[str, Mapping[str, Any]]:
        try:
            async with httpx.AsyncClient(timeout=_SECONDS, verify=context(), trust_env=False) as client:
                about = (await client.get(f"{self._issuer}/.well-known/openid-configuration")).raise_for_status()
                found = (await client.get(about.json()["jwks_uri"])).raise_for_status().json()["keys"]
                return {str(key["kid"]): key for key in found}
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, KeyError, TypeError) as error:
            raise StepFailed(f"The keys of {self._issuer} cannot be had: {type(error).__name__}.") from error
