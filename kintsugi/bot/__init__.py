"""Discord: commands in, sentences out. `attach()` puts them into any discord.py bot.

Nothing here knows SQL, GitHub or how an incident moves: what is asked becomes a trigger, what comes back a sentence.
"""

from kintsugi.bot.attach import Attached, Deploys, attach, put_in
from kintsugi.bot.channel import DiscordChannel
from kintsugi.bot.gate import Access
from kintsugi.bot.names import Names, NameTaken
from kintsugi.bot.needs import About, BotNeeds, Offer
from kintsugi.bot.registration import DISCORD_ERRORS, why_not_listed
from kintsugi.bot.status import Probe

__all__ = [
    "DISCORD_ERRORS",
    "About",
    "Access",
    "Attached",
    "BotNeeds",
    "Deploys",
    "DiscordChannel",
    "NameTaken",
    "Names",
    "Offer",
    "Probe",
    "attach",
    "put_in",
    "why_not_listed",
]
