"""Discord: commands in, sentences out. `attach()` puts them into any discord.py bot.

Nothing here knows SQL, GitHub or how an incident moves: what is asked becomes a trigger, what comes back a sentence.
"""

from bot.attach import Attached, Deploys, attach
from bot.channel import DiscordChannel
from bot.gate import Access
from bot.parts import About, Parts
from bot.status import Probe

__all__ = ["About", "Access", "Attached", "Deploys", "DiscordChannel", "Parts", "Probe", "attach"]
