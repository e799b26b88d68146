"""What is offered while somebody types."""

from __future__ import annotations

from collections.abc import Iterable

from discord import app_commands

from kintsugi.bot.text import cut
from kintsugi.telemetry.plain import plain
from kintsugi.workflow.incident import Incident

_MOST, _LONGEST = 25, 100


def offered(found: Iterable[Incident], typed: str) -> list[app_commands.Choice[str]]:
    """The incidents whose number, state or summary holds what was typed."""
    lines = [(each.id, plain(f"{each.name} {each.state.words}: {each.summary}")) for each in found]
    fitting = [(id, line) for id, line in lines if typed.casefold() in line.casefold()]
    return [app_commands.Choice(name=cut(line, _LONGEST), value=str(id)) for id, line in fitting[:_MOST]]


def offered_tokens(asked: Iterable[tuple[Incident, str]], typed: str) -> list[app_commands.Choice[str]]:
    """The tokens that are open, by the incident they are for."""
    lines = [(token, plain(f"{incident.name}: {incident.summary}")) for incident, token in asked]
    fitting = [(token, line) for token, line in lines if typed.casefold() in f"{token} {line}".casefold()]
    return [app_commands.Choice(name=cut(line, _LONGEST), value=token) for token, line in fitting[:_MOST]]
