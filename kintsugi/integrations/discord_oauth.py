"""Discord's OAuth 2: who somebody is, and which roles they have in our servers.

https://docs.discord.com/developers/topics/oauth2. The token that is given is for these questions alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ValidationError

from kintsugi.integrations.authorities import context
from kintsugi.workflow.errors import Refusal, StepFailed

_SITE, _API = "https://discord.com", "https://discord.com/api/v10"
_SCOPES = "identify guilds.members.read"
_AGENT = {"User-Agent": "DiscordBot (kintsugi, 1)"}  # without such a name Discord may refuse to answer

Read = TypeVar("Read", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on Discord, with their roles in those of our servers that they are in, all by Discord's ids."""

    id: int
    name: str
    roles: Mapping[int, frozenset[int]]
    token: str = field(default="", repr=False)  # asks again, for a week


@dataclass(frozen=True, slots=True)
class DiscordOAuth:
    """An application of Discord's developer portal; people come back to `redirect`. `api`: another than Discord's."""

    client_id: int
    secret: str = field(repr=False)
    redirect: str
    guilds: tuple[int, ...]
    api: str | None = None
    timeout: float = 10.0

    def address(self, state: str, challenge: str) -> str:
        """Where somebody agrees; who has agreed before is not asked again."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "scope": _SCOPES,
            "redirect_uri": self.redirect,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "prompt": "none",
        }
        return f"{(self.api or _SITE).rstrip('/')}/oauth2/authorize?{urlencode(asked)}"

    async def person(self, code: str, verifier: str) -> Person:
        """Who agreed. Raises Refusal for a code that is worth nothing, StepFailed where Discord does not say."""
        async with self._client() as client:
            return await self._seen(client, await self._token(client, code, verifier))

    async def again(self, token: str) -> Person:
        """Who they are now. Raises Refusal where their consent is over, StepFailed where Discord does not say."""
        async with self._client() as client:
            return await self._seen(client, token)

    async def forget(self, token: str) -> None:
        """Have it taken back (RFC 7009), with whatever else this person agreed to with us.

        Raises StepFailed where Discord does not say so.
        """
        async with self._client() as client:
            given = {"token": token, "token_type_hint": "access_token"}
            answer = await client.post("/oauth2/token/revoke", data=given, auth=(str(self.client_id), self.secret))
        if answer.status_code != 200:
            raise StepFailed(f"Discord did not take the token back ({answer.status_code}).")

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        base = (self.api or _API).rstrip("/")
        try:
            async with httpx.AsyncClient(
                base_url=base, timeout=self.timeout, verify=context(), trust_env=False, headers=_AGENT
            ) as client:
                yield client
        except httpx.HTTPError as error:
            raise StepFailed(
                f"Discord is down or cannot be reached ({type(error).__name__}). Try again later."
            ) from None

    async def _seen(self, client: httpx.AsyncClient, token: str) -> Person:
        client.headers["Authorization"] = f"Bearer {token}"
        me = _read(_User, await client.get("/users/@me"))
        roles = {guild: await _roles(client, guild) for guild in self.guilds}
        return Person(me.id, me.username, {guild: each for guild, each in roles.items() if each is not None}, token)

    async def _token(self, client: httpx.AsyncClient, code: str, verifier: str) -> str:
        grant = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect,
            "code_verifier": verifier,
        }
        answer = await client.post("/oauth2/token", data=grant, auth=(str(self.client_id), self.secret))
        if answer.status_code == 400:
            raise Refusal("Discord does not take this code: it was used, or is too old. Log in again.")
        if answer.status_code == 401:
            says = "Discord refuses us: see KINTSUGI_DISCORD_CLIENT_ID and KINTSUGI_DISCORD_CLIENT_SECRET."
            raise StepFailed(says, final=True)
        return _read(_Token, answer).access_token


class _Token(BaseModel):
    access_token: str


class _User(BaseModel):
    id: int
    username: str


class _Membership(BaseModel):
    roles: frozenset[int]


async def _roles(client: httpx.AsyncClient, guild: int) -> frozenset[int] | None:
    """None for who is not in this server."""
    answer = await client.get(f"/users/@me/guilds/{guild}/member")
    return None if answer.status_code == 404 else _read(_Membership, answer).roles


def _read(shape: type[Read], answer: httpx.Response) -> Read:
    if answer.status_code == 429:
        raise StepFailed("Discord is asked too often just now. Try again in a minute.")
    if answer.status_code == 401:
        raise Refusal("Discord no longer says who this is: the consent was taken back, or is too old. Log in again.")
    if answer.status_code >= 500:
        raise StepFailed(f"Discord is down ({answer.status_code}). Try again later.")
    try:
        if answer.status_code == 200:
            return shape.model_validate_json(answer.content)
    except ValidationError:
        pass
    raise StepFailed(f"Discord gave an answer that is not understood ({answer.status_code}). Nobody was let in.")
