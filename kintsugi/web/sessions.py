"""Who is logged in, kept on our side, so that logging out ends it for every process, and Discord can be asked again.

A browser keeps a random name of its session, signed; we keep the name's digest, and what the session is. A session ends
when it is logged out of, with its time, and when the secrets change that its cookie is signed with; of somebody from
Discord also when Discord or the settings let them in no longer. Discord's token, by which roles are asked again, is
encrypted with the name that only the browser has: who reads the database has no use of it.
"""

from __future__ import annotations

import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol

from cryptography.fernet import Fernet, InvalidToken

from kintsugi.web.login import Member, Seal

SESSION_SECONDS = 12 * 3600
ASK_AGAIN_SECONDS = 300  # how old what Discord said of somebody may be
_MOST = 50  # sessions of one person, or of all who came without a name: the oldest ends first


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in. `csrf` stands in every form of theirs. Who came with the token has no name.

    `id` is what it is kept under, `token` Discord's, `asked_at` when Discord was asked last, in seconds since 1970.
    """

    id: str
    csrf: str
    member: Member | None = None
    asked_at: float = 0.0
    token: str = field(default="", repr=False)


class SessionStore(Protocol):
    """Sessions on disk, for all processes: a text under a name, until its time is over. Raises StoreUnavailable."""

    async def put(self, id: str, owner: str, facts: str, ends_at: datetime, *, most: int) -> None:
        """Keep a new one. Those whose time is over go, and the oldest of this owner beyond the newest `most`."""
        ...

    async def find(self, id: str) -> str | None:
        """What is kept; None where it ended."""
        ...

    async def change(self, id: str, facts: str) -> bool:
        """Keep something else under it. False: it ended meanwhile, and stays ended."""
        ...

    async def end(self, id: str) -> bool:
        """Whether it was there, and the last of its owner."""
        ...


class Sessions:
    """Begins, finds and ends them. `seal` signs the cookies."""

    def __init__(self, seal: Seal, kept: SessionStore, now: Callable[[], float] = time.time) -> None:
        self._seal, self._kept, self._now = seal, kept, now

    async def begin(self, member: Member | None = None, token: str = "") -> tuple[str, int]:
        """A new session under a new name: its cookie, and the seconds that it lasts. `token` is Discord's."""
        name = secrets.token_urlsafe(32)
        session = Session(_digest(name), self._csrf(name), member, self._now(), token)
        ends_at = datetime.fromtimestamp(self._now() + SESSION_SECONDS, UTC)
        owner = f"discord:{member.user}" if member else "operator"
        await self._kept.put(session.id, owner, self._told(name, session), ends_at, most=_MOST)
        return self._seal.put("session", SESSION_SECONDS, {"name": name}), SESSION_SECONDS

    async def find(self, cookie: str) -> Session | None:
        """The session of a cookie; None where it is not ours, or over. What is not signed by us asks no database."""
        name = self._name_in(cookie)
        told = await self._kept.find(_digest(name)) if name else None
        return self._read(name, told) if told else None

    def is_fresh(self, session: Session) -> bool:
        """Whether what Discord said of them need not be asked again yet."""
        return session.member is None or self._now() - session.asked_at < ASK_AGAIN_SECONDS

    async def asked_again(self, cookie: str, session: Session, member: Member) -> Session | None:
        """Discord says this of them now. None where the session ended meanwhile."""
        now = replace(session, member=member, asked_at=self._now())
        return now if await self._kept.change(session.id, self._told(self._name_in(cookie), now)) else None

    async def end(self, cookie: str) -> bool:
        """For every process, and for whoever has a copy of the cookie. Answers whether it was the last of its owner."""
        name = self._name_in(cookie)
        return bool(name) and await self._kept.end(_digest(name))

    def _name_in(self, cookie: str) -> str:
        claims = self._seal.read("session", cookie) or {}
        return str(claims.get("name", ""))

    def _csrf(self, name: str) -> str:
        return urlsafe_b64encode(self._seal.derived(f"csrf {name}")).decode()

    def _cipher(self, name: str) -> Fernet:
        return Fernet(urlsafe_b64encode(self._seal.derived(f"discord {name}")))

    def _told(self, name: str, session: Session) -> str:
        sealed = self._cipher(name).encrypt(session.token.encode()).decode() if session.token else ""
        return json.dumps({"member": _told(session.member), "asked_at": session.asked_at, "token": sealed})

    def _read(self, name: str, told: str) -> Session | None:
        facts = json.loads(told)
        try:
            token = self._cipher(name).decrypt(facts["token"]).decode() if facts["token"] else ""
        except InvalidToken:
            return None
        return Session(_digest(name), self._csrf(name), _member(facts["member"]), facts["asked_at"], token)


def _digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def _told(member: Member | None) -> dict[str, Any] | None:
    if member is None:
        return None
    return {"user": member.user, "name": member.name, "guild": member.guild, "roles": sorted(member.roles)}


def _member(told: dict[str, Any] | None) -> Member | None:
    return Member(told["user"], told["name"], told["guild"], frozenset(told["roles"])) if told else None
