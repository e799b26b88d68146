"""Buttons by their custom ids. All that a tap does is read from the id, so that buttons outlive restarts and upgrades.

discord.py has a class for that since 2.4 (`ui.DynamicItem`); the event it is made from is in every 2.x.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import discord

Interaction = discord.Interaction[discord.Client]


@dataclass(frozen=True, slots=True)
class Tap:
    """A kind of button: what its whole custom id looks like, and what a tap on it does."""

    custom_id: str  # a regular expression
    do: Callable[[Interaction, re.Match[str]], Awaitable[None]]


def listening(taps: Sequence[Tap]) -> Callable[[Interaction], Awaitable[None]]:
    """A listener for the event `interaction`: does what the tapped button says, and leaves everybody else's alone."""

    async def on_interaction(interaction: Interaction) -> None:
        if interaction.type is not discord.InteractionType.component:
            return
        data = cast("Mapping[str, object]", interaction.data or {})
        custom_id = str(data.get("custom_id", ""))
        for tap in taps:
            if found := re.fullmatch(tap.custom_id, custom_id):
                await tap.do(interaction, found)

    return on_interaction
