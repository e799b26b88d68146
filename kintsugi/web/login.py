"""Who may see the pages: whoever has the token from the settings, or is let in by Discord's roles. Where neither is set
up, whoever has a link that works once. Nobody is let in for where a request comes from: a proxy's come from here too.

What a browser keeps is signed with the token and the secret that we share with Discord, and worth nothing once they
change; without either with a key of this process, and worth nothing in the next. The sessions are in `sessions.py`.
"""

from __future__ import annotations

import hmac
import ipaddress
import math
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

import jwt

_ALGORITHM = "HS256"
LINK_SECONDS = 600
_MOST_WRONG, _WITHIN = 5, 300.0  # wrong tries of one peer in so many seconds
_MOST_PEERS = 10_000  # that are remembered; the one that was wrong longest ago is forgotten first


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a Discord server, by Discord's ids, with those of their roles that let them in."""

    user: int
    name: str
    guild: int
    roles: frozenset[int]


class Tries:
    """Counts the wrong ones of each peer: five within five minutes are enough. Nobody else waits for them."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        """How many peers are remembered."""
        return len(self._wrong)

    def wait(self, peer: str) -> int:
        """Whole seconds until this peer's next try; 0 where there may be one."""
        wrong = self._wrong.get(peer, deque())
        while wrong and wrong[0] + _WITHIN <= self._now():
            wrong.popleft()
        return 0 if len(wrong) < _MOST_WRONG else max(math.ceil(wrong[0] + _WITHIN - self._now()), 1)

    def count(self, peer: str) -> None:
        """One more was wrong."""
        self._wrong.setdefault(peer, deque(maxlen=_MOST_WRONG)).append(self._now())
        self._wrong.move_to_end(peer)
        if len(self._wrong) > _MOST_PEERS:
            self._wrong.popitem(last=False)

    def forgive(self, peer: str) -> None:
        """The one counted last was right after all."""
        if wrong := self._wrong.get(peer):
            wrong.pop()


class Seal:
    """Signs what a browser keeps for us for a time; nobody else can make or change it."""

    def __init__(self, secret: bytes, now: Callable[[], float] = time.time) -> None:
        self._key, self._now = sha256(b"kintsugi session\0" + (secret or secrets.token_bytes(32))).digest(), now

    def put(self, kind: str, seconds: int, claims: Mapping[str, Any]) -> str:
        """`kind`: what it is for; it is nothing else."""
        return jwt.encode({**claims, "aud": kind, "exp": int(self._now()) + seconds}, self._key, algorithm=_ALGORITHM)

    def read(self, kind: str, text: str) -> dict[str, Any] | None:
        """What was put; None where it is not ours, of another kind, or over."""
        if not text.isascii():  # what is no text at all, the library would not read
            return None
        try:
            return jwt.decode(
                text, self._key, algorithms=[_ALGORITHM], audience=kind, options={"require": ["exp", "aud"]}
            )
        except jwt.InvalidTokenError:
            return None

    def derived(self, text: str) -> bytes:
        """32 bytes that only we can make of this text."""
        return hmac.digest(self._key, text.encode(), "sha256")


class Links:
    """Links that log in once. Who has the key can make them: it is new for each process, and for its user's eyes."""

    def __init__(self, key: bytes, now: Callable[[], float] = time.time) -> None:
        self._seal, self._used = Seal(key, now), set[str]()

    def new(self) -> str:
        """The secret end of a link, for ten minutes."""
        return self._seal.put("link", LINK_SECONDS, {"jti": secrets.token_urlsafe(16)})

    def opens(self, text: str) -> bool:
        """Whether this is one of ours, in time, and comes for the first time."""
        claims = self._seal.read("link", text)
        if claims is None or claims["jti"] in self._used:
            return False
        self._used.add(claims["jti"])
        return True


class Login:
    """The ways in with a session. `shared`: the secret that Discord knows of us. With neither, sessions end with us."""

    def __init__(self, token: str, shared: str = "", *, now: Callable[[], float] = time.time) -> None:
        self._token = token.encode()
        self.seal = Seal(f"{token}\0{shared}".encode() if token or shared else b"", now)
        self._wrong = Tries(now)

    @property
    def has_token(self) -> bool:
        return bool(self._token)

    def wait(self, peer: str) -> int:
        """Whole seconds for which this peer is told to wait after a wrong token. The right one opens all the same."""
        return self._wrong.wait(peer)

    def opens(self, token: str, peer: str) -> bool:
        """Whether this is the token, compared in constant time. A wrong one is counted on who sent it."""
        right = self.has_token and hmac.compare_digest(token.strip().encode("utf-8", "replace"), self._token)
        if not right:
            self._wrong.count(peer)
        return right


@lru_cache(maxsize=1024)  # asked for each report
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
