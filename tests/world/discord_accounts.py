"""Discord's accounts, as the stand-in has them: who a bot's token or somebody's consent (OAuth 2) is of.

Replies are held to the shapes in wire/discord.py; a member's own look at a server to those of the server's member.
Of the two addresses of OAuth 2 the rules are RFC 6749's and 7636's.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.world import discord_shapes as shapes
from tests.world.discord_bodies import as_json
from tests.world.discord_shapes import Person
from tests.world.wire import Contract
from tests.world.wire.discord import SCOPES

BOT_TOKEN = "stand-in"
CLIENT_SECRET = secrets.token_urlsafe()
_MEMBER = "/guilds/{guild_id}/members/{user_id}"
_DENIED = "The resource owner or authorization server denied the request"


@dataclass(frozen=True)
class _Consent:
    """What somebody agreed to."""

    person: Person
    redirect: str
    challenge: str
    scope: str


@dataclass
class Accounts:
    """`person` sits at the browser, and agrees where `agrees`; `away`: who left the server. Their roles are as they are now."""

    judge: Callable[[Callable[[], None]], None]
    contract: Contract
    person: Person = shapes.ALICE
    agrees: bool = True
    away: set[int] = field(default_factory=set)
    secret: str = CLIENT_SECRET
    codes: dict[str, _Consent] = field(default_factory=dict)
    tokens: dict[str, _Consent] = field(default_factory=dict)

    def add_to(self, application: web.Application, at: str) -> None:
        router = application.router
        router.add_get(f"{at}/oauth2/authorize", self.authorize)
        router.add_post(f"{at}/oauth2/token", self.token)
        router.add_post(f"{at}/oauth2/token/revoke", self.revoke)
        router.add_get(f"{at}/oauth2/applications/@me", self.application)
        router.add_get(f"{at}/users/@me", self.me)
        router.add_get(f"{at}/users/@me/guilds/{{guild}}/member", self.member)

    async def authorize(self, request: web.Request) -> web.Response:
        """What the page does on which somebody agrees, or does not."""
        asked = request.query
        self.judge(lambda: _judge_asking(dict(asked)))
        told = {"error": "access_denied", "error_description": _DENIED}
        if self.agrees:
            code = secrets.token_urlsafe(22)
            self.codes[code] = _Consent(self.person, asked["redirect_uri"], asked["code_challenge"], asked["scope"])
            told = {"code": code}
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(told | {'state': asked['state']})}")

    async def token(self, request: web.Request) -> web.Response:
        """A code is good for one token: for the application, the address and the browser that it was asked by."""
        form = await request.post()
        given = request.headers.get("Authorization", "")
        if given != aiohttp.encode_basic_auth(str(shapes.APPLICATION), self.secret):
            return as_json({"error": "invalid_client"}, 401)
        consent = self.codes.pop(str(form.get("code")), None)
        proven = consent and consent.challenge == _challenge(str(form.get("code_verifier")))
        if not (consent and proven and form["redirect_uri"] == consent.redirect):
            return as_json({"error": "invalid_grant", "error_description": 'Invalid "code" in request.'}, 400)
        token = secrets.token_urlsafe(22)
        self.tokens[token] = consent
        told = {"token_type": "Bearer", "access_token": token, "expires_in": 604800, "scope": consent.scope}
        return as_json(told | {"refresh_token": secrets.token_urlsafe(22)})

    async def revoke(self, request: web.Request) -> web.Response:
        """Takes back all that this person agreed to with the application, whichever of its tokens is named."""
        if request.headers.get("Authorization", "") != aiohttp.encode_basic_auth(str(shapes.APPLICATION), self.secret):
            return as_json({"error": "invalid_client"}, 401)
        told = self.tokens.get(str((await request.post())["token"]))
        if told:
            self.tokens = {each: whose for each, whose in self.tokens.items() if whose.person.id != told.person.id}
        return as_json({})

    async def me(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") == f"Bot {BOT_TOKEN}":
            return self._reply("/users/@me", shapes.me())
        consent = self._consent(request, "identify")
        return self._reply("/users/@me", shapes.oneself(consent.person)) if consent else _unauthorized()

    async def member(self, request: web.Request) -> web.Response:
        consent = self._consent(request, "guilds.members.read")
        if consent is None:
            return _unauthorized()
        if request.match_info["guild"] != str(shapes.GUILD) or consent.person.id in self.away:
            return as_json({"message": "Unknown Guild", "code": 10004}, 404)
        now = self.person if self.person.id == consent.person.id else consent.person
        return self._reply(_MEMBER, shapes.a_whole_member(now))

    async def application(self, request: web.Request) -> web.Response:
        return self._reply("/oauth2/applications/@me", shapes.the_application())

    def _consent(self, request: web.Request, scope: str) -> _Consent | None:
        consent = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return consent if consent and scope in consent.scope.split() else None

    def _reply(self, path: str, body: Any) -> web.Response:
        self.judge(lambda: self.contract.judge_reply(path, "get", 200, body))
        return as_json(body)


def _judge_asking(asked: dict[str, str]) -> None:
    assert SCOPES.issuperset(asked["scope"].split())
    wanted = {"response_type": "code", "client_id": str(shapes.APPLICATION), "code_challenge_method": "S256"}
    assert {name: asked.get(name) for name in wanted} == wanted
    assert len(asked["state"]) >= 22
    assert len(asked["code_challenge"]) == 43


def _challenge(verifier: str) -> str:
    assert 43 <= len(verifier) <= 128
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _unauthorized() -> web.Response:
    return as_json({"message": "401: Unauthorized", "code": 0}, 401)
