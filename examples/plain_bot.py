"""A plain discord.py bot with telemetry: three lines of it are about logging.

DISCORD_TOKEN=… python examples/plain_bot.py
"""

import logging
import os

import discord
from discord.ext import commands

from kintsugi import telemetry  # 1

log = logging.getLogger("plain_bot")


def make_bot() -> commands.Bot:
    bot = commands.Bot(command_prefix="!", intents=discord.Intents.default())

    @bot.tree.command(description="Divides two numbers")
    async def divide(interaction: discord.Interaction, dividend: int, divisor: int) -> None:
        log.info("dividing")
        await interaction.response.send_message(str(dividend // divisor))

    return bot


def main() -> None:
    bot, token = make_bot(), os.environ["DISCORD_TOKEN"]
    telemetry.install(bot, secrets=[token])  # 2
    bot.run(token, log_handler=None)  # 3: discord.py's own log handler is not needed any more


if __name__ == "__main__":
    main()
