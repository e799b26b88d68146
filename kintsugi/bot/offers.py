"""What is offered while somebody types."""

from __future__ import annotations

from collections.abc import Iterable

from discord import app_commands

from kintsugi.bot.needs import Offer
from kintsugi.bot.text import cut
from kintsugi.telemetry.plain import plain
from kintsugi.workflow.incident import Incident

LONGEST_CHOICE = 100  # characters, of what is shown and of what is handed on
_MOST = 25


def offered(found: Iterable[Incident], typed: str) -> list[app_commands.Choice[str]]:
    """The incidents whose number, state or summary holds what was typed."""
    return choices((Offer(str(each.id), f"{each.name} {each.state.words}: {each.summary}") for each in found), typed)


def offered_tokens(asked: Iterable[tuple[Incident, str]], typed: str) -> list[app_commands.Choice[str]]:
    """The tokens that are open, by the incident they are for."""
    lines = [(token, plain(f"{incident.name}: {incident.summary}")) for incident, token in asked]
    fitting = [(token, line) for token, line in lines if typed.casefold() in f"{token} {line}".casefold()]
    return [app_commands.Choice(name=cut(line, LONGEST_CHOICE), value=token) for token, line in fitting[:_MOST]]


def choices(offers: Iterable[Offer], typed: str) -> list[app_commands.Choice[str]]:
    """Those whose words hold what was typed."""
    lines = [(offer.value, plain(offer.words)) for offer in offers]
    fitting = [(value, line) for value, line in lines if typed.casefold() in line.casefold()]
    return [app_commands.Choice(name=cut(line, LONGEST_CHOICE), value=value) for value, line in fitting[:_MOST]]
