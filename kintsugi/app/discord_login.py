"""Logging in to the pages with Discord: its OAuth 2, and the gate that the bot has."""

from __future__ import annotations

from collections.abc import Mapping

from kintsugi.bot.gate import Access, Caller, Gate, roles_of, why_not
from kintsugi.bot.tree import actor
from kintsugi.integrations.discord_oauth import DiscordOAuth, Person
from kintsugi.web.login import Member
from kintsugi.workflow.asking import Asker, Role
from kintsugi.workflow.errors import Refusal


class DiscordLogin:
    """The ByDiscord of the pages. Its gate counts by itself, and is otherwise the bot's. `lists`: who may what."""

    def __init__(self, application: DiscordOAuth, lists: Mapping[Role, Access]) -> None:
        self._application, self._lists = application, lists
        self._gate = Gate(lists[Role.DEBUG])

    @property
    def secret(self) -> str:
        return self._application.secret

    def address(self, state: str, challenge: str) -> str:
        return self._application.address(state, challenge)

    async def member(self, code: str, verifier: str) -> tuple[Member, str]:
        person = await self._application.person(code, verifier)
        return self._let_in(person), person.token

    async def again(self, token: str) -> Member:
        return self._let_in(await self._application.again(token))

    async def forget(self, token: str) -> None:
        await self._application.forget(token)

    def asker(self, member: Member) -> Asker:
        caller = _caller(member)
        self._gate.look(caller)
        return Asker(actor(member.name, member.user), roles_of(caller, self._lists), by_login=True)

    def admit(self, member: Member) -> None:
        self._gate.admit(_caller(member))

    def _let_in(self, person: Person) -> Member:
        """With the roles that are on any list. Raises Refusal."""
        reasons = []
        for caller in _callers(person):
            reason = why_not(self._lists[Role.DEBUG], caller)
            if reason is None:
                assert caller.guild
                listed = frozenset[int]().union(*(access.roles for access in self._lists.values()))
                return Member(person.id, person.name, caller.guild, caller.roles & listed)
            reasons.append(reason)
        raise Refusal(f"Discord knows you as {person.name}, whom nobody lets in here: {reasons[-1]}.")


def _callers(person: Person) -> list[Caller]:
    """As they would ask in each of our servers; in none of them, from nowhere."""
    return [Caller(person.id, guild, roles) for guild, roles in person.roles.items()] or [Caller(person.id, None)]


def _caller(member: Member) -> Caller:
    return Caller(member.user, member.guild, member.roles)
