"""What our commands are called in this bot: somebody else's may have a `/debug` of its own."""

from __future__ import annotations

from dataclasses import dataclass

_SETTINGS = ("KINTSUGI_DISCORD_DEBUG_COMMAND", "KINTSUGI_DISCORD_DEPLOY_COMMAND")


class NameTaken(Exception):
    """The bot has a command of one of our names, or no room for more; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the two groups, without the slash."""

    debug: str = "debug"
    deploy: str = "deploy"

    def setting(self, name: str) -> str:
        """The setting that this name comes from."""
        return _SETTINGS[name == self.deploy]

    def spoken(self, sentence: str) -> str:
        """A sentence of ours about `/debug` or `/deploy`, with the names that they have here."""
        return sentence.replace("/debug ", f"/{self.debug} ").replace("/deploy ", f"/{self.deploy} ")


USUAL = Names()
