"""Logging in to the pages with Discord: its OAuth 2, and the gate that the bot has."""

from __future__ import annotations

from dataclasses import replace

from kintsugi.app.desk import Desk
from kintsugi.bot.asking import by_somebody_else
from kintsugi.bot.gate import Access, Caller, Gate, why_not
from kintsugi.bot.tree import actor
from kintsugi.integrations.discord_oauth import DiscordOAuth, Person
from kintsugi.web.login import Member
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.triggers import Confirmed, Trigger


class DiscordLogin:
    """The ByDiscord of the pages. Its gate counts by itself, and is otherwise the bot's."""

    def __init__(self, desk: Desk, application: DiscordOAuth, access: Access, *, two_persons: bool = False) -> None:
        self._desk, self._application, self._access = desk, application, access
        self._gate, self._two_persons = Gate(access), two_persons

    @property
    def secret(self) -> str:
        return self._application.secret

    def address(self, state: str, challenge: str) -> str:
        return self._application.address(state, challenge)

    async def member(self, code: str, verifier: str) -> Member:
        person = await self._application.person(code, verifier)
        reasons = []
        for caller in _callers(person):
            reason = why_not(self._access, caller)
            if reason is None:
                assert caller.guild
                return Member(person.id, person.name, caller.guild, caller.roles & self._access.roles)
            reasons.append(reason)
        raise Refusal(f"Discord knows you as {person.name}, whom nobody lets in here: {reasons[-1]}.")

    def look(self, member: Member) -> None:
        self._gate.look(_caller(member))

    async def fire(self, member: Member, trigger: Trigger) -> Receipt:
        caller = _caller(member)
        self._gate.admit(caller)
        told = replace(trigger, actor=actor(member.name, member.user))
        if not isinstance(told, Confirmed):
            return await self._desk.engine.fire(told)
        with self._gate.counting_wrong_tokens(caller):
            if self._two_persons:
                by_somebody_else(await self._desk.store.incident(told.incident), caller)
            return await self._desk.engine.fire(told)


def _callers(person: Person) -> list[Caller]:
    """As they would ask in each of our servers; in none of them, from nowhere."""
    return [Caller(person.id, guild, roles) for guild, roles in person.roles.items()] or [Caller(person.id, None)]


def _caller(member: Member) -> Caller:
    return Caller(member.user, member.guild, member.roles)
