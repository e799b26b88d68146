"""Who may see the pages: whoever has the token from the settings. Without one, whoever sits at the machine itself.

A session is a signed cookie and nothing on our side: it ends with its time, or when the token is changed.
"""

from __future__ import annotations

import hmac
import ipaddress
import math
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import jwt

SESSION_SECONDS = 12 * 3600
_ALGORITHM = "HS256"
_MOST_WRONG, _WITHIN = 5, 300.0  # wrong tokens in so many seconds, by everybody together: there is one token to guess


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in. `csrf` stands in every form of theirs."""

    csrf: str


class Login:
    """The one way in. `token` empty: no login, for loopback alone."""

    def __init__(self, token: str, now: Callable[[], float] = time.time) -> None:
        self._token, self._now = token.encode(), now
        self._key = sha256(b"kintsugi session\0" + (self._token or secrets.token_bytes(32))).digest()
        self._wrong: deque[float] = deque()

    @property
    def is_needed(self) -> bool:
        return bool(self._token)

    def wait(self) -> int:
        """Whole seconds until a token may be tried again; 0 where it may."""
        while self._wrong and self._wrong[0] + _WITHIN <= self._now():
            self._wrong.popleft()
        return 0 if len(self._wrong) < _MOST_WRONG else max(math.ceil(self._wrong[0] + _WITHIN - self._now()), 1)

    def opens(self, token: str) -> bool:
        """Whether this is the token, compared in constant time. A wrong one is counted."""
        right = self.is_needed and hmac.compare_digest(token.strip().encode(), self._token)
        if not right:
            self._wrong.append(self._now())
        return right

    def cookie(self) -> str:
        """A new session."""
        claims = {"exp": int(self._now()) + SESSION_SECONDS, "csrf": secrets.token_urlsafe(16)}
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def session(self, cookie: str) -> Session | None:
        """The session of a cookie; None where it is not ours, or over."""
        try:
            claims = jwt.decode(cookie, self._key, algorithms=[_ALGORITHM], options={"require": ["exp", "csrf"]})
        except jwt.InvalidTokenError:
            return None
        return Session(str(claims["csrf"]))


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
