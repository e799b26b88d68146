"""Who may, and how often. Says no unless told yes; a refusal is a sentence for the asker and a reason for the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from kintsugi.workflow.asking import Role
from kintsugi.workflow.errors import Forbidden, NotAllowedNow, Refusal
from kintsugi.workflow.rates import Rate, Window


class Denied(Forbidden):
    """The gate is shut. The message is for the one who asked, `reason` for the log."""

    def __init__(self, says: str, reason: str) -> None:
        super().__init__(says)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Access:
    """The allowlists, by Discord's ids. No role and no user: nobody. `guilds` empty: any guild the bot is in."""

    roles: frozenset[int] = frozenset()
    users: frozenset[int] = frozenset()
    guilds: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and from where. `guild` is None in a direct message."""

    user: int
    guild: int | None
    roles: frozenset[int] = frozenset()


class Gate:
    """The one way in. Strangers are turned away before they can use up anybody's rate."""

    def __init__(
        self,
        access: Access,
        *,
        per_user: Rate = Rate(8, 20),
        per_guild: Rate = Rate(60, 20),
        wrong_tokens: Rate = Rate(5, 600),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.access = access
        self._users, self._guilds = Window(per_user, now), Window(per_guild, now)
        self._wrong_tokens = Window(wrong_tokens, now)

    def admit(self, caller: Caller) -> None:
        """Raises Denied."""
        self.look(caller)
        wait = max(self._users.wait(caller.user), self._guilds.wait(caller.guild))
        if wait:
            raise Denied(f"Too fast: come back in {wait} s.", "rate limit")
        self._users.count(caller.user)
        self._guilds.count(caller.guild)

    def look(self, caller: Caller) -> None:
        """Whether this user may at all, without counting. Raises Denied."""
        if reason := why_not(self.access, caller):
            raise Denied("You may not do this here. Ask the owner of this bot.", reason)

    @contextmanager
    def counting_wrong_tokens(self, caller: Caller) -> Iterator[None]:
        """Around a confirmation: what is refused counts as a wrong token. Raises Denied after too many of this user."""
        if wait := self._wrong_tokens.wait(caller.user):
            raise Denied(f"Too many wrong tokens: come back in {wait} s.", "locked out after wrong tokens")
        try:
            yield
        except (NotAllowedNow, Forbidden):
            raise
        except Refusal:
            self._wrong_tokens.count(caller.user)
            raise


def roles_of(caller: Caller, accesses: Mapping[Role, Access]) -> frozenset[Role]:
    """What somebody may, by the lists."""
    return frozenset(role for role, access in accesses.items() if why_not(access, caller) is None)


def why_not(access: Access, caller: Caller) -> str | None:
    """The reason to turn somebody away, or None."""
    if caller.guild is None:
        return "not in a guild"
    if access.guilds and caller.guild not in access.guilds:
        return "another guild"
    if not (access.roles or access.users):
        return "no allowlist is set"
    everyone = caller.guild  # the role that every member has bears the guild's own id: it admits nobody
    if caller.user in access.users or (caller.roles - {everyone}) & access.roles:
        return None
    return "on no allowlist"
