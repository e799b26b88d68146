"""Who may see the pages: whoever has the token from the settings, or is let in by Discord's roles. Where neither is set
up, whoever sits at the machine itself.

A session is a signed cookie and nothing on our side: it ends with its time, or when the token or the secret that we
share with Discord is changed.
"""

from __future__ import annotations

import hmac
import ipaddress
import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt

SESSION_SECONDS = 12 * 3600
MEMBER_SECONDS = 3600  # of somebody from Discord, where roles change: after that it is asked anew
_ALGORITHM = "HS256"
_MOST_WRONG, _WITHIN = 5, 300.0  # wrong tries in so many seconds, by everybody together: there is one token to guess


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a Discord server, by Discord's ids, with those of their roles that let them in."""

    user: int
    name: str
    guild: int
    roles: frozenset[int]


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in. `csrf` stands in every form of theirs. Who came with the token has no name."""

    csrf: str
    member: Member | None = None


class Tries:
    """Counts the wrong ones: five within five minutes are enough."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._wrong: deque[float] = deque()

    def wait(self) -> int:
        """Whole seconds until the next try; 0 where there may be one."""
        while self._wrong and self._wrong[0] + _WITHIN <= self._now():
            self._wrong.popleft()
        return 0 if len(self._wrong) < _MOST_WRONG else max(math.ceil(self._wrong[0] + _WITHIN - self._now()), 1)

    def count(self) -> None:
        """One more was wrong."""
        self._wrong.append(self._now())

    def forgive(self) -> None:
        """The one counted last was right after all."""
        if self._wrong:
            self._wrong.pop()


class Seal:
    """Signs what a browser keeps for us for a time; nobody else can make or change it."""

    def __init__(self, secret: bytes, now: Callable[[], float] = time.time) -> None:
        self._key, self._now = sha256(b"kintsugi session\0" + (secret or secrets.token_bytes(32))).digest(), now

    def put(self, kind: str, seconds: int, claims: Mapping[str, Any]) -> str:
        """`kind`: what it is for; it is nothing else."""
        return jwt.encode({**claims, "aud": kind, "exp": int(self._now()) + seconds}, self._key, algorithm=_ALGORITHM)

    def read(self, kind: str, text: str) -> dict[str, Any] | None:
        """What was put; None where it is not ours, of another kind, or over."""
        try:
            return jwt.decode(
                text, self._key, algorithms=[_ALGORITHM], audience=kind, options={"require": ["exp", "aud"]}
            )
        except jwt.InvalidTokenError:
            return None

    def derived(self, text: str) -> bytes:
        """32 bytes that only we can make of this text."""
        return hmac.digest(self._key, text.encode(), "sha256")


class Login:
    """The ways in. `token` and `shared`, the secret that Discord knows of us, empty: no login, for loopback alone."""

    def __init__(self, token: str, shared: str = "", *, now: Callable[[], float] = time.time) -> None:
        self._token, self._is_shared = token.encode(), bool(shared)
        self.seal = Seal(f"{token}\0{shared}".encode() if token or shared else b"", now)
        self._wrong = Tries(now)

    @property
    def is_needed(self) -> bool:
        return self.has_token or self._is_shared

    @property
    def has_token(self) -> bool:
        return bool(self._token)

    def wait(self) -> int:
        """Whole seconds until a token may be tried again; 0 where it may."""
        return self._wrong.wait()

    def opens(self, token: str) -> bool:
        """Whether this is the token, compared in constant time. A wrong one is counted."""
        right = self.has_token and hmac.compare_digest(token.strip().encode(), self._token)
        if not right:
            self._wrong.count()
        return right

    def cookie(self, member: Member | None = None) -> tuple[str, int]:
        """A new session, and the seconds that it lasts."""
        seconds = MEMBER_SECONDS if member else SESSION_SECONDS
        return self.seal.put("session", seconds, {"csrf": secrets.token_urlsafe(16), "member": _told(member)}), seconds

    def session(self, cookie: str) -> Session | None:
        """The session of a cookie; None where it is not ours, or over."""
        claims = self.seal.read("session", cookie)
        return Session(str(claims["csrf"]), _member(claims["member"])) if claims else None


def _told(member: Member | None) -> dict[str, Any] | None:
    if member is None:
        return None
    return {"user": member.user, "name": member.name, "guild": member.guild, "roles": sorted(member.roles)}


def _member(told: dict[str, Any] | None) -> Member | None:
    return Member(told["user"], told["name"], told["guild"], frozenset(told["roles"])) if told else None


def is_loopback(host: str) -> bool:
    """Whether a host, perhaps with a port, is this machine by its own name for itself.

    A page elsewhere can have its own name point here, so the name is looked at as well as the address.
    """
    name, _, port = host.rpartition(":")
    bare = (name if port.isdigit() and (name.endswith("]") or ":" not in name) and name else host).strip("[]").lower()
    try:
        return bare == "localhost" or ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False
