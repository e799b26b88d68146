"""Logging in with Discord: off to it and back, by OAuth 2's authorization code with PKCE (RFC 6749 4.1, RFC 7636).

The way is bound to one browser by a signed cookie with its `state`. The verifier is made of the state with our key, so
that it is kept nowhere. Whoever is not let in is told why.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Protocol

from aiohttp import web

from kintsugi.telemetry.plain import plain
from kintsugi.web.cookies import Answer, Cookie
from kintsugi.web.login import Member, Seal, Tries
from kintsugi.web.peers import peer_of
from kintsugi.workflow.asking import Asker
from kintsugi.workflow.errors import Refusal, StepFailed

log = logging.getLogger("kintsugi.web")

BACK = "/login/discord/callback"
_COOKIE = Cookie("kintsugi_login")
_SECONDS = 600  # for the way there and back
_NOT_OURS = "This login was not begun in this browser, or more than ten minutes ago. Nothing was done: begin again."
_NO_CONSENT = "Discord was told not to say who you are, so that nobody was let in. Log in again, and agree there."


class ByDiscord(Protocol):
    """Discord, and the gate of the bot: who is let in there is let in here."""

    @property
    def secret(self) -> str:
        """What Discord and we alone know. Sessions are signed with it too, and end when it changes."""
        ...

    def address(self, state: str, challenge: str) -> str:
        """Where somebody is asked whether we may know who they are. `challenge` is the verifier's SHA-256."""
        ...

    async def member(self, code: str, verifier: str) -> tuple[Member, str]:
        """Who came back with this code, and a token to ask Discord by again.

        Raises Refusal for who is not let in, StepFailed where Discord does not say.
        """
        ...

    async def again(self, token: str) -> Member:
        """Who they are now, by that token. Raises as `member`."""
        ...

    async def forget(self, token: str) -> None:
        """Have Discord forget this token, and every other of the same person. Raises Refusal, StepFailed."""
        ...

    def asker(self, member: Member) -> Asker:
        """As they would ask in Discord. Raises Refusal for who is not let in, by the settings as they are now."""
        ...

    def admit(self, member: Member) -> None:
        """A command of theirs: it is counted, as it would be in Discord. Raises Refusal for too many."""
        ...


class NotLetIn(Exception):
    """The message is for whoever tried; `why` for the log."""

    def __init__(self, status: int, says: str, why: str = "") -> None:
        super().__init__(says)
        self.status, self.why = status, why or says


class Way:
    """To Discord and back."""

    def __init__(self, discord: ByDiscord, seal: Seal) -> None:
        self._discord, self._seal, self._tries = discord, seal, Tries()

    def there(self, request: web.Request, where: str) -> web.HTTPSeeOther:
        """Sends a browser to Discord; `where`: the page it wanted."""
        state = secrets.token_urlsafe(32)
        challenge = _base64(sha256(self._verifier(state).encode()).digest())
        answer = web.HTTPSeeOther(self._discord.address(state, challenge))
        cookie = self._seal.put("login", _SECONDS, {"state": state, "where": where})
        return _COOKIE.put(answer, request, cookie, _SECONDS)

    async def back(self, request: web.Request) -> tuple[Member, str, str]:
        """Who came back, Discord's token, and the page they wanted. Raises NotLetIn, which the log has then."""
        try:
            return await self._back(request)
        except NotLetIn as error:
            log.warning("login_refused", extra={"peer": peer_of(request), "by": "discord", "why": error.why})
            raise

    def forgotten(self, answer: Answer, request: web.Request) -> Answer:
        """The same, for whoever is back: the cookie of the way is of no more use."""
        return _COOKIE.forget(answer, request)

    async def _back(self, request: web.Request) -> tuple[Member, str, str]:
        given, went = request.query, self._seal.read("login", _COOKIE.of(request)) or {}
        state = str(went.get("state", ""))
        if not state or not hmac.compare_digest(given.get("state", "").encode("utf-8", "replace"), state.encode()):
            raise NotLetIn(403, _NOT_OURS, "another state")
        if error := given.get("error"):
            says = _NO_CONSENT if error == "access_denied" else f"Discord did not agree: {plain(error)[:80]}."
            raise NotLetIn(403, says, plain(error)[:80])
        code, verifier = given.get("code", ""), self._verifier(state)
        return *await self._asked(code, verifier, peer_of(request)), str(went["where"])

    async def _asked(self, code: str, verifier: str, peer: str) -> tuple[Member, str]:
        """Every question to Discord counts as a wrong one until it is answered well."""
        if wait := self._tries.wait(peer):
            raise NotLetIn(429, f"Too many failed logins: come back in {wait} s.")
        self._tries.count(peer)
        try:
            found = await self._discord.member(code, verifier)
        except Refusal as error:
            raise NotLetIn(403, str(error)) from error
        except StepFailed as error:
            raise NotLetIn(503, str(error)) from error
        self._tries.forgive(peer)
        return found

    def _verifier(self, state: str) -> str:
        return _base64(self._seal.derived(state))


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
